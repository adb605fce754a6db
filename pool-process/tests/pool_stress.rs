//! Everything at once: whatever is submitted, cancelled, killed and crashed, every future
//! resolves, with what its task gave or with why there is nothing.
#![cfg(not(cf_loom))]

mod pool_support;

use std::num::NonZeroU32;
use std::time::Duration;

use pool_process::{Future, ProcessPoolExecutor, TaskError, TaskOptions};
use pool_support::{LONG, goes_on_and_leaves_nothing};

/// What a task is to do, and its number.
fn act(number: u64, what: u32) -> u64 {
    match what {
        0 => std::process::abort(),
        1 => panic!("as told"),
        2 => {
            // Ends only when it is killed.
            loop {
                std::thread::park();
            }
        }
        3 => {
            let sum: u64 = (0..20_000).map(std::hint::black_box).sum();
            assert_ne!(sum, 0);
        }
        _ => {}
    }
    number
}

/// A small generator of numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn play(pool: &ProcessPoolExecutor, seed: u64, rounds: u64) {
    let mut dice = Dice(seed);
    let mut open: Vec<(u64, u32, Future<u64>)> = Vec::new();
    for number in 0..rounds {
        let what = match dice.roll(200) {
            0 => 0,
            1..=3 => 1,
            4 => 2,
            5..=30 => 3,
            _ => 4,
        };
        let mut options = TaskOptions::new();
        if what == 2 {
            options = options.deadline(Duration::from_millis(20));
        }
        let future = pool.call_with(options, act, (number, what)).unwrap();
        match dice.roll(20) {
            0 => {
                future.cancel();
            }
            1 => {
                pool.kill_after(&future, Duration::ZERO);
            }
            2 => drop(pool.stats()),
            _ => {}
        }
        open.push((number, what, future));
        if dice.roll(64) == 0 {
            check(open.drain(..));
        }
    }
    check(open.into_iter());
}

fn check(futures: impl Iterator<Item = (u64, u32, Future<u64>)>) {
    for (number, what, future) in futures {
        let outcome = future.result_timeout(LONG).expect("it resolves");
        match (what, outcome) {
            (3 | 4, Ok(value)) => assert_eq!(value, number),
            (_, Err(TaskError::Cancelled(_))) => {}
            (1, Err(TaskError::Panicked(panicked))) => assert_eq!(panicked.message(), "as told"),
            (0, Err(TaskError::Died(died))) => {
                assert!(died.signal() == Some(6) || died.is_killed(), "{died}");
            }
            (2, Err(TaskError::Died(died))) => assert!(died.is_killed(), "{died}"),
            // Killed in the middle of it.
            (_, Err(TaskError::Died(died))) => assert!(died.is_killed(), "{what}: {died}"),
            (what, other) => panic!("{number}, {what}: {other:?}"),
        }
    }
}

// P1, P3, P4, P5, D-16
#[test]
fn whatever_happens_every_future_resolves() {
    for (workers, tasks) in [(2, None), (3, NonZeroU32::new(7))] {
        let mut builder = ProcessPoolExecutor::builder()
            .max_workers(workers)
            .grace(Duration::ZERO)
            .pass_stderr_on(false);
        if let Some(tasks) = tasks {
            builder = builder.max_tasks_per_child(tasks);
        }
        let pool = builder.build().unwrap();
        std::thread::scope(|scope| {
            for seed in 1..=3 {
                let pool = &pool;
                scope.spawn(move || play(pool, seed * 7919, 400));
            }
        });
        goes_on_and_leaves_nothing(pool);
    }
}
