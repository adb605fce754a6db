//! Pools that end in every way and in every state, and users' code that keeps them waiting.

#![cfg(not(cf_loom))]

mod fault_support;
mod pool_support;

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use fault_support::alone;
use pool_process::{
    DropPolicy, Future, ProcessPoolExecutor, ProcessPoolHandle, ShutdownOptions, TaskError,
    TaskOptions, WorkerEnd,
};
use pool_support::{
    Folder, LONG, died, eventually, exists, hang, mark, pid, signal, state, wait_at,
};
use serde::{Deserialize, Serialize};

fn quiet(workers: usize, policy: DropPolicy) -> ProcessPoolExecutor {
    ProcessPoolExecutor::builder()
        .max_workers(workers)
        .pass_stderr_on(false)
        .drop_policy(policy)
        .build()
        .unwrap()
}

fn crash(began: String, go: String) -> u32 {
    wait_at(began, go);
    std::process::abort()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    New,
    Idle,
    Busy,
    Queued,
    Crashing,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Wait,
    NoWait,
    Cancel,
    Terminate,
    Drop(DropPolicy),
}

fn end_in(state: State, end: End) {
    let policy = match end {
        End::Drop(policy) => policy,
        _ => DropPolicy::Wait,
    };
    let pool = quiet(2, policy);
    let folder = Folder::new();
    if state != State::New {
        pool.call(pid, (0,)).unwrap().result().unwrap();
    }
    let mut running = Vec::new();
    let mut queued = Vec::new();
    for name in ["a", "b"] {
        let at = (folder.file(name), folder.file("go"));
        match state {
            State::New | State::Idle => continue,
            State::Busy | State::Queued => running.push(pool.call(wait_at, at).unwrap()),
            State::Crashing => running.push(pool.call(crash, at).unwrap()),
        }
        folder.await_file(name);
    }
    if matches!(state, State::Queued | State::Crashing) {
        queued.extend((0..50).map(|n| pool.call(pid, (n,)).unwrap()));
    }
    let pids = pool.stats().pids().to_vec();
    let handle = pool.handle();
    let is_cancelled = matches!(
        end,
        End::Cancel | End::Terminate | End::Drop(DropPolicy::Cancel | DropPolicy::Kill)
    );
    let is_killed = matches!(end, End::Terminate | End::Drop(DropPolicy::Kill));
    std::thread::scope(|scope| {
        let ending = scope.spawn(move || match end {
            End::Wait => pool.shutdown(),
            End::NoWait => pool
                .shutdown_with(ShutdownOptions::new().wait(false))
                .unwrap(),
            End::Cancel => pool
                .shutdown_with(ShutdownOptions::new().cancel_futures(true))
                .unwrap(),
            End::Terminate => pool.terminate_workers(LONG),
            End::Drop(_) => drop(pool),
        });
        eventually("it is shut down", || handle.stats().is_shut_down());
        assert!(handle.call(pid, (0,)).unwrap_err().is_shutdown());
        folder.create("go");
        ending.join().unwrap();
    });
    for future in running {
        match future.result() {
            Ok(_) => assert_ne!(state, State::Crashing),
            Err(TaskError::Died(error)) if error.is_killed() => assert!(is_killed, "{error}"),
            Err(TaskError::Died(error)) => {
                assert_eq!(state, State::Crashing);
                assert_eq!(error.signal_name(), Some("SIGABRT"), "{error}");
            }
            Err(other) => panic!("{state:?} {end:?}: {other}"),
        }
    }
    for future in queued {
        match future.result() {
            Ok(_) => {}
            Err(error) => assert!(error.is_cancelled() && is_cancelled, "{error}"),
        }
    }
    // Later, by whoever wants to wait: nothing is left.
    handle
        .shutdown_with(ShutdownOptions::new().timeout(LONG))
        .unwrap();
    assert_eq!(handle.stats().workers(), 0);
    assert!(pids.into_iter().all(|pid| !exists(pid)));
}

// C-193, C-194, C-195, C-197, C-200, C-201, C-202, C-203, C-205, C-207, C-220, D-4, P1, P9
#[test]
fn every_end_in_every_state() {
    alone("every_end_in_every_state", || {
        let ends = [
            End::Wait,
            End::NoWait,
            End::Cancel,
            End::Terminate,
            End::Drop(DropPolicy::Wait),
            End::Drop(DropPolicy::Cancel),
            End::Drop(DropPolicy::Detach),
            End::Drop(DropPolicy::Kill),
        ];
        let states = [
            State::New,
            State::Idle,
            State::Busy,
            State::Queued,
            State::Crashing,
        ];
        for end in ends {
            for state in states {
                end_in(state, end);
            }
        }
    });
}

