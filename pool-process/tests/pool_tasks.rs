//! What becomes of tasks, their data and their failures.

#![cfg(not(cf_loom))]

mod pool_support;

use std::collections::HashSet;
use std::error::Error;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use pool_process::{
    Bytes, Executor, Job, ProcessPoolExecutor, ProcessPoolHandle, RemoteCause, RemoteError,
    ShutdownOptions, State, TaskError, worker_state,
};
use pool_support::{Folder, LONG, eventually, goes_on_and_leaves_nothing, mark, pid, wait_at};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

fn add(a: u64, b: u64) -> u64 {
    a + b
}

// C-110
#[test]
fn calls_give_their_values() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let futures: Vec<_> = (0..2000).map(|n| pool.call(add, (n, 1)).unwrap()).collect();
    for (n, future) in futures.into_iter().enumerate() {
        assert_eq!(future.result().unwrap(), n as u64 + 1);
    }
    assert_eq!(pool.stats().finished(), 2000);
    let closure = pool.call(|text: String| text.len(), ("four".to_owned(),));
    assert_eq!(closure.unwrap().result().unwrap(), 4);
    goes_on_and_leaves_nothing(pool);
}

#[derive(Serialize, Deserialize)]
struct Sum(Vec<u64>);

impl Job for Sum {
    type Output = u64;

    fn run(self) -> u64 {
        self.0.into_iter().sum()
    }
}

fn main_job<E: Executor>(executor: &E) -> u64 {
    let one = executor.call(add, (1, 2)).unwrap().result().unwrap();
    let job = executor
        .submit(Sum(vec![1, 2, 3]))
        .unwrap()
        .result()
        .unwrap();
    let map: u64 = executor.map(|n: u64| n * n, [1, 2, 3]).flatten().sum();
    executor.for_each(|_: u64| {}, [1, 2]).unwrap();
    one + job + map
}

// T4
#[test]
fn one_function_runs_on_any_executor() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    assert_eq!(main_job(&pool), 3 + 6 + 14);
    assert_eq!(main_job(&pool.handle()), 3 + 6 + 14);
}

// C-153
#[test]
fn many_tasks_use_every_worker_and_no_more() {
    let pool = ProcessPoolExecutor::new(3).unwrap();
    let folder = Folder::new();
    let futures: Vec<_> = (0..45)
        .map(|n| {
            let began = folder.file(&format!("began-{n}"));
            pool.call(wait_at, (began, folder.file("go"))).unwrap()
        })
        .collect();
    eventually("three run", || folder.files() == 3);
    folder.create("go");
    let pids: HashSet<_> = futures.into_iter().map(|f| f.result().unwrap()).collect();
    assert_eq!(pids.len(), 3);
    assert_eq!(pool.stats().launched(), 3);
}

// C-152, C-154, P7
#[test]
fn one_task_after_the_other_uses_one_worker() {
    let pool = ProcessPoolExecutor::new(5).unwrap();
    assert_eq!(pool.stats().workers(), 0);
    let pids: HashSet<_> = (0..50)
        .map(|n| pool.call(pid, (n,)).unwrap().result().unwrap())
        .collect();
    assert_eq!(pids.len(), 1);
    assert_eq!(pool.stats().launched(), 1);
    assert_eq!(pool.stats().pids(), pids.into_iter().collect::<Vec<_>>());
}

// C-155
#[test]
fn mixed_waits_use_as_many_workers_as_tasks_at_once() {
    let pool = ProcessPoolExecutor::new(5).unwrap();
    for _ in 0..5 {
        let three: Vec<_> = (0..3).map(|n| pool.call(pid, (n,)).unwrap()).collect();
        for future in three {
            future.result().unwrap();
        }
        pool.call(pid, (9,)).unwrap().result().unwrap();
    }
    assert!(pool.stats().launched() <= 3, "{pool:?}");
}

