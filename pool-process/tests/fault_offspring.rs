//! Processes that tasks start, and pools in workers: they end with the worker, however it ends.

#![cfg(not(cf_loom))]

mod fault_support;
mod pool_support;

use std::num::NonZeroU32;
use std::process::{Command, Stdio};
use std::time::Duration;

use fault_support::alone;
use pool_process::{Bytes, DropPolicy, Future, ProcessPoolExecutor, TaskError, TaskOptions};
use pool_support::{
    Folder, died, eventually, goes_on_and_leaves_nothing, hang, lives, mark, pid, signal, wait_at,
};

fn quiet(workers: usize) -> ProcessPoolExecutor {
    ProcessPoolExecutor::builder()
        .max_workers(workers)
        .pass_stderr_on(false)
        .grace(Duration::from_millis(10))
        .build()
        .unwrap()
}

/// A child of the worker that runs on, and one that has lost its parent; their numbers.
#[expect(
    clippy::zombie_processes,
    reason = "it is left to whoever ends the worker"
)]
fn start_two(_: u32) -> [u32; 2] {
    let mut sleep = Command::new("sleep");
    sleep.arg("1000").stdin(Stdio::null()).stdout(Stdio::null());
    let child = sleep.stderr(Stdio::null()).spawn().unwrap();
    let shell = "sleep 1000 </dev/null >/dev/null 2>&1 & echo $!";
    let orphan = Command::new("sh").args(["-c", shell]).output().unwrap();
    let orphan = String::from_utf8(orphan.stdout).unwrap();
    [child.id(), orphan.trim().parse().unwrap()]
}

fn start_and_hang(path: String) {
    let two = start_two(0).map(|pid| pid.to_string()).join(" ");
    std::fs::write(format!("{path}.pids"), two).unwrap();
    hang(path);
}

#[track_caller]
fn are_gone(pids: &[u32]) {
    for &pid in pids {
        eventually("what a task has started is left", || !lives(pid));
    }
}

fn numbers(folder: &Folder, name: &str) -> Vec<u32> {
    let pids = std::fs::read_to_string(folder.file(&format!("{name}.pids"))).unwrap();
    pids.split(' ').map(|pid| pid.parse().unwrap()).collect()
}

/// A task that hangs, and what it has started.
fn hanging(pool: &ProcessPoolExecutor, folder: &Folder, name: &str) -> (Future<()>, Vec<u32>) {
    let future = pool.call(start_and_hang, (folder.file(name),)).unwrap();
    folder.await_file(name);
    (future, numbers(folder, name))
}

// P4, P9
#[test]
fn children_of_tasks_that_are_ended_or_crash() {
    alone("children_of_tasks_that_are_ended_or_crash", || {
        let folder = Folder::new();
        let pool = quiet(2);
        // They stay as long as their worker does, whatever becomes of the task.
        let neighbour = pool
            .call(wait_at, (folder.file("began"), folder.file("go")))
            .unwrap();
        folder.await_file("began");
        let others = || -> Vec<_> { (0..10).map(|n| pool.call(pid, (n,)).unwrap()).collect() };

        let (future, pids) = hanging(&pool, &folder, "killed");
        let after = others();
        assert!(pids.iter().all(|&pid| lives(pid)));
        assert!(pool.kill(&future));
        assert!(died(future).is_killed());
        are_gone(&pids);

        let (future, pids) = hanging(&pool, &folder, "crashed");
        signal(folder.pid("crashed"), libc::SIGSEGV);
        assert_eq!(died(future).signal_name(), Some("SIGSEGV"));
        are_gone(&pids);

        let late = TaskOptions::new().deadline(Duration::from_millis(300));
        let path = folder.file("late");
        let future = pool.call_with(late, start_and_hang, (path,)).unwrap();
        assert!(died(future).is_deadline());
        // If it came so far.
        if folder.has("late") {
            are_gone(&numbers(&folder, "late"));
        }

        for future in after.into_iter().chain(others()) {
            future.result().unwrap();
        }
        folder.create("go");
        neighbour.result().unwrap();
        goes_on_and_leaves_nothing(pool);
    });
}

