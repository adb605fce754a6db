//! Ways to die, each in a process that counts what is left: nothing.

#![cfg(not(cf_loom))]

mod fault_support;
mod pool_support;

use std::sync::Mutex;
use std::time::Duration;

use fault_support::alone;
use fault_support::fatal::{Fatal, STEPS, call_fatal, fatal};
use pool_process::{Bytes, OnCrash, ProcessPoolExecutor, TaskError, TaskOptions, WorkerEnd};
use pool_support::{
    Folder, died, eventually, exists, goes_on_and_leaves_nothing, hang, mark, pid, signal, wait_at,
};

fn quiet(workers: usize) -> ProcessPoolExecutor {
    ProcessPoolExecutor::builder()
        .max_workers(workers)
        .pass_stderr_on(false)
        .grace(Duration::from_millis(10))
        // A backtrace would push out what was said before it.
        .env_remove("RUST_BACKTRACE")
        .build()
        .unwrap()
}

const WAYS: [(&str, WorkerEnd); 7] = [
    ("abort", signalled(libc::SIGABRT)),
    ("exit", WorkerEnd::Exited(0)),
    ("_exit", WorkerEnd::Exited(0)),
    ("segv", signalled(libc::SIGSEGV)),
    ("kill", signalled(libc::SIGKILL)),
    ("overflow", WorkerEnd::StackOverflow),
    ("thread", WorkerEnd::Exited(3)),
];

const fn signalled(signal: i32) -> WorkerEnd {
    WorkerEnd::Signalled {
        signal,
        core: false,
    }
}

/// Whether both are the same, whether or not the system keeps core files.
fn same(a: &WorkerEnd, b: &WorkerEnd) -> bool {
    match (a, b) {
        (WorkerEnd::Signalled { signal: a, .. }, WorkerEnd::Signalled { signal: b, .. }) => a == b,
        _ => a == b,
    }
}

// C-162, C-164, C-165, C-173, C-224, D-2, D-15, P4, P9
#[test]
fn at_every_step_and_in_every_way() {
    alone("at_every_step_and_in_every_way", || {
        let pool = quiet(2);
        for step in STEPS {
            for (way, end) in WAYS {
                let before: Vec<_> = (0..10).map(|n| pool.call(pid, (n,)).unwrap()).collect();
                let victim = call_fatal(&pool, &format!("{step}-{way}"));
                let after: Vec<_> = (0..10).map(|n| pool.call(pid, (n,)).unwrap()).collect();
                let error = died(victim);
                assert!(same(error.end(), &end), "{step} {way}: {error}");
                assert!(error.task().ends_with("::fatal"), "{error}");
                assert_eq!(error.attempts(), 1);
                assert!(!exists(error.pid()));
                for future in before.into_iter().chain(after) {
                    future.result().unwrap();
                }
            }
        }
        assert_eq!(pool.stats().failed(), (STEPS.len() * WAYS.len()) as u64);
        goes_on_and_leaves_nothing(pool);
    });
}

// C-224, P1, P2
#[test]
fn inside_a_done_callback() {
    alone("inside_a_done_callback", || {
        let pool = quiet(2);
        let (tell, told) = std::sync::mpsc::channel();
        for step in STEPS {
            for (way, end) in WAYS {
                let (handle, tell) = (pool.handle(), tell.clone());
                let first = pool.call(pid, (0,)).unwrap();
                first.add_done_callback(move |_| {
                    let how = Fatal(format!("{step}-{way}"));
                    let victim = handle.call(fatal, (how,)).unwrap();
                    let other = handle.call(pid, (1,)).unwrap();
                    let is_right = same(died(victim).end(), &end);
                    tell.send(is_right && other.result().is_ok()).unwrap();
                });
                assert_eq!(told.recv_timeout(pool_support::LONG), Ok(true));
            }
        }
        goes_on_and_leaves_nothing(pool);
    });
}

// P4, P9
#[test]
fn memory_at_its_limit() {
    alone("memory_at_its_limit", || {
        let greedy = |bytes: usize| -> usize {
            let limit = libc::rlimit {
                rlim_cur: 1 << 30,
                rlim_max: libc::RLIM_INFINITY,
            };
            // SAFETY: it limits this process, a worker that is about to end.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
            std::hint::black_box(vec![1_u8; bytes]).len()
        };
        let pool = quiet(1);
        let others: Vec<_> = (0..10).map(|n| pool.call(pid, (n,)).unwrap()).collect();
        let victim = pool.call(greedy, (8 << 30,)).unwrap();
        let error = died(victim);
        assert_eq!(error.signal_name(), Some("SIGABRT"), "{error}");
        assert!(error.stderr().contains("memory allocation"), "{error}");
        for other in others {
            other.result().unwrap();
        }
        goes_on_and_leaves_nothing(pool);
    });
}

