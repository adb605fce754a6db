//! Waiting for a lent task by working for its executor.
#![cfg(not(cf_loom))]

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use future_core::executor::{Awaited, Driver, Place, Proxy, Task};
use future_core::{BrokenExecutor, Future, TaskError};

const PLACE: Place = [3, 4];
const LONG: Duration = Duration::from_secs(60);

/// What the driver of a test does.
type Drive = Box<dyn Fn(Place, &Awaited<'_>) + Send + Sync>;

/// Calls `0` for each wait that drives.
struct Calls(Drive);

impl Driver for Calls {
    fn drive(&self, place: Place, awaited: &Awaited<'_>) {
        (self.0)(place, awaited);
    }
}

struct Elsewhere(Arc<dyn Driver>);

impl Proxy for Elsewhere {
    type Output = &'static str;

    fn receive(self) -> Result<&'static str, TaskError> {
        Ok("answer")
    }

    fn revoke(&self, _: Place) -> bool {
        true
    }

    fn started(&self, _: Place) -> bool {
        false
    }

    fn driver(&self, place: Place) -> Option<Arc<dyn Driver>> {
        assert_eq!(place, PLACE);
        Some(self.0.clone())
    }

    fn name() -> &'static str {
        "elsewhere"
    }
}

fn driven_by(
    drive: impl Fn(Place, &Awaited<'_>) + Send + Sync + 'static,
) -> (Task, Future<&'static str>) {
    Task::new_lendable(Elsewhere(Arc::new(Calls(Box::new(drive)))))
}

/// A task that is lent and run by its driver, if that is called; who ran it.
fn run_by_its_driver() -> (Future<&'static str>, Arc<Mutex<Option<thread::ThreadId>>>) {
    let place: Arc<Mutex<Option<Task>>> = Arc::default();
    let ran: Arc<Mutex<Option<thread::ThreadId>>> = Arc::default();
    let (own, by) = (place.clone(), ran.clone());
    let (mut task, future) = driven_by(move |place, awaited| {
        assert_eq!(place, PLACE);
        let task = own.lock().unwrap().take().expect("driven once");
        assert_eq!(task.id(), awaited.id());
        assert!(!awaited.settled());
        task.run_lent(|| {});
        assert!(awaited.settled());
        *by.lock().unwrap() = Some(thread::current().id());
    });
    assert!(task.lend(PLACE));
    *place.lock().unwrap() = Some(task);
    (future, ran)
}

#[test]
fn a_wait_for_a_lent_task_drives_its_executor() {
    let (future, ran) = run_by_its_driver();
    assert_eq!(future.result().unwrap(), "answer");
    assert_eq!(*ran.lock().unwrap(), Some(thread::current().id()));
}

#[test]
fn a_wait_with_a_limit_drives_and_says_its_limit() {
    let limits: Arc<Mutex<Vec<Option<Instant>>>> = Arc::default();
    let seen = limits.clone();
    let (mut task, future) = driven_by(move |_, awaited| {
        seen.lock().unwrap().push(awaited.deadline());
    });
    assert!(task.lend(PLACE));
    let before = Instant::now();
    // The driver gives up at once: the wait goes on without it until its time is up.
    assert!(!future.wait_timeout(Duration::from_millis(5)));
    assert!(before.elapsed() >= Duration::from_millis(5));
    let [Some(limit)] = limits.lock().unwrap()[..] else {
        panic!("one wait, with a limit");
    };
    assert!(limit >= before + Duration::from_millis(5));
    task.run_lent(|| {});
    assert_eq!(future.result().unwrap(), "answer");
}

#[test]
fn only_a_wait_for_a_lent_task_drives() {
    let driven = Arc::new(AtomicUsize::new(0));
    let count = driven.clone();
    let (mut task, future) = driven_by(move |_, _| {
        count.fetch_add(1, SeqCst);
    });
    assert!(!future.wait_timeout(Duration::from_millis(1)));
    assert!(task.lend(PLACE));
    assert!(!future.done());
    assert_eq!(driven.load(SeqCst), 0);
    task.run_lent(|| {});
    assert_eq!(future.result().unwrap(), "answer");
    assert_eq!(driven.load(SeqCst), 0);
}

/// Counts its wakes, and unparks a thread.
struct Wakes(AtomicUsize, thread::Thread);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
        self.1.unpark();
    }
}

#[test]
fn a_driver_that_sleeps_is_woken_when_the_future_is_settled_elsewhere() {
    let asleep = Arc::new(std::sync::Barrier::new(2));
    let own = asleep.clone();
    let (mut task, future) = driven_by(move |_, awaited| {
        let wakes = Arc::new(Wakes(AtomicUsize::new(0), thread::current()));
        let waker = Waker::from(wakes.clone());
        let registered = awaited.wake(&waker).expect("not settled yet");
        own.wait();
        let limit = Instant::now() + LONG;
        while wakes.0.load(SeqCst) == 0 && Instant::now() < limit {
            thread::park_timeout(LONG);
        }
        assert_eq!(wakes.0.load(SeqCst), 1);
        assert!(awaited.settled());
        drop(registered);
        assert!(awaited.wake(&waker).is_none());
    });
    assert!(task.lend(PLACE));
    let handle = future.handle();
    let canceller = thread::spawn(move || {
        asleep.wait();
        assert!(handle.cancel());
    });
    assert!(future.result().unwrap_err().is_cancelled());
    canceller.join().unwrap();
    assert!(!task.fail(BrokenExecutor::new("too late").into()));
}

#[test]
fn a_registration_that_is_dropped_is_not_woken() {
    let wakes = Arc::new(Wakes(AtomicUsize::new(0), thread::current()));
    let own = wakes.clone();
    let (mut task, future) = driven_by(move |_, awaited| {
        let waker = Waker::from(own.clone());
        drop(awaited.wake(&waker));
        let _second = awaited.wake(&waker);
    });
    assert!(task.lend(PLACE));
    assert!(!future.wait_timeout(Duration::from_millis(1)));
    task.run_lent(|| {});
    assert_eq!(future.result().unwrap(), "answer");
    assert_eq!(wakes.0.load(SeqCst), 0);
    assert_eq!(Arc::strong_count(&wakes), 1);
}

#[test]
fn callbacks_are_seen() {
    let (mut task, future) = driven_by(|_, _| {});
    assert!(!task.has_callbacks());
    assert!(task.lend(PLACE));
    let called = Arc::new(AtomicUsize::new(0));
    let count = called.clone();
    let future = future.shared();
    future.add_done_callback(move |_| {
        count.fetch_add(1, SeqCst);
    });
    assert!(task.has_callbacks());
    task.run_lent(|| {});
    assert_eq!(called.load(SeqCst), 1);
    assert_eq!(*future.result().unwrap(), "answer");
}
