//! How a pool ends, whoever ends it.
#![cfg(not(cf_loom))]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use common::{Gate, LONG, occupy};
use pool_thread::{DropPolicy, ShutdownOptions, SubmitError, TaskError, ThreadPoolExecutor};

fn short() -> ShutdownOptions {
    ShutdownOptions::new().timeout(Duration::from_millis(1))
}

// C-193, C-198
#[test]
fn shutdown_completes_fifty_queued_tasks() {
    let pool = ThreadPoolExecutor::new(5).unwrap();
    let futures = pool.submit_all((0..50).map(|n| move || n)).unwrap();
    pool.shutdown();
    for (n, future) in futures.into_iter().enumerate() {
        assert!(future.done());
        assert_eq!(future.result().unwrap(), n);
    }
}

// C-194, C-204, P1
#[test]
fn cancel_futures_cancels_what_has_not_started() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let done = pool.submit(|| 1).unwrap();
    done.wait().unwrap();
    let (gates, running) = occupy(&pool, 2);
    let queued = pool.submit_all((0..50).map(|n| move || n)).unwrap();
    let (tell, told) = channel();
    queued[0].add_done_callback(move |f| tell.send(f.cancelled()).unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pool.shutdown_with(ShutdownOptions::new().cancel_futures(true))
                .unwrap();
        });
        // Waiters hear of it while the running tasks run on.
        for future in queued {
            assert!(matches!(future.result(), Err(TaskError::Cancelled(_))));
        }
        assert!(told.recv_timeout(LONG).unwrap());
        assert!(running.iter().all(|future| future.running()));
        drop(gates);
    });
    assert!(running.iter().all(|future| future.done()));
    for future in running {
        future.result().unwrap();
    }
    assert_eq!(done.result().unwrap(), 1);
    assert_eq!(pool.stats().cancelled(), 50);
}

// C-195, C-200, C-205, D-4
#[test]
fn shutdown_without_waiting_lets_tasks_run_on() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let (gates, running) = occupy(&pool, 1);
    let queued = pool.submit(|| 5).unwrap();
    pool.shutdown_with(ShutdownOptions::new().wait(false))
        .unwrap();
    assert!(pool.submit(|| ()).unwrap_err().is_shutdown());
    assert!(!queued.done());
    drop(gates);
    assert_eq!(queued.result().unwrap(), 5);
    assert!(running.into_iter().all(|f| f.result().is_ok()));
    pool.shutdown();
    assert_eq!(pool.stats().workers(), 0);
}

// C-196
#[test]
fn submit_cancel_and_shutdown_return() {
    for _ in 0..100 {
        let pool = ThreadPoolExecutor::new(1).unwrap();
        let future = pool.submit(|| ()).unwrap();
        future.cancel();
        pool.shutdown_with(ShutdownOptions::new().timeout(LONG))
            .unwrap();
        assert!(future.done());
    }
}

// C-199, C-190
#[test]
fn drop_finishes_what_is_queued() {
    let ran = Arc::new(AtomicUsize::new(0));
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let (gates, _running) = occupy(&pool, 2);
    let futures: Vec<_> = (0..50)
        .map(|_| {
            let ran = ran.clone();
            pool.submit(move || ran.fetch_add(1, Ordering::Relaxed))
                .unwrap()
        })
        .collect();
    drop(gates);
    drop(pool);
    assert_eq!(ran.load(Ordering::Relaxed), 50);
    for future in futures {
        future.result().unwrap();
    }
}

// C-199, D-4
#[test]
fn drop_policies() {
    let pool = ThreadPoolExecutor::builder()
        .max_workers(1)
        .drop_policy(DropPolicy::Cancel)
        .build()
        .unwrap();
    let (gates, running) = occupy(&pool, 1);
    let queued = pool.submit(|| ()).unwrap();
    queued.add_done_callback(move |f| {
        assert!(f.cancelled());
        // The running task ends only now: drop cancels first, then waits.
        drop(gates);
    });
    drop(pool);
    assert!(queued.cancelled());
    assert!(running.into_iter().all(|f| f.result().is_ok()));

    let pool = ThreadPoolExecutor::builder()
        .max_workers(1)
        .drop_policy(DropPolicy::Detach)
        .build()
        .unwrap();
    let (gates, _running) = occupy(&pool, 1);
    let queued = pool.submit(|| 9).unwrap();
    drop(pool);
    assert!(!queued.done());
    drop(gates);
    assert_eq!(queued.result().unwrap(), 9);
}

