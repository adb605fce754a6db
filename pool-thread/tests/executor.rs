//! What every executor does: submit, names, numbers of threads, failures, order.
#![cfg(not(cf_loom))]

mod common;

use std::collections::HashSet;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};

use common::{Gate, LONG, occupy, thread_name};
use pool_thread::{Executor, Job, SubmitError, SubmitErrorKind, TaskError, ThreadPoolExecutor};

// C-110
#[test]
fn submit_gives_the_value() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    assert_eq!(pool.submit(|| 1 << 8).unwrap().result().unwrap(), 256);
    assert_eq!(pool.call(i32::pow, (2, 8)).unwrap().result().unwrap(), 256);
    let word = String::from("moved");
    assert_eq!(
        pool.submit(move || word).unwrap().result().unwrap(),
        "moved"
    );
}

// C-110
#[test]
fn a_type_of_ones_own_can_be_a_job() {
    struct Double(u32);
    impl Job for Double {
        type Output = u32;
        fn run(self) -> u32 {
            self.0 * 2
        }
    }
    let pool = ThreadPoolExecutor::new(1).unwrap();
    assert_eq!(pool.submit(Double(21)).unwrap().result().unwrap(), 42);
}

// C-112
#[test]
fn zero_workers_are_refused() {
    let error = ThreadPoolExecutor::new(0).unwrap_err();
    assert_eq!(error.to_string(), "max_workers must be greater than 0");
    let error = ThreadPoolExecutor::new(65_537).unwrap_err();
    assert_eq!(
        error.to_string(),
        "max_workers must be at most 65536, and is 65537"
    );
    let error = ThreadPoolExecutor::builder()
        .max_workers(2)
        .min_workers(3)
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "min_workers must be at most max_workers (2), and is 3"
    );
    let error = ThreadPoolExecutor::builder()
        .thread_name_prefix("a\0b")
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "thread_name_prefix must not contain a NUL character, and is \"a\\0b\""
    );
}

// C-117
#[test]
fn panics_land_in_the_future_and_the_worker_lives() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let thread = pool.submit(thread_name).unwrap().result().unwrap();
    let text = pool.submit(|| -> u32 { panic!("text {}", 1) }).unwrap();
    let value = pool
        .submit(|| -> u32 { std::panic::panic_any(17_u8) })
        .unwrap();
    match text.result().unwrap_err() {
        TaskError::Panicked(panic) => assert_eq!(panic.message(), "text 1"),
        other => panic!("{other:?}"),
    }
    match value.result().unwrap_err() {
        TaskError::Panicked(panic) => {
            assert_eq!(*panic.into_panic().downcast::<u8>().unwrap(), 17);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.submit(thread_name).unwrap().result().unwrap(), thread);
    assert_eq!(pool.stats().failed(), 2);
}

// C-117
#[test]
fn an_error_is_a_failure_that_can_be_had_back() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let failed = pool
        .submit_fallible(|| "x".parse::<u32>())
        .unwrap()
        .result()
        .unwrap_err();
    match failed {
        TaskError::Failed(failed) => {
            failed.downcast::<std::num::ParseIntError>().unwrap();
        }
        other => panic!("{other:?}"),
    }
    let ok = pool.call_fallible(str::parse::<u32>, ("5",)).unwrap();
    assert_eq!(ok.result().unwrap(), 5);
}

// C-118, P12
#[test]
fn one_worker_starts_tasks_in_order() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let (gates, _running) = occupy(&pool, 1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let futures: Vec<_> = (0..500)
        .map(|n| {
            let order = order.clone();
            pool.submit(move || order.lock().unwrap().push(n)).unwrap()
        })
        .collect();
    drop(gates);
    for future in futures {
        future.result().unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..500).collect::<Vec<_>>());
}

// P12, C-118
#[test]
fn nested_submits_of_one_worker_queue_behind_older_tasks() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let (gates, _running) = occupy(&pool, 1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let handle = pool.handle();
    let inner_order = order.clone();
    let first = pool
        .submit(move || {
            let later = inner_order.clone();
            inner_order.lock().unwrap().push("first");
            handle
                .submit(move || later.lock().unwrap().push("nested"))
                .map_err(SubmitError::without_job)
                .unwrap()
        })
        .map_err(SubmitError::without_job)
        .unwrap();
    let second_order = order.clone();
    let second = pool
        .submit(move || second_order.lock().unwrap().push("second"))
        .unwrap();
    drop(gates);
    first.result().unwrap().result().unwrap();
    second.result().unwrap();
    assert_eq!(*order.lock().unwrap(), ["first", "second", "nested"]);
}

