//! Workers that end after so many tasks.

#![cfg(not(cf_loom))]

mod pool_support;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use pool_process::{ProcessPoolExecutor, ShutdownOptions, TaskError};
use pool_support::{Folder, died, eventually, exists, goes_on_and_leaves_nothing, hang, pid};

fn pool(workers: usize, tasks: u32) -> ProcessPoolExecutor {
    ProcessPoolExecutor::builder()
        .max_workers(workers)
        .max_tasks_per_child(NonZeroU32::new(tasks).unwrap())
        .build()
        .unwrap()
}

// C-180
#[test]
fn a_worker_serves_as_many_tasks_as_it_may() {
    let pool = pool(1, 3);
    let pids: Vec<_> = (0..7)
        .map(|n| pool.call(pid, (n,)).unwrap().result().unwrap())
        .collect();
    assert!(pids[0] == pids[1] && pids[1] == pids[2]);
    assert_ne!(pids[2], pids[3]);
    assert!(pids[3] == pids[4] && pids[4] == pids[5]);
    assert_ne!(pids[5], pids[6]);
    eventually("those are gone", || !exists(pids[0]) && !exists(pids[3]));
    assert_eq!(pool.stats().workers(), 1);
    assert_eq!(pool.stats().restarts(), 0);
    goes_on_and_leaves_nothing(pool);
}

// C-183, D-5
#[test]
fn a_backlog_longer_than_all_workers_may_serve_completes() {
    for (workers, tasks, backlog) in [(1, 2, 6), (2, 2, 8), (3, 1, 40), (2, 5, 300)] {
        let pool = pool(workers, tasks);
        let futures: Vec<_> = (0..backlog)
            .map(|n| pool.call(pid, (n,)).unwrap())
            .collect();
        let mut served = HashMap::new();
        for future in futures {
            *served.entry(future.result().unwrap()).or_insert(0) += 1;
        }
        assert!(served.values().all(|&count| count <= tasks), "{served:?}");
        goes_on_and_leaves_nothing(pool);
    }
}

// C-184, C-185, D-5
#[test]
fn shutdown_while_workers_retire_finishes_the_queue() {
    for wait in [true, false] {
        let pool = pool(3, 1);
        let futures: Vec<_> = (0..12).map(|n| pool.call(pid, (n,)).unwrap()).collect();
        pool.shutdown_with(ShutdownOptions::new().wait(wait))
            .unwrap();
        for future in futures {
            future.result().unwrap();
        }
        pool.shutdown();
        assert_eq!(pool.stats().workers(), 0);
    }
}

// C-186, D-5
#[test]
fn dropping_the_pool_while_workers_retire() {
    let pool = pool(1, 1);
    let futures: Vec<_> = (0..5).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    drop(pool);
    for future in futures {
        assert!(!exists(future.result().unwrap()));
    }
}

// C-187, D-5
#[test]
fn a_retiring_worker_is_not_replaced_once_all_are_to_end() {
    let pool = pool(1, 1);
    let folder = Folder::new();
    let hangs = pool.call(hang, (folder.file("hangs"),)).unwrap();
    let queued: Vec<_> = (0..5).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    folder.await_file("hangs");
    pool.terminate_workers(Duration::from_secs(5));
    died(hangs);
    for future in queued {
        assert!(future.result().unwrap_err().is_cancelled());
    }
    pool.shutdown();
    assert_eq!(pool.stats().launched(), 1);
}

// C-189, D-5
#[test]
fn a_failing_task_a_limit_of_one_and_a_shutdown() {
    for workers in [2, 4] {
        let pool = pool(workers, 1);
        let fails = pool
            .call(|n: u32| -> u32 { panic!("no {n}") }, (1,))
            .unwrap();
        pool.shutdown_with(ShutdownOptions::new().wait(false))
            .unwrap();
        assert!(matches!(fails.result(), Err(TaskError::Panicked(_))));
        pool.shutdown();
    }
}
