//! Tasks that run elsewhere: what the future says, who may cancel, what becomes of them.
#![cfg(not(cf_loom))]

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use future_core::executor::{Place, Proxy, Ran, Task, Unlent};
use future_core::{BrokenExecutor, Future, State, TaskError};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Claim {
    Queued,
    Started,
    Revoked,
}

/// Places that tasks are lent to.
#[derive(Clone, Default)]
struct Places {
    claims: Arc<Mutex<Vec<Claim>>>,
    /// How many tasks' proxies were dropped.
    dropped: Arc<AtomicUsize>,
}

impl Places {
    fn open(&self) -> Place {
        let mut claims = self.claims.lock().unwrap();
        claims.push(Claim::Queued);
        [claims.len() as u64 - 1, 0]
    }

    fn claim(&self, place: Place, as_what: Claim) -> bool {
        let mut claims = self.claims.lock().unwrap();
        let claim = &mut claims[place[0] as usize];
        let free = *claim == Claim::Queued;
        if free {
            *claim = as_what;
        }
        free
    }
}

struct Elsewhere {
    places: Places,
    answer: Result<String, TaskError>,
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.places.dropped.fetch_add(1, SeqCst);
    }
}

impl Proxy for Elsewhere {
    type Output = String;

    fn receive(mut self) -> Result<String, TaskError> {
        std::mem::replace(&mut self.answer, Ok(String::new()))
    }

    fn revoke(&self, place: Place) -> bool {
        self.places.claim(place, Claim::Revoked)
    }

    fn started(&self, place: Place) -> bool {
        self.places.claims.lock().unwrap()[place[0] as usize] != Claim::Queued
    }

    fn name() -> &'static str {
        "elsewhere::{{closure}}"
    }
}

/// A task whose answer will be this, its future, and where it may be lent to.
fn new(answer: Result<&str, TaskError>) -> (Task, Future<String>, Places) {
    let places = Places::default();
    let (task, future) = Task::new_lendable(Elsewhere {
        places: places.clone(),
        answer: answer.map(str::to_owned),
    });
    (task, future, places)
}

// D-26
#[test]
fn a_lent_task_is_pending_until_it_is_begun_there() {
    let (mut task, future, places) = new(Ok("answer"));
    let place = places.open();
    assert!(task.lend(place));
    assert_eq!(future.state(), State::Pending);
    assert!(!future.running() && !future.done() && !task.is_pending());
    assert!(places.claim(place, Claim::Started));
    assert_eq!(future.state(), State::Running);
    assert!(future.running() && future.handle().running());
    assert!(!future.cancel());
    assert_eq!(
        format!("{task:?}"),
        "Task { name: \"elsewhere\", state: Running }"
    );
    assert_eq!(task.run_lent(|| {}), Ran::Finished);
    assert_eq!(future.state(), State::Finished);
    assert_eq!(future.result().unwrap(), "answer");
}

// C-156, D-26
#[test]
fn a_lent_task_that_was_not_begun_is_cancelled_exactly() {
    let (mut task, future, places) = new(Ok("answer"));
    let (tell, told) = channel();
    future.add_done_callback(move |f| tell.send(f.cancelled()).unwrap());
    let place = places.open();
    assert!(task.lend(place));
    assert!(future.cancel());
    assert!(future.cancel(), "again");
    assert!(told.recv().unwrap());
    assert_eq!(places.dropped.load(SeqCst), 1);
    assert!(!places.claim(place, Claim::Started), "it is never begun");
    assert_eq!(task.unlend(|| unreachable!()), Unlent::NotLent);
    assert_eq!(task.run_lent(|| {}), Ran::Cancelled);
    assert!(future.result().unwrap_err().is_cancelled());
}

// P4
#[test]
fn a_task_that_is_taken_back_is_lent_elsewhere() {
    let (mut task, future, places) = new(Ok("answer"));
    let first = places.open();
    assert!(task.lend(first));
    let back = || places.claim(first, Claim::Revoked);
    assert_eq!(task.unlend(back), Unlent::Pending);
    assert!(task.is_pending());
    assert!(!places.claim(first, Claim::Started));
    let second = places.open();
    assert!(task.lend(second));
    assert!(!future.running());
    assert!(places.claim(second, Claim::Started));
    let back = || places.claim(second, Claim::Revoked);
    assert_eq!(task.unlend(back), Unlent::Started);
    assert!(future.running());
    assert_eq!(task.run_lent(|| {}), Ran::Finished);
    assert!(future.result().is_ok());
}

// P1
#[test]
fn a_lent_task_can_fail() {
    let (mut task, future, places) = new(Ok("answer"));
    assert!(task.lend(places.open()));
    assert!(task.fail(BrokenExecutor::new("the worker died").into()));
    assert_eq!(places.dropped.load(SeqCst), 1);
    assert_eq!(future.result().unwrap_err().to_string(), "the worker died");

    let (mut task, future, places) = new(Err(BrokenExecutor::new("not readable").into()));
    assert!(task.lend(places.open()));
    assert_eq!(task.run_lent(|| {}), Ran::Failed);
    assert_eq!(future.result().unwrap_err().to_string(), "not readable");
}

// P1
#[test]
fn a_lent_task_that_is_dropped_breaks_its_future() {
    let (mut task, future, places) = new(Ok("answer"));
    assert!(task.lend(places.open()));
    drop(task);
    assert!(matches!(future.result(), Err(TaskError::Broken(_))));
}

// P6
#[test]
fn a_lent_task_outlives_its_owner() {
    let (mut task, future, places) = new(Ok("answer"));
    let place = places.open();
    assert!(task.lend(place));
    let handle = future.handle();
    drop(future);
    assert!(places.claim(place, Claim::Started));
    assert!(!handle.cancel());
    assert_eq!(task.run_lent(|| {}), Ran::Finished);
    assert_eq!(places.dropped.load(SeqCst), 1);
    assert!(handle.done());
}

#[test]
fn what_cannot_be_lent_is_not() {
    let pool = future_core::executor::PoolToken::new(1);
    let (mut task, future) = Task::new(|| 1, &pool);
    assert!(!task.lend([0; 2]));
    assert_eq!(task.unlend(|| true), Unlent::NotLent);
    assert_eq!(task.id(), future.id());
    assert_eq!(task.handle(), future.handle());
    assert!(task.name().contains("what_cannot_be_lent"));
    assert_eq!(task.run(|| {}), Ran::Finished);

    let (task, future, _) = new(Ok("answer"));
    assert_eq!(task.run_lent(|| {}), Ran::Failed, "it was not lent");
    assert!(matches!(future.result(), Err(TaskError::Broken(_))));
}

#[test]
fn a_lent_task_is_lent_once() {
    let (mut task, future, places) = new(Ok("answer"));
    assert!(task.lend(places.open()));
    assert!(!task.lend(places.open()));
    assert_eq!(task.run_lent(|| {}), Ran::Finished);
    drop(future);
}
