//! Workers that die, at every point and in every way: the right future gets the right error, all
//! others their values, nothing is left, and the pool goes on.

#![cfg(not(cf_loom))]

mod pool_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pool_process::{
    Bytes, Future, OnCrash, ProcessPoolExecutor, SubmitErrorKind, TaskError, WorkerEnd,
};
use pool_support::{
    Folder, died, eventually, exists, goes_on_and_leaves_nothing, hang, mark, pid, signal, wait_at,
};

/// Dies in the way that it is told.
fn die(how: String) -> u32 {
    match how.as_str() {
        "abort" => std::process::abort(),
        "exit" => std::process::exit(0),
        "exit in a thread" => {
            std::thread::spawn(|| std::process::exit(3)).join().unwrap();
        }
        // SAFETY: not at all; that is what it is for.
        "segv" => unsafe { std::ptr::dangling_mut::<u32>().write_volatile(1) },
        "overflow" => return overflow(1),
        "kill" => signal(std::process::id(), libc::SIGKILL),
        "close" => {
            for fd in 3..64 {
                // SAFETY: as above.
                unsafe { libc::close(fd) };
            }
        }
        "complain" => {
            eprintln!("first line\nlast words");
            std::process::abort();
        }
        _ => {}
    }
    std::process::id()
}

#[expect(unconditional_recursion, reason = "so that the stack overflows")]
fn overflow(n: u32) -> u32 {
    let frame = [n; 1024];
    overflow(std::hint::black_box(&frame)[7]) + 1
}

fn call_die(pool: &ProcessPoolExecutor, how: &str) -> Future<u32> {
    pool.call(die, (how.to_owned(),)).unwrap()
}

/// `how` costs its own task and no other.
#[track_caller]
fn costs_one_task(how: &str) -> pool_process::WorkerDied {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(2)
        .pass_stderr_on(false)
        .build()
        .unwrap();
    let before: Vec<_> = (0..50).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    let fatal = call_die(&pool, how);
    let after: Vec<_> = (0..50).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    let error = died(fatal);
    assert!(error.task().ends_with("::die"));
    assert!(!exists(error.pid()), "it was waited for");
    for future in before.into_iter().chain(after) {
        future.result().unwrap();
    }
    assert_eq!((pool.stats().restarts(), pool.stats().failed()), (1, 1));
    goes_on_and_leaves_nothing(pool);
    error
}

// C-164, C-173, D-2, D-15, P4
#[test]
fn abort() {
    let error = costs_one_task("abort");
    assert_eq!(
        (error.signal(), error.signal_name()),
        (Some(6), Some("SIGABRT"))
    );
    assert!(!error.is_killed());
}

// C-164, D-2, D-15, P4
#[test]
fn segmentation_fault() {
    assert_eq!(costs_one_task("segv").signal_name(), Some("SIGSEGV"));
}

// D-2, D-15, P4
#[test]
fn stack_overflow() {
    let error = costs_one_task("overflow");
    assert_eq!(*error.end(), WorkerEnd::StackOverflow);
    assert!(error.to_string().contains("overflowed its stack"));
}

// C-165, C-173, D-15, P4
#[test]
fn exit_in_a_task_or_in_another_thread() {
    assert_eq!(costs_one_task("exit").exit_code(), Some(0));
    assert_eq!(costs_one_task("exit in a thread").exit_code(), Some(3));
}

// D-2, D-15, P4
#[test]
fn killed_by_somebody() {
    let error = costs_one_task("kill");
    assert_eq!(error.signal_name(), Some("SIGKILL"));
    assert!(error.to_string().contains("when memory is short"));
}

// D-15
#[test]
fn the_last_words_are_in_the_error() {
    let error = costs_one_task("complain");
    assert!(
        error.stderr().ends_with("first line\nlast words\n"),
        "{:?}",
        error.stderr()
    );
    assert!(
        error
            .to_string()
            .ends_with("the last line of its stderr: last words")
    );
}

// P4
#[test]
fn a_task_that_closes_every_descriptor() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(2)
        .pass_stderr_on(false)
        .build()
        .unwrap();
    let closes = call_die(&pool, "close");
    let others: Vec<_> = (0..50).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    // It is finished, or its worker died before it could say so.
    let ended = closes.result();
    assert!(
        matches!(ended, Ok(_) | Err(TaskError::Died(_))),
        "{ended:?}"
    );
    for other in others {
        other.result().unwrap();
    }
    goes_on_and_leaves_nothing(pool);
}

