//! Sets that grow while they are iterated.
#![cfg(not(cf_loom))]

mod support;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use future_core::{Future, Promise, TaskError, promise};
use support::promises;
use waiters::{AddErrorKind, FutureAdder, FutureSet, bounded_future_set, future_set};

const SHORT: Duration = Duration::from_millis(5);

fn set_of<T: Send>(capacity: usize) -> (FutureAdder<Future<T>>, FutureSet<Future<T>>) {
    bounded_future_set(NonZeroUsize::new(capacity).unwrap())
}

#[test]
fn futures_come_in_the_order_of_completion() {
    let (mut promises, futures) = promises(4);
    let (adder, mut set) = future_set();
    for future in futures {
        adder.add(future).unwrap();
    }
    assert!(set.next_timeout(Duration::ZERO).is_err());
    for done in [2, 0, 3, 1] {
        promises[done].set_result(done).unwrap();
    }
    adder.close();
    let order: Vec<usize> = set.map(|future| future.result().unwrap()).collect();
    assert_eq!(order, [2, 0, 3, 1]);
}

#[test]
fn it_ends_when_every_adder_is_gone() {
    let (adder, set) = future_set();
    let adders: Vec<_> = (0..4).map(|_| adder.clone()).collect();
    drop(adder);
    let threads: Vec<_> = adders
        .into_iter()
        .map(|adder| {
            thread::spawn(move || {
                for _ in 0..250 {
                    let (mut promise, future) = promise();
                    adder.add(future).unwrap();
                    promise.set_result(1_u64).unwrap();
                }
            })
        })
        .collect();
    assert_eq!(
        set.map(|future| future.result().unwrap()).sum::<u64>(),
        1000
    );
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_task_that_is_done_may_add_more() {
    // The callback of each future adds the next: a crawler that finds links.
    fn fetch(depth: u32, adder: FutureAdder<Future<u32>>, work: &std::sync::mpsc::Sender<Work>) {
        let (promise, future) = promise();
        let more = adder.clone();
        let next = work.clone();
        future.add_done_callback(move |_| {
            if depth < 50 {
                fetch(depth + 1, more, &next);
            }
        });
        adder.add(future).unwrap();
        work.send(Work(promise, depth)).unwrap();
    }
    struct Work(Promise<u32>, u32);
    let (work, queue) = channel();
    let (adder, set) = future_set();
    fetch(1, adder, &work);
    drop(work);
    let thread = thread::spawn(move || {
        for Work(mut promise, depth) in queue {
            promise.set_result(depth).unwrap();
        }
    });
    let seen: Vec<u32> = set.map(|future| future.result().unwrap()).collect();
    assert_eq!(seen, (1..=50).collect::<Vec<_>>());
    thread.join().unwrap();
}

#[test]
fn closing_ends_it_and_what_is_in_it_still_comes() {
    for by_adder in [false, true] {
        let (adder, mut set) = future_set();
        let (mut promise, future) = promise();
        adder.add(future).unwrap();
        if by_adder {
            adder.clone().close();
        } else {
            set.close();
        }
        let refused = adder.add(self::promise::<u8>().1).unwrap_err();
        assert!(refused.is_closed());
        promise.set_result(1).unwrap();
        assert_eq!(set.next().unwrap().result().unwrap(), 1);
        assert!(set.next().is_none() && set.next().is_none());
        assert!(set.next_timeout(SHORT).unwrap().is_none());
    }
}

// P8
#[test]
fn a_limit_ends_a_wait_and_leaves_the_set_as_it_was() {
    let (adder, mut set) = future_set();
    let start = Instant::now();
    let late = set.next_timeout(SHORT).unwrap_err();
    assert!(start.elapsed() >= SHORT);
    assert_eq!((late.unfinished(), late.total()), (0, 0));
    let (mut promise, future) = promise();
    adder.add(future).unwrap();
    let late = set.next_timeout(SHORT).unwrap_err();
    assert_eq!((late.unfinished(), late.total()), (1, 1));
    promise.set_result(1).unwrap();
    let future = set.next_timeout(Duration::MAX).unwrap().unwrap();
    assert_eq!(future.result().unwrap(), 1);
    drop(adder);
    assert!(set.next_timeout(Duration::MAX).unwrap().is_none());
}

// D-1, P1
#[test]
fn cancelled_and_broken_futures_come() {
    let (adder, mut set) = future_set();
    let (_promise, future) = promise::<u8>();
    let handle = future.handle();
    adder.add(future).unwrap();
    let thread = thread::spawn(move || assert!(handle.cancel()));
    assert!(set.next().unwrap().cancelled());
    thread.join().unwrap();
    let (promise, future) = promise::<u8>();
    adder.add(future).unwrap();
    let thread = thread::spawn(move || drop(promise));
    let outcome = set.next().unwrap().result();
    assert!(matches!(outcome, Err(TaskError::Broken(_))));
    thread.join().unwrap();
}

#[test]
fn a_bounded_set_takes_as_many_as_it_says() {
    let (mut promises, futures) = promises(3);
    let (adder, mut set) = set_of(2);
    let mut futures = futures.into_iter();
    adder.add(futures.next().unwrap()).unwrap();
    adder.try_add(futures.next().unwrap()).unwrap();
    let full = adder.try_add(futures.next().unwrap()).unwrap_err();
    assert_eq!(full.kind(), AddErrorKind::Full { capacity: 2 });
    // Done futures count until they are taken out.
    promises[0].set_result(0).unwrap();
    let full = adder.add_timeout(full.into_future(), SHORT).unwrap_err();
    assert!(matches!(full.kind(), AddErrorKind::TimedOut { .. }));
    assert_eq!(set.next().unwrap().result().unwrap(), 0);
    adder
        .add_timeout(full.into_future(), Duration::ZERO)
        .unwrap();
    assert_eq!(set.size_hint(), (1, None));
}

#[test]
fn a_full_set_makes_adders_wait_for_room() {
    let (adder, set) = set_of(3);
    let threads: Vec<_> = (0..3_u64)
        .map(|at| {
            let adder = adder.clone();
            thread::spawn(move || {
                for number in 0..200 {
                    let (mut promise, future) = promise();
                    promise.set_result(number * 3 + at).unwrap();
                    if number % 2 == 0 {
                        adder.add(future).unwrap();
                    } else {
                        adder.add_timeout(future, Duration::MAX).unwrap();
                    }
                }
            })
        })
        .collect();
    drop(adder);
    let mut seen: Vec<u64> = set.map(|future| future.result().unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..600).collect::<Vec<_>>());
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

#[test]
fn waiting_adders_hear_of_the_end() {
    for closed in [false, true] {
        let (adder, set) = set_of(1);
        adder.add(promise::<u8>().1).unwrap();
        let (full, is_full) = sync_channel(2);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (adder, full) = (adder.clone(), full.clone());
                thread::spawn(move || {
                    let refused = adder.try_add(promise::<u8>().1).unwrap_err();
                    full.send(()).unwrap();
                    adder.add(refused.into_future()).unwrap_err().is_closed()
                })
            })
            .collect();
        is_full.recv().unwrap();
        is_full.recv().unwrap();
        if closed {
            adder.close();
        } else {
            drop(set);
        }
        for thread in threads {
            assert!(thread.join().unwrap());
        }
    }
}

