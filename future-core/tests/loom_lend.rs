//! Models of a lent task: of "cancel it", "it was begun there" and "send it elsewhere" one is
//! true, and everybody learns which.
#![cfg(cf_loom)]

use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicUsize as StdAtomicUsize, Ordering::SeqCst};

use future_core::executor::{Place, Proxy, Ran, Task, Unlent};
use future_core::shim::model::{Model, Reached};
use future_core::{BrokenExecutor, Future, State, TaskError};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

const QUEUED: usize = 0;
const STARTED: usize = 1;
const REVOKED: usize = 2;

/// Two places that tasks are lent to, each a claim that whoever comes first gets.
struct Places([AtomicUsize; 2]);

impl Places {
    fn new() -> Arc<Self> {
        Arc::new(Self([AtomicUsize::new(QUEUED), AtomicUsize::new(QUEUED)]))
    }

    fn claim(&self, place: Place, as_what: usize) -> bool {
        self.0[place[0] as usize]
            .compare_exchange(QUEUED, as_what, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

/// Counts its drops.
struct Elsewhere {
    places: Arc<Places>,
    drops: StdArc<StdAtomicUsize>,
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.drops.fetch_add(1, SeqCst);
    }
}

impl Proxy for Elsewhere {
    type Output = u32;

    fn receive(self) -> Result<u32, TaskError> {
        Ok(7)
    }

    fn revoke(&self, place: Place) -> bool {
        self.places.claim(place, REVOKED)
    }

    fn started(&self, place: Place) -> bool {
        self.places.0[place[0] as usize].load(Ordering::Acquire) != QUEUED
    }

    fn name() -> &'static str {
        "elsewhere"
    }
}

fn task(places: &Arc<Places>) -> (Task, Future<u32>, StdArc<StdAtomicUsize>) {
    let drops = StdArc::new(StdAtomicUsize::new(0));
    let (task, future) = Task::new_lendable(Elsewhere {
        places: places.clone(),
        drops: drops.clone(),
    });
    (task, future, drops)
}

// P3
#[test]
fn cancel_of_a_lent_task_against_its_start() {
    static CANCELLED: Reached = Reached::new("the canceller won");
    static FINISHED: Reached = Reached::new("the worker won");
    static REFUSED: Reached = Reached::new("the task was cancelled before it was lent");
    Model::new(
        "cancel_of_a_lent_task_against_its_start",
        "a lent task that is cancelled is never begun, one that was begun is never cancelled, \
         and its waiter hears of either",
        2,
    )
    .check(|| {
        let places = Places::new();
        let (mut task, future, drops) = task(&places);
        let worker = thread::spawn(move || {
            if !task.lend([0, 0]) {
                REFUSED.mark();
                assert_eq!(task.run_lent(|| {}), Ran::Cancelled);
                return false;
            }
            let began = places.claim([0, 0], STARTED);
            let ran = task.run_lent(|| {});
            assert_eq!(began, ran == Ran::Finished);
            began
        });
        let cancelled = future.cancel();
        let outcome = future.result();
        let began = worker.join().unwrap();
        assert_eq!(began, !cancelled);
        match outcome {
            Ok(7) if began => FINISHED.mark(),
            Err(TaskError::Cancelled(_)) if !began => CANCELLED.mark(),
            other => panic!("{other:?}"),
        }
        assert_eq!(drops.load(SeqCst), 1);
    });
    CANCELLED.assert();
    FINISHED.assert();
    REFUSED.assert();
}

// D-26
#[test]
fn a_lent_task_that_is_seen_running_runs() {
    static RUNNING: Reached = Reached::new("it was seen running");
    static PENDING: Reached = Reached::new("it was seen pending");
    Model::new(
        "a_lent_task_that_is_seen_running_runs",
        "running() is true only of a task that was begun, which then cannot be cancelled",
        2,
    )
    .check(|| {
        let places = Places::new();
        let (mut task, future, _drops) = task(&places);
        let worker = thread::spawn(move || {
            assert!(task.lend([0, 0]));
            assert!(places.claim([0, 0], STARTED));
            task.run_lent(|| {})
        });
        match future.state() {
            State::Running => {
                RUNNING.mark();
                assert!(!future.cancel());
            }
            State::Pending => PENDING.mark(),
            State::Finished => {}
            State::Cancelled => unreachable!("nobody cancels it"),
        }
        assert_eq!(future.result().unwrap(), 7);
        assert_eq!(worker.join().unwrap(), Ran::Finished);
    });
    RUNNING.assert();
    PENDING.assert();
}

// P4, P5
#[test]
fn a_worker_dies_while_its_task_is_cancelled() {
    static CANCELLED: Reached = Reached::new("it was cancelled");
    static ELSEWHERE: Reached = Reached::new("it ran elsewhere");
    static FAILED: Reached = Reached::new("it was begun, and failed with its worker");
    Model::new(
        "a_worker_dies_while_its_task_is_cancelled",
        "the task of a dead worker is sent elsewhere unless it was begun or cancelled; it ends \
         once, and runs once at most",
        3,
    )
    .check(|| {
        let places = Places::new();
        let (mut task, future, drops) = task(&places);
        let handle = future.handle();
        assert!(task.lend([0, 0]));
        // The worker may come to begin it before it dies.
        let dying = {
            let places = places.clone();
            thread::spawn(move || places.claim([0, 0], STARTED))
        };
        let canceller = thread::spawn(move || handle.cancel());
        let ran = match task.unlend(|| places.claim([0, 0], REVOKED)) {
            Unlent::Pending => {
                if task.lend([1, 0]) && places.claim([1, 0], STARTED) {
                    ELSEWHERE.mark();
                    task.run_lent(|| {})
                } else {
                    task.run_lent(|| {})
                }
            }
            Unlent::Started => {
                FAILED.mark();
                assert!(task.fail(BrokenExecutor::new("died").into()));
                Ran::Failed
            }
            Unlent::NotLent => {
                drop(task);
                Ran::Cancelled
            }
        };
        let began_first = dying.join().unwrap();
        let cancelled = canceller.join().unwrap();
        match future.result() {
            Ok(7) => assert!(ran == Ran::Finished && !cancelled && !began_first),
            Err(TaskError::Cancelled(_)) => {
                assert!(ran == Ran::Cancelled && cancelled && !began_first);
                CANCELLED.mark();
            }
            Err(TaskError::Broken(_)) => {
                assert!(ran == Ran::Failed && !cancelled && began_first);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(drops.load(SeqCst), 1);
    });
    CANCELLED.assert();
    ELSEWHERE.assert();
    FAILED.assert();
}

// P1, P6
#[test]
fn the_owner_leaves_a_lent_task() {
    static BY_WORKER: Reached = Reached::new("the receiver dropped the value");
    static BY_OWNER: Reached = Reached::new("the owner dropped the value");
    static COUNT: StdAtomicUsize = StdAtomicUsize::new(0);

    struct Value(thread::ThreadId, StdArc<StdAtomicUsize>);
    impl Drop for Value {
        fn drop(&mut self) {
            self.1.fetch_add(1, SeqCst);
            if thread::current().id() == self.0 {
                BY_WORKER.mark();
            } else {
                BY_OWNER.mark();
            }
        }
    }
    struct Gives(StdArc<StdAtomicUsize>);
    impl Proxy for Gives {
        type Output = Value;

        fn receive(self) -> Result<Value, TaskError> {
            Ok(Value(thread::current().id(), self.0))
        }

        fn revoke(&self, _: Place) -> bool {
            false
        }

        fn started(&self, _: Place) -> bool {
            true
        }

        fn name() -> &'static str {
            "gives"
        }
    }

    Model::new(
        "the_owner_leaves_a_lent_task",
        "the value of a lent task whose owner leaves is dropped once, and so is the cell",
        2,
    )
    .check(|| {
        let drops = StdArc::new(StdAtomicUsize::new(0));
        let (mut task, future) = Task::new_lendable(Gives(drops.clone()));
        assert!(task.lend([3, 0]));
        let worker = thread::spawn(move || task.run_lent(|| {}));
        assert!(!future.cancel());
        drop(future);
        assert_eq!(worker.join().unwrap(), Ran::Finished);
        assert_eq!(drops.load(SeqCst), 1);
        COUNT.fetch_add(1, SeqCst);
    });
    assert!(COUNT.load(SeqCst) > 0);
    BY_WORKER.assert();
    BY_OWNER.assert();
}