// C-201
#[test]
fn cancelling_without_waiting_ends_cleanly() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let futures = pool.submit_all((0..50).map(|n| move || n)).unwrap();
    let options = ShutdownOptions::new().wait(false).cancel_futures(true);
    pool.shutdown_with(options).unwrap();
    let outcomes: Vec<_> = futures.into_iter().map(|f| f.result()).collect();
    for (n, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(value) => assert_eq!(value, n),
            Err(error) => assert!(matches!(error, TaskError::Cancelled(_))),
        }
    }
}

// C-202
#[test]
fn shutdown_never_blocks_on_what_is_queued() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let (gates, _running) = occupy(&pool, 1);
    let queued = pool.submit_all((0..100_000).map(|n| move || n)).unwrap();
    pool.shutdown_with(ShutdownOptions::new().wait(false))
        .unwrap();
    drop(gates);
    assert_eq!(queued.into_iter().last().unwrap().result().unwrap(), 99_999);
}

// C-203
#[test]
fn later_calls_may_ask_for_more() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let (gates, _running) = occupy(&pool, 1);
    let queued = pool.submit(|| ()).unwrap();
    pool.shutdown_with(ShutdownOptions::new().wait(false))
        .unwrap();
    assert!(!queued.done());
    pool.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(true))
        .unwrap();
    assert!(queued.cancelled());
    drop(gates);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                pool.shutdown();
                assert_eq!(pool.stats().workers(), 0);
            });
        }
    });
    pool.shutdown();
}

// D-20, D-4, P8
#[test]
fn a_time_limit_says_what_is_unfinished() {
    let pool = ThreadPoolExecutor::builder()
        .max_workers(1)
        .thread_name_prefix("slow")
        .build()
        .unwrap();
    let (gates, _running) = occupy(&pool, 1);
    let queued = pool.submit_all((0..3).map(|n| move || n)).unwrap();
    let late = pool.shutdown_with(short()).unwrap_err();
    assert!(late.is_timeout() && !late.is_from_worker());
    assert_eq!(late.unfinished(), 4);
    assert_eq!(
        late.to_string(),
        "the pool is shut down, but 1 running and 3 queued tasks are unfinished after 1ms; \
         they go on, shut down again to wait longer [ThreadPoolExecutor { \"slow\": shut down, \
         workers 1 (1 busy), queued 3, done 0 }]"
    );
    drop(gates);
    pool.shutdown_with(ShutdownOptions::new().timeout(LONG))
        .unwrap();
    assert!(queued.iter().all(|f| f.done()));
}

// C-206, P2
#[test]
fn shutdown_in_a_task_does_not_wait_for_itself() {
    let pool = ThreadPoolExecutor::builder()
        .max_workers(2)
        .thread_name_prefix("own")
        .build()
        .unwrap();
    let handle = pool.handle();
    let error = pool
        .submit(move || {
            handle.shutdown();
            handle.shutdown_with(ShutdownOptions::new()).unwrap_err()
        })
        .map_err(SubmitError::without_job)
        .unwrap()
        .result()
        .unwrap();
    assert!(error.is_from_worker());
    assert_eq!(
        error.to_string(),
        "the pool is shut down, but a worker cannot wait for its own end; to wait, shut down \
         from a thread that is not one of the pool's workers [ThreadPoolExecutor { \"own\": shut \
         down, workers 1 (1 busy), queued 0, done 0 }]"
    );
    pool.shutdown();
}

