//! Models of `as_completed`: early drop, two iterators on one future, the time limit.
#![cfg(cf_loom)]

use std::time::Duration;

use future_core::promise;
use future_core::shim::model::{Model, Reached};
use loom::thread;
use waiters::{as_completed, as_completed_timeout};

// C-060, C-064
#[test]
fn every_future_comes_once_while_two_threads_complete() {
    static FIRST: Reached = Reached::new("the first of the input came first");
    static SECOND: Reached = Reached::new("the second of the input came first");
    static REGISTERED: Reached = Reached::new("both were registered");
    Model::new(
        "every_future_comes_once_while_two_threads_complete",
        "each future comes once, done, and none is missed",
        3,
    )
    .at_most(2)
    .check(|| {
        let (mut p0, f0) = promise::<u32>();
        let (mut p1, f1) = promise::<u32>();
        let handles = [f0.handle(), f1.handle()];
        let one = thread::spawn(move || p0.set_result(0).unwrap());
        let other = thread::spawn(move || p1.set_result(1).unwrap());
        let completed = as_completed([f0, f1]);
        if !handles.iter().any(|handle| handle.done()) {
            REGISTERED.mark();
        }
        let order: Vec<u32> = completed.map(|future| future.result().unwrap()).collect();
        match *order {
            [0, 1] => FIRST.mark(),
            [1, 0] => SECOND.mark(),
            _ => unreachable!("{order:?}"),
        }
        one.join().unwrap();
        other.join().unwrap();
    });
    FIRST.assert();
    SECOND.assert();
    REGISTERED.assert();
}

// C-068, P6
#[test]
fn early_drop_against_complete() {
    static BEFORE: Reached = Reached::new("it completed before the drop had ended");
    static AFTER: Reached = Reached::new("it completed after the drop");
    Model::new(
        "early_drop_against_complete",
        "dropping the iterator while a future completes leaves no entry and no memory behind",
        2,
    )
    .check(|| {
        let (mut promise, future) = promise::<Box<u32>>();
        let handle = future.handle();
        let completed = as_completed([future]);
        let worker = thread::spawn(move || promise.set_result(Box::new(1)).unwrap());
        drop(completed);
        let state = if handle.done() { &BEFORE } else { &AFTER };
        state.mark();
        worker.join().unwrap();
    });
    BEFORE.assert();
    AFTER.assert();
}

// P1
#[test]
fn two_iterators_on_one_shared_future() {
    static BOTH: Reached = Reached::new("both were registered");
    static ONE: Reached = Reached::new("it was done before the second came");
    Model::new(
        "two_iterators_on_one_shared_future",
        "two threads that wait for one future both get it, the second through a node",
        3,
    )
    .check(|| {
        let (mut promise, future) = promise::<u32>();
        let shared = future.shared();
        let other = shared.clone();
        let here = as_completed([shared.clone()]);
        let registered_here = !shared.done();
        let waiter = thread::spawn(move || {
            let there = as_completed([&other]);
            let registered_there = !other.done();
            let seen: Vec<u32> = there.map(|f| *f.result().unwrap()).collect();
            assert_eq!(seen, [5]);
            registered_there
        });
        let worker = thread::spawn(move || promise.set_result(5).unwrap());
        let seen: Vec<u32> = here.map(|f| *f.result().unwrap()).collect();
        assert_eq!(seen, [5]);
        worker.join().unwrap();
        let registered_there = waiter.join().unwrap();
        let state = if registered_here && registered_there {
            &BOTH
        } else {
            &ONE
        };
        state.mark();
    });
    BOTH.assert();
    ONE.assert();
}

// P6
#[test]
fn one_iterator_leaves_a_shared_future_while_it_completes() {
    static LEFT_FIRST: Reached = Reached::new("the other left before it completed");
    static DONE_FIRST: Reached = Reached::new("it completed before the other left");
    Model::new(
        "one_iterator_leaves_a_shared_future_while_it_completes",
        "unregistering one of two waiters takes out its own entry and no other",
        3,
    )
    .at_most(2)
    .check(|| {
        let (mut promise, future) = promise::<u32>();
        let here = as_completed([future.handle()]);
        let leaving = as_completed([future.handle()]);
        let handle = future.handle();
        let other = thread::spawn(move || {
            drop(leaving);
            handle.done()
        });
        let worker = thread::spawn(move || promise.set_result(5).unwrap());
        assert_eq!(here.count(), 1);
        worker.join().unwrap();
        let left = if other.join().unwrap() {
            &DONE_FIRST
        } else {
            &LEFT_FIRST
        };
        left.mark();
        assert_eq!(future.result().unwrap(), 5);
    });
    LEFT_FIRST.assert();
    DONE_FIRST.assert();
}

// P8, C-062, C-065
#[test]
fn the_whole_limit_against_two_completions() {
    static NONE: Reached = Reached::new("the time was up before both");
    static ONE: Reached = Reached::new("the time was up between them");
    static BOTH: Reached = Reached::new("both came in time");
    Model::new(
        "the_whole_limit_against_two_completions",
        "when time is up the counts are right, the rest is given back, nothing leaks",
        2,
    )
    .check(|| {
        let (mut p0, f0) = promise::<u32>();
        let (mut p1, f1) = promise::<u32>();
        let worker = thread::spawn(move || {
            p0.set_result(0).unwrap();
            p1.set_result(1).unwrap();
        });
        let mut completed = as_completed_timeout([f0, f1], Duration::ZERO);
        let mut came = 0;
        for item in completed.by_ref() {
            match item {
                Ok(future) => came += u32::from(future.result().is_ok()),
                Err(late) => assert_eq!((late.unfinished(), late.total()), (2 - came as usize, 2)),
            }
        }
        let rest = completed.into_unfinished();
        assert_eq!(rest.len(), 2 - came as usize);
        [&NONE, &ONE, &BOTH][came as usize].mark();
        for future in rest {
            assert!(future.result().is_ok());
        }
        worker.join().unwrap();
    });
    NONE.assert();
    ONE.assert();
    BOTH.assert();
}