// P12, C-118
#[test]
fn a_task_is_overtaken_by_few() {
    const WORKERS: usize = 2;
    let pool = ThreadPoolExecutor::new(WORKERS).unwrap();
    let (gates, _running) = occupy(&pool, WORKERS);
    let started = Arc::new(Mutex::new(Vec::new()));
    // The first task blocks its worker with a batch of others behind it, so that the other one
    // alone runs them all, in an order that shows who was preferred.
    let (free, pass) = Gate::new();
    let blocked = pool
        .submit(move || pass.wait())
        .map_err(SubmitError::without_job)
        .unwrap();
    let futures: Vec<_> = (0..2000)
        .map(|n| {
            let started = started.clone();
            pool.submit(move || started.lock().unwrap().push(n))
                .unwrap()
        })
        .collect();
    drop(gates);
    for future in futures {
        future.result().unwrap();
    }
    free.open();
    blocked.result().unwrap();
    let started = started.lock().unwrap();
    let mut later = 0;
    for (at, n) in started.iter().enumerate() {
        later = later.max(started[..at].iter().filter(|other| *other > n).count());
    }
    assert!(later <= 32 * WORKERS, "overtaken by {later}");
}

// P12
#[test]
fn no_task_waits_behind_a_blocked_worker() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let (gates, _running) = occupy(&pool, 2);
    let (free, pass) = Gate::new();
    // Taken first, with others of its batch behind it in the same worker's ring.
    let blocked = pool
        .submit(move || pass.wait())
        .map_err(SubmitError::without_job)
        .unwrap();
    let others = pool.submit_all((0..1000).map(|n| move || n)).unwrap();
    drop(gates);
    for (n, other) in others.into_iter().enumerate() {
        assert_eq!(other.result_timeout(LONG).unwrap().unwrap(), n);
    }
    assert!(!blocked.done());
    free.open();
    blocked.result().unwrap();
}

// C-119, P2, D-7
#[test]
fn submit_works_from_threads_tasks_and_callbacks() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let (tell, told) = channel();
    let handle = pool.handle();
    let from_thread = tell.clone();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let task = pool.submit(move || from_thread.send("thread").unwrap());
            task.map_err(SubmitError::without_job)
                .unwrap()
                .result()
                .unwrap();
        });
    });
    let inner = handle.clone();
    let from_task = tell.clone();
    let task = pool
        .submit(move || {
            let nested = inner.submit(move || from_task.send("task").unwrap());
            drop(nested.map_err(SubmitError::without_job).unwrap());
        })
        .map_err(SubmitError::without_job)
        .unwrap();
    task.add_done_callback(move |_| {
        let nested = handle.submit(move || tell.send("callback").unwrap());
        drop(nested.map_err(SubmitError::without_job).unwrap());
    });
    let heard: HashSet<_> = (0..3).map(|_| told.recv_timeout(LONG).unwrap()).collect();
    assert_eq!(heard, HashSet::from(["thread", "task", "callback"]));
}

// C-131
#[test]
fn three_blocked_tasks_make_three_threads_of_five() {
    let pool = ThreadPoolExecutor::new(5).unwrap();
    assert_eq!(pool.stats().workers(), 0);
    let (gates, _futures) = occupy(&pool, 3);
    assert_eq!(pool.stats().workers(), 3);
    assert_eq!(pool.stats().busy(), 3);
    drop(gates);
}

// C-132
#[test]
fn saturation_makes_exactly_max_workers_threads() {
    let pool = ThreadPoolExecutor::new(4).unwrap();
    let (gates, _running) = occupy(&pool, 4);
    let more: Vec<_> = (0..15 * 4)
        .map(|n| pool.submit(move || n).unwrap())
        .collect();
    assert_eq!(pool.stats().workers(), 4);
    assert_eq!(pool.stats().queued(), 60);
    drop(gates);
    for (n, future) in more.into_iter().enumerate() {
        assert_eq!(future.result().unwrap(), n);
    }
    assert_eq!(pool.stats().workers(), 4);
}