// C-206, D-7, P2
#[test]
fn shutdown_and_submit_in_callbacks_never_hang() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let (gates, running) = occupy(&pool, 1);
    let queued = pool.submit(|| ()).unwrap();
    let handle = pool.handle();
    let (tell, told) = channel();
    // Python deadlocks here: the callback runs while the pool's lock is held.
    queued.add_done_callback(move |_| {
        let refused = handle.submit(|| ()).is_err();
        handle.shutdown_with(short()).unwrap_err();
        tell.send(refused).unwrap();
    });
    let handle = pool.handle();
    running[0].add_done_callback(move |_| handle.shutdown());
    std::thread::scope(|scope| {
        scope.spawn(|| pool.shutdown_with(ShutdownOptions::new().cancel_futures(true)));
        assert!(told.recv_timeout(LONG).unwrap());
        drop(gates);
    });
}

// C-206, P2
#[test]
fn a_pool_may_be_dropped_by_its_own_task() {
    let pool = Arc::new(ThreadPoolExecutor::new(1).unwrap());
    let (gate, pass) = Gate::new();
    let inner = pool.clone();
    let future = pool
        .submit(move || {
            pass.wait();
            drop(inner);
            7
        })
        .map_err(SubmitError::without_job)
        .unwrap();
    drop(pool);
    gate.open();
    assert_eq!(future.result().unwrap(), 7);
}

// D-19
#[test]
fn a_panic_or_an_error_leaves_a_scope_without_running_the_queue() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let ran = AtomicUsize::new(0);
    let count = || ran.fetch_add(1, Ordering::Relaxed);
    let (tell, told) = channel();
    let attempt = |fails: bool| {
        pool.try_scope(|scope| {
            let (gate, pass) = Gate::new();
            let tell = tell.clone();
            let running = scope.submit(move || {
                tell.send(()).unwrap();
                pass.wait();
            });
            drop(running.unwrap());
            told.recv_timeout(LONG).unwrap();
            let queued: Vec<_> = (0..10).map(|_| scope.submit(count).unwrap()).collect();
            // The one cancelled last lets the running task end.
            queued[0].add_done_callback(move |f| {
                assert!(f.cancelled());
                gate.open();
            });
            if fails {
                Err("given up")
            } else {
                panic!("given up")
            }
        })
    };
    assert_eq!(attempt(true), Err::<(), _>("given up"));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| attempt(false)));
    assert_eq!(
        *panicked.unwrap_err().downcast::<&str>().unwrap(),
        "given up"
    );
    assert_eq!(ran.load(Ordering::Relaxed), 0);
}

// D-21
#[test]
fn a_thread_that_ends_can_still_submit_and_wait() {
    use pool_thread::ThreadPoolHandle;
    use std::cell::RefCell;
    use std::sync::mpsc::Sender;

    /// Submits when its thread's locals are dropped, as late as a thread's code can run.
    struct Last(ThreadPoolHandle, Sender<u32>);
    impl Drop for Last {
        fn drop(&mut self) {
            let sum = self.0.submit(|| 40 + 2).unwrap().result().unwrap();
            self.1.send(sum).unwrap();
        }
    }
    thread_local!(static LAST: RefCell<Option<Last>> = const { RefCell::new(None) });

    let pool = ThreadPoolExecutor::new(1).unwrap();
    let handle = pool.handle();
    let (tell, told) = channel();
    let thread = std::thread::spawn(move || {
        LAST.with(|last| *last.borrow_mut() = Some(Last(handle, tell)));
    });
    assert_eq!(told.recv_timeout(LONG).unwrap(), 42);
    thread.join().unwrap();
}

// C-206, P2
#[test]
fn a_thread_local_of_a_worker_may_shut_the_pool_down() {
    use pool_thread::ThreadPoolHandle;
    use std::cell::RefCell;
    use std::sync::mpsc::Sender;

    struct Last(ThreadPoolHandle, Sender<bool>);
    impl Drop for Last {
        fn drop(&mut self) {
            let error = self.0.shutdown_with(ShutdownOptions::new()).unwrap_err();
            self.1.send(error.is_from_worker()).unwrap();
        }
    }
    thread_local!(static LAST: RefCell<Option<Last>> = const { RefCell::new(None) });

    let pool = ThreadPoolExecutor::new(2).unwrap();
    let (tell, told) = channel();
    let (gates, running) = occupy(&pool, 1);
    let handle = pool.handle();
    pool.submit(move || LAST.with(|last| *last.borrow_mut() = Some(Last(handle, tell))))
        .map_err(SubmitError::without_job)
        .unwrap()
        .result()
        .unwrap();
    drop(gates);
    let (tell_end, ended) = channel();
    std::thread::spawn(move || {
        pool.shutdown();
        tell_end.send(()).unwrap();
    });
    assert!(told.recv_timeout(LONG).unwrap());
    ended.recv_timeout(LONG).expect("the joiner goes on");
    assert!(running.iter().all(|future| future.done()));
}

