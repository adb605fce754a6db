//! Work that takes a known time and nothing but the processor.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::{Barrier, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// `steps` that depend on each other.
pub(crate) fn steps(steps: u64) -> u64 {
    let mut x = black_box(0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..steps {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    black_box(x)
}

/// How many steps one thread makes in `time` when nothing disturbs it.
pub(crate) fn steps_in(time: Duration) -> u64 {
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
pub(crate) fn ideal(tasks: u64, steps_each: u64, threads: usize) -> Duration {
    static BY_THREADS: Mutex<BTreeMap<usize, f64>> = Mutex::new(BTreeMap::new());
    let threads = threads.min(processors());
    let mut by_threads = BY_THREADS.lock().unwrap_or_else(PoisonError::into_inner);
    let step = by_threads.entry(threads).or_insert_with(|| {
        let runs = (0..15).map(|_| step_of(threads));
        runs.fold(f64::INFINITY, f64::min)
    });
    // On a machine that is never quiet for long the best comes late.
    *step = step.min(step_of(threads));
    Duration::from_secs_f64(*step * (tasks * steps_each) as f64)
}

/// Seconds for a step when so many threads make steps at once.
fn step_of(threads: usize) -> f64 {
    let each = steps_in(Duration::from_millis(4));
    let elapsed = together(threads, || {
        steps(each);
    });
    elapsed.as_secs_f64() / (each * threads as u64) as f64
}

/// How long `threads` threads take that do `body` at once: from the first that begins to the last
/// that ends, by their own clocks, since whoever watches may be late for both.
pub(crate) fn together(threads: usize, body: impl Fn() + Sync) -> Duration {
    let begin = Barrier::new(threads);
    let timed = || {
        begin.wait();
        let start = Instant::now();
        body();
        (start, Instant::now())
    };
    let times: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(timed)).collect();
        let joined = threads.into_iter().map(|t| t.join());
        joined.map(|times| times.expect("no panic")).collect()
    });
    let start = times.iter().map(|t| t.0).min();
    let end = times.iter().map(|t| t.1).max();
    start
        .zip(end)
        .map_or(Duration::ZERO, |(start, end)| end - start)
}

/// How many processors there are for us.
pub(crate) fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