// C-156, D-26
#[test]
fn what_was_only_sent_is_pending_and_can_be_cancelled() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let go = folder.file("go");
    let running = pool
        .call(wait_at, (folder.file("first"), go.clone()))
        .unwrap();
    let waiting: Vec<_> = (0..10)
        .map(|n| {
            let began = folder.file(&format!("began-{n}"));
            pool.call(wait_at, (began, go.clone())).unwrap()
        })
        .collect();
    folder.await_file("first");
    assert_eq!(running.state(), State::Running);
    assert!(running.running());
    assert!(!running.cancel());
    for future in &waiting {
        assert_eq!(future.state(), State::Pending);
    }
    assert!(waiting.iter().all(|future| future.cancel()));
    folder.create("go");
    running.result().unwrap();
    for future in waiting {
        assert!(future.result().unwrap_err().is_cancelled());
    }
    pool.shutdown();
    assert_eq!(folder.files(), 2, "none of the cancelled ones began");
    assert_eq!(pool.stats().cancelled(), 10);
}

fn panics(text: String) -> u32 {
    panic!("no {text}")
}

// C-117
#[test]
fn a_panic_is_the_tasks_and_its_worker_lives_on() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let before = pool.call(pid, (0,)).unwrap().result().unwrap();
    let error = pool
        .call(panics, ("milk".to_owned(),))
        .unwrap()
        .result()
        .unwrap_err();
    let TaskError::Panicked(panicked) = error else {
        panic!("{error}");
    };
    assert_eq!(panicked.message(), "no milk");
    assert!(panicked.task().ends_with("::panics"));
    let at = panicked.location().unwrap();
    assert!(at.file().ends_with("pool_tasks.rs") && at.line() > 1);
    assert_eq!(
        *panicked.into_panic().downcast::<String>().unwrap(),
        "no milk"
    );
    assert_eq!(pool.call(pid, (0,)).unwrap().result().unwrap(), before);
}

// C-158
#[test]
fn a_backtrace_comes_along_when_it_is_asked_for() {
    for asked in ["1", "0"] {
        let pool = ProcessPoolExecutor::builder()
            .max_workers(1)
            .pass_stderr_on(false)
            .env("RUST_BACKTRACE", asked)
            .build()
            .unwrap();
        let parse = |text: String| -> Result<u32, RemoteError> { Ok(text.parse()?) };
        let failed = pool.call_fallible(parse, ("x".to_owned(),)).unwrap();
        let error = failed.result().unwrap_err();
        let cause: &RemoteCause = error.downcast_ref().unwrap();
        let panicked = pool.call(panics, ("milk".to_owned(),)).unwrap();
        let Err(TaskError::Panicked(panicked)) = panicked.result() else {
            panic!("no panic");
        };
        let at = panicked.location().unwrap();
        let traces = [at.backtrace(), cause.backtrace()];
        if asked == "1" {
            let has = |trace: Option<&str>, name| trace.is_some_and(|text| text.contains(name));
            assert!(has(traces[0], "panics"), "{traces:?}");
            assert!(has(traces[1], "pool_tasks"), "{traces:?}");
        } else {
            assert_eq!(traces, [None, None]);
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Own {
    Missing(String),
}

impl std::fmt::Display for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Missing(what) = self;
        write!(f, "no {what}")
    }
}

impl Error for Own {}

// C-158, D-14
#[test]
fn errors_travel_as_what_they_are_or_as_what_they_say() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let own = |what: String| -> Result<u32, Own> { Err(Own::Missing(what)) };
    let error = pool
        .call_fallible(own, ("key".to_owned(),))
        .unwrap()
        .result()
        .unwrap_err();
    assert_eq!(
        *error.downcast_ref::<Own>().unwrap(),
        Own::Missing("key".to_owned())
    );

    let parse = |text: String| -> Result<u32, RemoteError> { Ok(text.parse()?) };
    let error = pool
        .call_fallible(parse, ("x".to_owned(),))
        .unwrap()
        .result()
        .unwrap_err();
    let cause: &RemoteCause = error.downcast_ref().unwrap();
    assert!(cause.type_name().ends_with("ParseIntError"));
    assert_eq!(cause.to_string(), "invalid digit found in string");
    assert_eq!(
        pool.call_fallible(parse, ("7".to_owned(),))
            .unwrap()
            .result()
            .unwrap(),
        7
    );
}