// C-206, P1, P2, P9
#[test]
fn a_pool_dropped_in_a_callback_of_its_own() {
    alone("a_pool_dropped_in_a_callback_of_its_own", || {
        for policy in [
            DropPolicy::Wait,
            DropPolicy::Cancel,
            DropPolicy::Detach,
            DropPolicy::Kill,
        ] {
            let pool = quiet(2, policy);
            let handle = pool.handle();
            let folder = Folder::new();
            let first = pool
                .call(wait_at, (folder.file("a"), folder.file("go")))
                .unwrap();
            folder.await_file("a");
            let others: Vec<_> = (0..20).map(|n| pool.call(pid, (n,)).unwrap()).collect();
            let (tell, told) = channel();
            first.add_done_callback(move |_| {
                drop(pool);
                tell.send(()).unwrap();
            });
            folder.create("go");
            told.recv_timeout(LONG).unwrap();
            for future in others {
                match future.result_timeout(LONG).unwrap() {
                    Ok(_) => {}
                    Err(TaskError::Died(error)) => assert_eq!(policy, DropPolicy::Kill, "{error}"),
                    Err(error) => {
                        assert!(error.is_cancelled(), "{error}");
                        assert!(matches!(policy, DropPolicy::Cancel | DropPolicy::Kill));
                    }
                }
            }
            drop(first);
            handle.shutdown();
            assert_eq!(handle.stats().workers(), 0);
        }
    });
}

/// Waits for a task of the pool wherever it is woken or dropped.
struct Waits(ProcessPoolHandle, Sender<bool>);

impl Waits {
    fn wait(&self) {
        let inner = self.0.call(pid, (1,)).unwrap();
        let _ = self.1.send(inner.result().is_ok());
    }
}

impl Wake for Waits {
    fn wake(self: Arc<Self>) {
        self.wait();
    }
}

#[derive(Serialize, Deserialize)]
struct WaitsInDrop {
    #[serde(skip)]
    waits: Option<Box<Waits>>,
}

impl Drop for WaitsInDrop {
    fn drop(&mut self) {
        if let Some(waits) = self.waits.take() {
            waits.wait();
        }
    }
}

