//! No thread outlives its pool. Alone in this binary, since it counts the process's threads.
#![cfg(all(not(cf_loom), target_os = "linux"))]

mod common;

use std::time::{Duration, Instant};

use common::{LONG, occupy};
use pool_thread::{ShutdownOptions, ThreadPoolExecutor};

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

// C-197, C-198, C-199, C-207, C-132
#[test]
fn every_thread_ends_with_its_pool() {
    let before = threads();
    for round in 0..30 {
        let pool = ThreadPoolExecutor::builder()
            .max_workers(4)
            .keep_alive(Duration::from_micros(200))
            .build()
            .unwrap();
        let (gates, _running) = occupy(&pool, 4);
        let more = pool.submit_all((0..60).map(|n| move || n)).unwrap();
        assert_eq!(threads(), before + 4);
        drop(gates);
        match round % 3 {
            0 => pool.shutdown(),
            1 => pool
                .shutdown_with(ShutdownOptions::new().cancel_futures(true))
                .unwrap(),
            _ => drop(pool),
        }
        assert!(more.iter().all(|future| future.done()));
        // A joined thread may stand in the system's list for a moment longer.
        let start = Instant::now();
        while threads() > before && start.elapsed() < LONG {
            std::thread::yield_now();
        }
        assert_eq!(threads(), before, "in round {round}");
    }
    // Workers that retire and come again are not collected either.
    let pool = ThreadPoolExecutor::builder()
        .max_workers(3)
        .keep_alive(Duration::from_micros(100))
        .build()
        .unwrap();
    for _ in 0..200 {
        let (gates, running) = occupy(&pool, 3);
        assert!(threads() <= before + 3 + 3);
        drop(gates);
        for future in running {
            future.result().unwrap();
        }
        while pool.stats().workers() > 0 {
            std::thread::yield_now();
        }
    }
    pool.shutdown();
    while threads() > before {
        // The last steps of a thread that retired before: the system's own.
        std::thread::yield_now();
    }
}
