//! Shutdown, drop, terminate, kill, deadlines: how pools and tasks are ended.

#![cfg(not(cf_loom))]

mod pool_support;

use std::time::Duration;

use pool_process::{
    DropPolicy, Future, ProcessPoolExecutor, ShutdownOptions, TaskError, TaskOptions, WorkerEnd,
};
use pool_support::{
    Folder, LONG, died, eventually, exists, goes_on_and_leaves_nothing, hang, lives, mark, pid,
    signal, wait_at,
};

fn occupied(pool: &ProcessPoolExecutor, folder: &Folder) -> Future<u32> {
    let future = pool
        .call(wait_at, (folder.file("began"), folder.file("go")))
        .unwrap();
    folder.await_file("began");
    future
}

// C-192
#[test]
fn a_submit_after_shutdown_gives_the_job_back() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    pool.shutdown();
    let error = pool.call(pid, (5,)).unwrap_err();
    assert!(error.is_shutdown());
    assert!(
        error.to_string().contains("shut down, workers 0 (0 busy)"),
        "{error}"
    );
    let job = error.into_job();
    assert_eq!(job.1, (5,));
}

// C-193, C-197, C-198, C-207
#[test]
fn shutdown_completes_all_that_is_queued() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let futures: Vec<_> = (0..50).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    pool.shutdown();
    assert!(futures.iter().all(Future::done));
    for future in futures {
        assert!(!exists(future.result().unwrap()));
    }
    pool.shutdown();
}

// C-194, C-204
#[test]
fn shutdown_can_cancel_what_has_not_started() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let running = occupied(&pool, &folder);
    let futures: Vec<_> = (0..50).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    pool.shutdown_with(ShutdownOptions::new().cancel_futures(true).wait(false))
        .unwrap();
    for future in futures {
        assert!(future.result().unwrap_err().is_cancelled());
    }
    assert!(!running.done());
    folder.create("go");
    running.result().unwrap();
    pool.shutdown();
}

// C-195, C-200, C-203, C-205, D-4
#[test]
fn shutdown_without_waiting_runs_everything_in_the_background() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let running = occupied(&pool, &folder);
    let queued = pool.call(pid, (0,)).unwrap();
    pool.shutdown_with(ShutdownOptions::new().wait(false))
        .unwrap();
    let late = pool.shutdown_with(ShutdownOptions::new().timeout(Duration::from_millis(1)));
    let late = late.unwrap_err();
    assert!(late.is_timeout());
    assert_eq!(late.unfinished(), 2, "{late}");
    folder.create("go");
    let worker = running.result().unwrap();
    assert_eq!(queued.result().unwrap(), worker);
    eventually("the worker ends by itself", || !exists(worker));
    pool.shutdown_with(ShutdownOptions::new().timeout(LONG))
        .unwrap();
}

// C-196, C-202, D-16
#[test]
fn submit_cancel_and_shutdown_at_once() {
    for _ in 0..20 {
        let pool = ProcessPoolExecutor::new(2).unwrap();
        let future = pool.call(pid, (0,)).unwrap();
        let cancelled = future.cancel();
        pool.shutdown();
        assert_eq!(future.result().is_err(), cancelled);
    }
}

// C-199, C-186
#[test]
fn dropping_the_pool_finishes_what_was_submitted() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let futures: Vec<_> = (0..20).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    let handle = pool.handle();
    drop(pool);
    assert!(futures.iter().all(Future::done));
    for future in futures {
        future.result().unwrap();
    }
    assert!(handle.call(pid, (0,)).unwrap_err().is_shutdown());
    assert_eq!(handle.stats().workers(), 0);
}

