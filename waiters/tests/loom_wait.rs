//! Models of `wait`: registering against completing, cancelling, failing and the time limit.
#![cfg(cf_loom)]

use std::time::Duration;

use future_core::promise;
use future_core::shim::Arc;
use future_core::shim::atomic::{AtomicBool, Ordering};
use future_core::shim::model::{Model, Reached};
use loom::thread;
use waiters::ReturnWhen::{AllCompleted, FirstCompleted, FirstException};
use waiters::{as_completed, wait, wait_timeout};

// P1, C-041
#[test]
fn register_against_complete() {
    static BEFORE: Reached = Reached::new("it was done before the call");
    static AFTER: Reached = Reached::new("it was pending at the call");
    Model::new(
        "register_against_complete",
        "a future that completes while wait registers for it is never missed",
        2,
    )
    .check(|| {
        let (mut promise, future) = promise::<u32>();
        let worker = thread::spawn(move || promise.set_result(7).unwrap());
        let state = if future.done() { &BEFORE } else { &AFTER };
        state.mark();
        let mut seen = wait([future], FirstCompleted).unwrap();
        assert_eq!(seen.done.pop().unwrap().result().unwrap(), 7);
        worker.join().unwrap();
    });
    BEFORE.assert();
    AFTER.assert();
}

// P1, C-048
#[test]
fn all_against_a_value_and_a_dropped_promise() {
    static SOME: Reached = Reached::new("one was done before the call");
    static NONE: Reached = Reached::new("both were pending at the call");
    Model::new(
        "all_against_a_value_and_a_dropped_promise",
        "a wait for all ends once both have an outcome, in either order, and not before",
        3,
    )
    .at_most(1)
    .check(|| {
        let (mut p0, f0) = promise::<u32>();
        let (p1, f1) = promise::<u32>();
        let one = thread::spawn(move || p0.set_result(7).unwrap());
        let other = thread::spawn(move || drop(p1));
        let state = if f0.done() || f1.done() { &SOME } else { &NONE };
        state.mark();
        let seen = wait([f0, f1], AllCompleted).unwrap();
        let outcomes: Vec<_> = seen.done.into_iter().map(|f| f.result().ok()).collect();
        assert_eq!(outcomes, [Some(7), None]);
        one.join().unwrap();
        other.join().unwrap();
    });
    SOME.assert();
    NONE.assert();
}

// D-1, P3, C-042
#[test]
fn register_against_cancel() {
    static BEFORE: Reached = Reached::new("it was cancelled before the call");
    static AFTER: Reached = Reached::new("it was pending at the call");
    Model::new(
        "register_against_cancel",
        "a cancellation that races with registering ends the wait at once",
        2,
    )
    .check(|| {
        let (promise, future) = promise::<u32>();
        let handle = future.handle();
        let told = Arc::new(AtomicBool::new(false));
        let tell = told.clone();
        let canceller = thread::spawn(move || {
            assert!(handle.cancel());
            tell.store(true, Ordering::Release);
        });
        if told.load(Ordering::Acquire) {
            assert!(future.cancelled());
            BEFORE.mark();
        } else if !future.done() {
            AFTER.mark();
        }
        // A cancelled future is no failure, but it is the last.
        let mut seen = wait([future], FirstException).unwrap();
        assert!(seen.done.pop().unwrap().cancelled());
        canceller.join().unwrap();
        drop(promise);
    });
    BEFORE.assert();
    AFTER.assert();
}

// P3
#[test]
fn a_registered_wait_against_cancel_against_finish() {
    static CANCELLED: Reached = Reached::new("the canceller won");
    static FINISHED: Reached = Reached::new("the promise won");
    Model::new(
        "a_registered_wait_against_cancel_against_finish",
        "whoever wins, the waiter is woken once and sees that outcome",
        3,
    )
    .at_most(2)
    .check(|| {
        let (mut promise, future) = promise::<u32>();
        let handle = future.handle();
        let completed = as_completed([future]);
        let canceller = thread::spawn(move || handle.cancel());
        let worker = thread::spawn(move || promise.set_result(1).is_ok());
        let seen: Vec<bool> = completed.map(|future| future.cancelled()).collect();
        let cancelled = canceller.join().unwrap();
        assert_eq!(worker.join().unwrap(), !cancelled);
        assert_eq!(seen, [cancelled]);
        let outcome = if cancelled { &CANCELLED } else { &FINISHED };
        outcome.mark();
    });
    CANCELLED.assert();
    FINISHED.assert();
}

// C-044, C-047
#[test]
fn first_exception_against_a_failing_and_a_succeeding_thread() {
    static EARLY: Reached = Reached::new("it returned before the success");
    static LATE: Reached = Reached::new("it returned with the success too");
    Model::new(
        "first_exception_against_a_failing_and_a_succeeding_thread",
        "FirstException returns with the failure, and never for the success alone",
        3,
    )
    .at_most(2)
    .check(|| {
        let (mut p0, f0) = promise::<u32>();
        let (mut p1, f1) = promise::<u32>();
        let succeeding = thread::spawn(move || p0.set_result(1).unwrap());
        let failing = thread::spawn(move || p1.set_exception("no").unwrap());
        let seen = wait([&f0, &f1], FirstException).unwrap();
        assert!(seen.done.contains(&&f1));
        if seen.not_done.is_empty() {
            LATE.mark();
        } else {
            assert_eq!(seen.not_done, [&f0]);
            EARLY.mark();
        }
        succeeding.join().unwrap();
        failing.join().unwrap();
    });
    EARLY.assert();
    LATE.assert();
}

// P8, C-049, C-055
#[test]
fn time_limit_against_completion() {
    static IN_TIME: Reached = Reached::new("it completed in time");
    static LATE: Reached = Reached::new("the time was up first");
    Model::new(
        "time_limit_against_completion",
        "a wait that gives up leaves nothing registered, whenever the future completes",
        2,
    )
    .check(|| {
        let (mut promise, future) = promise::<u32>();
        let worker = thread::spawn(move || promise.set_exception("no").unwrap());
        for when in [FirstCompleted, FirstException, AllCompleted] {
            let seen = wait_timeout([&future], when, Duration::ZERO);
            if seen.done.is_empty() {
                &LATE
            } else {
                &IN_TIME
            }
            .mark();
            assert_eq!(seen.done.len() + seen.not_done.len(), 1);
        }
        drop(future);
        worker.join().unwrap();
    });
    IN_TIME.assert();
    LATE.assert();
}
