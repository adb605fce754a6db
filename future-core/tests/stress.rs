//! Many threads for a moment, for ThreadSanitizer, which knows the shim's locks and `join`, but
//! neither the standard library's locks nor its scoped threads; nor the fence by which the last
//! `Arc` frees: so one of each stays here until the threads were joined.
#![cfg(not(cf_loom))]

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Wake, Waker};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use future_core::executor::{PoolToken, Ran, Task};
use future_core::{
    AsFuture, CompletionQueue, Future, FutureHandle, Promise, SharedFuture, promise, wait_all,
};

const ROUNDS: usize = 500;

fn join<T>(threads: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(|t| t.join().unwrap()).collect()
}

/// Ends a promise in one of four ways, whoever else cancels.
fn end(n: usize, mut promise: Promise<Box<usize>>) {
    match n % 4 {
        0 => drop(promise.set_result(Box::new(n))),
        1 => drop(promise.set_exception("a failure")),
        2 => drop(promise),
        _ => {
            promise.handle().cancel();
        }
    }
}

/// Waits until all have come here, without a lock of the standard library.
struct Gate(AtomicUsize);

impl Gate {
    fn new(threads: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(threads)))
    }

    fn pass(&self) {
        self.0.fetch_sub(1, Relaxed);
        while self.0.load(Relaxed) > 0 {
            thread::yield_now();
        }
    }
}

// P1, P3
#[test]
fn enders_cancellers_readers_and_leavers() {
    for round in 0..ROUNDS {
        let (mut promise, future) = promise::<Box<usize>>();
        let gate = Gate::new(4);
        let handles: Vec<FutureHandle> = (0..2).map(|_| future.handle()).collect();
        let mut handles = handles.into_iter();
        let (cancels, waits) = (handles.next().unwrap(), handles.next().unwrap());
        let gates: [Arc<Gate>; 4] = std::array::from_fn(|_| gate.clone());
        let [at_end, at_cancel, at_wait, at_read] = gates;
        let ender = thread::spawn(move || {
            at_end.pass();
            if round % 8 > 3 {
                let _ = promise.set_running_or_notify_cancel();
            }
            end(round, promise);
        });
        let canceller = thread::spawn(move || {
            at_cancel.pass();
            if round % 2 == 0 {
                cancels.cancel()
            } else {
                cancels.done()
            }
        });
        let waiter = thread::spawn(move || {
            at_wait.pass();
            waits.wait().unwrap();
            waits.done()
        });
        let owner = thread::spawn(move || {
            at_read.pass();
            match round % 3 {
                0 => future.result().map(|n| *n).unwrap_or(round),
                1 => {
                    drop(future);
                    round
                }
                _ => match future.result_timeout(Duration::from_micros(20)) {
                    Ok(outcome) => outcome.map(|n| *n).unwrap_or(round),
                    Err(late) => late.into_future().result().map(|n| *n).unwrap_or(round),
                },
            }
        });
        ender.join().unwrap();
        canceller.join().unwrap();
        assert!(waiter.join().unwrap());
        assert_eq!(owner.join().unwrap(), round);
    }
}

// T2
#[test]
fn callbacks_added_while_the_future_ends() {
    for round in 0..ROUNDS {
        let (promise, future) = promise::<Box<usize>>();
        let shared = future.shared();
        let called = Arc::new(AtomicUsize::new(0));
        let gate = Gate::new(3);
        let adders: Vec<_> = (0..2)
            .map(|_| {
                let (shared, called, gate) = (shared.clone(), called.clone(), gate.clone());
                thread::spawn(move || {
                    gate.pass();
                    for _ in 0..4 {
                        let called = called.clone();
                        shared.add_done_callback(move |f| {
                            assert!(f.result_ref().is_some());
                            called.fetch_add(1, Relaxed);
                        });
                    }
                })
            })
            .collect();
        gate.pass();
        end(round, promise);
        join(adders);
        assert_eq!(called.load(Relaxed), 8);
        drop(shared);
    }
}

struct Nudge(AtomicUsize);

