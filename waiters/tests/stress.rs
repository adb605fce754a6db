//! Many threads for a moment, for ThreadSanitizer. Locks are the shim's: it knows those.
#![cfg(not(cf_loom))]

mod support;

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use future_core::{Future, promise};
use support::promises;
use waiters::ReturnWhen::{AllCompleted, FirstCompleted, FirstException};
use waiters::{as_completed, as_completed_timeout, bounded_future_set, wait, wait_timeout};

const ROUNDS: usize = 150;
const FUTURES: usize = 24;

/// Shares out `items` among `n`.
fn deal<T>(items: Vec<T>, n: usize) -> Vec<Vec<T>> {
    let mut hands: Vec<Vec<T>> = (0..n).map(|_| Vec::new()).collect();
    for (at, item) in items.into_iter().enumerate() {
        hands[at % n].push(item);
    }
    hands
}

#[test]
fn waits_and_iterators_on_shared_futures_while_they_end() {
    for round in 0..ROUNDS {
        let (promises, futures) = promises::<Box<usize>>(FUTURES);
        let shared: Vec<_> = futures.into_iter().map(Future::shared).collect();
        thread::scope(|scope| {
            for (at, hand) in deal(promises, 2).into_iter().enumerate() {
                scope.spawn(move || {
                    for (n, mut promise) in hand.into_iter().enumerate() {
                        match n % 4 {
                            // These may find their future cancelled.
                            0 => drop(promise.set_result(Box::new(at))),
                            1 => drop(promise.set_exception("a failure")),
                            2 => drop(promise),
                            _ => assert!(promise.handle().cancel()),
                        }
                    }
                });
            }
            scope.spawn(|| {
                let mut completed = as_completed(shared.clone());
                // Dropped early in every other round.
                let take = if round % 2 == 0 { FUTURES } else { FUTURES / 2 };
                assert_eq!(completed.by_ref().take(take).count(), take);
            });
            scope.spawn(|| {
                let limited = as_completed_timeout(&shared, Duration::from_micros(200));
                assert!(limited.flatten().all(|future| future.done()));
                if round % 3 == 0 {
                    shared[round % FUTURES].cancel();
                }
            });
            assert!(!wait(&shared, FirstCompleted).unwrap().done.is_empty());
            let _ = wait_timeout(&shared, FirstException, Duration::from_micros(50));
            assert!(!wait(&shared, FirstException).unwrap().done.is_empty());
            assert_eq!(wait(&shared, AllCompleted).unwrap().done.len(), FUTURES);
            for future in &shared {
                if let Ok(value) = future.result() {
                    assert!(**value < 2);
                }
            }
        });
    }
}

#[test]
fn a_growing_set_between_adders_and_completers() {
    for round in 0..ROUNDS {
        let (adder, mut set) = bounded_future_set(NonZeroUsize::new(1 + round % 5).unwrap());
        thread::scope(|scope| {
            for at in 0..3 {
                let adder = adder.clone();
                scope.spawn(move || {
                    for n in 0..FUTURES {
                        let (mut promise, future) = promise();
                        let value = Box::new(at * FUTURES + n);
                        if n % 2 == 0 {
                            promise.set_result(value).unwrap();
                            adder.add(future).unwrap();
                        } else {
                            adder.add_timeout(future, Duration::MAX).unwrap();
                            promise.set_result(value).unwrap();
                        }
                    }
                });
            }
            drop(adder);
            let mut seen = Vec::new();
            loop {
                match set.next_timeout(Duration::from_micros(20)) {
                    Ok(Some(future)) => seen.push(*future.result().unwrap()),
                    Ok(None) => break,
                    Err(_) => seen.extend(set.next().map(|f| *f.result().unwrap())),
                }
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..3 * FUTURES).collect::<Vec<_>>());
        });
    }
}

#[test]
fn a_growing_set_is_dropped_while_others_add() {
    for round in 0..ROUNDS {
        let (adder, mut set) = bounded_future_set(NonZeroUsize::new(2).unwrap());
        thread::scope(|scope| {
            for _ in 0..2 {
                let adder = adder.clone();
                scope.spawn(move || {
                    for _ in 0..FUTURES {
                        let (mut promise, future) = promise();
                        let refused = adder.add(future);
                        promise.set_result(Box::new(1)).unwrap();
                        if let Err(refused) = refused {
                            assert_eq!(*refused.into_future().result().unwrap(), 1);
                        }
                    }
                });
            }
            assert_eq!(set.by_ref().take(round % FUTURES).count(), round % FUTURES);
            drop(set);
        });
    }
}
