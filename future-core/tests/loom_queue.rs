//! Models of the completion queue.
#![cfg(cf_loom)]

use future_core::shim::model::{Model, Reached};
use future_core::{CompletionQueue, promise};
use loom::thread;

// P1
#[test]
fn register_against_complete() {
    static BEFORE: Reached = Reached::new("it was complete before it was registered");
    static AFTER: Reached = Reached::new("it completed after it was registered");
    Model::new(
        "register_against_complete",
        "a future that completes while it is registered is either refused or handed out, once",
        2,
    )
    .check(|| {
        let (mut promise, future) = promise::<u32>();
        let setter = thread::spawn(move || promise.set_result(1).unwrap());
        let mut queue = CompletionQueue::new();
        if queue.watch(0, &future.handle()) {
            assert_eq!(queue.wait(None).unwrap(), Some(0));
            AFTER.mark();
        } else {
            BEFORE.mark();
        }
        assert_eq!(queue.pop(), None);
        setter.join().unwrap();
        assert_eq!(future.result().unwrap(), 1);
    });
    BEFORE.assert();
    AFTER.assert();
}

// P1, P6
#[test]
fn two_completions_against_the_consumer() {
    static IN_ORDER: Reached = Reached::new("0 before 1");
    static REVERSED: Reached = Reached::new("1 before 0");
    Model::new(
        "two_completions_against_the_consumer",
        "two threads complete while the consumer sleeps or takes: each token comes once",
        3,
    )
    .check(|| {
        let (mut p0, f0) = promise::<u32>();
        let (mut p1, f1) = promise::<u32>();
        let mut queue = CompletionQueue::new();
        assert!(queue.watch(0, &f0.handle()));
        assert!(queue.watch(1, &f1.handle()));
        let t0 = thread::spawn(move || p0.set_result(0).unwrap());
        let t1 = thread::spawn(move || p1.set_result(1).unwrap());
        let first = queue.wait(None).unwrap().unwrap();
        let second = queue.wait(None).unwrap().unwrap();
        assert_eq!(first + second, 1);
        assert_eq!(queue.wait(None).unwrap(), None);
        if first == 0 {
            IN_ORDER.mark()
        } else {
            REVERSED.mark()
        }
        t0.join().unwrap();
        t1.join().unwrap();
    });
    IN_ORDER.assert();
    REVERSED.assert();
}

// P6
#[test]
fn unregister_against_complete() {
    static EARLY: Reached = Reached::new("it was unregistered before it completed");
    static UNDER_WAY: Reached = Reached::new("its entry was under way");
    Model::new(
        "unregister_against_complete",
        "a queue that goes away while a future completes takes every entry with it",
        2,
    )
    .check(|| {
        let (mut promise, future) = promise::<u32>();
        let mut queue = CompletionQueue::new();
        assert!(queue.watch(0, &future.handle()));
        let setter = thread::spawn(move || promise.set_result(1).unwrap());
        let done = future.handle().settled();
        drop(queue);
        if done {
            UNDER_WAY.mark()
        } else {
            EARLY.mark()
        }
        setter.join().unwrap();
        assert_eq!(future.result().unwrap(), 1);
    });
    EARLY.assert();
    UNDER_WAY.assert();
}

// P1
#[test]
fn two_queues_on_one_future() {
    static BOTH: Reached = Reached::new("both were told");
    Model::new(
        "two_queues_on_one_future",
        "a second watcher, which has a node of its own, is told as the first is",
        3,
    )
    .check(|| {
        let (mut promise, future) = promise::<u32>();
        let handle = future.handle();
        let mut first = CompletionQueue::new();
        assert!(first.watch(5, &handle));
        let other = thread::spawn(move || {
            let mut second = CompletionQueue::new();
            if second.watch(6, &handle) {
                assert_eq!(second.wait(None).unwrap(), Some(6));
                BOTH.mark();
            }
        });
        let setter = thread::spawn(move || promise.set_result(1).unwrap());
        assert_eq!(first.wait(None).unwrap(), Some(5));
        other.join().unwrap();
        setter.join().unwrap();
    });
    BOTH.assert();
}

// P1
#[test]
fn notifier_against_the_consumer() {
    static RUNG: Reached = Reached::new("the consumer woke for the notifier");
    Model::new(
        "notifier_against_the_consumer",
        "a ring is never lost: the wait that follows or goes on returns",
        2,
    )
    .check(|| {
        let (_promise, future) = promise::<u32>();
        let mut queue = CompletionQueue::new();
        assert!(queue.watch(0, &future.handle()));
        let notifier = queue.notifier();
        let ringer = thread::spawn(move || notifier.notify());
        assert_eq!(queue.wait(None).unwrap(), None);
        RUNG.mark();
        ringer.join().unwrap();
    });
    RUNG.assert();
}
