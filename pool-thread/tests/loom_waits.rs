//! Models of tasks that wait for their own pool, and of scopes.
#![cfg(cf_loom)]

use future_core::shim::model::{Model, Reached};
use future_core::shim::{Arc, Condvar, Mutex, UnsafeCell};
use future_core::{FutureHandle, TaskError};
use loom::thread;
use pool_thread::ThreadPoolExecutor;

/// A handle that comes later.
#[derive(Default)]
struct Later(Mutex<Option<FutureHandle>>, Condvar);

impl Later {
    fn set(&self, handle: FutureHandle) {
        *self.0.lock() = Some(handle);
        self.1.notify_all();
    }

    fn get(&self) -> FutureHandle {
        let mut place = self.0.lock();
        loop {
            if let Some(handle) = place.take() {
                return handle;
            }
            (place, _) = self.1.wait(place, None);
        }
    }
}

// P10, P3, D-33
#[test]
fn a_helping_waiter_against_a_worker_and_a_canceller() {
    static HELPED: Reached = Reached::new("the waiting worker ran the task itself");
    static WORKED: Reached = Reached::new("the other worker ran it");
    static CANCELLED: Reached = Reached::new("it was cancelled");
    Model::new(
        "a_helping_waiter_against_a_worker_and_a_canceller",
        "a task waited for by a worker is run once, by one of two, or cancelled",
        3,
    )
    .at_most(1)
    .check(|| {
        let pool = ThreadPoolExecutor::new(2).unwrap();
        let handle = pool.handle();
        let later = Arc::new(Later::default());
        let told = later.clone();
        let outer = pool
            .submit(move || {
                let me = thread::current().id();
                let inner = handle.submit(move || thread::current().id() == me).unwrap();
                told.set(inner.handle());
                inner.result()
            })
            .unwrap();
        later.get().cancel();
        match outer.result().unwrap() {
            Ok(true) => HELPED.mark(),
            Ok(false) => WORKED.mark(),
            Err(TaskError::Cancelled(_)) => CANCELLED.mark(),
            Err(error) => panic!("{error}"),
        }
    });
    HELPED.assert();
    WORKED.assert();
    CANCELLED.assert();
}

// P10, C-137, D-33
#[test]
fn two_waits_that_close_a_cycle() {
    static FIRST: Reached = Reached::new("only the first task got the error");
    static SECOND: Reached = Reached::new("only the second task got the error");
    Model::new(
        "two_waits_that_close_a_cycle",
        "two tasks that wait for each other: one at least gets Deadlock, and both end",
        3,
    )
    .at_most(1)
    .check(|| {
        let pool = ThreadPoolExecutor::new(2).unwrap();
        let slots = [Arc::new(Later::default()), Arc::new(Later::default())];
        let tasks = [0, 1].map(|n| {
            let other = slots[1 - n].clone();
            pool.submit(move || other.get().wait().is_err()).unwrap()
        });
        for (slot, task) in slots.iter().zip(&tasks) {
            slot.set(task.handle());
        }
        let [first, second] = tasks.map(|task| task.result().unwrap());
        assert!(first || second, "neither noticed");
        match (first, second) {
            (true, false) => FIRST.mark(),
            (false, true) => SECOND.mark(),
            _ => {}
        }
    });
    FIRST.assert();
    SECOND.assert();
}

/// Touches what it borrows when it is dropped.
struct Touch<'a>(&'a UnsafeCell<u32>);

// SAFETY: the model's subject is that touches do not overlap; loom checks each.
unsafe impl Send for Touch<'_> {}

impl Drop for Touch<'_> {
    fn drop(&mut self) {
        // SAFETY: as above.
        self.0.with_mut(|value| unsafe { *value += 1 });
    }
}

// P1, P2
#[test]
fn leaving_a_scope_against_the_last_touch() {
    static UNREAD: Reached = Reached::new("the worker dropped the unread result");
    static OWN: Reached = Reached::new("the result was there when its future was dropped");
    Model::new(
        "leaving_a_scope_against_the_last_touch",
        "what a scope lends is free when it is left, the drop of an unread result included",
        2,
    )
    .check(|| {
        let pool = ThreadPoolExecutor::new(1).unwrap();
        let lent = UnsafeCell::new(0);
        pool.scope(|scope| {
            let touch = Touch(&lent);
            let future = scope.submit(move || touch).unwrap();
            if future.done() {
                OWN.mark();
            } else {
                UNREAD.mark();
            }
            drop(future);
        });
        // SAFETY: nobody borrows it any more.
        assert_eq!(lent.with_mut(|value| unsafe { *value }), 1);
    });
    UNREAD.assert();
    OWN.assert();
}

// P1, P2
#[test]
fn leaving_a_scope_against_a_canceller() {
    static CANCELLED: Reached = Reached::new("the canceller dropped the job");
    static RAN: Reached = Reached::new("the job ran");
    Model::new(
        "leaving_a_scope_against_a_canceller",
        "a scope is left after another thread that cancels has dropped the job",
        3,
    )
    .check(|| {
        let pool = ThreadPoolExecutor::new(1).unwrap();
        let lent = UnsafeCell::new(0);
        let canceller = pool.scope(|scope| {
            let touch = Touch(&lent);
            let future = scope.submit(move || drop(touch)).unwrap();
            let handle = future.handle();
            thread::spawn(move || handle.cancel())
        });
        // SAFETY: nobody borrows it any more.
        assert_eq!(lent.with_mut(|value| unsafe { *value }), 1);
        if canceller.join().unwrap() {
            CANCELLED.mark();
        } else {
            RAN.mark();
        }
    });
    CANCELLED.assert();
    RAN.assert();
}
