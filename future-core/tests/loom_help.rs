//! Models of workers that wait: helping, deadlocks, scopes.
#![cfg(cf_loom)]

use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicUsize as StdAtomicUsize, Ordering::SeqCst};

use future_core::executor::{Helped, PoolToken, Ran, ScopeLatch, Task, leave_scope};
use future_core::shim::model::{Model, Reached};
use future_core::{FutureHandle, TaskError};
use loom::sync::{Arc, Mutex};
use loom::thread;

struct Count(StdAtomicUsize);

impl Helped for Count {
    fn helped(&self, ran: Ran) {
        assert_ne!(ran, Ran::NotRun);
        self.0.fetch_add(1, SeqCst);
    }
}

// P10, P3
#[test]
fn helping_waiter_against_worker_and_canceller() {
    static HELPED: Reached = Reached::new("the waiter ran it in place");
    static WORKED: Reached = Reached::new("the other worker ran it");
    static CANCELLED: Reached = Reached::new("it was cancelled");
    Model::new(
        "helping_waiter_against_worker_and_canceller",
        "a task that a waiter, a worker and a canceller want is had by one of them",
        3,
    )
    .check(|| {
        let pool = Arc::new(PoolToken::new(2));
        let (task, future) = Task::new(|| 5, &pool);
        let handle = future.handle();
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || {
                let none = Count(StdAtomicUsize::new(0));
                pool.work(8, &none, || task.run(|| {}))
            })
        };
        let canceller = thread::spawn(move || handle.cancel());
        let helped = Count(StdAtomicUsize::new(0));
        let outcome = pool.work(8, &helped, || future.result());
        let ran = worker.join().unwrap();
        let cancelled = canceller.join().unwrap();
        let helped = helped.0.load(SeqCst);
        match outcome {
            Ok(value) => {
                assert_eq!(value, 5);
                assert!(!cancelled);
                if helped == 1 {
                    assert_eq!(ran, Ran::NotRun);
                    HELPED.mark();
                } else {
                    assert_eq!(ran, Ran::Finished);
                    WORKED.mark();
                }
            }
            Err(error) => {
                assert!(error.is_cancelled() && cancelled && helped == 0);
                assert_eq!(ran, Ran::Cancelled);
                CANCELLED.mark();
            }
        }
    });
    HELPED.assert();
    WORKED.assert();
    CANCELLED.assert();
}

// P10, C-137
#[test]
fn two_waits_close_a_cycle_at_once() {
    static FIRST: Reached = Reached::new("the first task was told");
    static SECOND: Reached = Reached::new("the second task was told");
    Model::new(
        "two_waits_close_a_cycle_at_once",
        "of two running tasks that wait for each other, at least one gets Deadlock and both end",
        3,
    )
    .at_most(1)
    .check(|| {
        let pool = Arc::new(PoolToken::new(2));
        let slot: Arc<Mutex<Option<FutureHandle>>> = Arc::new(Mutex::new(None));
        let other = slot.clone();
        let (first, future) = Task::new(
            move || {
                let handle = other.lock().unwrap().take();
                handle.expect("set below").wait().is_err()
            },
            &pool,
        );
        let handle = future.handle();
        let (second, second_future) = Task::new(move || handle.wait().is_err(), &pool);
        *slot.lock().unwrap() = Some(second_future.handle());
        let workers: Vec<_> = [first, second]
            .into_iter()
            .map(|task| {
                let pool = pool.clone();
                thread::spawn(move || {
                    let none = Count(StdAtomicUsize::new(0));
                    pool.work(8, &none, || task.run(|| {}));
                })
            })
            .collect();
        let first = future.result().unwrap();
        let second = second_future.result().unwrap();
        assert!(first || second, "nobody was told");
        if first {
            FIRST.mark();
        }
        if second {
            SECOND.mark();
        }
        for worker in workers {
            worker.join().unwrap();
        }
    });
    FIRST.assert();
    SECOND.assert();
}