// C-170, D-2, P4
#[test]
fn a_busy_worker_is_killed_from_outside() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let folder = Folder::new();
    let victim = pool.call(hang, (folder.file("hangs"),)).unwrap();
    folder.await_file("hangs");
    let queued: Vec<_> = (0..40).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    let pids = pool.stats().pids().to_vec();
    // The one that hangs is the first that was started.
    signal(pids[0], libc::SIGKILL);
    let error = died(victim);
    assert_eq!(
        (error.pid(), error.signal_name()),
        (pids[0], Some("SIGKILL"))
    );
    for future in queued {
        future.result().unwrap();
    }
    goes_on_and_leaves_nothing(pool);
}

// P4
#[test]
fn an_idle_worker_is_killed_from_outside() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let first = pool.call(pid, (0,)).unwrap().result().unwrap();
    signal(first, libc::SIGKILL);
    eventually("it is noticed", || !pool.stats().pids().contains(&first));
    assert_ne!(pool.call(pid, (0,)).unwrap().result().unwrap(), first);
    goes_on_and_leaves_nothing(pool);
}

// P4, P5
#[test]
fn what_was_sent_behind_the_victim_runs_elsewhere_and_once() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let victim = pool.call(hang, (folder.file("hangs"),)).unwrap();
    let others: Vec<_> = (0..100)
        .map(|n| {
            let once = |path: String| {
                assert!(!std::path::Path::new(&path).exists(), "twice");
                mark(&path);
            };
            pool.call(once, (folder.file(&format!("ran-{n}")),))
                .unwrap()
        })
        .collect();
    folder.await_file("hangs");
    signal(folder.pid("hangs"), libc::SIGKILL);
    died(victim);
    for other in others {
        other.result().unwrap();
    }
    assert_eq!(folder.files(), 101);
    goes_on_and_leaves_nothing(pool);
}

// C-170, C-171, C-172, C-174, C-175
#[test]
fn a_pool_that_is_to_break_breaks() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(2)
        .on_crash(OnCrash::BreakPool)
        .build()
        .unwrap();
    let folder = Folder::new();
    let hangs = pool.call(hang, (folder.file("hangs"),)).unwrap();
    let waits = pool.call(hang, (folder.file("waits"),)).unwrap();
    folder.await_file("hangs");
    folder.await_file("waits");
    let queued: Vec<_> = (0..10).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    let pids = pool.stats().pids().to_vec();
    let worker = folder.pid("hangs");
    signal(worker, libc::SIGKILL);
    for future in queued {
        assert!(matches!(future.result(), Err(TaskError::Broken(_))));
    }
    assert_eq!(died(hangs).pid(), worker);
    let error = waits.result().unwrap_err();
    let TaskError::Broken(broken) = error else {
        panic!("{error}");
    };
    assert!(broken.to_string().contains("SIGKILL"), "{broken}");
    let refused = pool.call(pid, (0,)).unwrap_err();
    assert!(matches!(refused.kind(), SubmitErrorKind::Broken(_)));
    assert!(pool.stats().is_broken());
    pool.shutdown();
    assert!(pids.into_iter().all(|pid| !exists(pid)));
}

fn dies_twice(folder: String) -> u32 {
    let tries = std::fs::read_dir(&folder).unwrap().count();
    mark(&format!("{folder}/{tries}"));
    if tries < 2 {
        std::process::abort();
    }
    std::process::id()
}

// D-2
#[test]
fn a_task_is_tried_again_as_often_as_asked_for() {
    let folder = Folder::new();
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .on_crash(OnCrash::FailTask { retries: 2 })
        .pass_stderr_on(false)
        .build()
        .unwrap();
    let path = folder.file("").trim_end_matches('/').to_owned();
    pool.call(dies_twice, (path,)).unwrap().result().unwrap();
    assert_eq!(folder.files(), 3);
    let always = died(call_die(&pool, "abort"));
    assert_eq!(always.attempts(), 3);
    goes_on_and_leaves_nothing(pool);
}

