//! Initializers, per-worker state, idle workers that end, threads that the system refuses.
#![cfg(not(cf_loom))]

mod common;

use std::cell::Cell;
use std::collections::HashSet;
use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use common::{Alive, Gate, LONG, occupy, thread_name};
use pool_thread::{SubmitError, SubmitErrorKind, TaskError, ThreadPoolExecutor, ThreadPoolHandle};

// C-114
#[test]
fn the_initializer_runs_once_in_each_worker_before_its_first_task() {
    let count = Arc::new(AtomicUsize::new(0));
    let made = count.clone();
    let pool = ThreadPoolExecutor::builder()
        .max_workers(3)
        .initializer(move || {
            made.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(thread_name())
        })
        .build()
        .unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 0);
    let barrier = Arc::new(Barrier::new(3));
    let futures: Vec<_> = (0..3)
        .map(|_| {
            let barrier = barrier.clone();
            pool.submit_with(move |name| {
                barrier.wait();
                (name.clone(), thread_name())
            })
            .unwrap()
        })
        .collect();
    let names: HashSet<_> = futures
        .into_iter()
        .map(|future| {
            let (made_in, run_in) = future.result().unwrap();
            assert_eq!(made_in, run_in);
            made_in
        })
        .collect();
    assert_eq!((names.len(), count.load(Ordering::Relaxed)), (3, 3));
    pool.submit_with(|_| ()).unwrap().result().unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 3);
}

// C-141, P2
#[test]
fn state_is_made_used_and_dropped_in_its_worker() {
    struct State(Cell<u32>, Sender<(u32, String)>);
    impl Drop for State {
        fn drop(&mut self) {
            self.1.send((self.0.get(), thread_name())).unwrap();
        }
    }
    let (tell, told) = channel();
    let tell = std::sync::Mutex::new(tell);
    let pool = ThreadPoolExecutor::builder()
        .max_workers(1)
        .thread_name_prefix("state")
        .initializer(move || {
            let tell = tell.lock().unwrap().clone();
            Ok::<_, Infallible>(State(Cell::new(0), tell))
        })
        .build()
        .unwrap();
    for n in 1..=3 {
        let seen = pool.submit_with(|state| {
            state.0.set(state.0.get() + 1);
            state.0.get()
        });
        assert_eq!(seen.unwrap().result().unwrap(), n);
    }
    assert!(told.try_recv().is_err());
    pool.shutdown();
    assert_eq!(told.recv_timeout(LONG).unwrap(), (3, "state_0".to_owned()));
}

// C-141, P2
#[test]
fn a_panic_while_state_is_dropped_harms_nothing() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("while the state is dropped");
        }
    }
    let pool = ThreadPoolExecutor::builder()
        .max_workers(1)
        .initializer(|| Ok::<_, Infallible>(Bad))
        .build()
        .unwrap();
    assert_eq!(pool.submit_with(|_| 3).unwrap().result().unwrap(), 3);
    pool.shutdown();
    assert_eq!(pool.stats().workers(), 0);
}

// C-131, C-114, P2
#[test]
fn slow_initializers_do_not_hold_each_other_up() {
    let barrier = Arc::new(Barrier::new(3));
    let meet = barrier.clone();
    let pool = ThreadPoolExecutor::builder()
        .max_workers(5)
        .initializer(move || {
            meet.wait();
            Ok::<_, Infallible>(())
        })
        .build()
        .unwrap();
    // Three tasks, so three workers, whose initializers wait for each other; and no fourth.
    let futures: Vec<_> = (0..3).map(|n| pool.submit(move || n).unwrap()).collect();
    for (n, future) in futures.into_iter().enumerate() {
        assert_eq!(future.result_timeout(LONG).unwrap().unwrap(), n);
    }
    assert_eq!(pool.stats().workers(), 3);
}

