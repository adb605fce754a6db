//! The verbs for many: `submit_all`, `starmap`, and the forms for functions that may fail.

#![cfg(not(cf_loom))]

mod pool_support;

use std::num::NonZeroUsize;
use std::time::Duration;

use pool_process::{
    Call, Executor, Job, MapOptions, ProcessPoolExecutor, RemoteCause, RemoteError, TaskError,
    TaskOptions,
};
use pool_support::{Folder, goes_on_and_leaves_nothing, hang, mark};
use serde::{Deserialize, Serialize};

fn chunks(size: usize) -> MapOptions {
    MapOptions::new().chunksize(NonZeroUsize::new(size).unwrap())
}

fn parse(word: String) -> Result<u32, RemoteError> {
    Ok(word.parse()?)
}

fn divide(a: u32, b: u32) -> Result<u32, String> {
    a.checked_div(b).ok_or_else(|| format!("{a} / {b}"))
}

fn values<T>(results: impl Iterator<Item = Result<T, TaskError>>) -> Vec<T> {
    results.collect::<Result<_, _>>().unwrap()
}

// C-080, C-094
#[test]
fn several_inputs_are_zipped_and_the_shortest_wins() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let powers = pool.starmap(i32::pow, (2..9).zip([5, 2, 3]));
    assert_eq!(values(powers), [32, 9, 64]);
    for size in [1, 2, 100] {
        let sums = pool.starmap_with(chunks(size), |a: u32, b: u32| a + b, (0..3).zip(10..));
        assert_eq!(values(sums), [10, 12, 14]);
    }
    let sums = pool.starmap(|a: u64, b: u64| a + b, (0..).zip(1..));
    assert_eq!(values(sums.take(3)), [1, 3, 5]);
}

// C-082, C-083, T3
#[test]
fn a_returned_error_is_its_items() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    for size in [1, 2, 100] {
        let words = ["1", "x", "3", "y"].map(String::from);
        let numbers: Vec<_> = pool.map_fallible_with(chunks(size), parse, words).collect();
        let values: Vec<_> = numbers.iter().filter_map(|n| n.as_ref().ok()).collect();
        assert_eq!(values, [&1, &3]);
        let error = numbers[1].as_ref().unwrap_err();
        assert!(matches!(error, TaskError::Failed(_)), "{error}");
        assert!(error.to_string().contains("parse"), "{error}");
        let cause = error.downcast_ref::<RemoteCause>().unwrap();
        assert_eq!(cause.to_string(), "invalid digit found in string");
    }
    let quotients = pool.starmap_fallible(divide, (0..100).map(|n| (100, n)));
    let failed: Vec<_> = quotients
        .enumerate()
        .filter_map(|(at, quotient)| quotient.err().map(|error| (at, error.to_string())))
        .collect();
    assert_eq!(failed.len(), 1);
    assert!(failed[0].0 == 0 && failed[0].1.ends_with("100 / 0"));
}

// T5
#[test]
fn for_each_fallible_gives_what_was_returned_and_what_panicked() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let picky = |n: u32| match n % 10 {
        3 => Err(format!("{n} is bad")),
        7 => panic!("{n} is worse"),
        _ => Ok(()),
    };
    let error = pool.for_each_fallible(picky, 0..20).unwrap_err();
    let numbers: Vec<_> = error.failures().iter().map(|(at, _)| *at).collect();
    assert_eq!((numbers, error.total()), (vec![3, 7, 13, 17], 20));
    assert!(matches!(&error.failures()[0].1, TaskError::Failed(_)));
    assert!(matches!(&error.failures()[1].1, TaskError::Panicked(_)));
    pool.for_each_fallible(|_: u32| Ok::<(), String>(()), 0..20)
        .unwrap();
}

/// A job type of one's own.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Repeat {
    text: String,
    times: usize,
}

impl Job for Repeat {
    type Output = String;

    fn run(self) -> String {
        self.text.repeat(self.times)
    }
}

// T4, T5
#[test]
fn own_job_types_can_be_mapped() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let text = String::from("ab");
    let repeats = pool.map_jobs(
        MapOptions::new(),
        |times| Repeat {
            text: text.clone(),
            times,
        },
        0..4,
    );
    assert_eq!(values(repeats), ["", "ab", "abab", "ababab"]);
}

/// Cannot be written when it is odd.
#[derive(Debug, Deserialize)]
struct Even(u32);

impl Serialize for Even {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 % 2 {
            0 => self.0.serialize(to),
            _ => Err(serde::ser::Error::custom("odd")),
        }
    }
}

impl Job for Even {
    type Output = u32;

    fn run(self) -> u32 {
        self.0
    }
}

// C-159, T5
#[test]
fn many_jobs_are_submitted_at_once_and_each_has_its_outcome() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let futures = pool.submit_all((0..1000).map(Even)).unwrap();
    assert_eq!(futures.len(), 1000);
    for (n, future) in (0..).zip(futures) {
        match future.result() {
            Ok(value) => assert!(value == n && n % 2 == 0),
            Err(TaskError::Portable(error)) => assert!(error.is_writing() && n % 2 == 1),
            Err(error) => panic!("{n}: {error}"),
        }
    }
    assert!(pool.submit_all(Vec::<Even>::new()).unwrap().is_empty());
    goes_on_and_leaves_nothing(pool);
}

// P5, T5
#[test]
fn a_pool_that_is_shut_down_gives_all_jobs_back() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let handle = pool.handle();
    drop(pool);
    let jobs = || {
        (0..3).map(|times| Repeat {
            text: "x".into(),
            times,
        })
    };
    let refused = handle.submit_all(jobs()).unwrap_err();
    assert!(refused.is_shutdown());
    assert_eq!(refused.into_job(), jobs().collect::<Vec<_>>());
    // Those that cannot travel, too.
    let refused = handle.submit_all([Even(1), Even(2)]).unwrap_err();
    assert_eq!(refused.into_job().len(), 2);
}

// T5
#[test]
fn options_are_for_each_of_many() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(2)
        .grace(Duration::ZERO)
        .pass_stderr_on(false)
        .build()
        .unwrap();
    let folder = Folder::new();
    let short = TaskOptions::new().deadline(Duration::from_millis(20));
    let hung = pool
        .submit_all_with(short, (0..2).map(|_| Call(hang, (folder.file("began"),))))
        .unwrap();
    for future in hung {
        let error = future.result().unwrap_err();
        assert!(error.to_string().contains("deadline of 20ms"), "{error}");
    }
    let marks = (0..3).map(|n| Call(mark_file, (folder.file(&n.to_string()),)));
    for future in pool.submit_all(marks).unwrap() {
        future.result().unwrap();
    }
    assert!((0..3).all(|n| folder.has(&n.to_string())));
    goes_on_and_leaves_nothing(pool);
}

fn mark_file(path: String) {
    mark(&path);
}