// P9
#[test]
fn children_of_workers_that_retire_or_end_with_their_pool() {
    alone(
        "children_of_workers_that_retire_or_end_with_their_pool",
        || {
            let folder = Folder::new();
            let builder = || {
                ProcessPoolExecutor::builder()
                    .max_workers(1)
                    .pass_stderr_on(false)
            };
            let pool = builder()
                .max_tasks_per_child(NonZeroU32::MIN)
                .build()
                .unwrap();
            let first = pool.call(start_two, (0,)).unwrap().result().unwrap();
            pool.call(pid, (0,)).unwrap().result().unwrap();
            are_gone(&first);
            goes_on_and_leaves_nothing(pool);

            for policy in [DropPolicy::Wait, DropPolicy::Cancel, DropPolicy::Kill] {
                let pool = builder().drop_policy(policy).build().unwrap();
                let two = pool.call(start_two, (0,)).unwrap().result().unwrap();
                assert!(two.iter().all(|&pid| lives(pid)));
                drop(pool);
                are_gone(&two);
            }
            let pool = builder().build().unwrap();
            let (future, two) = hanging(&pool, &folder, "terminated");
            pool.terminate_workers(Duration::ZERO);
            assert!(died(future).is_killed());
            are_gone(&two);
        },
    );
}

/// Goes on in two processes, as a program does that forgets which of them it is in after a `fork`.
fn go_on_twice(n: u32) -> u32 {
    // SAFETY: the copy calls what this thread calls, and waits for no other thread.
    assert!(unsafe { libc::fork() } >= 0);
    n
}

// P4, P9
#[test]
fn a_task_that_returns_in_a_copy_of_its_worker() {
    alone("a_task_that_returns_in_a_copy_of_its_worker", || {
        let pool = quiet(1);
        let worker = pool.call(pid, (0,)).unwrap().result().unwrap();
        for n in 0..20 {
            let twice = pool.call(go_on_twice, (n,)).unwrap();
            let after: Vec<_> = (0..10).map(|n| pool.call(pid, (n,)).unwrap()).collect();
            assert_eq!(twice.result().unwrap(), n);
            for future in after {
                assert_eq!(future.result().unwrap(), worker);
            }
        }
        goes_on_and_leaves_nothing(pool);
    });
}

/// The same, and each returns much of its own.
fn return_much_twice(n: u8) -> Bytes {
    // SAFETY: as above.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    Bytes(vec![if child == 0 { 255 } else { n }; 300_000])
}

// P4, P9
#[test]
fn a_copy_of_a_worker_writes_nothing_where_the_answer_lies() {
    alone(
        "a_copy_of_a_worker_writes_nothing_where_the_answer_lies",
        || {
            let pool = quiet(1);
            for n in 0..20 {
                let twice = pool.call(return_much_twice, (n,)).unwrap();
                assert!(twice.result().unwrap().iter().eq(&[n; 300_000]));
            }
            goes_on_and_leaves_nothing(pool);
        },
    );
}

/// Numbers of the workers below this process, the lowest first.
fn nested(depth: u32, folder: String) -> Vec<u32> {
    if depth == 0 {
        mark(&format!("{folder}/deep"));
        eventually("it may end", || {
            std::path::Path::new(&format!("{folder}/go")).exists()
        });
        return vec![std::process::id()];
    }
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let below = pool.call(nested, (depth - 1, folder)).unwrap();
    let mut pids = below.result().unwrap();
    pids.push(std::process::id());
    pids
}

// P1, P4, P9
#[test]
fn pools_of_depth_three_end_and_are_ended() {
    alone("pools_of_depth_three_end_and_are_ended", || {
        let folder = Folder::new();
        let path = folder.file("").trim_end_matches('/').to_owned();
        let pool = quiet(2);
        let first = pool.call(nested, (2, path.clone())).unwrap();
        folder.await_file("deep");
        let deepest = folder.pid("deep");
        assert!(pool.kill(&first));
        assert!(matches!(first.result(), Err(TaskError::Died(error)) if error.is_killed()));
        eventually("all below are gone", || !lives(deepest));
        folder.create("go");
        let pids = pool.call(nested, (2, path)).unwrap().result().unwrap();
        assert_eq!(pids.len(), 3);
        assert!(pids[..2].iter().all(|&pid| !lives(pid)));
        goes_on_and_leaves_nothing(pool);
    });
}