/// Kills its neighbours, or itself, or all.
fn murder(pids: Vec<u32>) -> u32 {
    let own = std::process::id();
    for pid in pids.iter().filter(|&&pid| pid != own) {
        // SAFETY: it only sends a signal.
        unsafe { libc::kill(*pid as i32, libc::SIGKILL) };
    }
    if pids.contains(&own) {
        signal(own, libc::SIGKILL);
    }
    own
}

// D-2, D-17, P1, P4, P9
#[test]
fn workers_that_kill_each_other() {
    alone("workers_that_kill_each_other", || {
        for workers in [1, 2, 5, 13] {
            let pool = quiet(workers);
            for round in 0..3 {
                let folder = Folder::new();
                let all: Vec<_> = (0..workers)
                    .map(|n| {
                        let began = folder.file(&format!("{n}"));
                        pool.call(wait_at, (began, folder.file("go"))).unwrap()
                    })
                    .collect();
                for n in 0..workers {
                    folder.await_file(&format!("{n}"));
                }
                folder.create("go");
                let pids: Vec<_> = all.into_iter().map(|f| f.result().unwrap()).collect();
                let murders: Vec<_> = (0..workers)
                    .map(|n| {
                        let victims = match round {
                            0 => vec![pids[n]],
                            1 => vec![pids[(n + 1) % workers]],
                            _ => pids.clone(),
                        };
                        pool.call(murder, (victims,)).unwrap()
                    })
                    .collect();
                for murder in murders {
                    match murder.result() {
                        Ok(_) => {}
                        Err(TaskError::Died(error)) => {
                            assert_eq!(error.signal_name(), Some("SIGKILL"), "{error}");
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            }
            goes_on_and_leaves_nothing(pool);
        }
    });
}

fn once(path: String) -> u32 {
    assert!(!std::path::Path::new(&path).exists(), "run twice");
    mark(&path);
    std::process::id()
}

// D-2, D-15, P1, P4, P5, P9
#[test]
fn kills_at_any_moment() {
    alone("kills_at_any_moment", || {
        let pool = quiet(3);
        let folder = Folder::new();
        let futures: Vec<_> = (0..1500)
            .map(|n| {
                pool.call(once, (folder.file(&format!("ran-{n}")),))
                    .unwrap()
            })
            .collect();
        let killed = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..25 {
                    // Wherever the pool happens to be.
                    let before = pool.stats().finished();
                    while pool.stats().finished() < before + 20 && pool.stats().queued() > 0 {
                        std::thread::yield_now();
                    }
                    let pids = pool.stats().pids().to_vec();
                    if let Some(&pid) = pids.get(n % pids.len().max(1)) {
                        killed.lock().unwrap().push(pid);
                        // SAFETY: it only sends a signal.
                        unsafe { libc::kill(pid as i32, libc::SIGKILL) };
                    }
                }
            });
            let mut lost = 0;
            let mut served = 0;
            for future in futures {
                match future.result() {
                    Ok(_) => served += 1,
                    Err(TaskError::Died(error)) => {
                        lost += 1;
                        assert_eq!(error.signal_name(), Some("SIGKILL"), "{error}");
                        assert!(killed.lock().unwrap().contains(&error.pid()), "{error}");
                    }
                    Err(other) => panic!("{other}"),
                }
            }
            assert_eq!(served + lost, 1500);
            assert!(lost <= 25, "{lost}");
            assert!(folder.files() >= served);
        });
        goes_on_and_leaves_nothing(pool);
    });
}

// D-2, P1, P4, P7
#[test]
fn between_an_answer_and_the_next_task() {
    alone("between_an_answer_and_the_next_task", || {
        let pool = quiet(1);
        for n in 0..40 {
            let worker = pool.call(pid, (n,)).unwrap().result().unwrap();
            signal(worker, libc::SIGKILL);
            // It was sent to the dead one, to its successor, or to one that had a moment to live.
            match pool.call(pid, (n,)).unwrap().result() {
                Ok(_) => {}
                Err(TaskError::Died(error)) => assert_eq!(error.pid(), worker),
                Err(other) => panic!("{other}"),
            }
        }
        goes_on_and_leaves_nothing(pool);
    });
}

