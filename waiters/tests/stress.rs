//! Many threads for a moment, for ThreadSanitizer, which knows the shim's locks and `join`, but
//! neither the standard library's locks nor its scoped threads; nor the fence by which the last
//! `Arc` frees: so one of each stays here until the threads were joined.
#![cfg(not(cf_loom))]

mod support;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use future_core::{Future, Promise, promise};
use support::promises;
use waiters::ReturnWhen::{AllCompleted, FirstCompleted, FirstException};
use waiters::{as_completed, as_completed_timeout, bounded_future_set, wait, wait_timeout};

const ROUNDS: usize = 150;
const FUTURES: usize = 24;

/// Ends each promise in one of four ways, whoever else cancels.
fn end_all(promises: Vec<Promise<Box<usize>>>) {
    for (n, mut promise) in promises.into_iter().enumerate() {
        match n % 4 {
            0 => drop(promise.set_result(Box::new(n))),
            1 => drop(promise.set_exception("a failure")),
            2 => drop(promise),
            _ => assert!(promise.handle().cancel()),
        }
    }
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn waits_and_iterators_on_shared_futures_while_they_end() {
    for round in 0..ROUNDS {
        let (mut promises, futures) = promises(FUTURES);
        let shared: Arc<Vec<_>> = Arc::new(futures.into_iter().map(Future::shared).collect());
        let handles: Vec<_> = shared.iter().map(|future| future.handle()).collect();
        let half = promises.split_off(FUTURES / 2);
        let (iterated, limited) = (shared.clone(), shared.clone());
        let threads = [
            thread::spawn(move || end_all(promises)),
            thread::spawn(move || end_all(half)),
            thread::spawn(move || {
                let mut completed = as_completed(iterated.iter().cloned());
                // Dropped early in every other round.
                let take = if round % 2 == 0 { FUTURES } else { FUTURES / 2 };
                assert_eq!(completed.by_ref().take(take).count(), take);
            }),
            thread::spawn(move || {
                let completed = as_completed_timeout(&*limited, Duration::from_micros(200));
                assert!(completed.flatten().all(|future| future.done()));
                if round % 3 == 0 {
                    limited[round % FUTURES].cancel();
                }
            }),
        ];
        assert!(!wait(&*shared, FirstCompleted).unwrap().done.is_empty());
        let _ = wait_timeout(&*shared, FirstException, Duration::from_micros(50));
        assert!(!wait(&*shared, FirstException).unwrap().done.is_empty());
        assert_eq!(wait(&handles, AllCompleted).unwrap().done.len(), FUTURES);
        for future in &*shared {
            if let Ok(value) = future.result() {
                assert!(**value < FUTURES);
            }
        }
        join(threads);
    }
}

#[test]
fn a_growing_set_between_adders_and_completers() {
    for round in 0..ROUNDS {
        let (adder, mut set) = bounded_future_set(NonZeroUsize::new(1 + round % 5).unwrap());
        let threads = [0, 1, 2].map(|at| {
            let adder = adder.clone();
            thread::spawn(move || {
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
            })
        });
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
        join(threads);
    }
}

#[test]
fn a_growing_set_is_dropped_while_others_add() {
    for round in 0..ROUNDS {
        let (adder, mut set) = bounded_future_set(NonZeroUsize::new(2).unwrap());
        let threads = [0, 1].map(|_| {
            let adder = adder.clone();
            thread::spawn(move || {
                for _ in 0..FUTURES {
                    let (mut promise, future) = promise();
                    let refused = adder.add(future);
                    promise.set_result(Box::new(1)).unwrap();
                    if let Err(refused) = refused {
                        assert_eq!(*refused.into_future().result().unwrap(), 1);
                    }
                }
            })
        });
        assert_eq!(set.by_ref().take(round % FUTURES).count(), round % FUTURES);
        drop(set);
        join(threads);
        assert!(adder.try_add(promise().1).unwrap_err().is_closed());
    }
}