// C-119, D-16, P1, P2, P10
#[test]
fn wakers_callbacks_and_drops_that_wait_stop_nobody() {
    alone("wakers_callbacks_and_drops_that_wait_stop_nobody", || {
        let pool = quiet(2, DropPolicy::Wait);
        let (tell, told) = channel();
        let folder = Folder::new();
        let gate = |name: &str| {
            let at = (folder.file(name), folder.file("go"));
            pool.call(wait_at, at).unwrap()
        };
        let waits = || Waits(pool.handle(), tell.clone());
        let mut polled = pin!(gate("polled"));
        let waker = Waker::from(Arc::new(waits()));
        assert!(
            polled
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let called = gate("called");
        let waits_in_callback = waits();
        called.add_done_callback(move |_| waits_in_callback.wait());
        let captured = waits();
        let dropped = WaitsInDrop {
            waits: Some(Box::new(captured)),
        };
        // Dropped with the callback, which nobody keeps.
        called.add_done_callback(move |_| drop(dropped));
        folder.create("go");
        let others: Vec<_> = (0..200).map(|n| pool.call(pid, (n,)).unwrap()).collect();
        for _ in 0..3 {
            assert_eq!(told.recv_timeout(LONG), Ok(true));
        }
        for other in others {
            other.result().unwrap();
        }
        // The argument of a job: dropped in the submitting thread, or with the future.
        let job = |given: WaitsInDrop| u32::from(given.waits.is_none());
        let argument = WaitsInDrop {
            waits: Some(Box::new(waits())),
        };
        let future = pool.call(job, (argument,)).unwrap();
        assert_eq!(future.result().unwrap(), 1);
        assert_eq!(told.recv_timeout(LONG), Ok(true));
        called.result().unwrap();
    });
}

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn is_asked(_: libc::c_int) {
    ASKED.store(true, Ordering::SeqCst);
}

/// Ends in good order when it is asked to.
fn obedient(began: String, ended: String) {
    let handler = is_asked as extern "C" fn(libc::c_int);
    // SAFETY: it sets a signal's disposition; the handler stores an atomic.
    unsafe { libc::signal(libc::SIGTERM, handler as libc::sighandler_t) };
    mark(&began);
    while !ASKED.load(Ordering::SeqCst) {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    mark(&ended);
    std::process::exit(0);
}

// C-210, C-216, P9
#[test]
fn workers_are_asked_to_end_before_they_are_killed() {
    alone("workers_are_asked_to_end_before_they_are_killed", || {
        let folder = Folder::new();
        let files = |name: &str| (folder.file(name), folder.file(&format!("{name}-ended")));
        let pool = ProcessPoolExecutor::builder()
            .max_workers(1)
            .grace(LONG)
            .build()
            .unwrap();
        let late = TaskOptions::new().deadline(Duration::from_millis(20));
        let late = pool.call_with(late, obedient, files("late")).unwrap();
        assert!(died(late).is_deadline());
        let killed = pool.call(obedient, files("killed")).unwrap();
        folder.await_file("killed");
        assert!(pool.kill(&killed));
        assert!(died(killed).is_killed());
        let last = pool.call(obedient, files("last")).unwrap();
        folder.await_file("last");
        pool.terminate_workers(LONG);
        assert_eq!(*died(last).end(), WorkerEnd::ShutDown);
        for name in ["late", "killed", "last"] {
            assert!(folder.has(&format!("{name}-ended")), "{name}");
        }
    });
}

// C-197, P1, P9
#[test]
fn a_worker_that_is_stopped_while_its_pool_ends() {
    alone("a_worker_that_is_stopped_while_its_pool_ends", || {
        let pool = quiet(2, DropPolicy::Wait);
        let worker = pool.call(pid, (0,)).unwrap().result().unwrap();
        signal(worker, libc::SIGSTOP);
        eventually("it is stopped", || state(worker) == Some('T'));
        // Taken back from the one, and run by the other.
        let others: Vec<_> = (0..20).map(|n| pool.call(pid, (n,)).unwrap()).collect();
        for future in others {
            assert_ne!(future.result().unwrap(), worker);
        }
        pool.shutdown();
        assert!(!exists(worker));
    });
}

// C-205, P1, P2, P9
#[test]
fn a_callback_that_waits_while_its_pool_ends() {
    alone("a_callback_that_waits_while_its_pool_ends", || {
        for round in 0..20 {
            let pool = quiet(2, DropPolicy::Wait);
            let folder = Folder::new();
            let gate = |name: &str| (folder.file(name), folder.file(&format!("go-{name}")));
            let last = pool.call(wait_at, gate("last")).unwrap();
            let first = pool.call(wait_at, gate("first")).unwrap();
            let (tell, told) = channel();
            first.add_done_callback(move |_| {
                tell.send(None).unwrap();
                tell.send(Some(last.result().is_ok())).unwrap();
            });
            folder.create("go-first");
            assert_eq!(told.recv_timeout(LONG), Ok(None));
            folder.await_file("last");
            // The worker ends as soon as it has answered, and with it all that the pool has to do
            // but one thing: whoever could complete that future waits for it.
            pool.shutdown_with(ShutdownOptions::new().wait(false))
                .unwrap();
            folder.create("go-last");
            assert_eq!(told.recv_timeout(LONG), Ok(Some(true)), "{round}");
            pool.shutdown();
        }
    });
}

// C-115, C-116, P1, P9
#[test]
fn initializers_that_fail_panic_die_and_hang() {
    alone("initializers_that_fail_panic_die_and_hang", || {
        let builder = || {
            ProcessPoolExecutor::builder()
                .max_workers(3)
                .pass_stderr_on(false)
        };
        let hangs = || -> u32 {
            loop {
                std::thread::park();
            }
        };
        let pools = [
            builder().initializer(|| Err::<u32, _>("no database"), ()),
            builder().worker_state(|| -> u32 { panic!("no database") }, ()),
            builder().worker_state(|| -> u32 { std::process::abort() }, ()),
            builder().worker_state(|| -> u32 { std::process::exit(0) }, ()),
            builder()
                .worker_state(hangs, ())
                .start_limit(Duration::from_millis(20)),
        ];
        for builder in pools {
            let pool = builder.build().unwrap();
            let mut submitted = Vec::new();
            for n in 0..50 {
                match pool.call(pid, (n,)) {
                    Ok(future) => submitted.push(future),
                    Err(error) => assert!(!error.is_shutdown(), "{error}"),
                }
            }
            for future in submitted {
                let error = future.result().unwrap_err();
                assert!(matches!(error, TaskError::Broken(_)), "{error}");
            }
            assert!(pool.stats().is_broken());
        }
        // One that hangs, without a limit: the pool can be ended all the same.
        let pool = builder().worker_state(hangs, ()).build().unwrap();
        let future = pool.call(pid, (0,)).unwrap();
        eventually("a worker starts", || pool.stats().workers() > 0);
        pool.kill_workers();
        assert!(future.result().is_err());
    });
}

// D-3, D-4, P1, P9
#[test]
fn an_end_while_a_deadline_is_running_out() {
    alone("an_end_while_a_deadline_is_running_out", || {
        for end in [End::Wait, End::Cancel, End::Terminate] {
            let pool = ProcessPoolExecutor::builder()
                .max_workers(2)
                .grace(Duration::from_millis(5))
                .build()
                .unwrap();
            let folder = Folder::new();
            let late = TaskOptions::new().deadline(Duration::from_millis(5));
            let late: Vec<Future<()>> = (0..4)
                .map(|n| {
                    let began = folder.file(&format!("{n}"));
                    pool.call_with(late, hang, (began,)).unwrap()
                })
                .collect();
            eventually("one runs", || late[0].running() || late[0].done());
            match end {
                End::Wait => pool.shutdown(),
                End::Cancel => pool
                    .shutdown_with(ShutdownOptions::new().cancel_futures(true))
                    .unwrap(),
                _ => pool.terminate_workers(Duration::ZERO),
            }
            for (n, future) in late.into_iter().enumerate() {
                match future.result_timeout(LONG).unwrap() {
                    Err(TaskError::Died(error)) => assert!(error.is_killed(), "{error}"),
                    Err(error) => {
                        assert!(error.is_cancelled() && n > 0 && end != End::Wait, "{error}");
                    }
                    Ok(()) => panic!("it hangs"),
                }
            }
        }
    });
}

// C-184, C-185, C-189, D-5, P1, P9
#[test]
fn retirement_against_every_end() {
    alone("retirement_against_every_end", || {
        for round in 0..12 {
            let pool = ProcessPoolExecutor::builder()
                .max_workers(2)
                .max_tasks_per_child(std::num::NonZeroU32::MIN)
                .build()
                .unwrap();
            let futures: Vec<_> = (0..8).map(|n| pool.call(pid, (n,)).unwrap()).collect();
            // In another of the workers' ages each time.
            futures[round % 8].wait().unwrap();
            match round % 3 {
                0 => drop(pool),
                1 => pool
                    .shutdown_with(ShutdownOptions::new().wait(false))
                    .unwrap(),
                _ => pool
                    .shutdown_with(ShutdownOptions::new().cancel_futures(true))
                    .unwrap(),
            }
            for future in futures {
                if let Err(error) = future.result_timeout(LONG).unwrap() {
                    assert!(error.is_cancelled() && round % 3 == 2, "{error}");
                }
            }
        }
    });
}

// C-197, C-207, P9
#[test]
fn the_thread_that_made_a_pool_ends() {
    alone("the_thread_that_made_a_pool_ends", || {
        let thread = std::thread::spawn(|| {
            let pool = quiet(1, DropPolicy::Wait);
            let worker = pool.call(pid, (0,)).unwrap().result().unwrap();
            (pool, worker)
        });
        let (pool, worker) = thread.join().unwrap();
        // Once more by a thread that ends, as a guest of the pool.
        let again = std::thread::scope(|scope| {
            let call = || pool.call(pid, (0,)).unwrap().result().unwrap();
            scope.spawn(call).join().unwrap()
        });
        assert_eq!(again, worker);
        assert_eq!(pool.call(pid, (0,)).unwrap().result().unwrap(), worker);
        let folder = Folder::new();
        let hangs = pool.call(hang, (folder.file("a"),)).unwrap();
        folder.await_file("a");
        assert!(pool.kill_after(&hangs, Duration::ZERO));
        assert_eq!(died(hangs).pid(), worker);
    });
}
