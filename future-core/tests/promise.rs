//! The promise: who may set what, when, and what becomes of the rest.
#![cfg(not(cf_loom))]

mod support {
    pub(crate) mod counted;
}

use std::io;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use future_core::{AsFuture, CompletionQueue, State, TaskError, promise, wait_all};
use support::counted::Drops;

// C-018
#[test]
fn a_second_result_is_refused_and_given_back() {
    let (mut promise, future) = promise();
    promise.set_result(1).unwrap();
    let refused = promise.set_result(2).unwrap_err();
    assert_eq!(refused.state(), State::Finished);
    let expected = format!(
        "set_result refused: the future at {} is finished; what it holds is unchanged",
        future.id()
    );
    assert_eq!(refused.to_string(), expected);
    assert_eq!(refused.into_value(), 2);
    assert!(future.done());
    assert_eq!(future.result().unwrap(), 1);
}

// C-019
#[test]
fn a_second_failure_is_refused_and_given_back() {
    let (mut promise, future) = promise::<u32>();
    promise.set_exception("first").unwrap();
    let refused = promise.set_exception("second").unwrap_err();
    assert_eq!(refused.state(), State::Finished);
    assert_eq!(refused.into_value().to_string(), "second");
    assert_eq!(promise.set_result(3).unwrap_err().into_value(), 3);
    assert_eq!(future.exception().unwrap().to_string(), "first");
    assert_eq!(future.result().unwrap_err().to_string(), "first");
}

// C-022
#[test]
fn what_is_set_after_a_cancellation_is_refused() {
    let (mut promise, future) = promise();
    assert!(future.cancel());
    let refused = promise.set_result(1).unwrap_err();
    assert_eq!(refused.state(), State::Cancelled);
    assert_eq!(refused.into_value(), 1);
    let refused = promise.set_exception(io::Error::other("no")).unwrap_err();
    assert_eq!(refused.state(), State::Cancelled);
    let error = refused.into_value().downcast::<io::Error>().unwrap();
    assert_eq!(error.to_string(), "no");
    assert!(promise.cancelled());
    drop(promise);
    assert!(future.result().unwrap_err().is_cancelled());
}

// C-023
#[test]
fn starting_twice_or_too_late_is_an_error_value() {
    let (mut promise, future) = promise();
    assert!(promise.set_running_or_notify_cancel().unwrap());
    let refused = promise.set_running_or_notify_cancel().unwrap_err();
    assert_eq!(refused.state(), State::Running);
    promise.set_result(1).unwrap();
    let refused = promise.set_running_or_notify_cancel().unwrap_err();
    assert_eq!(refused.state(), State::Finished);
    assert_eq!(future.result().unwrap(), 1);

    // A cancelled one may be asked about again.
    let (mut promise, future) = self::promise::<u32>();
    assert!(future.cancel());
    assert!(!promise.set_running_or_notify_cancel().unwrap());
    assert!(!promise.set_running_or_notify_cancel().unwrap());
}

// C-024, D-1
#[test]
fn a_future_found_cancelled_has_released_its_waiters() {
    let (mut promise, future) = promise::<u32>();
    let mut queue = CompletionQueue::new();
    assert!(queue.watch(3, &future.handle()));
    let handle = future.handle();
    let start = Arc::new(Barrier::new(2));
    let started = start.clone();
    let waiter = thread::spawn(move || {
        started.wait();
        wait_all(&[&handle], None).unwrap()
    });
    start.wait();
    assert!(future.cancel());
    // Before the promise is asked.
    assert_eq!(queue.pop(), Some(3));
    assert!(waiter.join().unwrap());
    assert!(!promise.set_running_or_notify_cancel().unwrap());
}

// C-025
#[test]
fn a_promise_may_be_kept_without_a_start() {
    let (mut promise, future) = promise();
    promise.set_result(1).unwrap();
    assert_eq!(future.result().unwrap(), 1);
    let (mut promise, future) = self::promise::<u32>();
    promise.set_exception("no").unwrap();
    assert!(future.result().is_err());
}

// P1
#[test]
fn a_dropped_promise_breaks_its_future() {
    for started in [false, true] {
        let (mut promise, future) = promise::<u32>();
        if started {
            assert!(promise.set_running_or_notify_cancel().unwrap());
        }
        drop(promise);
        assert!(future.handle().failed());
        assert!(!future.cancel());
        assert!(matches!(future.result(), Err(TaskError::Broken(_))));
    }
}

// P3
#[test]
fn a_running_future_cannot_be_cancelled() {
    let (mut promise, future) = promise();
    assert!(promise.set_running_or_notify_cancel().unwrap());
    assert!(!future.cancel());
    assert!(future.running());
    promise.set_result(1).unwrap();
    assert!(!future.cancel());
    assert_eq!(future.result().unwrap(), 1);
}

// P6
#[test]
fn refused_values_and_unread_values_are_dropped_once() {
    let drops = Drops::default();
    let (mut promise, future) = promise();
    promise.set_result(drops.counted()).unwrap();
    let refused = promise.set_result(drops.counted()).unwrap_err();
    assert_eq!(drops.count(), 0);
    drop(refused);
    assert_eq!(drops.count(), 1);
    drop(promise);
    assert_eq!(drops.count(), 1);
    drop(future);
    assert_eq!(drops.count(), 2);
    // Neither end is used at all.
    drop(self::promise::<Vec<u8>>());
    let (promise, future) = self::promise::<Vec<u8>>();
    drop(future);
    drop(promise);
}

#[test]
fn a_promise_carries_its_future() {
    let (promise, future) = promise::<u32>();
    assert_eq!(promise.as_future(), &future.handle());
    assert_eq!(promise.handle().id(), future.id());
    assert!(!promise.cancelled());
    assert!(!future.wait_timeout(Duration::ZERO));
}

// P3
#[test]
fn a_promise_can_be_kept_in_another_thread() {
    let (promises, futures): (Vec<_>, Vec<_>) = (0..50_u32).map(|_| promise()).unzip();
    let setter = thread::spawn(move || {
        for (n, mut promise) in (0..).zip(promises) {
            promise.set_result(n).unwrap();
        }
    });
    for (n, future) in (0..).zip(futures) {
        assert_eq!(future.result().unwrap(), n);
    }
    setter.join().unwrap();
}
