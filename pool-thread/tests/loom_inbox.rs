//! Models of the inbox and the trays: tasks that are put without a call, against workers that go to
//! rest.
#![cfg(cf_loom)]

use std::sync::atomic::{AtomicBool, Ordering};

use future_core::shim::Arc;
use future_core::shim::model::{Model, Reached};
use loom::sync::Notify;
use pool_thread::ThreadPoolExecutor;

// P1, P5, P12
#[test]
fn a_tray_keeps_no_task_from_a_resting_worker() {
    static AT_WORK: Reached = Reached::new("the other worker was at its task when it was put");
    static DONE: Reached = Reached::new("the other worker had done its task");
    Model::new(
        "a_tray_keeps_no_task_from_a_resting_worker",
        "a worker puts a task on its tray and blocks: the other one runs it, resting or not",
        3,
    )
    .at_most(1)
    .check(|| {
        let pool = ThreadPoolExecutor::new(2).unwrap();
        let handle = pool.handle();
        let flag = Arc::new(Notify::new());
        // Not loom's: it only tells which way it went.
        let done = std::sync::Arc::new(AtomicBool::new(false));
        let (set, look) = (flag.clone(), done.clone());
        let blocks = pool
            .submit(move || {
                // The first finds out whether anybody has to be called.
                drop(handle.submit(|| ()).unwrap());
                drop(handle.submit(move || set.notify()).unwrap());
                if look.load(Ordering::SeqCst) {
                    DONE.mark();
                } else {
                    AT_WORK.mark();
                }
                flag.wait();
            })
            .unwrap();
        drop(
            pool.submit(move || done.store(true, Ordering::SeqCst))
                .unwrap(),
        );
        blocks.result().unwrap();
        pool.shutdown();
        assert_eq!(pool.stats().finished(), 4);
    });
    AT_WORK.assert();
    DONE.assert();
}

// P5
#[test]
fn what_is_on_a_tray_survives_shutdown() {
    static ACCEPTED: Reached = Reached::new("the nested tasks were taken and ran");
    static REFUSED: Reached = Reached::new("a nested task was refused");
    Model::new(
        "what_is_on_a_tray_survives_shutdown",
        "a worker submits to its own pool while that is shut down: each task is refused or runs",
        3,
    )
    .check(|| {
        let pool = ThreadPoolExecutor::new(2).unwrap();
        let handle = pool.handle();
        let outer = pool
            .submit(move || {
                let nested: Vec<_> = (0..2).map(|n| handle.submit(move || n)).collect();
                nested
            })
            .unwrap();
        pool.shutdown();
        let mut ran = 0;
        for (n, nested) in outer.result().unwrap().into_iter().enumerate() {
            match nested {
                Ok(future) => {
                    assert!(future.done(), "shutdown waits for it");
                    assert_eq!(future.result().unwrap(), n);
                    ran += 1;
                }
                Err(error) => {
                    assert!(error.is_shutdown());
                    REFUSED.mark();
                }
            }
        }
        if ran == 2 {
            ACCEPTED.mark();
        }
        assert_eq!(pool.stats().finished(), ran + 1);
    });
    ACCEPTED.assert();
    REFUSED.assert();
}

// P1, P5
#[test]
fn a_calm_submit_against_a_worker_that_rests() {
    static AT_WORK: Reached = Reached::new("the worker had tasks left when the last one was put");
    static DONE: Reached = Reached::new("the worker had done all others");
    Model::new(
        "a_calm_submit_against_a_worker_that_rests",
        "a task put without a call, since nobody had to be called a moment ago, is run",
        2,
    )
    .check(|| {
        let pool = ThreadPoolExecutor::new(1).unwrap();
        let done = std::sync::Arc::new(AtomicBool::new(false));
        let note = done.clone();
        // A spawn; finding out that nobody has to be called; and not asking.
        drop(pool.submit(|| ()).unwrap());
        drop(
            pool.submit(move || note.store(true, Ordering::SeqCst))
                .unwrap(),
        );
        if done.load(Ordering::SeqCst) {
            DONE.mark();
        } else {
            AT_WORK.mark();
        }
        let last = pool.submit(|| 3).unwrap();
        assert_eq!(last.result().unwrap(), 3);
        pool.shutdown();
        assert_eq!(pool.stats().finished(), 3);
    });
    AT_WORK.assert();
    DONE.assert();
}
