//! `map`, `starmap`, `for_each` and `submit_all` on threads.
#![cfg(not(cf_loom))]

mod common;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use common::{Alive, Gate, LONG, occupy};
use pool_thread::{MapOptions, ShutdownOptions, SubmitError, TaskError, ThreadPoolExecutor};

fn size(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

// C-080
#[test]
fn results_come_in_the_order_of_the_items() {
    let pool = ThreadPoolExecutor::new(3).unwrap();
    let (gate, pass) = Gate::new();
    let pass = std::sync::Mutex::new(Some(pass));
    // The first item ends after the second.
    let gate = std::sync::Mutex::new(Some(gate));
    let results = pool.map(
        move |n: usize| {
            match n {
                0 => pass.lock().unwrap().take().unwrap().wait(),
                1 => gate.lock().unwrap().take().unwrap().open(),
                _ => {}
            }
            n * n
        },
        0..5,
    );
    let results: Result<Vec<_>, _> = results.collect();
    assert_eq!(results.unwrap(), [0, 1, 4, 9, 16]);
}

// C-080, C-094
#[test]
fn several_inputs_are_zipped_and_the_shortest_wins() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let powers = pool.starmap(i32::pow, (2..9).zip([5, 2, 3]));
    let powers: Result<Vec<_>, _> = powers.collect();
    assert_eq!(powers.unwrap(), [32, 9, 64]);
    for buffer in [1, 3, 10] {
        let options = MapOptions::new().buffersize(size(buffer));
        let sums = pool.starmap_with(options, |a, b| a + b, (0..3).zip(10..));
        let sums: Result<Vec<i32>, _> = sums.collect();
        assert_eq!(sums.unwrap(), [10, 12, 14]);
    }
}

// C-081
#[test]
fn a_chunksize_is_accepted_and_changes_nothing() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    for chunk in [1, 6, 40, 50] {
        let options = MapOptions::new().chunksize(size(chunk));
        let squares = pool.map_with(options, |n| n * n, 0..40);
        let squares: Result<Vec<i32>, _> = squares.collect();
        assert_eq!(squares.unwrap(), (0..40).map(|n| n * n).collect::<Vec<_>>());
    }
}

// C-082, D-13
#[test]
fn a_failure_belongs_to_its_item_and_the_iterator_goes_on() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let mut results = pool.map(|n: i32| 10 / n, [5, 0, 2]);
    assert_eq!(results.next().unwrap().unwrap(), 2);
    assert!(matches!(results.next(), Some(Err(TaskError::Panicked(_)))));
    assert_eq!(results.next().unwrap().unwrap(), 5);
    assert!(results.next().is_none());
    assert!(results.next().is_none());
}

// C-083
#[test]
fn a_failure_loses_no_other_item_of_its_chunk() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let options = MapOptions::new().chunksize(size(3));
    let results = pool.map_with(options, |n: i32| 12 / n, [1, 0, 2, 3]);
    let values: Vec<_> = results.map(Result::ok).collect();
    assert_eq!(values, [Some(12), None, Some(6), Some(4)]);
}

// C-085, D-13
#[test]
fn a_time_out_of_the_function_is_an_items_own() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    for options in [MapOptions::new(), MapOptions::new().timeout(LONG)] {
        let results = pool.map_with(
            options,
            |n| {
                let error = std::io::Error::from(std::io::ErrorKind::TimedOut);
                if n == 1 { Err(error) } else { Ok(n) }
            },
            0..3,
        );
        let kinds: Vec<_> = results
            .map(|item| item.unwrap().map_err(|error| error.kind()))
            .collect();
        assert_eq!(kinds, [Ok(0), Err(std::io::ErrorKind::TimedOut), Ok(2)]);
    }
}

// C-086, C-087, D-13, P8
#[test]
fn the_time_limit_counts_from_the_call_and_cancels_the_rest() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let (gates, _running) = occupy(&pool, 1);
    let ran = Arc::new(AtomicUsize::new(0));
    let count = ran.clone();
    let options = MapOptions::new().timeout(Duration::from_millis(1));
    let mut results = pool.map_with(
        options,
        move |_| count.fetch_add(1, Ordering::Relaxed),
        0..4,
    );
    match results.next() {
        Some(Err(TaskError::TimedOut(late))) => {
            assert_eq!((late.unfinished(), late.total()), (4, 4))
        }
        other => panic!("{other:?}"),
    }
    assert!(results.next().is_none());
    assert!(results.next().is_none());
    drop(gates);
    pool.shutdown();
    // Neither the one that was waited for nor a later one.
    assert_eq!(ran.load(Ordering::Relaxed), 0);
    assert_eq!(pool.stats().cancelled(), 4);
}

