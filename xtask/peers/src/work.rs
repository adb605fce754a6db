//! Work that takes a known time and nothing but the processor.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::{Barrier, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// `steps` that depend on each other.
pub fn steps(steps: u64) -> u64 {
    let mut x = black_box(0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..steps {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    black_box(x)
}

/// How many steps one thread makes in `time` when nothing disturbs it.
pub fn steps_in(time: Duration) -> u64 {
    static PER_MICROSECOND: OnceLock<f64> = OnceLock::new();
    let each = PER_MICROSECOND.get_or_init(|| {
        const STEPS: u64 = 2_000_000;
        let once = |_| {
            let start = Instant::now();
            steps(STEPS);
            STEPS as f64 / start.elapsed().as_secs_f64() / 1e6
        };
        (0..9).map(once).fold(0.0, f64::max)
    });
    (each * time.as_secs_f64() * 1e6) as u64
}

/// What `tasks` of so many steps take when `threads` threads share them, nothing else is to do and
/// nothing disturbs them. More threads than processors change nothing.
pub fn ideal(tasks: u64, steps_each: u64, threads: usize) -> Duration {
    static BY_THREADS: Mutex<BTreeMap<usize, f64>> = Mutex::new(BTreeMap::new());
    let threads = threads.min(processors());
    let mut by_threads = BY_THREADS.lock().unwrap_or_else(PoisonError::into_inner);
    let step = by_threads.entry(threads).or_insert_with(|| {
        let runs = (0..15).map(|_| step_of(threads));
        runs.fold(f64::INFINITY, f64::min)
    });
    Duration::from_secs_f64(*step * (tasks * steps_each) as f64)
}

/// Seconds for a step when so many threads make steps at once.
fn step_of(threads: usize) -> f64 {
    let each = steps_in(Duration::from_millis(4));
    let start = Barrier::new(threads + 1);
    let begun = thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                start.wait();
                steps(each);
            });
        }
        start.wait();
        Instant::now()
    });
    begun.elapsed().as_secs_f64() / (each * threads as u64) as f64
}

/// How many processors there are for us.
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
