//! What a future costs by itself, without any pool.

use std::hint::black_box;
use std::sync::mpsc;
use std::thread;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use future_core::executor::{PoolToken, Task};
use future_core::{CompletionQueue, Future, Promise, promise};

/// From the making of a promise to its future's result, in one thread.
fn promises(c: &mut Criterion) {
    let mut group = c.benchmark_group("promise");
    group.bench_function("set and take", |b| {
        b.iter(|| {
            let (mut promise, future) = promise();
            promise.set_result(black_box(1_u64)).unwrap();
            future.result().unwrap()
        });
    });
    group.bench_function("with a callback", |b| {
        b.iter(|| {
            let (mut promise, future) = promise();
            future.add_done_callback(|future| {
                black_box(future.done());
            });
            promise.set_result(black_box(1_u64)).unwrap();
            future.result().unwrap()
        });
    });
    group.bench_function("shared by two", |b| {
        b.iter(|| {
            let (mut promise, future) = promise();
            let one = future.shared();
            let two = one.clone();
            promise.set_result(black_box(1_u64)).unwrap();
            *one.result().unwrap() + *two.result().unwrap()
        });
    });
    group.bench_function("cancel", |b| {
        b.iter(|| {
            let (promise, future) = promise::<u64>();
            assert!(future.cancel());
            drop(promise);
        });
    });
    group.finish();
}

/// A task as a pool handles it, without the pool: made, run, taken.
fn tasks(c: &mut Criterion) {
    let pool = PoolToken::new(1);
    let mut group = c.benchmark_group("task");
    group.bench_function("make, run, take", |b| {
        b.iter(|| {
            let number = black_box(5_u64);
            let (task, future) = Task::new(move || number + 1, &pool);
            task.run(|| {});
            future.result().unwrap()
        });
    });
    group.bench_function("that panics", |b| {
        // Without the report of each panic.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        b.iter(|| {
            let (task, future) = Task::new(|| panic!("as it must"), &pool);
            task.run(|| {});
            let future: Future<()> = future;
            future.result().unwrap_err()
        });
        std::panic::set_hook(hook);
    });
    group.finish();
}

/// Registering, completing and fetching, for each of many futures.
fn completion_queue(c: &mut Criterion) {
    let mut group = c.benchmark_group("completion queue");
    for number in [10, 1_000, 100_000] {
        group.throughput(Throughput::Elements(number));
        group.bench_function(BenchmarkId::from_parameter(number), |b| {
            let made = || (0..number).map(|_| promise::<u64>()).unzip();
            b.iter_batched(made, watch_and_pop, BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn watch_and_pop((mut promises, futures): (Vec<Promise<u64>>, Vec<Future<u64>>)) {
    let mut queue = CompletionQueue::new();
    for (token, future) in futures.iter().enumerate() {
        assert!(queue.watch(token, &future.handle()));
    }
    for promise in &mut promises {
        promise.set_result(1).unwrap();
    }
    for _ in &futures {
        assert!(queue.pop().is_some());
    }
}

/// One thread waits for what another sets: there and back.
fn between_threads(c: &mut Criterion) {
    c.bench_function("promise set by another thread", |b| {
        let (ask, asked) = mpsc::channel::<Promise<u64>>();
        let other = thread::spawn(move || {
            for mut promise in asked {
                promise.set_result(1).unwrap();
            }
        });
        b.iter(|| {
            let (promise, future) = promise();
            ask.send(promise).unwrap();
            future.result().unwrap()
        });
        drop(ask);
        other.join().unwrap();
    });
}

fn main() {
    let mut c = Criterion::default().configure_from_args();
    promises(&mut c);
    tasks(&mut c);
    completion_queue(&mut c);
    between_threads(&mut c);
    c.final_summary();
}