/// Fails, panics or ends the process at the step that it names.
#[derive(Debug)]
struct Picky(String);

impl Picky {
    fn at(&self, step: &str) -> Result<(), String> {
        match self.0.strip_prefix(step) {
            Some("-error") => Err(format!("will not {step}")),
            Some("-panic") => panic!("cannot {step}"),
            Some("-abort") => std::process::abort(),
            Some("-exit") => std::process::exit(7),
            _ => Ok(()),
        }
    }
}

impl Serialize for Picky {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.at("write").map_err(serde::ser::Error::custom)?;
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Picky {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let this = Self(String::deserialize(from)?);
        this.at("read").map_err(serde::de::Error::custom)?;
        Ok(this)
    }
}

fn takes(_: Picky) -> u32 {
    5
}

fn gives(what: String) -> Picky {
    Picky(what)
}

fn picky(text: &str) -> Picky {
    Picky(text.to_owned())
}

// C-159, C-161, C-224
#[test]
fn an_argument_that_cannot_be_written_is_its_futures_failure() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let error = pool
        .call(takes, (picky("write-error"),))
        .unwrap()
        .result()
        .unwrap_err();
    assert!(error.to_string().contains("cannot serialise"), "{error}");
    assert!(matches!(&error, TaskError::Portable(e) if e.is_writing()));
    let error = pool
        .call(takes, (picky("write-panic"),))
        .unwrap()
        .result()
        .unwrap_err();
    assert!(matches!(&error, TaskError::Panicked(p) if p.message() == "cannot write"));
    assert_eq!(pool.stats().launched(), 0, "no worker was needed");
    goes_on_and_leaves_nothing(pool);
}

// C-162, C-224
#[test]
fn an_argument_that_cannot_be_read_fails_its_task_only() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let worker = pool.call(pid, (0,)).unwrap().result().unwrap();
    let error = pool.call(takes, (picky("read-error"),)).unwrap();
    let panic = pool.call(takes, (picky("read-panic"),)).unwrap();
    let fine = pool.call(takes, (picky("fine"),)).unwrap();
    let error = error.result().unwrap_err();
    assert!(matches!(&error, TaskError::Portable(e) if !e.is_writing()));
    assert!(matches!(
        panic.result().unwrap_err(),
        TaskError::Panicked(_)
    ));
    assert_eq!(fine.result().unwrap(), 5);
    assert_eq!(pool.call(pid, (0,)).unwrap().result().unwrap(), worker);
    let abort = pool.call(takes, (picky("read-abort"),)).unwrap();
    let exit = pool.call(takes, (picky("read-exit"),)).unwrap();
    assert_eq!(pool_support::died(abort).signal_name(), Some("SIGABRT"));
    assert_eq!(pool_support::died(exit).exit_code(), Some(7));
    goes_on_and_leaves_nothing(pool);
}

// C-160, C-161, C-224
#[test]
fn a_result_that_cannot_be_written_fails_its_task_only() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let worker = pool.call(pid, (0,)).unwrap().result().unwrap();
    let error = pool.call(gives, ("write-error".to_owned(),)).unwrap();
    let panic = pool.call(gives, ("write-panic".to_owned(),)).unwrap();
    assert!(matches!(error.result().unwrap_err(), TaskError::Portable(e) if e.is_writing()));
    assert!(matches!(
        panic.result().unwrap_err(),
        TaskError::Panicked(_)
    ));
    assert_eq!(pool.call(pid, (0,)).unwrap().result().unwrap(), worker);
    let abort = pool.call(gives, ("write-abort".to_owned(),)).unwrap();
    assert_eq!(pool_support::died(abort).signal_name(), Some("SIGABRT"));
    goes_on_and_leaves_nothing(pool);
}

