//! Models of one future: whoever races, one outcome, everybody hears of it, nothing leaks.
#![cfg(cf_loom)]

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicUsize as StdAtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use future_core::executor::{PoolToken, Ran, Task};
use future_core::shim::model::{Model, Reached};
use future_core::{TaskError, promise};
use loom::thread;

/// Counts its drops.
struct Counted(StdArc<StdAtomicUsize>);

impl Counted {
    fn new() -> (Self, StdArc<StdAtomicUsize>) {
        let drops = StdArc::new(StdAtomicUsize::new(0));
        (Self(drops.clone()), drops)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

// P1, P3
#[test]
fn cancel_against_start_against_finish() {
    static CANCELLED: Reached = Reached::new("the canceller won");
    static FINISHED: Reached = Reached::new("the worker won");
    Model::new(
        "cancel_against_start_against_finish",
        "one of cancel and start wins, the waiter hears of it, closure and value are dropped once",
        3,
    )
    .check(|| {
        let pool = PoolToken::new(1);
        let (capture, dropped) = Counted::new();
        let (task, future) = Task::new(
            move || {
                drop(capture);
                7
            },
            &pool,
        );
        let handle = future.handle();
        let worker = thread::spawn(move || task.run(|| {}));
        let canceller = thread::spawn(move || handle.cancel());
        let outcome = future.result();
        let ran = worker.join().unwrap();
        let cancelled = canceller.join().unwrap();
        match outcome {
            Ok(value) => {
                assert_eq!((value, ran, cancelled), (7, Ran::Finished, false));
                FINISHED.mark();
            }
            Err(TaskError::Cancelled(_)) => {
                assert_eq!((ran, cancelled), (Ran::Cancelled, true));
                CANCELLED.mark();
            }
            Err(other) => panic!("{other}"),
        }
        assert_eq!(dropped.load(SeqCst), 1);
    });
    CANCELLED.assert();
    FINISHED.assert();
}

// P1, T2
#[test]
fn callback_added_while_completing() {
    static BY_WORKER: Reached = Reached::new("the completing thread ran the callback");
    static BY_ADDER: Reached = Reached::new("the adding thread ran the callback");
    Model::new(
        "callback_added_while_completing",
        "a callback runs exactly once, with the value, and before a later result() returns when \
         it was added before the end",
        2,
    )
    .check(|| {
        let (mut promise, future) = promise::<u32>();
        let setter = thread::spawn(move || {
            promise.set_result(3).unwrap();
            thread::current().id()
        });
        let runs = StdArc::new(std::sync::Mutex::new(Vec::new()));
        for n in 0..2 {
            let runs = runs.clone();
            future.add_done_callback(move |f| {
                assert_eq!(*f.result_ref().unwrap().unwrap(), 3);
                runs.lock().unwrap().push((n, thread::current().id()));
            });
        }
        assert_eq!(future.result().unwrap(), 3);
        let order: Vec<_> = runs.lock().unwrap().clone();
        let setter = setter.join().unwrap();
        assert_eq!(order.iter().map(|r| r.0).collect::<Vec<_>>(), [0, 1]);
        for (_, thread) in order {
            if thread == setter {
                BY_WORKER.mark();
            } else {
                BY_ADDER.mark();
            }
        }
    });
    BY_WORKER.assert();
    BY_ADDER.assert();
}

// P6
#[test]
fn owner_leaves_while_finishing() {
    static BY_WORKER: Reached = Reached::new("the worker dropped the value");
    static BY_OWNER: Reached = Reached::new("the owner dropped the value");
    Model::new(
        "owner_leaves_while_finishing",
        "the value is dropped once, by the worker before it is idle or by the owner, and the \
         cell is freed whoever is last",
        3,
    )
    .check(|| {
        let pool = PoolToken::new(1);
        let (value, dropped) = Counted::new();
        let (task, future) = Task::new(move || value, &pool);
        let handle = future.handle();
        let at_release = dropped.clone();
        let worker = thread::spawn(move || {
            let mut before = 0;
            task.run(|| before = at_release.load(SeqCst));
            before
        });
        let other = thread::spawn(move || drop(handle));
        drop(future);
        let before = worker.join().unwrap();
        other.join().unwrap();
        assert_eq!(dropped.load(SeqCst), 1);
        if before == 1 {
            BY_WORKER.mark();
        } else {
            BY_OWNER.mark();
        }
    });
    BY_WORKER.assert();
    BY_OWNER.assert();
}

// P1, P3
#[test]
fn two_waiters_on_one_future() {
    static VALUE: Reached = Reached::new("both read the value");
    Model::new(
        "two_waiters_on_one_future",
        "two threads that wait for one future both wake and read the same value",
        3,
    )
    .at_most(1)
    .check(|| {
        let (mut promise, future) = promise::<u32>();
        let shared = future.shared();
        let other = shared.clone();
        let waiter = thread::spawn(move || *other.result().unwrap());
        let setter = thread::spawn(move || promise.set_result(9).unwrap());
        assert_eq!(*shared.result().unwrap(), 9);
        assert_eq!(waiter.join().unwrap(), 9);
        setter.join().unwrap();
        VALUE.mark();
    });
    VALUE.assert();
}

// P8, P6
#[test]
fn time_limit_against_completion() {
    static LATE: Reached = Reached::new("the limit came first");
    static DONE: Reached = Reached::new("the value came first");
    Model::new(
        "time_limit_against_completion",
        "a timed wait ends either way, leaves nothing registered, and the value is not lost",
        2,
    )
    .check(|| {
        let (mut promise, future) = promise::<u32>();
        let setter = thread::spawn(move || promise.set_result(1).unwrap());
        let future = match future.result_timeout(Duration::from_millis(1)) {
            Ok(value) => {
                assert_eq!(value.unwrap(), 1);
                DONE.mark();
                None
            }
            Err(late) => {
                LATE.mark();
                Some(late.into_future())
            }
        };
        if let Some(future) = future {
            assert_eq!(future.result().unwrap(), 1);
        }
        setter.join().unwrap();
    });
    LATE.assert();
    DONE.assert();
}

struct Flag(StdAtomicUsize);

impl Wake for Flag {
    fn wake(self: StdArc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

// P1
#[test]
fn waker_against_completion() {
    static WOKEN: Reached = Reached::new("the waker was called");
    static AT_ONCE: Reached = Reached::new("the value was there when polled");
    Model::new(
        "waker_against_completion",
        "a pending poll is always followed by a wake, and the next poll gives the value",
        2,
    )
    .check(|| {
        let (mut promise, mut future) = promise::<u32>();
        let setter = thread::spawn(move || promise.set_result(4).unwrap());
        let flag = StdArc::new(Flag(StdAtomicUsize::new(0)));
        let waker = Waker::from(flag.clone());
        let mut context = Context::from_waker(&waker);
        match Pin::new(&mut future).poll(&mut context) {
            Poll::Ready(value) => {
                assert_eq!(value.unwrap(), 4);
                AT_ONCE.mark();
                setter.join().unwrap();
            }
            Poll::Pending => {
                setter.join().unwrap();
                assert_eq!(flag.0.load(SeqCst), 1);
                let Poll::Ready(value) = Pin::new(&mut future).poll(&mut context) else {
                    panic!("woken for nothing");
                };
                assert_eq!(value.unwrap(), 4);
                WOKEN.mark();
            }
        }
    });
    WOKEN.assert();
    AT_ONCE.assert();
}

// P1
#[test]
fn dropped_promise_against_waiter() {
    static BROKEN: Reached = Reached::new("the waiter heard of it");
    Model::new(
        "dropped_promise_against_waiter",
        "a promise that is dropped resolves its future as broken, and wakes who waits",
        2,
    )
    .check(|| {
        let (promise, future) = promise::<u32>();
        let dropper = thread::spawn(move || drop(promise));
        assert!(matches!(future.result(), Err(TaskError::Broken(_))));
        dropper.join().unwrap();
        BROKEN.mark();
    });
    BROKEN.assert();
}

// P3
#[test]
fn set_result_against_cancel() {
    static SET: Reached = Reached::new("the value won");
    static CANCELLED: Reached = Reached::new("the cancellation won");
    Model::new(
        "set_result_against_cancel",
        "exactly one of a promise's value and a cancellation wins, and the loser learns it",
        2,
    )
    .check(|| {
        let (mut promise, future) = promise::<u32>();
        let handle = future.handle();
        let canceller = thread::spawn(move || handle.cancel());
        let set = promise.set_result(1).is_ok();
        let cancelled = canceller.join().unwrap();
        assert_ne!(set, cancelled);
        assert_eq!(future.cancelled(), cancelled);
        if set {
            assert_eq!(future.result().unwrap(), 1);
            SET.mark();
        } else {
            assert!(future.result().unwrap_err().is_cancelled());
            CANCELLED.mark();
        }
    });
    SET.assert();
    CANCELLED.assert();
}