// C-133, P7, D-23
#[test]
fn one_task_after_the_other_uses_one_thread() {
    let pool = ThreadPoolExecutor::new(8).unwrap();
    for n in 0..2000_u64 {
        pool.submit(|| ()).unwrap().result().unwrap();
        let stats = pool.stats();
        assert_eq!(
            (stats.workers(), stats.idle(), stats.finished()),
            (1, 1, n + 1)
        );
    }
}

// P7, D-23
#[test]
fn a_worker_inside_a_callback_is_busy() {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let (task_gate, task_pass) = Gate::new();
    let (gate, pass) = Gate::new();
    let (tell, told) = channel();
    let future = pool
        .submit(move || task_pass.wait())
        .map_err(SubmitError::without_job)
        .unwrap();
    future.add_done_callback(move |_| {
        tell.send(()).unwrap();
        pass.wait();
    });
    task_gate.open();
    told.recv_timeout(LONG).unwrap();
    assert_eq!((pool.stats().workers(), pool.stats().busy()), (1, 1));
    // So a second task gets a second thread, and is not held up.
    pool.submit(|| ()).unwrap().result().unwrap();
    assert_eq!(pool.stats().workers(), 2);
    gate.open();
    future.result().unwrap();
}

// C-134
#[test]
fn names_are_prefix_and_number() {
    let pool = ThreadPoolExecutor::builder()
        .max_workers(3)
        .thread_name_prefix("fetch")
        .build()
        .unwrap();
    let barrier = Arc::new(Barrier::new(3));
    let names: Vec<_> = (0..3)
        .map(|_| {
            let barrier = barrier.clone();
            pool.submit(move || {
                barrier.wait();
                thread_name()
            })
            .unwrap()
        })
        .collect();
    let names: HashSet<_> = names.into_iter().map(|f| f.result().unwrap()).collect();
    let wanted = ["fetch_0", "fetch_1", "fetch_2"].map(str::to_owned);
    assert_eq!(names, HashSet::from(wanted));
}

// C-134
#[test]
fn long_prefixes_are_cut_and_numbers_are_not() {
    for (prefix, name) in [
        ("a-very-long-name-prefix", "a-very-long-n_0"),
        ("zwölf-boxkämpfer", "zwölf-boxkä_0"),
        ("", "_0"),
    ] {
        let pool = ThreadPoolExecutor::builder()
            .max_workers(1)
            .thread_name_prefix(prefix)
            .build()
            .unwrap();
        let seen = pool.submit(thread_name).unwrap().result().unwrap();
        assert_eq!(seen, name);
        assert!(seen.len() <= 15);
        assert_eq!(pool.stats().name(), prefix);
    }
}

// C-135
#[test]
fn default_prefixes_are_unique() {
    let names: HashSet<_> = (0..3)
        .map(|_| {
            let pool = ThreadPoolExecutor::new(1).unwrap();
            let name = pool.submit(thread_name).unwrap().result().unwrap();
            let number = name
                .strip_prefix("pool-")
                .unwrap()
                .strip_suffix("_0")
                .unwrap();
            number.parse::<u32>().unwrap();
            name
        })
        .collect();
    assert_eq!(names.len(), 3);
}

// D-22, C-192
#[test]
fn a_refused_job_comes_back_with_a_typed_error() {
    let pool = ThreadPoolExecutor::builder()
        .max_workers(2)
        .thread_name_prefix("web")
        .build()
        .unwrap();
    let handle = pool.handle();
    pool.submit(|| ()).unwrap().result().unwrap();
    pool.shutdown();
    let word = String::from("precious");
    let error = pool.submit(move || word).unwrap_err();
    assert!(matches!(error.kind(), SubmitErrorKind::Shutdown));
    assert_eq!(
        error.to_string(),
        "cannot submit after shutdown: submit before it, or make a new executor \
         [ThreadPoolExecutor { \"web\": shut down, workers 0 (0 busy), queued 0, done 1 }]"
    );
    assert_eq!((error.into_job())(), "precious");
    assert!(handle.submit(|| ()).unwrap_err().is_shutdown());
    assert!(
        pool.submit_fallible(|| "1".parse::<u8>())
            .unwrap_err()
            .is_shutdown()
    );
    assert!(pool.submit_with(|()| 1).unwrap_err().is_shutdown());
    let call = pool.call(i32::pow, (2, 3)).unwrap_err().into_job();
    assert_eq!(call.run(), 8);
    let jobs = pool
        .submit_all((0..3).map(|n| move || n))
        .unwrap_err()
        .into_job();
    let values: Vec<_> = jobs.into_iter().map(|job| job()).collect();
    assert_eq!(values, [0, 1, 2]);
    let refused = pool.scope(|scope| scope.submit(|| 1).map(drop));
    assert!(refused.unwrap_err().is_shutdown());
}