// C-163, C-224, D-14
#[test]
fn a_result_that_cannot_be_read_fails_its_task_only() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let error = pool.call(gives, ("read-error".to_owned(),)).unwrap();
    let panic = pool.call(gives, ("read-panic".to_owned(),)).unwrap();
    let fine = pool.call(gives, ("fine".to_owned(),)).unwrap();
    let error = error.result().unwrap_err();
    assert!(matches!(&error, TaskError::Portable(e) if e.type_name().ends_with("::Picky")));
    assert!(matches!(
        panic.result().unwrap_err(),
        TaskError::Panicked(_)
    ));
    assert_eq!(fine.result().unwrap().0, "fine");
    goes_on_and_leaves_nothing(pool);
}

#[derive(Serialize, Deserialize)]
struct Marks(String);

impl Drop for Marks {
    fn drop(&mut self) {
        if pool_process::is_worker() {
            mark(&self.0);
        }
    }
}

// C-157
#[test]
fn a_worker_drops_what_a_task_was_given_when_it_ends() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let job = |given: Marks| given.0.len() as u32;
    pool.call(job, (Marks(folder.file("dropped")),))
        .unwrap()
        .result()
        .unwrap();
    assert!(folder.has("dropped"));
}

fn own_state(prefix: String) -> Result<Rc<String>, String> {
    Ok(Rc::new(prefix + "state"))
}

fn read_state(_: u32) -> (u32, String) {
    let state = worker_state::<Rc<String>>().unwrap();
    (std::process::id(), (**state).clone())
}

// C-114
#[test]
fn the_initializer_runs_once_in_each_worker() {
    let folder = Folder::new();
    let pool = ProcessPoolExecutor::builder()
        .max_workers(2)
        .initializer(
            |path: String| {
                mark(&format!("{path}-{}", std::process::id()));
                own_state("own ".to_owned())
            },
            (folder.file("worker"),),
        )
        .build()
        .unwrap();
    let futures: Vec<_> = (0..20)
        .map(|n| pool.call(read_state, (n,)).unwrap())
        .collect();
    let mut pids = HashSet::new();
    for future in futures {
        let (pid, state) = future.result().unwrap();
        assert_eq!(state, "own state");
        pids.insert(pid);
    }
    pool.shutdown();
    assert!(folder.files() >= pids.len() && folder.files() <= 2);
}

// C-115, C-116
#[test]
fn a_failing_initializer_breaks_the_pool_and_leaves_nothing() {
    let fails = ProcessPoolExecutor::builder()
        .max_workers(2)
        .initializer(|| Err::<(), _>("no database"), ())
        .build()
        .unwrap();
    let panics = ProcessPoolExecutor::builder()
        .max_workers(2)
        .worker_state(|| panic!("no database"), ())
        .build()
        .unwrap();
    for pool in [fails, panics] {
        match pool.call(pid, (0,)).map(|future| future.result()) {
            Ok(Err(TaskError::Broken(broken))) => {
                assert!(broken.to_string().contains("no database"), "{broken}");
            }
            other => panic!("{other:?}"),
        }
        eventually("submits are refused", || pool.call(pid, (0,)).is_err());
        let error = pool.call(pid, (0,)).unwrap_err();
        assert!(error.to_string().contains("no database"), "{error}");
        assert!(pool.stats().is_broken());
        pool.shutdown();
        assert_eq!(pool.stats().workers(), 0);
    }
}

// C-119, P2
#[test]
fn callbacks_may_submit_wait_and_cancel() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let handle = pool.handle();
    // Each waits in a callback for the next, so all but the last hold a thread up.
    fn chain(handle: ProcessPoolHandle, left: u32) -> u32 {
        let again = handle.clone();
        let (tell, told) = channel();
        handle
            .call(pid, (left,))
            .unwrap()
            .add_done_callback(move |future| {
                let pid = *future.result_ref().unwrap().unwrap();
                assert!(!future.cancel());
                let inner = if left > 0 {
                    chain(again, left - 1)
                } else {
                    pid
                };
                tell.send(inner).unwrap();
            });
        told.recv_timeout(LONG).unwrap()
    }
    let worker = pool.call(pid, (0,)).unwrap().result().unwrap();
    assert_eq!(chain(handle, 5), worker);
    goes_on_and_leaves_nothing(pool);
}