// P6, D-31
#[test]
fn what_came_out_or_was_dropped_is_not_kept() {
    let value = Arc::new(());
    let (adder, mut set) = future_set();
    for _ in 0..3 {
        let (mut promise, future) = promise();
        promise.set_result(value.clone()).unwrap();
        adder.add(future).unwrap();
    }
    drop(set.next());
    assert_eq!(Arc::strong_count(&value), 3);
    // What is still in the set goes with it.
    drop(set);
    assert_eq!(Arc::strong_count(&value), 1);

    // A future whose callback holds an adder of the set that holds the future.
    let (adder, set) = future_set();
    let (promise, future) = promise::<u8>();
    let (cycle, held) = (adder.clone(), value.clone());
    future.add_done_callback(move |_| drop((cycle, held)));
    adder.add(future).unwrap();
    drop((set, adder));
    assert_eq!(Arc::strong_count(&value), 2);
    drop(promise);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn the_same_future_twice_comes_twice() {
    let (mut promise, future) = promise::<u8>();
    let (adder, set) = future_set();
    let done = self::promise::<u8>().1.handle();
    for handle in [future.handle(), done.clone(), future.handle(), done] {
        adder.add(handle).unwrap();
    }
    drop(adder);
    promise.set_result(1).unwrap();
    assert_eq!(set.count(), 4);
}

#[test]
fn it_says_what_it_holds() {
    let (adder, mut set) = future_set();
    adder.add(promise::<u8>().1).unwrap();
    assert_eq!(
        format!("{adder:?}"),
        "FutureAdder { held: 1, closed: false, .. }"
    );
    assert!(set.next().unwrap().done());
    adder.close();
    assert_eq!(format!("{set:?}"), "FutureSet { held: 0, .. }");
    assert_eq!(
        format!("{adder:?}"),
        "FutureAdder { held: 0, closed: true, .. }"
    );
}

#[test]
fn both_sides_can_be_sent() {
    fn is_send<T: Send>(_: &T) {}
    fn is_sync<T: Sync>(_: &T) {}
    let (adder, set) = future_set::<Future<std::cell::Cell<u8>>>();
    is_send(&adder);
    is_sync(&adder);
    is_send(&set);
}

#[test]
fn what_is_left_is_given_back() {
    let (mut promises, futures) = promises(4);
    let (adder, mut set) = future_set();
    let mut futures = futures.into_iter();
    for future in futures.by_ref().take(3) {
        adder.add(future).unwrap();
    }
    promises[1].set_result(1).unwrap();
    assert_eq!(set.next().unwrap().result().unwrap(), 1);
    // One that is still in the inbox.
    adder.add(futures.next().unwrap()).unwrap();
    let left = set.into_unfinished();
    assert_eq!(left.len(), 3);
    assert!(left.iter().all(Future::cancel));
    assert!(adder.add(promise::<usize>().1).unwrap_err().is_closed());
}