// C-176, P3
#[test]
fn what_was_cancelled_before_the_crash_stays_cancelled() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .on_crash(OnCrash::BreakPool)
        .build()
        .unwrap();
    let folder = Folder::new();
    let hangs = pool.call(hang, (folder.file("hangs"),)).unwrap();
    let queued: Vec<_> = (0..10).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    folder.await_file("hangs");
    assert!(queued.iter().step_by(2).all(|future| future.cancel()));
    signal(folder.pid("hangs"), libc::SIGKILL);
    assert!(hangs.result().is_err());
    for (n, future) in queued.into_iter().enumerate() {
        assert_eq!(future.result().unwrap_err().is_cancelled(), n % 2 == 0);
    }
}

// C-222, D-16, D-17
#[test]
fn a_worker_dies_while_much_is_sent_to_it() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(2)
        .pass_stderr_on(false)
        .build()
        .unwrap();
    let fatal = call_die(&pool, "abort");
    let length = |bytes: Bytes| bytes.0.len();
    // More than any pipe holds; some inline, some out of band.
    let futures: Vec<_> = (0..10)
        .map(|n| {
            let size = if n % 2 == 0 { 60_000 } else { 5 << 20 };
            (size, pool.call(length, (Bytes(vec![7; size]),)).unwrap())
        })
        .collect();
    died(fatal);
    for (size, future) in futures {
        assert_eq!(future.result().unwrap(), size);
    }
    goes_on_and_leaves_nothing(pool);
}

// C-220, C-224
#[test]
fn a_crash_after_shutdown_was_called() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .pass_stderr_on(false)
        .build()
        .unwrap();
    let folder = Folder::new();
    let crash = |began: String, go: String| -> u32 {
        wait_at(began, go);
        std::process::abort()
    };
    let fatal = pool
        .call(crash, (folder.file("began"), folder.file("go")))
        .unwrap();
    let queued = pool.call(pid, (0,)).unwrap();
    folder.await_file("began");
    let handle = pool.handle();
    let shutting = std::thread::spawn(move || handle.shutdown());
    eventually("it is shut down", || pool.stats().is_shut_down());
    folder.create("go");
    assert_eq!(died(fatal).signal_name(), Some("SIGABRT"));
    queued.result().unwrap();
    shutting.join().unwrap();
    assert_eq!(pool.stats().workers(), 0);
}

// P1
#[test]
fn a_flood_of_output_stops_nobody() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(2)
        .pass_stderr_on(false)
        .build()
        .unwrap();
    let flood = |lines: u32| {
        for n in 0..lines {
            eprintln!("line {n} of a flood that is longer than any pipe");
        }
        lines
    };
    let floods: Vec<_> = (0..4)
        .map(|_| pool.call(flood, (20_000,)).unwrap())
        .collect();
    for future in floods {
        assert_eq!(future.result().unwrap(), 20_000);
    }
    goes_on_and_leaves_nothing(pool);
}

// P9
#[test]
#[expect(clippy::zombie_processes, reason = "its parent is killed first")]
fn grandchildren_end_with_their_worker() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let spawn = |path: String| -> u32 {
        let child = std::process::Command::new("sleep")
            .arg("1000")
            .spawn()
            .unwrap();
        std::fs::write(&path, child.id().to_string()).unwrap();
        std::fs::rename(&path, format!("{path}.done")).unwrap();
        loop {
            std::thread::park();
        }
    };
    let future = pool.call(spawn, (folder.file("child"),)).unwrap();
    folder.await_file("child.done");
    let child: u32 = std::fs::read_to_string(folder.file("child.done"))
        .unwrap()
        .parse()
        .unwrap();
    assert!(pool_support::lives(child));
    assert!(pool.kill_after(&future, Duration::ZERO));
    died(future);
    eventually("it is gone", || !pool_support::lives(child));
    goes_on_and_leaves_nothing(pool);
}

// P1, P2
#[test]
fn a_crash_while_a_callback_resubmits() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(2)
        .pass_stderr_on(false)
        .build()
        .unwrap();
    let resubmitted = Arc::new(AtomicUsize::new(0));
    let fatal: Vec<_> = (0..8).map(|_| call_die(&pool, "exit")).collect();
    for future in &fatal {
        let (handle, count) = (pool.handle(), resubmitted.clone());
        future.add_done_callback(move |future| {
            assert!(future.failed());
            handle.call(pid, (1,)).unwrap().result().unwrap();
            count.fetch_add(1, Ordering::SeqCst);
        });
    }
    for future in fatal {
        assert_eq!(died(future).exit_code(), Some(0));
    }
    assert_eq!(resubmitted.load(Ordering::SeqCst), 8);
    goes_on_and_leaves_nothing(pool);
}