impl Wake for Nudge {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn wakers_come_and_go_while_the_future_ends() {
    for round in 0..ROUNDS {
        let (promise, mut future) = promise::<Box<usize>>();
        let nudges: Vec<_> = (0..2)
            .map(|_| Arc::new(Nudge(AtomicUsize::new(0))))
            .collect();
        let kept = nudges.clone();
        let poller = thread::spawn(move || {
            let wakers: Vec<Waker> = nudges.into_iter().map(Waker::from).collect();
            for n in 0..1000 {
                let mut context = Context::from_waker(&wakers[n % 2]);
                let polled = Pin::new(&mut future).poll(&mut context);
                if polled.is_ready() || n > 20 && round % 5 == 0 {
                    break;
                }
                thread::yield_now();
            }
        });
        end(round, promise);
        poller.join().unwrap();
        drop(kept);
    }
}

// P5
#[test]
fn queues_watch_and_let_go_while_futures_end() {
    const FUTURES: usize = 16;
    for round in 0..ROUNDS / 2 {
        let (promises, futures): (Vec<_>, Vec<Future<Box<usize>>>) =
            (0..FUTURES).map(|_| promise()).unzip();
        let shared: Vec<SharedFuture<_>> = futures.into_iter().map(Future::shared).collect();
        let gate = Gate::new(4);
        let mut promises = promises.into_iter().enumerate();
        let mut threads = Vec::new();
        for _ in 0..2 {
            let mine: Vec<_> = promises.by_ref().take(FUTURES / 2).collect();
            let gate = gate.clone();
            threads.push(thread::spawn(move || {
                gate.pass();
                for (n, promise) in mine {
                    end(n + round, promise);
                }
            }));
        }
        for early in [false, true] {
            let (shared, gate) = (shared.clone(), gate.clone());
            threads.push(thread::spawn(move || {
                let mut queue = CompletionQueue::new();
                gate.pass();
                let mut open = 0;
                for (token, future) in shared.iter().enumerate() {
                    open += usize::from(queue.watch(token, future.as_future()));
                }
                let mut seen = 0;
                while early || seen < open {
                    if early && (seen == 4 || open == seen) {
                        // The rest is let go; some of it is under way.
                        for token in 0..FUTURES / 2 {
                            if queue.unwatch(token) && queue.watch(token, shared[0].as_future()) {
                                queue.unwatch(token);
                            }
                        }
                        break;
                    }
                    seen += usize::from(queue.wait(None).unwrap().is_some());
                }
            }));
        }
        let handles: Vec<_> = shared.iter().map(AsFuture::as_future).collect();
        assert!(wait_all(&handles, None).unwrap());
        join(threads);
        drop(shared);
    }
}

#[test]
fn notifiers_ring_while_futures_end() {
    for round in 0..ROUNDS {
        let (promise, future) = promise::<Box<usize>>();
        let mut queue = CompletionQueue::new();
        assert!(queue.watch(0, future.as_future()));
        let notifier = queue.notifier();
        let kept = notifier.clone();
        let threads = [
            thread::spawn(move || end(round, promise)),
            thread::spawn(move || {
                notifier.notify();
                drop(notifier);
            }),
        ];
        while queue.wait(None).unwrap().is_none() {}
        assert!(queue.is_empty());
        drop(queue);
        join(threads);
        drop((kept, future));
    }
}

// P1, P3, P5
#[test]
fn tasks_between_workers_and_cancellers() {
    const TASKS: usize = 64;
    for _ in 0..ROUNDS / 8 {
        let pool = Arc::new(PoolToken::new(2));
        let (tasks, futures): (Vec<_>, Vec<_>) = (0..TASKS)
            .map(|n| {
                let data = vec![n; 4];
                Task::new(move || data, &pool)
            })
            .unzip();
        let handles: Vec<_> = futures.iter().map(Future::handle).collect();
        let gate = Gate::new(3);
        let mut tasks = tasks.into_iter();
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let mine: Vec<Task> = tasks.by_ref().take(TASKS / 2).collect();
                let gate = gate.clone();
                thread::spawn(move || {
                    gate.pass();
                    mine.into_iter()
                        .map(|task| task.run(|| {}))
                        .filter(|ran| *ran == Ran::Finished)
                        .count()
                })
            })
            .collect();
        gate.pass();
        let cancelled = handles.iter().rev().filter(|h| h.cancel()).count();
        let finished = futures
            .into_iter()
            .enumerate()
            .filter_map(|(n, future)| Some((n, future.result().ok()?)))
            .inspect(|(n, data)| assert_eq!(*data, [*n; 4]))
            .count();
        assert_eq!(join(workers).into_iter().sum::<usize>(), finished);
        assert_eq!(cancelled + finished, TASKS);
        drop(pool);
    }
}