// P10
#[test]
fn own_pool_wait_with_one_worker() {
    static VALUE: Reached = Reached::new("the outer task got the inner value");
    Model::new(
        "own_pool_wait_with_one_worker",
        "a task that waits for a queued task of its own pool of one worker gets its value",
        2,
    )
    .check(|| {
        let pool = Arc::new(PoolToken::new(1));
        let (inner, inner_future) = Task::new(|| 2, &pool);
        let (outer, outer_future) = Task::new(move || inner_future.result().unwrap() + 1, &pool);
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || {
                let count = Count(StdAtomicUsize::new(0));
                pool.work(8, &count, || {
                    assert_eq!(outer.run(|| {}), Ran::Finished);
                    assert_eq!(inner.run(|| {}), Ran::NotRun);
                });
                assert_eq!(count.0.load(SeqCst), 1);
            })
        };
        assert_eq!(outer_future.result().unwrap(), 3);
        worker.join().unwrap();
        VALUE.mark();
    });
    VALUE.assert();
}

// P6
#[test]
fn leaving_a_scope_against_the_last_touch() {
    static RAN: Reached = Reached::new("the task ran");
    static CANCELLED: Reached = Reached::new("the task was cancelled");
    Model::new(
        "leaving_a_scope_against_the_last_touch",
        "a scope is left after the closure, the value and every callback are gone, whether the \
         task ran or was cancelled elsewhere, and though its future was dropped unread",
        3,
    )
    .check(|| {
        let pool = PoolToken::new(1);
        let latch = ScopeLatch::new();
        // Loom reports a touch of the borrowed cell that races with its reuse below.
        struct Borrowed(loom::cell::UnsafeCell<u32>);
        // SAFETY: a model; loom checks every access.
        unsafe impl Sync for Borrowed {}
        struct Touch(StdArc<Borrowed>);
        let borrowed = StdArc::new(Borrowed(loom::cell::UnsafeCell::new(0)));
        impl Drop for Touch {
            fn drop(&mut self) {
                // SAFETY: a model; loom checks that nobody else touches it now.
                self.0.0.with_mut(|value| unsafe { *value += 1 });
            }
        }
        // SAFETY: left below, before `borrowed` is touched again.
        let (task, future) = unsafe {
            let touch = Touch(borrowed.clone());
            Task::new_scoped(move || touch, &pool, &latch)
        };
        let handle = future.handle();
        let elsewhere = handle.clone();
        let worker = thread::spawn(move || task.run(|| {}));
        let canceller = thread::spawn(move || elsewhere.cancel());
        drop(future);
        let mut noted = vec![handle];
        latch.note();
        leave_scope(&latch, || std::mem::take(&mut noted));
        // SAFETY: as above.
        borrowed.0.with_mut(|value| unsafe {
            assert_eq!(*value, 1);
            *value = 0;
        });
        let ran = worker.join().unwrap();
        if canceller.join().unwrap() {
            assert_eq!(ran, Ran::Cancelled);
            CANCELLED.mark();
        } else {
            assert_eq!(ran, Ran::Finished);
            RAN.mark();
        }
    });
    RAN.assert();
    CANCELLED.assert();
}

// P1
#[test]
fn failing_a_queued_task_against_cancel() {
    static FAILED: Reached = Reached::new("the pool's failure won");
    static CANCELLED: Reached = Reached::new("the cancellation won");
    Model::new(
        "failing_a_queued_task_against_cancel",
        "a queued task that its broken pool fails while it is cancelled has one of the two outcomes",
        2,
    )
    .check(|| {
        let pool = PoolToken::new(1);
        let (task, future) = Task::new(|| 5, &pool);
        let handle = future.handle();
        let canceller = thread::spawn(move || handle.cancel());
        let failed = task.fail(future_core::BrokenExecutor::new("gone").into());
        let cancelled = canceller.join().unwrap();
        assert_ne!(failed, cancelled);
        match future.result() {
            Err(TaskError::Broken(_)) => {
                assert!(failed);
                FAILED.mark();
            }
            Err(TaskError::Cancelled(_)) => {
                assert!(cancelled);
                CANCELLED.mark();
            }
            other => panic!("{other:?}"),
        }
    });
    FAILED.assert();
    CANCELLED.assert();
}
