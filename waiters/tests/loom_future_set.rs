//! Models of growing sets: adding, draining, the last adder, room, closing and dropping.
#![cfg(cf_loom)]

use std::num::NonZeroUsize;
use std::time::Duration;

use future_core::executor::{Helped, PoolToken, Ran, Task};
use future_core::shim::model::{Model, Reached};
use future_core::{FutureHandle, promise};
use loom::sync::Arc;
use loom::thread;
use waiters::{AddErrorKind, bounded_future_set, future_set};

// P1
#[test]
fn add_against_drain_against_the_last_adder_dropped() {
    static PENDING_FIRST: Reached = Reached::new("the one that was pending came first");
    static DONE_FIRST: Reached = Reached::new("the one that was done came first");
    Model::new(
        "add_against_drain_against_the_last_adder_dropped",
        "everything that is added comes once, and the iteration ends after the last adder",
        3,
    )
    .check(|| {
        let (adder, set) = future_set();
        let other = adder.clone();
        let one = thread::spawn(move || {
            let (mut promise, future) = promise::<u32>();
            adder.add(future).unwrap();
            drop(adder);
            promise.set_result(1).unwrap();
        });
        let two = thread::spawn(move || {
            let (mut promise, future) = promise::<u32>();
            promise.set_result(2).unwrap();
            other.add(future).unwrap();
        });
        let seen: Vec<u32> = set.map(|future| future.result().unwrap()).collect();
        match *seen {
            [1, 2] => PENDING_FIRST.mark(),
            [2, 1] => DONE_FIRST.mark(),
            _ => unreachable!("{seen:?}"),
        }
        one.join().unwrap();
        two.join().unwrap();
    });
    PENDING_FIRST.assert();
    DONE_FIRST.assert();
}

// P8
#[test]
fn a_limit_against_adding_and_completing() {
    static LATE: Reached = Reached::new("the time was up first");
    static CAME: Reached = Reached::new("the future came in time");
    Model::new(
        "a_limit_against_adding_and_completing",
        "a limited wait ends with a future or the error, and the set goes on",
        2,
    )
    .check(|| {
        let (adder, mut set) = future_set();
        let worker = thread::spawn(move || {
            let (mut promise, future) = promise::<u32>();
            adder.add(future).unwrap();
            promise.set_result(1).unwrap();
        });
        match set.next_timeout(Duration::ZERO) {
            Ok(future) => {
                CAME.mark();
                assert_eq!(future.unwrap().result().unwrap(), 1);
            }
            Err(late) => {
                LATE.mark();
                assert!(late.unfinished() <= 1);
                assert_eq!(set.next().unwrap().result().unwrap(), 1);
            }
        }
        assert!(set.next().is_none());
        worker.join().unwrap();
    });
    LATE.assert();
    CAME.assert();
}

#[test]
fn an_adder_waits_for_room_against_a_drain() {
    static FULL: Reached = Reached::new("the set was full");
    static ROOM: Reached = Reached::new("there was room");
    Model::new(
        "an_adder_waits_for_room_against_a_drain",
        "an adder that sleeps in a full set is woken when a future leaves",
        3,
    )
    .check(|| {
        let (adder, set) = bounded_future_set(NonZeroUsize::MIN);
        let threads: Vec<_> = [adder.clone(), adder]
            .into_iter()
            .map(|adder| {
                thread::spawn(move || {
                    let (mut promise, future) = promise::<u32>();
                    promise.set_result(1).unwrap();
                    if let Err(error) = adder.try_add(future) {
                        FULL.mark();
                        assert_eq!(error.kind(), AddErrorKind::Full { capacity: 1 });
                        adder.add(error.into_future()).unwrap();
                    } else {
                        ROOM.mark();
                    }
                })
            })
            .collect();
        assert_eq!(set.map(|future| future.result().unwrap()).sum::<u32>(), 2);
        for thread in threads {
            thread.join().unwrap();
        }
    });
    FULL.assert();
    ROOM.assert();
}

#[test]
fn close_against_add_and_a_sleeping_adder() {
    static ADDED: Reached = Reached::new("the add came before the close");
    static REFUSED: Reached = Reached::new("the close came before the add");
    Model::new(
        "close_against_add_and_a_sleeping_adder",
        "closing wakes who waits for room; what was added comes, what was refused is given back",
        3,
    )
    .check(|| {
        let (adder, mut set) = bounded_future_set(NonZeroUsize::MIN);
        let (mut promise, future) = promise::<u32>();
        adder.add(future).unwrap();
        let closer = adder.clone();
        let adding = thread::spawn(move || {
            let (mut promise, future) = self::promise::<u32>();
            promise.set_result(2).unwrap();
            match adder.add(future) {
                Ok(()) => true,
                Err(error) => {
                    assert!(error.is_closed());
                    assert_eq!(error.into_future().result().unwrap(), 2);
                    false
                }
            }
        });
        let closing = thread::spawn(move || {
            promise.set_result(1).unwrap();
            closer.close();
        });
        let seen: Vec<u32> = set.by_ref().map(|f| f.result().unwrap()).collect();
        closing.join().unwrap();
        if adding.join().unwrap() {
            ADDED.mark();
            assert_eq!(seen, [1, 2]);
        } else {
            REFUSED.mark();
            assert_eq!(seen, [1]);
        }
    });
    ADDED.assert();
    REFUSED.assert();
}

