//! What waiting for many costs, each future completed by the same thread before or after.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use future_core::{Future, Promise, promise};
use waiters::{ReturnWhen, as_completed, future_set, wait};

const NUMBERS: [u64; 3] = [10, 1_000, 100_000];

type Pairs = (Vec<Promise<u64>>, Vec<Future<u64>>);

fn pending(number: u64) -> Pairs {
    (0..number).map(|_| promise()).unzip()
}

fn done(number: u64) -> Vec<Future<u64>> {
    let (mut promises, futures) = pending(number);
    fulfil(&mut promises);
    futures
}

fn fulfil(promises: &mut [Promise<u64>]) {
    for promise in promises {
        promise.set_result(1).unwrap();
    }
}

fn wait_for_all(c: &mut Criterion) {
    let mut group = c.benchmark_group("wait for all, done before");
    for number in NUMBERS {
        group.throughput(Throughput::Elements(number));
        group.bench_function(BenchmarkId::from_parameter(number), |b| {
            let all = |futures| wait(futures, ReturnWhen::AllCompleted).unwrap();
            b.iter_batched(|| done(number), all, BatchSize::LargeInput);
        });
    }
    group.finish();
}

/// The first of many: what must not grow with each completion grows once, with the number.
fn wait_for_first(c: &mut Criterion) {
    let mut group = c.benchmark_group("wait for the first, the last one done");
    for number in NUMBERS {
        group.throughput(Throughput::Elements(number));
        group.bench_function(BenchmarkId::from_parameter(number), |b| {
            let made = || {
                let (mut promises, futures) = pending(number);
                fulfil(&mut promises[number as usize - 1..]);
                (promises, futures)
            };
            let first = |(promises, futures): Pairs| {
                let sets = wait(futures, ReturnWhen::FirstCompleted).unwrap();
                assert_eq!(sets.done.len(), 1);
                (promises, sets)
            };
            b.iter_batched(made, first, BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn completed(c: &mut Criterion) {
    let mut group = c.benchmark_group("as completed, done while registered");
    for number in NUMBERS {
        group.throughput(Throughput::Elements(number));
        group.bench_function(BenchmarkId::from_parameter(number), |b| {
            let all = |(mut promises, futures): Pairs| {
                let completed = as_completed(futures);
                fulfil(&mut promises);
                assert_eq!(completed.count() as u64, number);
            };
            b.iter_batched(|| pending(number), all, BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn growing_set(c: &mut Criterion) {
    c.bench_function("future set, add and next", |b| {
        let (adder, mut set) = future_set();
        b.iter(|| {
            let (mut promise, future) = promise();
            adder.add(future).unwrap();
            promise.set_result(1_u64).unwrap();
            set.next().unwrap().result().unwrap()
        });
    });
}

fn main() {
    let mut c = Criterion::default().configure_from_args();
    wait_for_all(&mut c);
    wait_for_first(&mut c);
    completed(&mut c);
    growing_set(&mut c);
    c.final_summary();
}