// C-201
#[test]
fn drop_policies() {
    let make = |policy| {
        let builder = ProcessPoolExecutor::builder().max_workers(1);
        builder.drop_policy(policy).build().unwrap()
    };
    let folder = Folder::new();
    let pool = make(DropPolicy::Kill);
    let hangs = pool.call(hang, (folder.file("hangs"),)).unwrap();
    let queued = pool.call(pid, (0,)).unwrap();
    folder.await_file("hangs");
    drop(pool);
    assert_eq!(*died(hangs).end(), WorkerEnd::ShutDown);
    assert!(queued.result().unwrap_err().is_cancelled());

    let pool = make(DropPolicy::Detach);
    let running = occupied(&pool, &folder);
    drop(pool);
    folder.create("go");
    let worker = running.result().unwrap();
    eventually("the worker ends by itself", || !exists(worker));

    let pool = make(DropPolicy::Cancel);
    let futures: Vec<_> = (0..50).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    drop(pool);
    assert!(futures.iter().all(Future::done));
}

// C-206
#[test]
fn a_pool_without_tasks_ends() {
    let pool = ProcessPoolExecutor::new(4).unwrap();
    pool.shutdown();
    assert_eq!(pool.stats().launched(), 0);
    drop(ProcessPoolExecutor::new(4).unwrap());
}

fn ignores_sigterm(began: String) {
    // SAFETY: it only sets a signal's disposition.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    hang(began);
}

// C-210, C-212, C-215, C-217
#[test]
fn terminate_ends_running_tasks_and_cancels_the_others() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let folder = Folder::new();
    let running = [
        pool.call(hang, (folder.file("a"),)).unwrap(),
        pool.call(ignores_sigterm, (folder.file("b"),)).unwrap(),
    ];
    folder.await_file("a");
    folder.await_file("b");
    let queued: Vec<_> = (0..10).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    let pids = pool.stats().pids().to_vec();
    pool.terminate_workers(Duration::from_millis(100));
    assert!(pool.call(pid, (0,)).unwrap_err().is_shutdown());
    for future in running {
        let error = died(future);
        assert_eq!(*error.end(), WorkerEnd::ShutDown);
        assert!(error.is_killed() && pids.contains(&error.pid()));
    }
    for future in queued {
        assert!(future.result().unwrap_err().is_cancelled());
    }
    pool.shutdown();
    assert!(pids.into_iter().all(|pid| !exists(pid)));
}

// C-210, C-213, C-214, C-216
#[test]
fn kill_ends_at_once_and_harms_no_dead_pool() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    pool.kill_workers();
    pool.kill_workers();
    pool.shutdown();
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let future = pool.call(ignores_sigterm, (folder.file("a"),)).unwrap();
    folder.await_file("a");
    pool.kill_workers();
    died(future);
    pool.shutdown();
    pool.kill_workers();
}

// D-3
#[test]
fn a_deadline_really_ends_a_task() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .grace(Duration::from_millis(20))
        .build()
        .unwrap();
    let folder = Folder::new();
    let options = TaskOptions::new().deadline(Duration::from_millis(30));
    let both = [
        pool.call_with(options, hang, (folder.file("a"),)).unwrap(),
        pool.call_with(options, ignores_sigterm, (folder.file("b"),))
            .unwrap(),
    ];
    for future in both {
        let other = pool.call(pid, (0,)).unwrap();
        let error = died(future);
        assert_eq!(*error.end(), WorkerEnd::Deadline(Duration::from_millis(30)));
        assert!(!exists(error.pid()));
        assert_ne!(other.result().unwrap(), error.pid());
    }
    goes_on_and_leaves_nothing(pool);
}

// D-3
#[test]
fn a_pools_deadline_holds_for_tasks_that_do_not_say() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .deadline(Duration::from_millis(30))
        .grace(Duration::ZERO)
        .build()
        .unwrap();
    let folder = Folder::new();
    let ended = pool.call(hang, (folder.file("a"),)).unwrap();
    assert!(died(ended).is_deadline());
    let free = TaskOptions::new().no_deadline();
    let future = pool
        .call_with(free, wait_at, (folder.file("b"), folder.file("go")))
        .unwrap();
    folder.await_file("b");
    assert!(!future.wait_timeout(Duration::from_millis(60)));
    folder.create("go");
    future.result().unwrap();
}