// C-115, C-136
#[test]
fn a_failing_initializer_breaks_the_pool() {
    let pool = ThreadPoolExecutor::builder()
        .max_workers(2)
        .thread_name_prefix("bad")
        .initializer(|| Err::<(), _>(io::Error::other("no licence")))
        .build()
        .unwrap();
    let error = match pool.submit_with(|()| 1) {
        Ok(future) => match future.result().unwrap_err() {
            TaskError::Broken(broken) => broken,
            other => panic!("{other:?}"),
        },
        Err(refused) => panic!("{refused}"),
    };
    assert_eq!(
        error.to_string(),
        "a worker's initializer failed: no licence"
    );
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.downcast_ref::<io::Error>().is_some());
    pool.shutdown();
    let refused = pool.submit(|| 2).unwrap_err();
    assert!(matches!(refused.kind(), SubmitErrorKind::Broken(_)));
    assert_eq!(
        refused.to_string(),
        "cannot submit, the executor is broken: a worker's initializer failed: no licence \
         [ThreadPoolExecutor { \"bad\": broken, workers 0 (0 busy), queued 0, done 1 }]"
    );
    assert_eq!(refused.into_job()(), 2);
    assert!(pool.stats().is_broken());
}

// C-115
#[test]
fn a_panicking_initializer_breaks_the_pool() {
    let pool = ThreadPoolExecutor::builder()
        .max_workers(1)
        .initializer(|| -> Result<(), Infallible> { panic!("not {}", "today") })
        .build()
        .unwrap();
    let error = pool.submit(|| 1).unwrap().result().unwrap_err();
    assert_eq!(
        error.to_string(),
        "a worker's initializer panicked: not today"
    );
}

// C-136, D-8, P1
#[test]
fn a_cancelled_task_does_not_stop_the_others_from_failing() {
    let healthy = Arc::new(AtomicBool::new(true));
    let fails = healthy.clone();
    let (gate, pass) = Gate::new();
    let pass = std::sync::Mutex::new(pass);
    let (tell, told) = channel();
    let tell = std::sync::Mutex::new(tell);
    let pool = ThreadPoolExecutor::builder()
        .max_workers(2)
        .initializer(move || {
            if fails.load(Ordering::Relaxed) {
                return Ok(());
            }
            tell.lock().unwrap().send(()).unwrap();
            pass.lock().unwrap().wait();
            Err("unlucky")
        })
        .build()
        .unwrap();
    let (running_gate, running) = occupy(&pool, 1);
    healthy.store(false, Ordering::Relaxed);
    let queued: Vec<_> = (0..5).map(|n| pool.submit(move || n).unwrap()).collect();
    told.recv_timeout(LONG).unwrap();
    assert!(queued[1].cancel());
    let handle = pool.handle();
    let (refused, was_refused) = channel();
    queued[4].add_done_callback(move |_| {
        // The natural retry: Python deadlocks here.
        refused.send(handle.submit(|| ()).is_err()).unwrap();
    });
    gate.open();
    for (n, future) in queued.into_iter().enumerate() {
        match future.result_timeout(LONG).unwrap().unwrap_err() {
            TaskError::Broken(_) => assert_ne!(n, 1),
            TaskError::Cancelled(_) => assert_eq!(n, 1),
            other => panic!("{other:?}"),
        }
    }
    assert!(was_refused.recv_timeout(LONG).unwrap());
    // What runs on a healthy worker goes on.
    assert!(running[0].running());
    drop(running_gate);
    assert!(running.into_iter().all(|f| f.result().is_ok()));
}

// D-9, P2
#[test]
fn a_panicking_callback_costs_no_worker() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let (gates, running) = occupy(&pool, 1);
    running[0].add_done_callback(|_| panic!("in a callback"));
    let (tell, told) = channel();
    running[0].add_done_callback(move |_| tell.send(thread_name()).unwrap());
    drop(gates);
    let name = told.recv_timeout(LONG).unwrap();
    assert_eq!(pool.submit(thread_name).unwrap().result().unwrap(), name);
}

