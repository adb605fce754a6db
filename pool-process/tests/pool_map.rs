//! `map` over processes: order, chunks, windows, failures, ends.

#![cfg(not(cf_loom))]

mod pool_support;

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pool_process::{MapOptions, ProcessPoolExecutor, TaskError};
use pool_support::{Folder, goes_on_and_leaves_nothing, mark, pid, wait_at};

fn square(n: u64) -> u64 {
    n * n
}

fn chunks(size: usize) -> MapOptions {
    MapOptions::new().chunksize(NonZeroUsize::new(size).unwrap())
}

fn buffer(size: usize) -> MapOptions {
    MapOptions::new().buffersize(NonZeroUsize::new(size).unwrap())
}

// C-080, C-081, C-103
#[test]
fn results_come_in_order_whatever_the_chunk() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let expected: Vec<u64> = (0..40).map(square).collect();
    let options = [
        MapOptions::new(),
        MapOptions::new().eager(),
        chunks(1),
        chunks(6),
        chunks(40),
        chunks(50),
        chunks(6).eager(),
        chunks(6).buffersize(NonZeroUsize::new(4).unwrap()),
    ];
    for options in options {
        let results: Result<Vec<_>, _> = pool.map_with(options, square, 0..40).collect();
        assert_eq!(results.unwrap(), expected, "{options:?}");
    }
    goes_on_and_leaves_nothing(pool);
}

// C-080
#[test]
fn many_small_items_are_few_tasks() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let sum: u64 = pool.map(square, 0..200_000).map(Result::unwrap).sum();
    assert_eq!(sum, (0..200_000).map(square).sum());
    let tasks = pool.stats().finished();
    assert!(tasks < 100_000, "{tasks} tasks of 200000 items");
}

fn odd_only(n: u32) -> u32 {
    assert!(n % 2 == 1, "{n} is even");
    n
}

// C-082, C-083, C-104, D-13
#[test]
fn a_failure_belongs_to_its_item() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    for options in [MapOptions::new(), chunks(3), chunks(100)] {
        let mut results = pool.map_with(options, odd_only, 0..20);
        for n in 0..20 {
            match results.next().unwrap() {
                Ok(value) => assert!(value == n && n % 2 == 1),
                Err(TaskError::Panicked(panicked)) => {
                    assert_eq!(panicked.message(), format!("{n} is even"));
                    assert!(panicked.task().ends_with("::odd_only"));
                    assert!(panicked.location().is_some());
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert!(results.next().is_none() && results.next().is_none());
    }
    goes_on_and_leaves_nothing(pool);
}

#[derive(Debug, PartialEq)]
struct Fussy(u32);

impl serde::Serialize for Fussy {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            3 => Err(serde::ser::Error::custom("not three")),
            4 => panic!("not four"),
            n => n.serialize(to),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Fussy {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match u32::deserialize(from)? {
            5 => Err(serde::de::Error::custom("not five")),
            6 => panic!("not six"),
            n => Ok(Self(n)),
        }
    }
}

// C-083, D-14
#[test]
fn what_cannot_travel_costs_its_item_only() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let out: Vec<_> = pool
        .map_with(chunks(10), |item: Fussy| item.0, (0..10).map(Fussy))
        .collect();
    let back: Vec<_> = pool
        .map_with(chunks(10), |n: u32| Fussy(n), 0..10)
        .collect();
    for n in 0..10 {
        let bad = (3..=6).contains(&n);
        assert_eq!(out[n as usize].as_ref().ok(), (!bad).then_some(&n));
        assert_eq!(back[n as usize].is_err(), bad, "{n}");
        let is_panic = matches!(&out[n as usize], Err(TaskError::Panicked(_)));
        assert_eq!(is_panic, n == 4 || n == 6);
    }
}

// C-085
#[test]
fn a_timeout_of_the_function_is_its_items() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let fails = |n: u32| -> Result<u32, String> {
        if n == 1 {
            Err("timed out".to_owned())
        } else {
            Ok(n)
        }
    };
    let options = MapOptions::new().timeout(Duration::from_secs(60));
    let results: Vec<_> = pool
        .map_with(options, fails, 0..3)
        .map(Result::unwrap)
        .collect();
    assert_eq!(results, [Ok(0), Err("timed out".to_owned()), Ok(2)]);
}

// C-086, C-087
#[test]
fn a_map_that_takes_too_long_ends() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let (began, go) = (folder.file("began"), folder.file("go"));
    let blocker = pool.call(wait_at, (began, go)).unwrap();
    folder.await_file("began");
    let options = MapOptions::new().timeout(Duration::from_millis(20));
    let touch = |path: String| mark(&path);
    let mut results = pool.map_with(options, touch, (0..5).map(|n| folder.file(&format!("{n}"))));
    assert!(matches!(results.next(), Some(Err(TaskError::TimedOut(_)))));
    assert!(results.next().is_none() && results.next().is_none());
    folder.create("go");
    blocker.result().unwrap();
    pool.shutdown();
    assert_eq!(folder.files(), 2, "none of them ran");
}