// D-3, P4
#[test]
fn a_running_task_is_killed_through_its_future() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let folder = Folder::new();
    let other = pool
        .call(wait_at, (folder.file("other"), folder.file("go")))
        .unwrap();
    let victim = pool
        .call(ignores_sigterm, (folder.file("victim"),))
        .unwrap();
    let queued: Vec<_> = (0..20).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    folder.await_file("other");
    folder.await_file("victim");
    assert!(pool.kill_after(&victim, Duration::from_millis(10)));
    let error = died(victim);
    assert_eq!(*error.end(), WorkerEnd::Killed);
    folder.create("go");
    other.result().unwrap();
    for future in queued {
        future.result().unwrap();
    }
    let done = pool.call(pid, (0,)).unwrap();
    done.wait().unwrap();
    assert!(!pool.kill(&done));
    goes_on_and_leaves_nothing(pool);
}

// D-3
#[test]
fn a_kill_of_a_task_that_has_not_started_is_a_cancellation() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let running = occupied(&pool, &folder);
    let queued = pool.call(pid, (0,)).unwrap();
    assert!(pool.kill(&queued));
    assert!(queued.result().unwrap_err().is_cancelled());
    folder.create("go");
    running.result().unwrap();
    assert_eq!(pool.stats().restarts(), 0);
}

// D-3
#[test]
fn a_stopped_worker_is_ended_at_the_deadline() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .grace(Duration::from_millis(10))
        .build()
        .unwrap();
    let folder = Folder::new();
    let options = TaskOptions::new().deadline(Duration::from_millis(50));
    let future = pool.call_with(options, hang, (folder.file("a"),)).unwrap();
    folder.await_file("a");
    signal(folder.pid("a"), libc::SIGSTOP);
    assert!(died(future).is_deadline());
    goes_on_and_leaves_nothing(pool);
}

// C-221
#[test]
fn a_job_that_cannot_travel_and_a_shutdown() {
    struct Never;
    impl serde::Serialize for Never {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("never"))
        }
    }
    impl<'de> serde::Deserialize<'de> for Never {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Ok(Self)
        }
    }
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let future = pool.call(|_: Never| 1, (Never,)).unwrap();
    pool.shutdown_with(ShutdownOptions::new().wait(false))
        .unwrap();
    assert!(matches!(future.result(), Err(TaskError::Portable(_))));
    pool.shutdown_with(ShutdownOptions::new().timeout(LONG))
        .unwrap();
}

// C-223, D-16
#[test]
fn submits_do_not_wait_for_a_stalled_pool() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let worker = pool.call(pid, (0,)).unwrap().result().unwrap();
    signal(worker, libc::SIGSTOP);
    let futures: Vec<_> = (0..50_000).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    assert!(lives(worker));
    signal(worker, libc::SIGCONT);
    for future in futures {
        future.result().unwrap();
    }
    goes_on_and_leaves_nothing(pool);
}

// D-32
#[test]
fn workers_leave_an_interrupt_to_the_parent() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let running = occupied(&pool, &folder);
    signal(folder.pid("began"), libc::SIGINT);
    folder.create("go");
    running.result().unwrap();
    assert_eq!(pool.stats().restarts(), 0);
}

// D-6
#[test]
fn workers_can_be_started_while_other_threads_hold_locks() {
    let lock = std::sync::Mutex::new(());
    let held = lock.lock().unwrap();
    let pool = ProcessPoolExecutor::new(1).unwrap();
    // Were it a fork, the worker would find the lock taken for ever.
    let print = |path: String| {
        println!("a worker uses locks of its own");
        mark(&path);
    };
    let folder = Folder::new();
    std::thread::scope(|scope| {
        let out = std::io::stdout().lock();
        let future = pool.call(print, (folder.file("a"),)).unwrap();
        scope
            .spawn(move || future.result().unwrap())
            .join()
            .unwrap();
        drop(out);
    });
    drop(held);
    assert!(folder.has("a"));
}