// C-138, D-24
#[test]
fn idle_workers_end_when_told_to_and_stay_otherwise() {
    let (tell, told) = channel();
    let tell = std::sync::Mutex::new(tell);
    struct Ends(Sender<()>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    let pool = ThreadPoolExecutor::builder()
        .max_workers(3)
        .min_workers(1)
        .keep_alive(Duration::from_millis(1))
        .initializer(move || Ok::<_, Infallible>(Ends(tell.lock().unwrap().clone())))
        .build()
        .unwrap();
    for _ in 0..3 {
        let (gates, _running) = occupy(&pool, 3);
        drop(gates);
        // Two of three go; the last one stays.
        told.recv_timeout(LONG).unwrap();
        told.recv_timeout(LONG).unwrap();
        assert!(pool.stats().workers() >= 1);
    }
    pool.shutdown();

    let pool = ThreadPoolExecutor::new(2).unwrap();
    let (gates, running) = occupy(&pool, 2);
    drop(gates);
    for future in running {
        future.result().unwrap();
    }
    assert_eq!(pool.stats().workers(), 2);
}

// D-24
#[test]
fn workers_can_be_started_early() {
    let started = Arc::new(AtomicUsize::new(0));
    let count = started.clone();
    let pool = ThreadPoolExecutor::builder()
        .max_workers(4)
        .initializer(move || Ok::<_, Infallible>(count.fetch_add(1, Ordering::Relaxed)))
        .build()
        .unwrap();
    assert_eq!(pool.prestart(3).unwrap(), 3);
    assert_eq!(pool.prestart(2).unwrap(), 3);
    assert_eq!(pool.prestart(9).unwrap(), 4);
    pool.shutdown();
    assert_eq!(started.load(Ordering::Relaxed), 4);
    assert_eq!(pool.prestart(1).unwrap(), 0);
}

// D-27, P5
#[test]
fn a_refused_first_thread_gives_the_job_back() {
    let full = Arc::new(AtomicBool::new(true));
    let gate = full.clone();
    let pool = ThreadPoolExecutor::builder()
        .max_workers(2)
        .thread_name_prefix("full")
        .spawn_gate(move || {
            if gate.load(Ordering::Relaxed) {
                Err(io::Error::new(io::ErrorKind::WouldBlock, "no more threads"))
            } else {
                Ok(())
            }
        })
        .build()
        .unwrap();
    let word = String::from("kept");
    let refused = pool.submit(move || word).unwrap_err();
    assert!(matches!(refused.kind(), SubmitErrorKind::Spawn(_)));
    assert_eq!(
        refused.to_string(),
        "cannot submit, there is no worker and the system refused to start one: no more threads; \
         lower max_workers or stack_size, or raise the system's limit, then submit again \
         [ThreadPoolExecutor { \"full\": running, workers 0 (0 busy), queued 0, done 0 }]"
    );
    let jobs = pool.submit_all((0..3).map(|n| move || n)).unwrap_err();
    assert_eq!(jobs.into_job().len(), 3);
    assert_eq!(
        pool.prestart(1).unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
    full.store(false, Ordering::Relaxed);
    let job = refused.into_job();
    assert_eq!(pool.submit(job).unwrap().result().unwrap(), "kept");
    // One lives: a second thread that is refused costs nothing.
    full.store(true, Ordering::Relaxed);
    let (gates, running) = occupy(&pool, 1);
    let queued = pool.submit_all((0..10).map(|n| move || n)).unwrap();
    assert_eq!((pool.stats().workers(), pool.stats().queued()), (1, 10));
    // And it is tried again.
    full.store(false, Ordering::Relaxed);
    pool.submit(|| ()).unwrap().result().unwrap();
    assert_eq!(pool.stats().workers(), 2);
    drop(gates);
    for future in running {
        future.result().unwrap();
    }
    for (n, future) in queued.into_iter().enumerate() {
        assert_eq!(future.result().unwrap(), n);
    }
}

// D-27
#[test]
fn a_thread_that_the_system_itself_refuses() {
    let pool = ThreadPoolExecutor::builder()
        .max_workers(2)
        .stack_size(1 << 60)
        .build()
        .unwrap();
    let refused = pool.submit(|| 5).unwrap_err();
    assert!(matches!(refused.kind(), SubmitErrorKind::Spawn(_)));
    assert_eq!(refused.into_job()(), 5);
    assert_eq!(pool.stats().workers(), 0);
}

#[test]
fn stack_sizes_are_kept() {
    fn deep(n: usize) -> usize {
        let room = std::hint::black_box([n; 128]);
        if n == 0 {
            0
        } else {
            deep(n - 1) + room[7] - n + 1
        }
    }
    let pool = ThreadPoolExecutor::builder()
        .max_workers(1)
        .stack_size(64 << 20)
        .build()
        .unwrap();
    assert_eq!(
        pool.submit(|| deep(20_000)).unwrap().result().unwrap(),
        20_000
    );
}

// D-31, P6, C-027
#[test]
fn closures_and_unread_values_are_dropped_before_waiters_go_on() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let alive = Alive::default();
    let captured = alive.clone();
    let future = pool.submit(move || captured.others() > 0).unwrap();
    future.wait().unwrap();
    assert_eq!(alive.others(), 0);
    assert!(future.result().unwrap());
    let (gates, running) = occupy(&pool, 1);
    let captured = alive.clone();
    drop(pool.submit(move || captured).unwrap());
    let last = pool.submit(|| ()).unwrap();
    drop(gates);
    last.result().unwrap();
    assert_eq!(alive.others(), 0);
    drop(running);
    let captured = alive.clone();
    let future = pool.submit(move || captured).unwrap();
    let value = future.result().unwrap();
    assert_eq!(alive.others(), 1);
    drop(value);
    assert_eq!(alive.others(), 0);
}

// P6
#[test]
fn handles_keep_no_pool_running() {
    let alive = Alive::default();
    let kept = alive.clone();
    let pool = ThreadPoolExecutor::builder()
        .max_workers(1)
        .initializer(move || Ok::<_, Infallible>(kept.clone()))
        .build()
        .unwrap();
    let handle = pool.handle();
    pool.submit_with(|_| ()).unwrap().result().unwrap();
    drop(pool);
    assert_eq!(handle.stats().workers(), 0);
    assert!(handle.clone().submit(|| ()).unwrap_err().is_shutdown());
    drop(handle);
    assert_eq!(alive.others(), 0);
}

// C-119
#[test]
fn a_task_may_own_a_handle_of_its_own_pool() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let handle = pool.handle();
    let stats = pool
        .submit(move || handle.stats())
        .map_err(SubmitError::without_job);
    let stats = stats.unwrap().result().unwrap();
    assert_eq!((stats.workers(), stats.busy(), stats.running()), (1, 1, 1));
    assert_eq!((stats.max_workers(), stats.cancelled()), (1, 0));
}

