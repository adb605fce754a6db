//! A program that has a pool, and its end. The programs are children of this test binary.
#![cfg(not(cf_loom))]

mod common;

use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Instant;

use common::{LONG, occupy};
use pool_thread::{DropPolicy, Future, ShutdownOptions, SubmitError, ThreadPoolExecutor};

const CHILD: &str = "POOL_THREAD_TEST_CHILD";

/// What the program prints first.
const BEGINS: &str = "<begins>";

/// What a task prints.
const RAN: &str = "<ran>";

/// In the process of its own that the test `test` starts: calls `body` and ends as a program does
/// when `main` returns. In the test: how many tasks of it ran, once it has ended by itself.
fn tasks_of_program(test: &str, body: fn()) -> usize {
    if std::env::var_os(CHILD).is_some() {
        println!("{BEGINS}");
        body();
        // The runtime does so after `main`; this `main` is the test harness's.
        std::process::exit(0);
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It says little, so that it can end before anybody reads.
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if start.elapsed() > LONG {
            child.kill().unwrap();
            break None;
        }
        std::thread::yield_now();
    };
    let output = child.wait_with_output().unwrap();
    let status = status.expect("the program ends");
    assert!(status.success(), "{status}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(BEGINS), "{said}");
    said.matches(RAN).count()
}

/// Gives the pool a task that never ends; it runs when this returns.
fn hang(pool: &ThreadPoolExecutor) {
    let (started, has_started) = channel();
    let hangs = pool.submit(move || {
        started.send(()).unwrap();
        loop {
            std::thread::park();
        }
    });
    let hangs: Future<()> = hangs.map_err(SubmitError::without_job).unwrap();
    drop(hangs);
    has_started.recv_timeout(LONG).expect("it starts");
}

// C-190, C-198
#[test]
fn a_program_that_drops_its_pool_ends_after_all_tasks() {
    let ran = tasks_of_program("a_program_that_drops_its_pool_ends_after_all_tasks", || {
        let pool = ThreadPoolExecutor::new(2).unwrap();
        let (gates, _running) = occupy(&pool, 2);
        for _ in 0..20 {
            drop(pool.submit(|| println!("{RAN}")).unwrap());
        }
        drop(gates);
    });
    assert_eq!(ran, 20);
}

// C-190
#[test]
fn a_program_that_never_drops_its_pool_waits_for_no_task() {
    let ran = tasks_of_program(
        "a_program_that_never_drops_its_pool_waits_for_no_task",
        || {
            let pool = ThreadPoolExecutor::new(1).unwrap();
            hang(&pool);
            drop(pool.submit(|| println!("{RAN}")).unwrap());
            std::mem::forget(pool);
        },
    );
    assert_eq!(ran, 0);
}

// C-195, C-200, D-4
#[test]
fn a_program_ends_though_a_task_hangs_in_a_pool_that_does_not_wait() {
    let ran = tasks_of_program(
        "a_program_ends_though_a_task_hangs_in_a_pool_that_does_not_wait",
        || {
            let pool = ThreadPoolExecutor::builder()
                .max_workers(2)
                .drop_policy(DropPolicy::Detach)
                .build()
                .unwrap();
            hang(&pool);
            let queued = pool.submit(|| println!("{RAN}")).unwrap();
            pool.shutdown_with(ShutdownOptions::new().wait(false))
                .unwrap();
            // The other worker runs it after the shutdown as before.
            queued.result_timeout(LONG).unwrap().unwrap();
        },
    );
    assert_eq!(ran, 1);
}