// P6
#[test]
fn dropping_the_set_against_add_against_complete() {
    static ADDED: Reached = Reached::new("the future was added and dropped with the set");
    static REFUSED: Reached = Reached::new("the future was given back");
    static TAKEN: Reached = Reached::new("the future came out");
    Model::new(
        "dropping_the_set_against_add_against_complete",
        "a future is taken out, dropped with the set or given back, and never leaks",
        3,
    )
    .check(|| {
        let (adder, mut set) = future_set();
        let (mut promise, future) = promise::<Box<u32>>();
        let adding = thread::spawn(move || adder.add(future).is_ok());
        let completing = thread::spawn(move || promise.set_result(Box::new(1)).unwrap());
        let taken = matches!(set.next_timeout(Duration::ZERO), Ok(Some(_)));
        drop(set);
        let added = adding.join().unwrap();
        completing.join().unwrap();
        match (taken, added) {
            (true, true) => TAKEN.mark(),
            (false, true) => ADDED.mark(),
            (false, false) => REFUSED.mark(),
            (true, false) => unreachable!("taken and refused"),
        }
    });
    ADDED.assert();
    REFUSED.assert();
    TAKEN.assert();
}

struct Unheard;

impl Helped for Unheard {
    fn helped(&self, _: Ran) {}
}

// P10
#[test]
fn a_wait_for_the_iterating_task_against_an_add() {
    static WAITED: Reached = Reached::new("the wait began before the iteration ended");
    static CAME_LATE: Reached = Reached::new("the iteration had ended");
    Model::new(
        "a_wait_for_the_iterating_task_against_an_add",
        "while there is an adder, who waits for the task that iterates is never refused",
        3,
    )
    .at_most(1)
    .check(|| {
        let [pool, other] = [1, 1].map(PoolToken::new).map(Arc::new);
        let (adder, mut set) = future_set::<FutureHandle>();
        let (iterating, handed_out) = Task::new(move || set.next().unwrap().done(), &pool);
        let iterator = handed_out.handle();
        let wait = move || {
            if iterator.done() {
                CAME_LATE.mark();
            } else {
                WAITED.mark();
            }
            iterator.wait().is_ok()
        };
        let (waiting, waited) = Task::new(wait, &other);
        adder.add(waited.handle()).unwrap();
        let (mut promise, future) = promise::<u32>();
        promise.set_result(1).unwrap();
        let worker = thread::spawn(move || {
            other.work(8, &Unheard, || waiting.run(|| {}));
        });
        // It gives the adder back, which lives until both tasks ended.
        let adding = thread::spawn(move || {
            adder.add(future.handle()).unwrap();
            adder
        });
        pool.work(8, &Unheard, || iterating.run(|| {}));
        assert!(waited.result().unwrap(), "a false deadlock");
        worker.join().unwrap();
        adding.join().unwrap();
    });
    WAITED.assert();
    CAME_LATE.assert();
}

// P10
#[test]
fn the_last_adder_dropped_closes_a_cycle() {
    static ITERATION: Reached = Reached::new("the iteration was refused");
    static WAIT: Reached = Reached::new("the wait for it was refused");
    Model::new(
        "the_last_adder_dropped_closes_a_cycle",
        "a sleeping iteration is woken by the last adder and found to be part of a cycle",
        3,
    )
    .at_most(1)
    .check(|| {
        let [pool, other] = [1, 1].map(PoolToken::new).map(Arc::new);
        let (adder, mut set) = future_set::<FutureHandle>();
        let (iterating, handed_out) = Task::new(move || set.next().unwrap().done(), &pool);
        let iterator = handed_out.handle();
        let (waiting, waited) = Task::new(move || iterator.wait().is_err(), &other);
        adder.add(waited.handle()).unwrap();
        let threads = [
            thread::spawn(move || {
                other.work(8, &Unheard, || waiting.run(|| {}));
            }),
            thread::spawn(move || drop(adder)),
        ];
        pool.work(8, &Unheard, || iterating.run(|| {}));
        for thread in threads {
            thread.join().unwrap();
        }
        let refused = waited.result().unwrap();
        assert_eq!(handed_out.result().unwrap(), refused);
        if refused {
            WAIT.mark();
        } else {
            ITERATION.mark();
        }
    });
    ITERATION.assert();
    WAIT.assert();
}