// C-114, P10
#[test]
fn nothing_runs_in_place_without_a_state() {
    for prestarted in [false, true] {
        let (tell, told) = channel();
        let (give, handle) = channel::<ThreadPoolHandle<u32>>();
        let first = std::sync::Mutex::new(Some((tell, handle)));
        let pool = ThreadPoolExecutor::builder()
            .max_workers(2)
            .initializer(move || {
                let first = first.lock().unwrap().take();
                if let Some((tell, handle)) = first {
                    let task = handle.recv().unwrap().submit_with(|_| thread_name());
                    tell.send((thread_name(), task.unwrap().result().unwrap()))
                        .unwrap();
                }
                Ok::<_, Infallible>(5)
            })
            .build()
            .unwrap();
        if prestarted {
            pool.prestart(1).unwrap();
            give.send(pool.handle()).unwrap();
        } else {
            give.send(pool.handle()).unwrap();
            assert_eq!(pool.submit_with(|n| *n).unwrap().result().unwrap(), 5);
        }
        let (waiter, runner) = told.recv_timeout(LONG).unwrap();
        assert_ne!(waiter, runner, "a worker without a state ran a task");
    }
}

// P10
#[test]
fn an_initializer_that_waits_for_its_only_worker_is_told() {
    use std::sync::OnceLock;

    static HANDLE: OnceLock<ThreadPoolHandle> = OnceLock::new();

    let (tell, told) = channel();
    let tell = std::sync::Mutex::new(tell);
    let pool = ThreadPoolExecutor::builder()
        .max_workers(1)
        .initializer(move || {
            let task = HANDLE.wait().submit_with(|()| 5).unwrap();
            let error = task.result().unwrap_err();
            tell.lock().unwrap().send(error).unwrap();
            Ok::<(), Infallible>(())
        })
        .build()
        .unwrap();
    assert!(HANDLE.set(pool.handle()).is_ok());
    let task = pool.submit_with(|()| 6).unwrap();
    let error = told.recv_timeout(LONG).unwrap();
    assert!(matches!(error, TaskError::Deadlock(_)), "{error}");
    assert_eq!(task.result().unwrap(), 6);
}

