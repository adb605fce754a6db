//! Nothing is left of a pool. One test, for it counts what the whole process has.

#![cfg(not(cf_loom))]

mod pool_support;

use std::fs;

use pool_process::ProcessPoolExecutor;
use pool_support::{Folder, died, eventually, hang, pid};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn count(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

fn children() -> String {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok())
        .collect()
}

fn abort(_: u32) -> u32 {
    std::process::abort()
}

// P1, P9, C-116, C-207, D-16
#[test]
fn nothing_is_left_and_a_limit_of_descriptors_only_makes_fewer_workers() {
    let before = (count("/proc/self/fd"), count("/proc/self/task"));
    let limit = getrlimit(Resource::Nofile);
    let low = Rlimit {
        current: Some(64),
        ..limit
    };
    setrlimit(Resource::Nofile, low).unwrap();
    let folder = Folder::new();
    for round in 0..3 {
        let pool = ProcessPoolExecutor::builder()
            .max_workers(40)
            .pass_stderr_on(false)
            .build()
            .unwrap();
        let aborts = pool.call(abort, (0,)).unwrap();
        let hangs = pool
            .call(hang, (folder.file(&format!("{round}")),))
            .unwrap();
        let futures: Vec<_> = (0..20_000).map(|n| pool.call(pid, (n,)).unwrap()).collect();
        for future in futures {
            future.result().unwrap();
        }
        died(aborts);
        folder.await_file(&format!("{round}"));
        assert!(pool.stats().workers() < 40, "{pool:?}");
        if round == 0 {
            pool.kill_workers();
        } else {
            pool.kill(&hangs);
        }
        died(hangs);
        drop(pool);
        assert_eq!(children(), "");
        let now = || (count("/proc/self/fd"), count("/proc/self/task"));
        // A joined thread may stand in the system's list for a moment.
        eventually("descriptors and threads are as before", || now() == before);
    }
    setrlimit(Resource::Nofile, limit).unwrap();
}
