//! Workers that cannot be started, or not at once.

#![cfg(not(cf_loom))]

mod pool_support;

use std::collections::HashSet;
use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pool_process::parts::{LaunchError, LaunchSpec, Launched, Launcher, LocalLauncher};
use pool_process::{ProcessPoolExecutor, TaskError};
use pool_support::{Folder, eventually, exists, goes_on_and_leaves_nothing, pid, wait_at};

/// Starts workers, but for those launches that `refuses` says.
struct Fussy {
    inner: LocalLauncher,
    launches: Arc<AtomicUsize>,
    refuses: fn(usize) -> bool,
}

impl Launcher for Fussy {
    fn launch(&mut self, spec: &LaunchSpec) -> Result<Launched, LaunchError> {
        if (self.refuses)(self.launches.fetch_add(1, Ordering::SeqCst)) {
            return Err(LaunchError::Refused {
                step: "starting the program",
                source: io::Error::from_raw_os_error(libc::EAGAIN),
            });
        }
        self.inner.launch(spec)
    }
}

fn fussy(workers: usize, refuses: fn(usize) -> bool) -> (ProcessPoolExecutor, Arc<AtomicUsize>) {
    let launches = Arc::new(AtomicUsize::new(0));
    let launcher = Fussy {
        inner: LocalLauncher::new().unwrap(),
        launches: launches.clone(),
        refuses,
    };
    let pool = ProcessPoolExecutor::builder()
        .max_workers(workers)
        .max_tasks_per_child(NonZeroU32::new(2).unwrap())
        .launcher(launcher)
        .build()
        .unwrap();
    (pool, launches)
}

// P1
#[test]
fn a_refused_worker_is_asked_for_again() {
    let (pool, launches) = fussy(2, |n| n % 2 == 0);
    let futures: Vec<_> = (0..10).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    for future in futures {
        future.result().unwrap();
    }
    assert!(launches.load(Ordering::SeqCst) > 5);
    goes_on_and_leaves_nothing(pool);
}

// D-24
#[test]
fn workers_are_started_ahead() {
    let (pool, launches) = fussy(3, |_| false);
    assert_eq!(pool.prestart(2).unwrap(), 2);
    assert_eq!(pool.prestart(1).unwrap(), 2);
    let before: HashSet<u32> = pool.stats().pids().iter().copied().collect();
    assert_eq!(before.len(), 2);
    assert!(before.contains(&pool.call(pid, (0,)).unwrap().result().unwrap()));
    assert_eq!(pool.prestart(9).unwrap(), 3);
    assert_eq!(launches.load(Ordering::SeqCst), 3);
    pool.shutdown();
    assert_eq!(pool.prestart(1).unwrap(), 0);
}

// D-24
#[test]
fn who_asks_for_workers_hears_of_a_refusal() {
    let (pool, _) = fussy(4, |n| n % 2 == 1);
    let error = pool.prestart(4).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert!(
        error.to_string().contains("starting the program"),
        "{error}"
    );
    assert_eq!(pool.stats().workers(), 2, "those that were started stay");
    goes_on_and_leaves_nothing(pool);
}

// D-24, P2
#[test]
fn a_callback_may_ask_for_workers() {
    let pool = Arc::new(ProcessPoolExecutor::new(3).unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    let own = Arc::downgrade(&pool);
    let future = pool.call(pid, (0,)).unwrap();
    future.add_done_callback(move |_| {
        let live = own.upgrade().map(|pool| pool.prestart(3).unwrap());
        let _ = tell.send(live);
    });
    assert_eq!(told.recv().unwrap(), Some(3));
}

// C-177, C-188
#[test]
fn a_pool_that_can_have_no_worker_breaks_and_says_why() {
    let (pool, launches) = fussy(2, |n| n > 0);
    let futures: Vec<_> = (0..10).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    let mut served = 0;
    for future in futures {
        match future.result() {
            Ok(_) => served += 1,
            Err(TaskError::Broken(broken)) => {
                let text = broken.to_string();
                assert!(
                    text.contains("no worker process could be started"),
                    "{text}"
                );
                assert!(text.contains("starting the program"), "{text}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(served, 2, "as many as the one worker may serve");
    assert!(launches.load(Ordering::SeqCst) > 1);
    eventually("submits are refused", || pool.call(pid, (0,)).is_err());
    pool.shutdown();
}

// C-188
#[test]
fn a_program_that_does_not_exist() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .worker_program("/nonexistent/worker")
        .build()
        .unwrap();
    let error = pool.call(pid, (0,)).unwrap().result().unwrap_err();
    assert!(
        error.to_string().contains("starting the program"),
        "{error}"
    );
    pool.shutdown();
}

// C-188
#[test]
fn a_program_that_is_not_this_one() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .worker_program("/bin/true")
        .pass_stderr_on(false)
        .build()
        .unwrap();
    let error = pool.call(pid, (0,)).unwrap().result().unwrap_err();
    assert!(matches!(error, TaskError::Broken(_)), "{error}");
    pool.shutdown();
}

// P1
#[test]
fn an_initializer_that_hangs_is_bounded_by_its_limit() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .start_limit(Duration::from_millis(50))
        .worker_state(
            || loop {
                std::thread::park();
            },
            (),
        )
        .build()
        .unwrap();
    let error = pool.call(pid, (0,)).unwrap().result().unwrap_err();
    assert!(error.to_string().contains("not ready in time"), "{error}");
    let pids = pool.stats().pids().to_vec();
    pool.shutdown();
    assert!(pids.into_iter().all(|pid| !exists(pid)));
}

// P12
#[test]
fn a_task_behind_a_long_one_goes_to_a_worker_that_is_free() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let folder = Folder::new();
    // Both workers are warm, and small tasks are sent ahead.
    let warm: Vec<_> = (0..1000).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    for future in warm {
        future.result().unwrap();
    }
    let long = pool
        .call(wait_at, (folder.file("began"), folder.file("go")))
        .unwrap();
    let short: Vec<_> = (0..200).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    let pids: HashSet<_> = short.into_iter().map(|f| f.result().unwrap()).collect();
    assert!(!long.done());
    folder.create("go");
    assert!(!pids.contains(&long.result().unwrap()) || pids.len() == 2);
    goes_on_and_leaves_nothing(pool);
}

// P12, P4
#[test]
fn a_worker_that_was_stopped_for_a_while_is_used_again() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let folder = Folder::new();
    let both = [0, 1].map(|n| {
        let began = folder.file(&format!("began-{n}"));
        pool.call(wait_at, (began, folder.file("warm"))).unwrap()
    });
    folder.await_file("began-0");
    folder.await_file("began-1");
    folder.create("warm");
    let workers = both.map(|future| future.result().unwrap());
    pool_support::signal(workers[0], libc::SIGSTOP);
    eventually("it is stopped", || {
        pool_support::state(workers[0]) == Some('T')
    });
    // One of them is sent to the stopped one, taken back, and run by the other.
    let futures: Vec<_> = (0..10).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    for future in futures {
        assert_eq!(future.result().unwrap(), workers[1]);
    }
    pool_support::signal(workers[0], libc::SIGCONT);
    let long = pool
        .call(wait_at, (folder.file("long"), folder.file("go")))
        .unwrap();
    folder.await_file("long");
    let short = pool.call(pid, (0,)).unwrap();
    let other = short.result().unwrap();
    folder.create("go");
    assert_ne!(long.result().unwrap(), other);
    goes_on_and_leaves_nothing(pool);
}
