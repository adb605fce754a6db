//! Tasks that wait for tasks of their own pool.
#![cfg(not(cf_loom))]

mod common;

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{LONG, occupy};
use pool_thread::{Future, SubmitError, TaskError, ThreadPoolExecutor, ThreadPoolHandle};

fn submit<R: Send + 'static>(
    pool: &ThreadPoolHandle,
    job: impl FnOnce() -> R + Send + 'static,
) -> Future<R> {
    pool.submit(job).map_err(SubmitError::without_job).unwrap()
}

// P10, D-33, C-137
#[test]
fn the_only_worker_waits_for_its_own_pool() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let handle = pool.handle();
    let outer = submit(&pool.handle(), move || {
        submit(&handle, || 5_i32.pow(2)).result().unwrap()
    });
    assert_eq!(outer.result_timeout(LONG).unwrap().unwrap(), 25);
    assert_eq!(pool.stats().finished(), 2);
    assert_eq!(pool.stats().cancelled(), 0);
}

// P10, C-137, D-33
#[test]
fn two_tasks_that_wait_for_each_other_both_end() {
    for workers in 1..=3 {
        let pool = ThreadPoolExecutor::new(workers).unwrap();
        let (to_a, at_a) = channel::<Future<&str>>();
        let (to_b, at_b) = channel::<Future<&str>>();
        let outcomes = Arc::new(Mutex::new(Vec::new()));
        let (gates, _running) = occupy(&pool, workers);
        let tasks = [at_a, at_b].map(|other| {
            let outcomes = outcomes.clone();
            submit(&pool.handle(), move || {
                let other = other.recv().unwrap();
                let told = other.result().is_err();
                outcomes.lock().unwrap().push(told);
                "ended"
            })
        });
        let [a, b] = tasks;
        let handles = [a.handle(), b.handle()];
        to_a.send(b).unwrap();
        to_b.send(a).unwrap();
        drop(gates);
        for handle in handles {
            assert!(handle.wait_timeout(LONG), "a task hangs");
        }
        let outcomes = outcomes.lock().unwrap();
        assert_eq!(outcomes.len(), 2);
        assert!(outcomes.contains(&true), "nobody was told");
    }
}

// P10
#[test]
fn the_error_names_the_tasks() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let (tell, told) = channel::<Future<String>>();
    let task = submit(&pool.handle(), move || {
        let own = told.recv().unwrap();
        match own.result() {
            Err(TaskError::Deadlock(deadlock)) => deadlock.to_string(),
            other => format!("{other:?}"),
        }
    });
    let handle = task.handle();
    let (gone, result) = channel();
    task.add_done_callback(move |f| gone.send(f.result_ref().unwrap().unwrap().clone()).unwrap());
    tell.send(task).unwrap();
    assert!(handle.wait_timeout(LONG));
    let text = result.recv_timeout(LONG).unwrap();
    assert!(
        text.starts_with("deadlock: this wait would never end: task `")
            && text.contains("waits for itself"),
        "{text}"
    );
}

// P10, D-33
#[test]
fn recursion_deeper_than_the_pool_is_wide() {
    fn fibonacci(pool: &ThreadPoolHandle, n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let inner = pool.clone();
        let left = submit(pool, move || fibonacci(&inner, n - 1));
        let inner = pool.clone();
        let right = submit(pool, move || fibonacci(&inner, n - 2));
        left.result().unwrap() + right.result().unwrap()
    }
    for workers in [1, 2, 4] {
        let pool = ThreadPoolExecutor::new(workers).unwrap();
        let handle = pool.handle();
        let all = submit(&pool.handle(), move || fibonacci(&handle, 14));
        assert_eq!(all.result_timeout(LONG).unwrap().unwrap(), 377);
        // Every task was counted once, wherever it ran.
        pool.shutdown();
        let stats = pool.stats();
        assert_eq!(
            (stats.finished(), stats.failed(), stats.cancelled()),
            (1219, 0, 0)
        );
    }
}

// P10
#[test]
fn the_depth_limit_ends_in_an_error_and_not_in_a_full_stack() {
    fn dig(pool: &ThreadPoolHandle, n: usize) -> Result<usize, String> {
        let inner = pool.clone();
        let next = submit(pool, move || dig(&inner, n + 1));
        match next.result() {
            Ok(deeper) => deeper,
            Err(TaskError::Deadlock(_)) => Ok(n),
            Err(other) => Err(other.to_string()),
        }
    }
    let pool = ThreadPoolExecutor::builder()
        .max_workers(1)
        .stack_size(64 << 20)
        .build()
        .unwrap();
    let handle = pool.handle();
    let depth = submit(&pool.handle(), move || {
        let reached = dig(&handle, 0);
        handle
            .shutdown_with(
                pool_thread::ShutdownOptions::new()
                    .wait(false)
                    .cancel_futures(true),
            )
            .unwrap();
        reached
    });
    assert_eq!(depth.result_timeout(LONG).unwrap().unwrap(), Ok(256));
}

// P10, P8
#[test]
fn timed_waits_never_help() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let handle = pool.handle();
    let outer = submit(&pool.handle(), move || {
        let inner = submit(&handle, || 1);
        let late = inner.result_timeout(Duration::from_millis(1)).unwrap_err();
        let inner = late.into_future();
        assert!(!inner.done());
        inner
    });
    assert_eq!(outer.result().unwrap().result().unwrap(), 1);
}

// P10
#[test]
fn a_scope_inside_a_task_of_the_only_worker_ends() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let handle = pool.handle();
    let sum = submit(&pool.handle(), move || {
        let lent = vec![1, 2, 3];
        let sum = std::sync::atomic::AtomicI32::new(0);
        handle.scope(|scope| {
            for n in &lent {
                // Nobody reads these; leaving the scope runs them.
                let sum = &sum;
                drop(scope.submit(move || sum.fetch_add(*n, std::sync::atomic::Ordering::Relaxed)));
            }
        });
        sum.into_inner()
    });
    assert_eq!(sum.result_timeout(LONG).unwrap().unwrap(), 6);
}