// C-088
#[test]
fn dropping_the_iterator_cancels_what_has_not_started() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let (gates, _running) = occupy(&pool, 1);
    let ran = Arc::new(AtomicUsize::new(0));
    for options in [MapOptions::new(), MapOptions::new().chunksize(size(2))] {
        let count = ran.clone();
        let results = pool.map_with(
            options,
            move |_| count.fetch_add(1, Ordering::Relaxed),
            0..6,
        );
        assert_eq!(results.in_flight(), 6);
        drop(results);
    }
    drop(gates);
    pool.shutdown();
    assert_eq!(ran.load(Ordering::Relaxed), 0);
}

// C-089, C-090
#[test]
fn an_eager_map_submits_everything_at_the_call() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    let count = ran.clone();
    let results = pool.map_with(
        MapOptions::new().eager(),
        move |n| {
            count.fetch_add(1, Ordering::Relaxed);
            n
        },
        0..1000,
    );
    assert_eq!(results.in_flight(), 1000);
    pool.shutdown();
    assert_eq!(ran.load(Ordering::Relaxed), 1000);
    let values: Result<Vec<_>, _> = results.collect();
    assert_eq!(values.unwrap(), (0..1000).collect::<Vec<_>>());
}

// C-090
#[test]
fn for_each_runs_all_and_gives_the_failures() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let ran = AtomicUsize::new(0);
    let count = |n: usize| {
        ran.fetch_add(1, Ordering::Relaxed);
        assert!(n % 4 != 3, "no good: {n}");
    };
    let error = pool.for_each(count, 0..10).unwrap_err();
    assert_eq!(ran.load(Ordering::Relaxed), 10);
    let failed: Vec<_> = error.failures().iter().map(|(at, _)| *at).collect();
    assert_eq!((failed, error.total()), (vec![3, 7], 10));
    assert!(
        error
            .to_string()
            .starts_with("2 of 10 items failed; the first, item 3: ")
    );
    pool.for_each(drop::<String>, Vec::new()).unwrap();
    pool.shutdown();
    let refused = pool.for_each(count, 0..2).unwrap_err();
    assert_eq!(refused.failures().len(), 2);
    assert_eq!(ran.load(Ordering::Relaxed), 10);
}

// C-090
#[test]
fn a_shutdown_inside_a_for_each_completes_all_calls() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let (gates, _running) = occupy(&pool, 1);
    let ran = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let calls = scope.spawn(|| {
            let count = |_: usize| {
                ran.fetch_add(1, Ordering::Relaxed);
            };
            pool.for_each(count, 0..50)
        });
        // All are submitted and none runs, when the pool is shut down.
        let until = Instant::now() + LONG;
        while pool.stats().queued() < 50 {
            assert!(Instant::now() < until, "{}", pool.stats());
            std::thread::yield_now();
        }
        pool.shutdown_with(ShutdownOptions::new().wait(false))
            .unwrap();
        drop(gates);
        calls.join().unwrap().unwrap();
    });
    assert_eq!(ran.into_inner(), 50);
}

// C-093
#[test]
fn the_window_changes_no_result() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    for buffer in [1, 2, 9, 10, 11, 1000] {
        let options = MapOptions::new().buffersize(size(buffer));
        let results: Result<Vec<i32>, _> = pool.map_with(options, |n| -n, 0..10).collect();
        assert_eq!(results.unwrap(), (0..10).map(|n| -n).collect::<Vec<_>>());
    }
}

// C-095, D-10
#[test]
fn an_endless_input_works() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let firsts: Result<Vec<u64>, _> = pool.map(|n| n * 2, 0..).take(3).collect();
    assert_eq!(firsts.unwrap(), [0, 2, 4]);
    let sums = pool.starmap(|a: u64, b: u64| a + b, (0..).zip(1..));
    let sums: Result<Vec<u64>, _> = sums.take(3).collect();
    assert_eq!(sums.unwrap(), [1, 3, 5]);
}