// D-20, P8
#[test]
fn a_time_limit_does_not_join_threads_that_block_in_their_last_steps() {
    use std::cell::RefCell;
    use std::sync::mpsc::Sender;

    struct Last(Sender<()>, common::Pass);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
            self.1.wait();
        }
    }
    thread_local!(static LAST: RefCell<Option<Last>> = const { RefCell::new(None) });

    for another_joins in [false, true] {
        let pool = ThreadPoolExecutor::new(1).unwrap();
        let (tell, told) = channel();
        let (gate, pass) = Gate::new();
        pool.submit(move || LAST.with(|last| *last.borrow_mut() = Some(Last(tell, pass))))
            .map_err(SubmitError::without_job)
            .unwrap()
            .result()
            .unwrap();
        let handle = pool.handle();
        let other = std::thread::spawn(move || {
            if another_joins {
                handle.shutdown();
            } else {
                handle
                    .shutdown_with(ShutdownOptions::new().timeout(LONG))
                    .unwrap();
            }
        });
        told.recv_timeout(LONG).unwrap();
        // No worker is left, and its thread cannot end before the gate opens.
        pool.shutdown_with(ShutdownOptions::new().timeout(Duration::ZERO))
            .unwrap();
        pool.shutdown_with(ShutdownOptions::new().timeout(LONG))
            .unwrap();
        gate.open();
        pool.shutdown();
        other.join().unwrap();
    }
}

// D-20
#[test]
fn what_ran_in_place_or_was_cancelled_is_not_unfinished() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let handle = pool.handle();
    let (gate, pass) = Gate::new();
    let (tell, told) = channel();
    let task = pool
        .submit(move || {
            let submit = |n| {
                let job = move || n;
                handle
                    .submit(job)
                    .map_err(SubmitError::without_job)
                    .unwrap()
            };
            assert_eq!(submit(1).result().unwrap(), 1);
            assert_eq!(handle.stats().queued(), 0);
            let (cancelled, _last) = (submit(2), submit(3));
            assert_eq!(handle.stats().queued(), 2);
            assert!(cancelled.cancel());
            let error = handle.shutdown_with(ShutdownOptions::new()).unwrap_err();
            // This task and the last.
            assert_eq!(error.unfinished(), 2);
            tell.send(()).unwrap();
            pass.wait();
        })
        .map_err(SubmitError::without_job)
        .unwrap();
    told.recv_timeout(LONG).unwrap();
    let error = pool.shutdown_with(short()).unwrap_err();
    assert_eq!(error.unfinished(), 2);
    assert_eq!(error.stats().queued(), 1);
    gate.open();
    task.result().unwrap();
    pool.shutdown();
    let stats = pool.stats();
    assert_eq!((stats.queued(), stats.finished()), (0, 3));
    assert_eq!(stats.cancelled(), 1);
}

// C-194, D-20
#[test]
fn cancelling_the_queue_counts_what_ran_in_place_once() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let handle = pool.handle();
    let options = ShutdownOptions::new().wait(false).cancel_futures(true);
    pool.submit(move || {
        handle.submit(|| 1).unwrap().result().unwrap();
        let _queued = handle.submit(|| 2).unwrap();
        handle.shutdown_with(options).unwrap();
        let stats = handle.stats();
        assert_eq!((stats.queued(), stats.finished()), (0, 1));
        assert_eq!(stats.cancelled(), 1);
    })
    .map_err(SubmitError::without_job)
    .unwrap()
    .result()
    .unwrap();
}