// D-8
#[test]
fn a_broken_pool_does_not_count_what_ran_in_place_as_cancelled() {
    let (tell, told) = channel();
    let tell = std::sync::Mutex::new(tell);
    let first = AtomicBool::new(true);
    let pool = ThreadPoolExecutor::builder()
        .max_workers(2)
        .initializer(move || {
            if first.swap(false, Ordering::Relaxed) {
                return Ok(());
            }
            // Fails when it is told to; until then its task waits.
            let (go, gate) = channel::<()>();
            tell.lock().unwrap().send(go).unwrap();
            let _ = gate.recv_timeout(LONG);
            Err("broken")
        })
        .build()
        .unwrap();
    let handle = pool.handle();
    let (started, at_start) = channel();
    let (gate, pass) = Gate::new();
    let outer = pool
        .submit(move || {
            let inner = handle.submit(|| 1).map_err(SubmitError::without_job);
            assert_eq!(inner.unwrap().result().unwrap(), 1);
            started.send(()).unwrap();
            pass.wait();
        })
        .map_err(SubmitError::without_job)
        .unwrap();
    at_start.recv_timeout(LONG).unwrap();
    let go = told.recv_timeout(LONG).unwrap();
    let cancelled = pool.submit(|| 2).unwrap();
    assert!(cancelled.cancel());
    let queued = pool.submit(|| 3).unwrap();
    go.send(()).unwrap();
    assert!(matches!(queued.result(), Err(TaskError::Broken(_))));
    let stats = pool.stats();
    assert_eq!((stats.failed(), stats.cancelled()), (1, 1));
    assert_eq!((stats.finished(), stats.queued()), (1, 0));
    gate.open();
    outer.result().unwrap();
}

// P12
#[test]
fn what_a_worker_submits_keeps_its_place() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let (blocked, _running) = occupy(&pool, 1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let (gate, pass) = Gate::new();
    let (tell, told) = channel();
    let (handle, note) = (pool.handle(), order.clone());
    let outer = pool
        .submit(move || {
            let nested: Vec<_> = (0..100)
                .map(|n| {
                    let note = note.clone();
                    handle.submit(move || note.lock().unwrap().push(n)).unwrap()
                })
                .collect();
            tell.send(()).unwrap();
            pass.wait();
            nested
        })
        .unwrap();
    told.recv_timeout(LONG).unwrap();
    // Younger than all of them, from a thread that knows no tray.
    let note = order.clone();
    let last = pool.submit(move || note.lock().unwrap().push(100)).unwrap();
    assert_eq!(pool.stats().queued(), 101);
    gate.open();
    let nested = outer.result().unwrap();
    // One worker is blocked, so the other runs all, in order.
    last.result().unwrap();
    assert!(nested.iter().all(|future| future.done()));
    assert_eq!(*order.lock().unwrap(), (0..=100).collect::<Vec<_>>());
    drop(blocked);
}

// P5, P12
#[test]
fn a_blocked_workers_nested_tasks_run_elsewhere() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    // Both workers have been made, so that the nested submits find nobody to call at times.
    let (gates, running) = occupy(&pool, 2);
    drop(gates);
    for future in running {
        future.result().unwrap();
    }
    for _ in 0..200 {
        let handle = pool.handle();
        let (tell, told) = channel();
        let outer = pool
            .submit(move || {
                let nested: Vec<_> = (0..3)
                    .map(|n| {
                        let tell = tell.clone();
                        handle.submit(move || tell.send(n).unwrap()).unwrap()
                    })
                    .collect();
                // No wait of ours, so nothing is run in place.
                let mut heard: Vec<_> = (0..3).map(|_| told.recv_timeout(LONG).unwrap()).collect();
                heard.sort_unstable();
                drop(nested);
                heard
            })
            .unwrap();
        let other = pool.submit(|| ()).unwrap();
        assert_eq!(outer.result().unwrap(), [0, 1, 2]);
        other.result().unwrap();
    }
}

// P12
#[test]
fn a_worker_that_blocks_has_taken_nothing_from_one_that_comes() {
    for _ in 0..50 {
        let pool = ThreadPoolExecutor::new(2).unwrap();
        let (gate, pass) = Gate::new();
        let blocked = pool.submit(move || pass.wait()).unwrap();
        let second = pool.submit(|| 2).unwrap();
        let (gates, passes): (Vec<_>, Vec<_>) = (0..3).map(|_| Gate::new()).unzip();
        let others: Vec<_> = passes
            .into_iter()
            .map(|pass| pool.submit(move || pass.wait()).unwrap())
            .collect();
        assert_eq!(second.result().unwrap(), 2);
        drop((gate, gates));
        blocked.result().unwrap();
        assert!(others.into_iter().all(|other| other.result().is_ok()));
    }
}
