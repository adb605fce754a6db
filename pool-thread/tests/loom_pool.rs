//! Models of the pool's counters: submit, wake, spawn, retire, shut down, refuse.
#![cfg(cf_loom)]

use std::io;
use std::time::Duration;

use future_core::shim::Arc;
use future_core::shim::model::{Model, Reached};
use future_core::{SubmitErrorKind, TaskError};
use loom::sync::Notify;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use pool_thread::{ShutdownOptions, ThreadPoolExecutor};

// P1, P5, C-192
#[test]
fn submit_against_shutdown_against_drop() {
    static RAN: Reached = Reached::new("the task was taken and ran");
    static REFUSED: Reached = Reached::new("the task was refused");
    Model::new(
        "submit_against_shutdown_against_drop",
        "a submit that races with shutdown and drop is refused with its job, or runs",
        4,
    )
    .check(|| {
        let pool = ThreadPoolExecutor::new(1).unwrap();
        let handle = pool.handle();
        let submitter = thread::spawn(move || match handle.submit(|| 7) {
            Ok(future) => {
                assert_eq!(future.result().unwrap(), 7);
                RAN.mark();
            }
            Err(error) => {
                assert!(error.is_shutdown());
                assert_eq!((error.into_job())(), 7);
                REFUSED.mark();
            }
        });
        let handle = pool.handle();
        let closer = thread::spawn(move || handle.shutdown());
        drop(pool);
        submitter.join().unwrap();
        closer.join().unwrap();
    });
    RAN.assert();
    REFUSED.assert();
}

// P5, C-138, D-24
#[test]
fn wake_against_spawn_against_retire() {
    static RETIRED: Reached = Reached::new("a worker retired and another was spawned for a task");
    static WOKEN: Reached = Reached::new("the first worker ran both tasks");
    Model::new(
        "wake_against_spawn_against_retire",
        "a task that comes while an idle worker's time expires is run: by it, or by a new one",
        4,
    )
    .check(|| {
        let spawns = Arc::new(AtomicUsize::new(0));
        let count = spawns.clone();
        let pool = ThreadPoolExecutor::builder()
            .max_workers(1)
            .keep_alive(Duration::from_secs(1))
            .spawn_gate(move || {
                count.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })
            .build()
            .unwrap();
        let handle = pool.handle();
        let other = thread::spawn(move || handle.submit(|| 1).unwrap().result().unwrap());
        assert_eq!(pool.submit(|| 2).unwrap().result().unwrap(), 2);
        assert_eq!(other.join().unwrap(), 1);
        drop(pool);
        if spawns.load(Ordering::Relaxed) > 1 {
            RETIRED.mark();
        } else {
            WOKEN.mark();
        }
    });
    RETIRED.assert();
    WOKEN.assert();
}

// P5, P12, C-131
#[test]
fn a_blocked_worker_keeps_no_task_from_another() {
    static ENDED: Reached = Reached::new("both ended");
    Model::new(
        "a_blocked_worker_keeps_no_task_from_another",
        "tasks that need each other run at once when two workers are allowed",
        3,
    )
    .check(|| {
        let pool = ThreadPoolExecutor::new(2).unwrap();
        let flag = Arc::new(Notify::new());
        let jobs: [Box<dyn FnOnce() + Send>; 2] = {
            let set = flag.clone();
            [
                Box::new(move || flag.wait()),
                Box::new(move || set.notify()),
            ]
        };
        drop(pool.submit_all(jobs).unwrap());
        pool.shutdown();
        assert_eq!(pool.stats().finished(), 2);
        ENDED.mark();
    });
    ENDED.assert();
}

// P1, P5, D-27
#[test]
fn a_refused_spawn_loses_nothing() {
    static GIVEN_BACK: Reached = Reached::new("the job was given back");
    static OTHERS_FAILED: Reached = Reached::new("another submitter's queued task was rejected");
    static OTHERS_RAN: Reached = Reached::new("another submitter's task ran");
    Model::new(
        "a_refused_spawn_loses_nothing",
        "the first thread is refused while two submit: each task runs, is given back or fails",
        4,
    )
    .check(|| {
        let asked = Arc::new(AtomicUsize::new(0));
        let pool = ThreadPoolExecutor::builder()
            .max_workers(2)
            .spawn_gate(move || match asked.fetch_add(1, Ordering::Relaxed) {
                0 => Err(io::Error::from(io::ErrorKind::WouldBlock)),
                _ => Ok(()),
            })
            .build()
            .unwrap();
        let submit = |n: u32, handle: &pool_thread::ThreadPoolHandle| match handle.submit(move || n)
        {
            Ok(future) => match future.result() {
                Ok(value) => {
                    assert_eq!(value, n);
                    OTHERS_RAN.mark();
                }
                Err(TaskError::Rejected(error)) => {
                    assert!(matches!(error.kind(), SubmitErrorKind::Spawn(_)));
                    OTHERS_FAILED.mark();
                }
                Err(error) => panic!("{error}"),
            },
            Err(error) => {
                assert!(matches!(error.kind(), SubmitErrorKind::Spawn(_)));
                assert_eq!((error.into_job())(), n);
                GIVEN_BACK.mark();
            }
        };
        let handle = pool.handle();
        let other = thread::spawn(move || submit(1, &handle));
        submit(2, &pool.handle());
        other.join().unwrap();
    });
    GIVEN_BACK.assert();
    OTHERS_FAILED.assert();
    OTHERS_RAN.assert();
}