// C-096
#[test]
fn an_empty_input_yields_nothing() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    assert!(pool.map(|n: u8| n, []).next().is_none());
    let options = MapOptions::new().buffersize(size(2));
    assert!(pool.map_with(options, |n: u8| n, []).next().is_none());
}

// C-097, C-098, C-092, D-10
#[test]
fn no_more_inputs_are_taken_than_the_window_holds() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = taken.clone();
    let items = std::iter::repeat_with(move || count.fetch_add(1, Ordering::Relaxed));
    let options = MapOptions::new().buffersize(size(3));
    let mut results = pool.map_with(options, |n| n, items);
    assert_eq!(taken.load(Ordering::Relaxed), 3);
    for yielded in 1..=5 {
        results.next().unwrap().unwrap();
        assert_eq!(taken.load(Ordering::Relaxed), 3 + yielded);
        assert_eq!(results.in_flight(), 3);
    }
}

// C-101, D-12
#[test]
fn after_a_shutdown_what_is_buffered_comes_and_then_the_reason() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let options = MapOptions::new().buffersize(size(2));
    let mut results = pool.map_with(options, |n| n, 0..10);
    assert_eq!(results.next().unwrap().unwrap(), 0);
    pool.shutdown();
    assert_eq!(results.next().unwrap().unwrap(), 1);
    assert_eq!(results.next().unwrap().unwrap(), 2);
    match results.next() {
        Some(Err(TaskError::Rejected(error))) => assert!(error.is_shutdown()),
        other => panic!("{other:?}"),
    }
    assert!(results.next().is_none());
    // Shut down before the first `next`.
    let mut results = pool.map(|n| n, 0..3);
    assert!(matches!(results.next(), Some(Err(TaskError::Rejected(_)))));
    assert!(results.next().is_none());
}

// C-101, D-12
#[test]
fn a_map_outlives_its_pool_and_says_why_it_ends() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let options = MapOptions::new().buffersize(size(2));
    let mut results = pool.map_with(options, |n| n, 0..);
    drop(pool);
    assert_eq!(results.next().unwrap().unwrap(), 0);
    assert_eq!(results.next().unwrap().unwrap(), 1);
    assert!(matches!(results.next(), Some(Err(TaskError::Rejected(_)))));
}

// C-102, P6, D-31
#[test]
fn a_yielded_result_is_not_kept() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let alive = Alive::default();
    let made = alive.clone();
    let mut results = pool.map(move |_| made.clone(), 0..3);
    let first = results.next().unwrap().unwrap();
    let before = alive.others();
    drop(first);
    assert_eq!(alive.others(), before - 1);
    drop(results);
    pool.shutdown();
    assert_eq!(alive.others(), 0);
}

// C-104
#[test]
fn a_failing_item_cancels_nothing_that_runs() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let (gate, pass) = Gate::new();
    let pass = std::sync::Mutex::new(Some(pass));
    let (tell, told) = channel();
    let mut results = pool.map(
        move |n| {
            if n == 1 {
                tell.send(()).unwrap();
                pass.lock().unwrap().take().unwrap().wait();
            }
            assert!(n != 0, "the first fails");
            n
        },
        0..2,
    );
    told.recv_timeout(LONG).unwrap();
    assert!(results.next().unwrap().is_err());
    gate.open();
    assert_eq!(results.next().unwrap().unwrap(), 1);
}

// P5
#[test]
fn submit_all_is_one_step() {
    let pool = ThreadPoolExecutor::new(3).unwrap();
    let futures = pool.submit_all((0..5000).map(|n| move || n)).unwrap();
    assert_eq!(futures.len(), 5000);
    for (n, future) in futures.into_iter().enumerate() {
        assert_eq!(future.result().unwrap(), n);
    }
    let none: Vec<fn() -> u8> = Vec::new();
    assert!(pool.submit_all(none).unwrap().is_empty());
}

// P1
#[test]
fn a_map_inside_a_task_of_its_own_pool_ends() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let handle = pool.handle();
    let sum = pool
        .submit(move || {
            handle
                .map(|n| n * n, 0..20)
                .map(Result::unwrap)
                .sum::<i32>()
        })
        .map_err(SubmitError::without_job)
        .unwrap();
    assert_eq!(sum.result().unwrap(), (0..20).map(|n| n * n).sum::<i32>());
}
