//! Data for which there is no room: on the way, in a worker or in this process. It costs the task
//! whose data they are, and no other.

#![cfg(not(cf_loom))]

mod fault_support;
mod pool_support;

use std::fs;

use fault_support::alone;
use pool_process::{Bytes, Future, ProcessPoolExecutor, TaskError};
use pool_support::{died, goes_on_and_leaves_nothing, pid};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// More than a message holds.
const VAST: usize = (1 << 30) + 1;

fn quiet(workers: usize) -> ProcessPoolExecutor {
    ProcessPoolExecutor::builder()
        .max_workers(workers)
        .pass_stderr_on(false)
        // A backtrace would push out what was said before it.
        .env_remove("RUST_BACKTRACE")
        .build()
        .unwrap()
}

/// Calls with the soft limit of a resource lowered for this process and those that it starts.
fn limited<T>(resource: Resource, to: u64, call: impl FnOnce() -> T) -> T {
    let before = getrlimit(resource);
    let lowered = Rlimit {
        current: Some(to),
        ..before
    };
    setrlimit(resource, lowered).unwrap();
    let result = call();
    setrlimit(resource, before).unwrap();
    result
}

/// How much of its address space this process uses.
fn address_space() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kibibytes = line.unwrap().trim().trim_end_matches(" kB");
    kibibytes.parse::<u64>().unwrap() << 10
}

/// So many bytes, which are there only when they are written.
#[derive(Debug)]
struct Zeros(usize);

impl Serialize for Zeros {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&vec![0; self.0])
    }
}

impl<'de> Deserialize<'de> for Zeros {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(from).map(|bytes| Self(bytes.len()))
    }
}

fn length(zeros: Zeros) -> usize {
    zeros.0
}

fn some(pool: &ProcessPoolExecutor) -> Vec<Future<u32>> {
    (0..20).map(|n| pool.call(pid, (n,)).unwrap()).collect()
}

/// The error of a task whose data did not fit, which says what to do.
#[track_caller]
fn too_large<T: std::fmt::Debug>(future: Future<T>) -> String {
    match future.result() {
        Err(TaskError::Portable(error)) if error.is_writing() => {
            let text = error.to_string();
            assert!(text.contains("no shared memory"), "{text}");
            assert!(text.contains("ulimit -f"), "{text}");
            text
        }
        other => panic!("it went somewhere: {other:?}"),
    }
}

// P1, P4, P9
#[test]
fn an_argument_that_neither_memory_nor_a_message_holds() {
    alone(
        "an_argument_that_neither_memory_nor_a_message_holds",
        || {
            limited(Resource::Fsize, 2 << 20, || {
                let pool = quiet(2);
                let before = some(&pool);
                let victims = [0, 1].map(|_| pool.call(length, (Zeros(VAST),)).unwrap());
                let after = some(&pool);
                for victim in victims {
                    let text = too_large(victim);
                    assert!(text.contains("::length"), "{text}");
                }
                for future in before.into_iter().chain(after) {
                    future.result().unwrap();
                }
                // What a message holds goes in one.
                let large = pool.call(length, (Zeros(5 << 20),)).unwrap();
                assert_eq!(large.result().unwrap(), 5 << 20);
                assert_eq!(pool.stats().restarts(), 0, "no worker was concerned");
                goes_on_and_leaves_nothing(pool);
            });
        },
    );
}

// P1, P4, P9
#[test]
fn an_item_of_a_map_that_neither_memory_nor_a_message_holds() {
    alone(
        "an_item_of_a_map_that_neither_memory_nor_a_message_holds",
        || {
            limited(Resource::Fsize, 2 << 20, || {
                let pool = quiet(1);
                let sizes = [1, VAST, 3];
                let options =
                    pool_process::MapOptions::new().chunksize(std::num::NonZeroUsize::MIN);
                let lengths = pool.map_with(options, length, sizes.map(Zeros));
                let lengths: Vec<_> = lengths.collect();
                let [Ok(1), Err(TaskError::Portable(error)), Ok(3)] = &lengths[..] else {
                    panic!("{lengths:?}");
                };
                assert!(error.is_writing(), "{error}");
                goes_on_and_leaves_nothing(pool);
            });
        },
    );
}