// P5, D-27
#[test]
fn a_refused_second_spawn_leaves_the_first_worker_to_it() {
    static ALONE: Reached = Reached::new("one worker ran both, after the other was refused");
    Model::new(
        "a_refused_second_spawn_leaves_the_first_worker_to_it",
        "while one worker lives, a refused thread costs no task",
        3,
    )
    .check(|| {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let pool = ThreadPoolExecutor::builder()
            .max_workers(2)
            .spawn_gate(move || match count.fetch_add(1, Ordering::Relaxed) {
                0 => Ok(()),
                _ => Err(io::Error::from(io::ErrorKind::WouldBlock)),
            })
            .build()
            .unwrap();
        let handle = pool.handle();
        let other = thread::spawn(move || handle.submit(|| 1).unwrap().result().unwrap());
        assert_eq!(pool.submit(|| 2).unwrap().result().unwrap(), 2);
        assert_eq!(other.join().unwrap(), 1);
        if asked.load(Ordering::Relaxed) > 1 {
            ALONE.mark();
        }
        assert_eq!(pool.stats().workers(), 1);
    });
    ALONE.assert();
}

// P7, C-133, D-23
#[test]
fn one_task_after_the_other_uses_one_worker() {
    static RAN: Reached = Reached::new("both ran");
    Model::new(
        "one_task_after_the_other_uses_one_worker",
        "submit, result, submit, result: the worker is idle in time, in every interleaving",
        2,
    )
    .check(|| {
        let pool = ThreadPoolExecutor::new(2).unwrap();
        for n in 0..2 {
            assert_eq!(pool.submit(move || n).unwrap().result().unwrap(), n);
            let stats = pool.stats();
            assert_eq!((stats.workers(), stats.idle()), (1, 1));
            assert_eq!(stats.finished(), n + 1);
        }
        RAN.mark();
    });
    RAN.assert();
}

// P3, C-194, C-204, C-201
#[test]
fn cancel_futures_against_a_starting_worker() {
    static RAN: Reached = Reached::new("a task ran");
    static CANCELLED: Reached = Reached::new("a task was cancelled");
    Model::new(
        "cancel_futures_against_a_starting_worker",
        "each queued task is run or cancelled, and is done when shutdown returns",
        2,
    )
    .check(|| {
        let pool = ThreadPoolExecutor::new(1).unwrap();
        let futures: Vec<_> = (0..3).map(|n| pool.submit(move || n).unwrap()).collect();
        pool.shutdown_with(ShutdownOptions::new().cancel_futures(true))
            .unwrap();
        let stats = pool.stats();
        assert_eq!(stats.finished() + stats.cancelled(), 3);
        for (n, future) in futures.into_iter().enumerate() {
            assert!(future.done());
            match future.result() {
                Ok(value) => {
                    assert_eq!(value, n);
                    RAN.mark();
                }
                Err(error) => {
                    assert!(matches!(error, TaskError::Cancelled(_)));
                    CANCELLED.mark();
                }
            }
        }
    });
    RAN.assert();
    CANCELLED.assert();
}

// P1, D-8, C-136
#[test]
fn a_failing_initializer_against_submit_and_cancel() {
    static BROKEN: Reached = Reached::new("a queued task failed as broken");
    static REFUSED: Reached = Reached::new("a submit was refused");
    static CANCELLED: Reached = Reached::new("the canceller came first");
    Model::new(
        "a_failing_initializer_against_submit_and_cancel",
        "the pool breaks while one submits and one cancels: every future resolves",
        3,
    )
    .check(|| {
        let pool = ThreadPoolExecutor::builder()
            .max_workers(1)
            .initializer(|| Err::<(), _>("no"))
            .build()
            .unwrap();
        let first = pool.submit(|| 1).unwrap();
        let handle = first.handle();
        let canceller = thread::spawn(move || handle.cancel());
        match pool.submit(|| 2) {
            Ok(second) => {
                assert!(matches!(second.result(), Err(TaskError::Broken(_))));
                BROKEN.mark();
            }
            Err(error) => {
                assert!(matches!(error.kind(), SubmitErrorKind::Broken(_)));
                REFUSED.mark();
            }
        }
        let cancelled = canceller.join().unwrap();
        match first.result() {
            Err(TaskError::Cancelled(_)) => {
                assert!(cancelled);
                CANCELLED.mark();
            }
            Err(TaskError::Broken(_)) => assert!(!cancelled),
            other => panic!("{other:?}"),
        }
    });
    BROKEN.assert();
    REFUSED.assert();
    CANCELLED.assert();
}
