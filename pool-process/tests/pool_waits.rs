//! A thread that waits for the only task of a worker takes in itself what that worker says.

#![cfg(not(cf_loom))]

mod pool_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use pool_process::{ProcessPoolExecutor, ShutdownOptions, TaskError};
use pool_support::{
    Folder, LONG, eventually, goes_on_and_leaves_nothing, hang, pid, signal, stop, wait_at,
};
use serde::{Deserialize, Deserializer, Serialize};

/// Notes the name of the thread that decodes it.
#[derive(Serialize)]
struct ReadBy(Option<String>);

impl<'de> Deserialize<'de> for ReadBy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::<String>::deserialize(from)?;
        Ok(Self(thread::current().name().map(str::to_owned)))
    }
}

fn read_by(_: u32) -> ReadBy {
    ReadBy(None)
}

fn own_name() -> Option<String> {
    thread::current().name().map(str::to_owned)
}

#[test]
fn the_waiting_thread_reads_its_answer_itself() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    eventually("an answer is read by the thread that waits for it", || {
        pool.call(read_by, (1,)).unwrap().result().unwrap().0 == own_name()
    });
    goes_on_and_leaves_nothing(pool);
}

#[test]
fn callbacks_do_not_run_in_the_waiting_thread() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    for _ in 0..50 {
        let folder = Folder::new();
        let (send, names) = channel();
        // Not done before the callback is there, which would run in this thread then.
        let job = (folder.file("began"), folder.file("go"));
        let future = pool.call(wait_at, job).unwrap().shared();
        future.add_done_callback(move |_| send.send(own_name()).unwrap());
        folder.create("go");
        future.wait().unwrap();
        let name = names.recv_timeout(LONG).unwrap();
        assert_ne!(name, own_name());
    }
    goes_on_and_leaves_nothing(pool);
}

#[test]
fn each_thread_attends_to_its_own_worker() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    thread::scope(|scope| {
        for n in 0..4_u32 {
            let pool = &pool;
            scope.spawn(move || {
                for i in 0..200 {
                    let sum = pool.call(|a: u32, b: u32| a + b, (n, i)).unwrap();
                    assert_eq!(sum.result().unwrap(), n + i);
                }
            });
        }
    });
    goes_on_and_leaves_nothing(pool);
}

// P8
#[test]
fn a_limit_ends_a_wait_at_a_worker() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let go = folder.file("go");
    let future = pool.call(wait_at, (folder.file("began"), go)).unwrap();
    folder.await_file("began");
    for _ in 0..3 {
        assert!(!future.wait_timeout(Duration::from_millis(2)));
    }
    folder.create("go");
    future.result().unwrap();
    goes_on_and_leaves_nothing(pool);
}

// P3
#[test]
fn a_cancellation_ends_a_wait_at_a_worker_that_does_not_move() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let worker = pool.call(pid, (0,)).unwrap().result().unwrap();
    for _ in 0..20 {
        stop(worker);
        let future = pool.call(pid, (0,)).unwrap();
        let handle = future.handle();
        let (send, ended) = channel();
        let waiting = thread::spawn(move || {
            send.send(()).unwrap();
            future.result()
        });
        ended.recv_timeout(LONG).unwrap();
        assert!(handle.cancel());
        assert!(waiting.join().unwrap().unwrap_err().is_cancelled());
        signal(worker, libc::SIGCONT);
    }
    goes_on_and_leaves_nothing(pool);
}

// P4
#[test]
fn the_end_of_the_worker_ends_the_wait() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    for n in 0..20 {
        let folder = Folder::new();
        let future = pool.call(hang, (folder.file("began"),)).unwrap();
        folder.await_file("began");
        let worker = folder.pid("began");
        let killer = thread::spawn(move || signal(worker, libc::SIGKILL));
        let died = match future.result() {
            Err(TaskError::Died(died)) => died,
            other => panic!("round {n}: {other:?}"),
        };
        assert_eq!(died.pid(), worker);
        killer.join().unwrap();
    }
    goes_on_and_leaves_nothing(pool);
}

#[test]
fn others_tasks_end_while_a_thread_sits_at_a_worker() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let folder = Folder::new();
    let go = folder.file("go");
    let first = pool.call(wait_at, (folder.file("began"), go)).unwrap();
    folder.await_file("began");
    let over = Arc::new(AtomicBool::new(false));
    let waiting = {
        let over = over.clone();
        thread::spawn(move || {
            first.result().unwrap();
            over.store(true, SeqCst);
        })
    };
    let others: Vec<_> = (0..100).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    assert!(!over.load(SeqCst));
    folder.create("go");
    for other in others {
        other.result().unwrap();
    }
    waiting.join().unwrap();
    goes_on_and_leaves_nothing(pool);
}

#[test]
fn a_pool_that_kills_its_workers_lets_nobody_sit() {
    for _ in 0..10 {
        let pool = ProcessPoolExecutor::new(1).unwrap();
        let folder = Folder::new();
        let future = pool.call(hang, (folder.file("began"),)).unwrap();
        folder.await_file("began");
        let waiting = thread::spawn(move || future.result());
        pool.kill_workers();
        pool.shutdown();
        assert!(waiting.join().unwrap().is_err());
    }
}

static READING: AtomicBool = AtomicBool::new(false);
static READ_ON: AtomicBool = AtomicBool::new(false);

/// Takes its time when a thread called `waiter` reads it.
#[derive(Serialize)]
struct Slow;

impl<'de> Deserialize<'de> for Slow {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <()>::deserialize(from)?;
        if own_name().as_deref() == Some("waiter") {
            READING.store(true, SeqCst);
            eventually("it may be read on", || READ_ON.load(SeqCst));
        }
        Ok(Self)
    }
}

// P1, P9
#[test]
fn the_end_of_the_pool_waits_for_who_reads_its_answer_itself() {
    let (pool, waiter) = loop {
        let pool = ProcessPoolExecutor::new(1).unwrap();
        pool.call(pid, (0,)).unwrap().result().unwrap();
        let future = pool.call(|| Slow, ()).unwrap();
        let waiter = thread::Builder::new().name("waiter".into());
        let waiter = waiter.spawn(move || future.result().is_ok()).unwrap();
        eventually("the answer is read, here or there", || {
            READING.load(SeqCst) || waiter.is_finished()
        });
        if READING.load(SeqCst) {
            break (pool, waiter);
        }
        assert!(waiter.join().unwrap());
    };
    // Its worker has nothing to do any more and ends; the future is not done yet.
    let options = ShutdownOptions::new().timeout(Duration::from_millis(50));
    let late = pool.shutdown_with(options).unwrap_err();
    assert!(late.is_timeout(), "{late}");
    READ_ON.store(true, SeqCst);
    pool.shutdown();
    assert!(waiter.join().unwrap());
}