// C-206, P2
#[test]
fn a_callback_can_shut_the_pool_down_but_not_wait_for_itself() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let handle = pool.handle();
    let (tell, told) = channel();
    pool.call(pid, (0,)).unwrap().add_done_callback(move |_| {
        handle.shutdown();
        let error = handle.shutdown_with(ShutdownOptions::new()).unwrap_err();
        tell.send(error.is_from_callback()).unwrap();
    });
    assert!(told.recv_timeout(LONG).unwrap());
    assert!(pool.call(pid, (0,)).unwrap_err().is_shutdown());
    pool.shutdown();
    assert_eq!(pool.stats().workers(), 0);
}

// C-168
#[test]
fn a_worker_has_its_own_environment_and_nothing_of_this_process() {
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .env("POOL_PROCESS_TEST", "set")
        .env_remove("PATH")
        .build()
        .unwrap();
    let var = |name: String| std::env::var(name).ok();
    let set = pool.call(var, ("POOL_PROCESS_TEST".to_owned(),)).unwrap();
    assert_eq!(set.result().unwrap().as_deref(), Some("set"));
    assert_eq!(
        pool.call(var, ("PATH".to_owned(),))
            .unwrap()
            .result()
            .unwrap(),
        None
    );
    static HERE: AtomicBool = AtomicBool::new(false);
    HERE.store(true, Ordering::SeqCst);
    let here = |_: u32| HERE.load(Ordering::SeqCst);
    assert!(!pool.call(here, (0,)).unwrap().result().unwrap());
}

#[test]
fn large_payloads_travel_both_ways() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let echo = |bytes: Bytes| bytes;
    let sizes = [0, 1, 65_535, 65_536, 1 << 20, 10 << 20];
    let futures: Vec<_> = sizes
        .iter()
        .map(|&size| pool.call(echo, (Bytes(vec![size as u8; size]),)).unwrap())
        .collect();
    for (size, future) in sizes.into_iter().zip(futures) {
        let bytes = future.result().unwrap().0;
        assert_eq!(bytes.len(), size);
        assert!(bytes.iter().all(|&byte| byte == size as u8));
    }
    goes_on_and_leaves_nothing(pool);
}

// C-112
#[test]
fn a_number_of_workers_that_cannot_be_is_refused() {
    let zero = ProcessPoolExecutor::new(0).unwrap_err();
    assert_eq!(zero.to_string(), "max_workers must be greater than 0");
    let many = ProcessPoolExecutor::new(70_000).unwrap_err();
    assert_eq!(
        many.to_string(),
        "max_workers must be at most 65536, and is 70000"
    );
}

// C-118
#[test]
fn tasks_of_one_worker_start_in_the_order_of_their_submission() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let append = |path: String, n: u32| {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        writeln!(file, "{n}").unwrap();
    };
    for n in 0..500 {
        drop(pool.call(append, (folder.file("log"), n)).unwrap());
    }
    pool.shutdown();
    let log = std::fs::read_to_string(folder.file("log")).unwrap();
    let expected: String = (0..500).map(|n| format!("{n}\n")).collect();
    assert_eq!(log, expected);
}

// D-29
#[test]
fn a_burst_of_small_tasks_needs_no_more_than_the_workers() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let futures: Vec<_> = (0..20_000)
        .map(|n| pool.call(add, (n, n)).unwrap())
        .collect();
    let sum: u64 = futures.into_iter().map(|f| f.result().unwrap()).sum();
    assert_eq!(sum, 19_999 * 20_000);
    assert!(pool.stats().launched() <= 2);
    goes_on_and_leaves_nothing(pool);
}
