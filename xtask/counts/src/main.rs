//! Does one thing a number of times, for a tool that counts. `cargo xtask counts` runs it under
//! valgrind, twice with different numbers, so that what it does once does not count.

#![forbid(unsafe_code)]

use std::sync::{Arc, Barrier};
use std::thread;

use concurrent_futures::{
    Future, Promise, ReturnWhen, ThreadPoolExecutor, as_completed, promise, wait,
};

const WORKERS: usize = 2;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let number = arguments.next().and_then(|n| n.parse::<usize>().ok());
    match (&*what, number) {
        ("burst", Some(n)) => burst(n),
        ("burst-at-once", Some(n)) => burst_at_once(n),
        ("submit", Some(n)) => submit(n),
        ("wait", Some(n)) => wait_for_all(n),
        ("as-completed", Some(n)) => completed(n),
        _ => {
            eprintln!("counts burst|burst-at-once|submit|wait|as-completed NUMBER");
            std::process::exit(2);
        }
    }
}

/// W1 in an order that is always the same: the workers begin when all is submitted, and the
/// results are taken when all has run. So nobody waits, nobody spins, and what is counted is the
/// path of a task: submit, queue, start, run, complete, result.
fn burst(tasks: usize) {
    let pool = ThreadPoolExecutor::new(WORKERS).expect("two workers");
    let release = occupy(&pool);
    let futures = submit_all(&pool, tasks);
    release();
    pool.shutdown();
    take(futures);
}

/// W1 as it is: everybody at once, waits and spins included.
fn burst_at_once(tasks: usize) {
    let pool = ThreadPoolExecutor::new(WORKERS).expect("two workers");
    let futures = submit_all(&pool, tasks);
    take(futures);
}

/// Submits between two calls of the system that nothing else here makes.
fn submit(tasks: usize) {
    let pool = ThreadPoolExecutor::new(WORKERS).expect("two workers");
    let release = occupy(&pool);
    mark();
    let futures = submit_all(&pool, tasks);
    mark();
    release();
    take(futures);
}

fn mark() {
    std::hint::black_box(std::os::unix::process::parent_id());
}

/// Waits for all of many that another thread completes, in no order.
fn wait_for_all(number: usize) {
    let (promises, futures) = promises(number);
    let completer = thread::spawn(|| fulfil(promises));
    let sets = wait(futures, ReturnWhen::AllCompleted).expect("no deadlock");
    assert_eq!(sets.done.len(), number);
    completer.join().expect("no panic");
}

/// Takes many as they complete, in no order.
fn completed(number: usize) {
    let (promises, futures) = promises(number);
    let futures = as_completed(futures);
    fulfil(promises);
    assert_eq!(futures.count(), number);
}

fn promises(number: usize) -> (Vec<Promise<usize>>, Vec<Future<usize>>) {
    (0..number).map(|_| promise()).unzip()
}

/// Steps through all by a number that has no divisor in common with theirs.
fn fulfil(mut promises: Vec<Promise<usize>>) {
    const STEP: usize = 7919;
    let number = promises.len();
    for n in 0..number {
        let promise = &mut promises[n * STEP % number];
        promise.set_result(n).expect("each has its turn once");
    }
}

fn submit_all(pool: &ThreadPoolExecutor, tasks: usize) -> Vec<Future<u64>> {
    let mut futures = Vec::with_capacity(tasks);
    futures
        .extend((0..tasks as u64).map(|n| pool.submit(move || n * 2).expect("the pool is open")));
    futures
}

fn take(futures: Vec<Future<u64>>) {
    let tasks = futures.len() as u64;
    let results = futures.into_iter().map(|f| f.result().expect("no panic"));
    assert_eq!(results.sum::<u64>(), tasks * tasks.saturating_sub(1));
}

/// Keeps every worker in a task until what it gives back is called.
fn occupy(pool: &ThreadPoolExecutor) -> impl FnOnce() + use<> {
    let gate = Arc::new(Barrier::new(WORKERS + 1));
    let inside = Arc::new(Barrier::new(WORKERS + 1));
    let hold = |_| {
        let (gate, inside) = (gate.clone(), inside.clone());
        let job = move || {
            inside.wait();
            gate.wait();
        };
        pool.submit(job).expect("the pool is open")
    };
    let holding: Vec<_> = (0..WORKERS).map(hold).collect();
    inside.wait();
    move || {
        gate.wait();
        for future in holding {
            future.wait().expect("no deadlock");
        }
    }
}
