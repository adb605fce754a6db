//! Jobs that borrow.
#![cfg(not(cf_loom))]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use common::{LONG, occupy};
use future_core::FutureHandle;
use pool_thread::{Future, ThreadPoolExecutor, ThreadPoolHandle};

// P1
#[test]
fn a_scope_is_left_when_all_its_tasks_are_done() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let ran = AtomicUsize::new(0);
    let text = String::from("lent");
    let lent: Result<&str, _> = pool.scope(|scope| {
        for _ in 0..100 {
            drop(
                scope
                    .submit(|| ran.fetch_add(1, Ordering::Relaxed))
                    .unwrap(),
            );
        }
        let future: Future<&str> = scope.submit(|| text.as_str()).unwrap();
        future.result()
    });
    assert_eq!(ran.into_inner(), 100);
    assert_eq!(lent.unwrap(), "lent");
}

// P1
#[test]
fn tasks_of_a_scope_may_submit_into_it() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let ran = AtomicUsize::new(0);
    pool.scope(|scope| {
        let ran = &ran;
        drop(scope.submit(move || {
            for _ in 0..10 {
                let nested = scope.submit(move || {
                    ran.fetch_add(1, Ordering::Relaxed);
                    drop(scope.submit(move || ran.fetch_add(10, Ordering::Relaxed)));
                });
                drop(nested.unwrap());
            }
        }));
    });
    assert_eq!(ran.into_inner(), 110);
}

// P1, P2
#[test]
fn values_that_borrow_are_dropped_inside() {
    struct Note<'a>(&'a AtomicUsize);
    impl Drop for Note<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let dropped = AtomicUsize::new(0);
    pool.scope(|scope| {
        let dropped = &dropped;
        for _ in 0..50 {
            let note = Note(dropped);
            // The result is the capture, and nobody reads it.
            drop(scope.submit(move || note).unwrap());
            let note = Note(dropped);
            let cancelled = scope.submit(move || drop(note)).unwrap();
            cancelled.cancel();
        }
    });
    assert_eq!(dropped.into_inner(), 100);
}

// P1
#[test]
fn a_scope_on_a_pool_that_is_shut_down_meanwhile() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let (gates, _running) = occupy(&pool, 1);
    let refused = pool.scope(|scope| {
        let queued = scope.submit(|| 1).unwrap();
        let options = pool_thread::ShutdownOptions::new()
            .wait(false)
            .cancel_futures(true);
        pool.shutdown_with(options).unwrap();
        assert!(queued.cancelled());
        drop(gates);
        scope.submit(|| 2).map(drop).unwrap_err()
    });
    assert!(refused.is_shutdown());
    assert!(format!("{refused}").starts_with("cannot submit after shutdown"));
}

// D-19
#[test]
fn an_error_inside_a_scope_is_passed_on() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let numbers = [String::from("1"), String::from("x")];
    let sum = pool.try_scope(|scope| {
        let mut sum = 0;
        for number in &numbers {
            let parsed = scope.submit_fallible(|| number.parse::<u32>())?;
            sum += parsed.result()?;
        }
        Ok::<_, Box<dyn std::error::Error>>(sum)
    });
    assert!(sum.unwrap_err().to_string().contains("invalid digit"));
}

// P6
#[test]
fn a_long_scope_keeps_no_finished_tasks() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    pool.scope(|scope| {
        for n in 0..10_000 {
            assert_eq!(scope.submit(move || n).unwrap().result().unwrap(), n);
        }
        let text = format!("{scope:?}");
        let (_, kept) = text.split_once("unfinished: ").unwrap();
        let kept: usize = kept.split([',', ' ']).next().unwrap().parse().unwrap();
        assert!(kept <= 64, "{kept} handles are kept");
    });
}

// P1, P10
#[test]
fn a_scoped_job_submits_into_its_scope_from_a_worker() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let handle = pool.handle();
    let task = pool.submit(move || {
        let ran = AtomicUsize::new(0);
        handle.scope(|scope| {
            let ran = &ran;
            let outer = scope.submit(move || {
                for _ in 0..3 {
                    drop(scope.submit(move || ran.fetch_add(1, Ordering::Relaxed)));
                }
            });
            drop(outer);
        });
        ran.into_inner()
    });
    assert_eq!(task.unwrap().result_timeout(LONG).unwrap().unwrap(), 3);
}

// P10
#[test]
fn scopes_nested_deeper_than_waits_help() {
    fn nest(pool: &ThreadPoolHandle, depth: u32) -> u32 {
        if depth == 0 {
            return 0;
        }
        pool.scope(|scope| scope.submit(move || nest(pool, depth - 1)).unwrap().wait())
            .map_or(0, |()| 1)
    }
    let pool = ThreadPoolExecutor::builder()
        .max_workers(1)
        .stack_size(64 << 20)
        .build()
        .unwrap();
    let handle = pool.handle();
    let task = pool.submit(move || nest(&handle, 300)).unwrap();
    assert_eq!(task.result_timeout(LONG).unwrap().unwrap(), 1);
}

// P10
#[test]
fn a_scope_in_a_cycle_has_the_other_side_give_way_and_no_bystander() {
    let pool = ThreadPoolExecutor::new(4).unwrap();
    let handle = pool.handle();
    let (tell_inner, inner) = channel::<FutureHandle>();
    let (tell_outer, outer) = channel::<FutureHandle>();
    let (started, waits) = channel();
    // Leaves its scope while its job waits for it: the job is told.
    let task = pool.submit(move || {
        let own = outer.recv_timeout(LONG).unwrap();
        // The bystander is about to wait for this task, or does.
        waits.recv_timeout(LONG).unwrap();
        handle.scope(|scope| {
            let own = &own;
            drop(scope.submit(move || assert!(own.wait().is_err())));
        });
    });
    let task = task.unwrap();
    tell_outer.send(task.handle()).unwrap();
    tell_inner.send(task.handle()).unwrap();
    let bystander = pool.submit(move || {
        let task = inner.recv_timeout(LONG).unwrap();
        started.send(()).unwrap();
        task.wait().is_ok()
    });
    let bystander = bystander.unwrap();
    task.result_timeout(LONG).unwrap().unwrap();
    assert!(bystander.result_timeout(LONG).unwrap().unwrap());
}
