//! A failed initializer leaks nothing. Alone in this binary, since it counts the process's
//! threads and descriptors.
#![cfg(all(not(cf_loom), target_os = "linux"))]

use std::time::{Duration, Instant};

use pool_thread::{TaskError, ThreadPoolExecutor};

fn count(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}"))
        .unwrap()
        .count()
}

// C-116, C-207
#[test]
fn a_failed_initializer_leaks_nothing() {
    let before = (count("task"), count("fd"));
    for _ in 0..50 {
        let pool = ThreadPoolExecutor::builder()
            .max_workers(3)
            .initializer(|| Err::<(), _>("no"))
            .build()
            .unwrap();
        for _ in 0..10 {
            if let Ok(future) = pool.submit(|| ()) {
                assert!(matches!(future.result(), Err(TaskError::Broken(_))));
            }
        }
        drop(pool);
        // A joined thread may stand in the list for a moment longer.
        let deadline = Instant::now() + Duration::from_secs(10);
        while (count("task"), count("fd")) != before && Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!((count("task"), count("fd")), before);
    }
}
