//! Everything at once, for ThreadSanitizer and for luck. A few seconds.
//!
//! No scoped threads of std's: how these end is not visible to ThreadSanitizer.
#![cfg(not(cf_loom))]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::LONG;
use pool_thread::{ShutdownOptions, SubmitError, TaskError, ThreadPoolExecutor, ThreadPoolHandle};

const ROUNDS: usize = 40;
const TASKS: usize = 400;

/// Submits, nests, cancels, waits and drops; how many tasks were taken.
fn mixed(pool: &ThreadPoolHandle, seed: usize, ran: &'static AtomicUsize) -> usize {
    let mut taken = 0;
    let mut kept = Vec::new();
    for n in 0..TASKS {
        let inner = pool.clone();
        let submitted = pool.submit(move || {
            ran.fetch_add(1, Ordering::Relaxed);
            if n % 16 == seed % 16 {
                if let Ok(nested) = inner.submit(move || n) {
                    match nested.result() {
                        Ok(value) => assert_eq!(value, n),
                        Err(error) => assert!(matches!(error, TaskError::Cancelled(_))),
                    }
                }
            }
            n
        });
        let Ok(future) = submitted.map_err(SubmitError::without_job) else {
            break;
        };
        taken += 1;
        match n % 5 {
            0 => drop(future),
            1 => {
                future.cancel();
                kept.push((n, future));
            }
            2 => {
                future.add_done_callback(move |f| assert!(f.done()));
                kept.push((n, future));
            }
            _ => kept.push((n, future)),
        }
    }
    for (n, future) in kept {
        match future.result_timeout(LONG).expect("every future resolves") {
            Ok(value) => assert_eq!(value, n),
            Err(error) => assert!(matches!(error, TaskError::Cancelled(_))),
        }
    }
    taken
}

// P1, P3, P5
#[test]
fn everything_at_once() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    for round in 0..ROUNDS {
        let mut builder = ThreadPoolExecutor::builder().max_workers(1 + round % 4);
        if round % 2 == 0 {
            builder = builder.keep_alive(Duration::from_micros(50));
        }
        let pool = Arc::new(builder.build().unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let submitters: Vec<_> = (0..3)
            .map(|seed| {
                let handle = pool.handle();
                thread::spawn(move || mixed(&handle, seed, &RAN))
            })
            .collect();
        let (looks, told) = (pool.clone(), stop.clone());
        let looker = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                let stats = looks.stats();
                assert!(stats.idle() <= stats.workers());
                assert!(stats.workers() <= stats.max_workers());
                thread::yield_now();
            }
        });
        if round % 3 == 0 {
            let options = ShutdownOptions::new().cancel_futures(round % 2 == 0);
            pool.shutdown_with(options).unwrap();
        }
        for submitter in submitters {
            submitter.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        looker.join().unwrap();
        pool.shutdown();
        assert_eq!(pool.stats().workers(), 0);
        assert_eq!(pool.stats().queued(), 0);
    }
    assert!(RAN.load(Ordering::Relaxed) > 0);
}

// P1, P2
#[test]
fn scopes_and_maps_at_once() {
    let pool = Arc::new(ThreadPoolExecutor::new(3).unwrap());
    let mut threads = Vec::new();
    for _ in 0..2 {
        let scopes = pool.clone();
        threads.push(thread::spawn(move || {
            for _ in 0..200 {
                let mut cells = [0_usize; 16];
                scopes.scope(|inner| {
                    for (n, cell) in cells.iter_mut().enumerate() {
                        drop(inner.submit(move || *cell = n));
                    }
                });
                assert!(cells.iter().enumerate().all(|(n, cell)| *cell == n));
            }
        }));
        let maps = pool.clone();
        threads.push(thread::spawn(move || {
            for _ in 0..50 {
                let sum: usize = maps.map(|n| n, 0..100).map(Result::unwrap).sum();
                assert_eq!(sum, 4950);
            }
        }));
    }
    for thread in threads {
        thread.join().unwrap();
    }
}
