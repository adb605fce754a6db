//! What the pool adds: from submit to result, alone and in numbers.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use pool_thread::{Future, ThreadPoolExecutor};

const WORKERS: usize = 2;

fn pool() -> ThreadPoolExecutor {
    let pool = ThreadPoolExecutor::new(WORKERS).unwrap();
    pool.prestart(WORKERS).unwrap();
    pool
}

fn submit(pool: &ThreadPoolExecutor, tasks: u64) -> Vec<Future<u64>> {
    (0..tasks)
        .map(|n| pool.submit(move || n).unwrap())
        .collect()
}

fn take(futures: Vec<Future<u64>>) -> u64 {
    futures.into_iter().map(|f| f.result().unwrap()).sum()
}

/// One task at a time.
fn round_trip(c: &mut Criterion) {
    let pool = pool();
    c.bench_function("submit and result", |b| {
        b.iter(|| pool.submit(|| black_box(1_u64)).unwrap().result().unwrap());
    });
    let mut group = c.benchmark_group("after a pause");
    group.sample_size(20);
    group.bench_function("submit and result", |b| {
        b.iter_custom(|times| {
            let turn = |_| {
                std::thread::sleep(Duration::from_millis(1));
                let start = Instant::now();
                pool.submit(|| black_box(1_u64)).unwrap().result().unwrap();
                start.elapsed()
            };
            (0..times).map(turn).sum()
        });
    });
    group.finish();
}

/// Many at once, by each way there is.
fn bursts(c: &mut Criterion) {
    let pool = pool();
    for tasks in [100, 10_000, 200_000] {
        let mut group = c.benchmark_group(format!("{tasks} tasks"));
        group.throughput(Throughput::Elements(tasks));
        group.sample_size(20);
        group.bench_function("submit", |b| b.iter(|| take(submit(&pool, tasks))));
        group.bench_function("submit_all", |b| {
            b.iter(|| {
                let jobs = (0..tasks).map(|n| move || n);
                let futures: Vec<_> = pool.submit_all(jobs).unwrap();
                take(futures)
            });
        });
        group.bench_function("map", |b| {
            b.iter(|| {
                pool.map(|n| n + 1, 0..tasks)
                    .map(|r| r.unwrap())
                    .sum::<u64>()
            });
        });
        group.bench_function("for_each", |b| {
            b.iter(|| {
                let each = |n| {
                    black_box(n);
                };
                pool.for_each(each, 0..tasks).unwrap();
            });
        });
        group.finish();
    }
}

/// A task that waits for its own pool runs in place what it waits for.
fn nested(c: &mut Criterion) {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let handle = pool.handle();
    c.bench_function("a task waits for its subtask", |b| {
        b.iter(|| {
            let handle = handle.clone();
            let outer = pool.submit(move || handle.submit(|| 1_u64).unwrap().result().unwrap());
            outer.unwrap().result().unwrap()
        });
    });
}

/// Borrowed data: the scope's own cost, with two tasks in it.
fn scope(c: &mut Criterion) {
    let pool = pool();
    let data = [1_u64, 2];
    c.bench_function("a scope of two tasks", |b| {
        b.iter(|| {
            pool.scope(|scope| {
                let [one, two] = &data;
                let one = scope.submit(move || *one).unwrap();
                let two = scope.submit(move || *two).unwrap();
                one.result().unwrap() + two.result().unwrap()
            })
        });
    });
}

/// Threads included.
fn life(c: &mut Criterion) {
    c.bench_function("a pool for one task", |b| {
        b.iter(|| {
            let pool = ThreadPoolExecutor::new(WORKERS).unwrap();
            pool.submit(|| 1_u64).unwrap().result().unwrap()
        });
    });
}

fn main() {
    let mut c = Criterion::default().configure_from_args();
    round_trip(&mut c);
    bursts(&mut c);
    nested(&mut c);
    scope(&mut c);
    life(&mut c);
    c.final_summary();
}