// P1, P4, P9
#[test]
fn a_result_that_neither_memory_nor_a_message_holds() {
    alone("a_result_that_neither_memory_nor_a_message_holds", || {
        limited(Resource::Fsize, 2 << 20, || {
            let pool = quiet(1);
            let worker = pool.call(pid, (0,)).unwrap().result().unwrap();
            let victim = pool.call(Zeros, (VAST,)).unwrap();
            let after = some(&pool);
            let text = too_large(victim);
            assert!(text.contains("::Zeros"), "{text}");
            for future in after {
                assert_eq!(future.result().unwrap(), worker, "it lives on");
            }
            let large = pool.call(Zeros, (5 << 20,)).unwrap();
            assert_eq!(large.result().unwrap().0, 5 << 20);
            goes_on_and_leaves_nothing(pool);
        });
    });
}

// P4, P9
#[test]
fn a_limit_on_files_that_is_lowered_while_the_pool_works() {
    alone(
        "a_limit_on_files_that_is_lowered_while_the_pool_works",
        || {
            let pool = quiet(1);
            let echo = |bytes: Bytes| bytes;
            let large = || pool.call(echo, (Bytes(vec![7; 3 << 20]),)).unwrap();
            assert_eq!(large().result().unwrap().len(), 3 << 20);
            // The system ends a process that writes beyond it.
            limited(Resource::Fsize, 2 << 20, || {
                assert_eq!(large().result().unwrap().len(), 3 << 20);
            });
            let lower = |bytes: u64| {
                let before = getrlimit(Resource::Fsize);
                let lowered = Rlimit {
                    current: Some(bytes),
                    ..before
                };
                setrlimit(Resource::Fsize, lowered).unwrap();
                Bytes(vec![7; 3 << 20])
            };
            let lowered = pool.call(lower, (2 << 20,)).unwrap();
            assert_eq!(lowered.result().unwrap().len(), 3 << 20);
            assert_eq!(pool.stats().restarts(), 0);
            goes_on_and_leaves_nothing(pool);
        },
    );
}

/// Allows this process little more than it has.
fn confine(more: u64) -> u64 {
    let before = getrlimit(Resource::As);
    let confined = Rlimit {
        current: Some(address_space() + more),
        ..before
    };
    setrlimit(Resource::As, confined).unwrap();
    more
}

// P1, P4, P9
#[test]
fn data_for_which_a_worker_has_no_memory() {
    alone("data_for_which_a_worker_has_no_memory", || {
        let pool = quiet(1);
        let worker = pool.call(pid, (0,)).unwrap().result().unwrap();
        pool.call(confine, (64 << 20,)).unwrap().result().unwrap();
        // It cannot be fetched, which a worker survives.
        let argument = pool.call(length, (Zeros(200 << 20),)).unwrap();
        let after = some(&pool);
        match argument.result() {
            Err(TaskError::Portable(error)) => {
                assert!(!error.is_writing(), "{error}");
                assert!(error.to_string().contains("memory"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        for future in after {
            assert_eq!(future.result().unwrap(), worker, "it lives on");
        }
        // It cannot be made, which ends the process.
        let output = pool.call(Zeros, (200 << 20,)).unwrap();
        let after = some(&pool);
        let error = died(output);
        assert_eq!(
            (error.pid(), error.signal_name()),
            (worker, Some("SIGABRT"))
        );
        assert!(error.stderr().contains("memory allocation"), "{error}");
        for future in after {
            assert_ne!(future.result().unwrap(), worker);
        }
        goes_on_and_leaves_nothing(pool);
    });
}

// P1, P4, P9
#[test]
fn a_result_for_which_this_process_has_no_memory() {
    alone("a_result_for_which_this_process_has_no_memory", || {
        let pool = quiet(1);
        let worker = pool.call(pid, (0,)).unwrap().result().unwrap();
        limited(Resource::As, address_space() + (64 << 20), || {
            let output = pool.call(Zeros, (200 << 20,)).unwrap();
            let after = some(&pool);
            match output.result() {
                Err(TaskError::Portable(error)) => {
                    assert!(!error.is_writing(), "{error}");
                    assert!(error.type_name().ends_with("::Zeros"), "{error}");
                }
                other => panic!("{other:?}"),
            }
            for future in after {
                assert_eq!(future.result().unwrap(), worker);
            }
        });
        // Its place is free again.
        let output = pool.call(Zeros, (5 << 20,)).unwrap();
        assert_eq!(output.result().unwrap().0, 5 << 20);
        goes_on_and_leaves_nothing(pool);
    });
}
