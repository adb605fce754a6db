//! Pools in the workers of pools, and what becomes of them when their parent is killed.

#![cfg(not(cf_loom))]

mod pool_support;

use pool_process::ProcessPoolExecutor;
use pool_support::{Folder, died, eventually, hang, lives, mark, pid, signal};

fn nested(depth: u32) -> Vec<u32> {
    if depth == 0 {
        return vec![std::process::id()];
    }
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let mut pids = pool.call(nested, (depth - 1,)).unwrap().result().unwrap();
    pids.push(std::process::id());
    pids
}

// P9
#[test]
fn pools_nest() {
    let pids = nested(3);
    assert_eq!(pids.len(), 4);
    assert!(pids[..3].iter().all(|&pid| !lives(pid)));
}

/// Makes a pool with a busy, an idle and a stopped worker, says which, and never ends.
fn parent(folder: String) {
    let pool = ProcessPoolExecutor::new(3).unwrap();
    let busy = [1, 2].map(|n| pool.call(hang, (format!("{folder}/busy-{n}"),)).unwrap());
    while pool.stats().running() < 2 || busy.iter().any(|busy| !busy.running()) {
        std::thread::yield_now();
    }
    pool.call(pid, (0,)).unwrap().result().unwrap();
    let pids = pool.stats().pids().to_vec();
    signal(pids[1], libc::SIGSTOP);
    let text: Vec<_> = pids.iter().map(ToString::to_string).collect();
    std::fs::write(format!("{folder}/pids"), text.join(" ")).unwrap();
    mark(&format!("{folder}/there"));
    drop(pool);
}

// P9, C-190, D-4, D-32
#[test]
fn no_worker_outlives_a_parent_that_is_killed() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let path = folder.file("").trim_end_matches('/').to_owned();
    let future = pool.call(parent, (path,)).unwrap();
    folder.await_file("there");
    let text = std::fs::read_to_string(folder.file("pids")).unwrap();
    let pids: Vec<u32> = text.split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|&pid| lives(pid)));
    signal(pool.stats().pids()[0], libc::SIGKILL);
    died(future);
    eventually("all are gone", || pids.iter().all(|&pid| !lives(pid)));
}