#[test]
fn debug_is_the_status_line() {
    let pool = ThreadPoolExecutor::builder()
        .max_workers(2)
        .thread_name_prefix("pool")
        .build()
        .unwrap();
    let line = |rest: &str| format!("ThreadPoolExecutor {{ \"pool\": {rest} }}");
    assert_eq!(
        format!("{pool:?}"),
        line("running, workers 0 (0 busy), queued 0, done 0")
    );
    let (gates, futures) = occupy(&pool, 2);
    let queued = pool.submit_all((0..12).map(|n| move || n)).unwrap();
    assert_eq!(
        format!("{:?}", pool.handle()),
        line("running, workers 2 (2 busy), queued 12, done 0")
    );
    drop(gates);
    for future in futures {
        future.result().unwrap();
    }
    for future in queued {
        future.result().unwrap();
    }
    pool.shutdown();
    assert_eq!(
        format!("{pool:?}"),
        line("shut down, workers 0 (0 busy), queued 0, done 14")
    );
    assert_eq!(pool.stats().done(), 14);
}

// P2, P7
#[test]
fn a_waker_may_submit_and_wait() {
    use std::future::Future as _;
    use std::pin::Pin;
    use std::task::{Context, Wake, Waker};

    struct Submits(
        pool_thread::ThreadPoolHandle,
        std::sync::mpsc::SyncSender<u32>,
    );
    impl Wake for Submits {
        fn wake(self: Arc<Self>) {
            // The worker that calls this is counted as idle already.
            let inner = self.0.submit(|| 8).unwrap().result_timeout(LONG);
            self.1.send(inner.unwrap().unwrap()).unwrap();
        }
    }
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let (gate, pass) = Gate::new();
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let mut future = pool
        .submit(move || pass.wait())
        .map_err(SubmitError::without_job)
        .unwrap();
    let waker = Waker::from(Arc::new(Submits(pool.handle(), tell)));
    assert!(
        Pin::new(&mut future)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    gate.open();
    assert_eq!(told.recv_timeout(LONG).unwrap(), 8);
    future.result().unwrap();
}

// C-110
#[test]
fn one_body_runs_on_every_executor() {
    fn ends<E: Executor>(executor: &E) {
        executor.shutdown();
    }
    let pool = ThreadPoolExecutor::new(1).unwrap();
    ends(&pool.handle());
    ends(&pool);
    assert!(pool.stats().is_shut_down());
}

// C-117
#[test]
fn errors_name_the_function_and_not_what_wraps_it() {
    fn odd(n: u32) -> u32 {
        panic!("no {n}")
    }
    fn odd_sum(a: u32, b: u32) -> u32 {
        panic!("no {}", a + b)
    }
    fn with_state(_: &()) {
        panic!("no state")
    }

    let pool = ThreadPoolExecutor::new(1).unwrap();
    let mapped = pool.map(odd, [1]).next().unwrap().unwrap_err();
    let starred = pool.starmap(odd_sum, [(1, 2)]).next().unwrap().unwrap_err();
    let called = pool.call(odd, (1,)).unwrap().result().unwrap_err();
    let lent = pool.submit_with(with_state).unwrap().result().unwrap_err();
    for (error, name) in [
        (mapped, "odd` panicked"),
        (starred, "odd_sum` panicked"),
        (called, "odd` panicked"),
        (lent, "with_state` panicked"),
    ] {
        let text = error.to_string();
        assert!(text.contains(name), "{text}");
        assert!(!text.contains('<'), "{text}");
    }
}