// C-222, D-16, P4, P9
#[test]
fn while_a_hundred_mebibytes_are_sent_to_it() {
    alone("while_a_hundred_mebibytes_are_sent_to_it", || {
        let pool = quiet(1);
        let folder = Folder::new();
        let victim = pool.call(hang, (folder.file("hangs"),)).unwrap();
        folder.await_file("hangs");
        let worker = folder.pid("hangs");
        // It reads nothing any more, so the channel and whatever lies behind it fill.
        signal(worker, libc::SIGSTOP);
        let length = |bytes: Bytes| bytes.0.len();
        let inline: Vec<_> = (0..320)
            .map(|_| pool.call(length, (Bytes(vec![7; 60_000]),)).unwrap())
            .collect();
        let large = pool.call(length, (Bytes(vec![7; 80 << 20]),)).unwrap();
        signal(worker, libc::SIGKILL);
        let error = died(victim);
        assert_eq!(
            (error.pid(), error.signal_name()),
            (worker, Some("SIGKILL"))
        );
        for future in inline {
            assert_eq!(future.result().unwrap(), 60_000);
        }
        assert_eq!(large.result().unwrap(), 80 << 20);
        goes_on_and_leaves_nothing(pool);
    });
}

// P4, P9
#[test]
fn large_tasks_that_are_cancelled_and_a_pool_that_is_killed() {
    alone(
        "large_tasks_that_are_cancelled_and_a_pool_that_is_killed",
        || {
            let pool = quiet(2);
            let folder = Folder::new();
            let both = ["a", "b"].map(|n| pool.call(hang, (folder.file(n),)).unwrap());
            folder.await_file("a");
            folder.await_file("b");
            let echo = |bytes: Bytes| bytes;
            let large: Vec<_> = (0..10)
                .map(|_| pool.call(echo, (Bytes(vec![1; 8 << 20]),)).unwrap())
                .collect();
            assert!(large.iter().all(|future| future.cancel()));
            pool.kill_workers();
            for future in both {
                assert_eq!(*died(future).end(), WorkerEnd::ShutDown);
            }
            for future in large {
                assert!(future.result().unwrap_err().is_cancelled());
            }
        },
    );
}

// C-170, C-175, P9
#[test]
fn a_pool_that_breaks_leaves_nothing() {
    alone("a_pool_that_breaks_leaves_nothing", || {
        let pool = ProcessPoolExecutor::builder()
            .max_workers(3)
            .pass_stderr_on(false)
            .on_crash(OnCrash::BreakPool)
            .build()
            .unwrap();
        let folder = Folder::new();
        let running = ["a", "b"].map(|n| pool.call(hang, (folder.file(n),)).unwrap());
        folder.await_file("a");
        folder.await_file("b");
        let victim = call_fatal(&pool, "run-segv");
        assert_eq!(died(victim).signal_name(), Some("SIGSEGV"));
        for future in running {
            let error = future.result().unwrap_err();
            assert!(matches!(error, TaskError::Broken(_)), "{error}");
            assert!(error.to_string().contains("SIGSEGV"), "{error}");
        }
        assert!(pool.call(pid, (0,)).is_err());
        // Python's `terminate_workers` on a broken pool.
        pool.terminate_workers(Duration::ZERO);
    });
}

// D-3, P4, P9
#[test]
fn a_kill_a_deadline_and_a_shutdown_at_once() {
    alone("a_kill_a_deadline_and_a_shutdown_at_once", || {
        fn stubborn(began: String) {
            // SAFETY: it only sets a signal's disposition.
            unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
            hang(began);
        }
        let pool = ProcessPoolExecutor::builder()
            .max_workers(2)
            .grace(pool_support::LONG)
            .build()
            .unwrap();
        let folder = Folder::new();
        let late = TaskOptions::new().deadline(Duration::from_millis(1));
        let first = pool.call_with(late, stubborn, (folder.file("a"),)).unwrap();
        let second = pool.call(stubborn, (folder.file("b"),)).unwrap();
        folder.await_file("b");
        eventually("it runs", || first.running() || first.done());
        // Both are in a grace that is longer than anybody waits; the shorter one counts.
        assert!(pool.kill(&second));
        pool.kill_after(&second, Duration::ZERO);
        assert!(died(second).is_killed());
        pool.kill_workers();
        assert!(died(first).is_killed());
    });
}