// C-088
#[test]
fn dropping_a_map_cancels_what_has_not_started() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let blocker = pool
        .call(wait_at, (folder.file("began"), folder.file("go")))
        .unwrap();
    folder.await_file("began");
    for options in [chunks(1), chunks(3), MapOptions::new()] {
        let touch = |path: String| mark(&path);
        drop(pool.map_with(options, touch, (0..9).map(|n| folder.file(&format!("{n}")))));
    }
    folder.create("go");
    blocker.result().unwrap();
    pool.shutdown();
    assert_eq!(folder.files(), 2);
}

// C-089, C-090
#[test]
fn an_eager_map_takes_everything_at_once() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let folder = Folder::new();
    let touch = |path: String| mark(&path);
    let taken = Arc::new(AtomicUsize::new(0));
    let count = taken.clone();
    let items = (0..30).map(|n| {
        count.fetch_add(1, Ordering::SeqCst);
        folder.file(&format!("{n}"))
    });
    let results = pool.map_with(MapOptions::new().eager(), touch, items);
    assert_eq!(taken.load(Ordering::SeqCst), 30);
    pool.shutdown();
    assert_eq!(folder.files(), 30);
    assert_eq!(results.flatten().count(), 30);
}

// C-093, C-095, C-097, C-098, C-099
#[test]
fn a_window_is_of_items_and_never_exceeded() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    for (size, chunk) in [(3, 1), (8, 2), (5, 100)] {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = taken.clone();
        let options = buffer(size).chunksize(NonZeroUsize::new(chunk).unwrap());
        let mut results = pool.map_with(
            options,
            square,
            (0..).inspect(|_| {
                count.fetch_add(1, Ordering::SeqCst);
            }),
        );
        assert_eq!(taken.load(Ordering::SeqCst), size);
        for n in 0..50 {
            assert_eq!(results.next().unwrap().unwrap(), n * n);
            assert!(results.in_flight() <= size);
        }
    }
}

// C-096
#[test]
fn no_items_give_no_results() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    assert_eq!(pool.map(square, []).count(), 0);
    assert_eq!(pool.map_with(buffer(3), square, []).count(), 0);
    pool.for_each(|_: u32| {}, []).unwrap();
}

// C-101, D-12
#[test]
fn a_shutdown_during_a_map_loses_nothing_and_says_so() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let handle = pool.handle();
    let mut results = handle.map_with(buffer(4).chunksize(NonZeroUsize::MIN), square, 0..100);
    assert_eq!(results.next().unwrap().unwrap(), 0);
    pool.shutdown();
    let rest: Vec<_> = results.by_ref().collect();
    let (last, values) = rest.split_last().unwrap();
    let values: Vec<_> = values
        .iter()
        .map(|value| *value.as_ref().unwrap())
        .collect();
    assert_eq!(values, [1, 4, 9]);
    assert!(matches!(last, Err(TaskError::Rejected(error)) if error.is_shutdown()));
    assert!(results.next().is_none());
}

// C-082
#[test]
fn an_iterator_that_panics_loses_no_result() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let items = (0..10_u64).inspect(|&n| assert_ne!(n, 5, "a bad item"));
    let mut results = pool.map_with(buffer(4).chunksize(NonZeroUsize::MIN), square, items);
    let mut values = Vec::new();
    let mut panics = 0;
    loop {
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| results.next())) {
            Ok(Some(value)) => values.push(value.unwrap()),
            Ok(None) => break,
            Err(_) => panics += 1,
        }
    }
    assert_eq!(panics, 1);
    assert_eq!(values, [0, 1, 4, 9, 16, 36, 49, 64, 81]);
}

fn abort_at_seven(n: u32) -> u32 {
    if n == 7 {
        std::process::abort();
    }
    std::process::id()
}

// P4, D-2
#[test]
fn a_crash_costs_its_chunk_only() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(2)
        .pass_stderr_on(false)
        .build()
        .unwrap();
    let results: Vec<_> = pool.map_with(chunks(5), abort_at_seven, 0..20).collect();
    for (n, result) in results.iter().enumerate() {
        let dead = matches!(result, Err(TaskError::Died(died)) if died.signal() == Some(6));
        assert_eq!(dead, (5..10).contains(&n), "{n}: {result:?}");
    }
    let single: Vec<_> = pool.map_with(chunks(1), abort_at_seven, 0..20).collect();
    assert_eq!(single.iter().filter(|result| result.is_err()).count(), 1);
    goes_on_and_leaves_nothing(pool);
}

// C-081
#[test]
fn long_items_are_spread() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let folder = Folder::new();
    // The first two end only when both run.
    let meet = |(path, n): (String, u32)| {
        if n < 2 {
            wait_at(format!("{path}-{n}"), format!("{path}-{}", 1 - n))
        } else {
            pid(n)
        }
    };
    let path = folder.file("met");
    let pids: HashSet<_> = pool
        .map(meet, (0..40).map(|n| (path.clone(), n)))
        .map(Result::unwrap)
        .collect();
    assert_eq!(pids.len(), 2);
}

#[test]
fn for_each_gives_the_failures() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let picky = |n: u32| assert!(n % 10 != 3);
    let error = pool.for_each(picky, 0..40).unwrap_err();
    let numbers: Vec<_> = error.failures().iter().map(|(at, _)| *at).collect();
    assert_eq!((numbers, error.total()), (vec![3, 13, 23, 33], 40));
}
