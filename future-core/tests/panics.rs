//! Failures of tasks: errors that come back as what they were, and panics of everything that can.
#![cfg(not(cf_loom))]

mod support {
    pub(crate) mod counted;
}

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake};

use future_core::executor::{PoolToken, Ran, Task};
use future_core::{Future, TaskError, TaskFailed, TaskPanicked, promise};
use support::counted::{Counted, Drops};

fn run<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Future<T> {
    let (task, future) = Task::new(job, &PoolToken::new(1));
    task.run(|| {});
    future
}

fn run_fallible<T, E>(job: impl FnOnce() -> Result<T, E> + Send + 'static) -> (Ran, Future<T>)
where
    T: Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let (task, future) = Task::new_fallible(job, &PoolToken::new(1));
    (task.run(|| {}), future)
}

fn failed<T>(future: Future<T>) -> TaskFailed {
    match future.result() {
        Err(TaskError::Failed(failed)) => failed,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a value"),
    }
}

fn panicked<T>(future: Future<T>) -> TaskPanicked {
    match future.result() {
        Err(TaskError::Panicked(panicked)) => panicked,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a value"),
    }
}

// T3
#[test]
fn an_error_comes_back_as_what_it_was() {
    let (ran, future) = run_fallible(|| Err::<u32, _>(io::Error::other("no disk")));
    assert_eq!(ran, Ran::Failed);
    assert!(future.handle().failed());
    let error = failed(future);
    assert_eq!(
        error.downcast_ref::<io::Error>().unwrap().kind(),
        io::ErrorKind::Other
    );
    assert!(error.downcast_ref::<fmt::Error>().is_none());
    let error = error.downcast::<fmt::Error>().unwrap_err();
    assert_eq!(
        error.downcast::<io::Error>().unwrap().to_string(),
        "no disk"
    );
}

// T3
#[test]
fn an_error_that_is_shared_is_given_back_whole() {
    let error = failed(run_fallible(|| Err::<u32, _>(io::Error::other("no"))).1);
    let clone = error.clone();
    let error = error.downcast::<io::Error>().unwrap_err();
    let error = error.into_inner().unwrap_err();
    drop(clone);
    let inner = error.into_inner().unwrap();
    assert!(inner.is::<io::Error>());
}

// T3
#[test]
fn a_value_of_a_fallible_task_is_no_failure() {
    let (ran, future) = run_fallible(|| Ok::<_, io::Error>(4));
    assert_eq!(ran, Ran::Finished);
    assert!(!future.handle().failed());
    assert_eq!(future.result().unwrap(), 4);
}

// T3
#[test]
fn a_result_of_a_plain_task_is_a_value() {
    let future = run(|| Err::<u32, _>("only a value"));
    assert!(!future.handle().failed());
    assert_eq!(future.result().unwrap(), Err("only a value"));
}

#[derive(Debug)]
struct Outer(io::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

// T3
#[test]
fn errors_of_any_kind() {
    // A boxed one, as anyhow's turn into.
    let boxed = || -> Box<dyn Error + Send + Sync> { Box::new(Outer(io::Error::other("inner"))) };
    let error = failed(run_fallible(move || Err::<u32, _>(boxed())).1);
    assert!(error.to_string().ends_with("failed: outer"), "{error}");
    assert!(error.source().unwrap().is::<Outer>());
    assert_eq!(
        error.downcast_ref::<Outer>().unwrap().0.to_string(),
        "inner"
    );
    // Texts.
    let error = failed(run_fallible(|| Err::<u32, _>("a text".to_owned())).1);
    assert_eq!(error.into_inner().unwrap().to_string(), "a text");
    let error = failed(run_fallible(|| Err::<u32, _>("a text")).1);
    assert!(error.to_string().ends_with("failed: a text"), "{error}");
    // Several with `?`.
    let several = || -> Result<u32, Box<dyn Error + Send + Sync>> {
        let n: u32 = "12x".parse()?;
        if n > 3 {
            Err("too large")?;
        }
        Ok(n)
    };
    let error = TaskError::from(failed(run_fallible(several).1));
    assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
    assert!(
        TaskError::from(future_core::BrokenExecutor::new(""))
            .downcast_ref::<io::Error>()
            .is_none()
    );
    // One given to a promise.
    let (mut promise, future) = promise::<u32>();
    promise
        .set_exception(Outer(io::Error::other("inner")))
        .unwrap();
    let error = failed(future);
    assert_eq!(error.to_string(), "outer");
    assert!(error.source().unwrap().is::<Outer>());
}

// C-117, T7, P1
#[test]
fn a_panic_of_any_payload_lands_in_the_future() {
    let (task, future) = Task::new(|| -> u32 { panic!("with {}", 1) }, &PoolToken::new(1));
    assert_eq!(task.run(|| {}), Ran::Failed);
    assert!(future.handle().failed());
    assert_eq!(panicked(future).message(), "with 1");
    assert_eq!(
        panicked(run(|| -> u32 { panic!("a text") })).message(),
        "a text"
    );
    let error = panicked(run(|| -> u32 { panic_any(vec![7_u8]) }));
    assert_eq!(error.message(), "a value that is not text");
    // The hook was not asked for.
    assert!(error.location().is_none());
    let payload = error.into_panic();
    assert_eq!(*payload.downcast::<Vec<u8>>().unwrap(), [7]);
}

// T7
#[test]
fn a_panic_goes_on_in_another_thread() {
    let error = panicked(run(|| -> u32 { panic!("a text") }));
    let clone = error.clone();
    let went_on = catch_unwind(|| resume_unwind(error.into_panic())).unwrap_err();
    assert_eq!(*went_on.downcast::<&str>().unwrap(), "a text");
    // The clone has the message still.
    let text: Box<dyn Any> = clone.into_panic();
    assert_eq!(*text.downcast::<String>().unwrap(), "a text");
}

/// Panics when it is dropped, after counting that.
struct Bomb(#[expect(dead_code, reason = "kept for its drop")] Counted);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("dropped");
        }
    }
}

// T7, P1
#[test]
fn a_capture_that_panics_when_dropped() {
    let pool = PoolToken::new(1);
    let drops = Drops::default();
    // Run to its end: the panic is the task's.
    let bomb = Bomb(drops.counted());
    let future = run(move || {
        let _bomb = &bomb;
        5
    });
    assert_eq!(panicked(future).message(), "dropped");
    // Cancelled, failed, never run: the outcome was decided.
    let bomb = Bomb(drops.counted());
    let (task, future) = Task::new(move || drop(bomb), &pool);
    assert!(task.cancel());
    assert!(future.result().unwrap_err().is_cancelled());
    let bomb = Bomb(drops.counted());
    let (task, future) = Task::new(move || drop(bomb), &pool);
    assert!(task.fail(future_core::BrokenExecutor::new("broke").into()));
    assert!(matches!(future.result(), Err(TaskError::Broken(_))));
    let bomb = Bomb(drops.counted());
    let (task, future) = Task::new(move || drop(bomb), &pool);
    drop(task);
    assert!(matches!(future.result(), Err(TaskError::Broken(_))));
    assert_eq!(drops.count(), 4);
}

// T7, P1
#[test]
fn an_unread_value_that_panics_when_dropped() {
    let drops = Drops::default();
    // Dropped by the owner, who does not hear of it.
    let bomb = Bomb(drops.counted());
    drop(run(move || bomb));
    // Dropped by the thread that made it: the owner left before.
    let bomb = Bomb(drops.counted());
    let (task, future) = Task::new(move || bomb, &PoolToken::new(1));
    let handle = future.handle();
    drop(future);
    assert_eq!(task.run(|| {}), Ran::Finished);
    assert!(handle.settled());
    let (mut promise, future) = promise();
    drop(future);
    assert!(promise.set_result(Bomb(drops.counted())).is_ok());
    assert_eq!(drops.count(), 3);
}

// T7
#[test]
fn an_unread_payload_that_panics_when_dropped() {
    let drops = Drops::default();
    for owner_left in [true, false] {
        let bomb = Bomb(drops.counted());
        let (task, future) = Task::new(move || -> u32 { panic_any(bomb) }, &PoolToken::new(1));
        let future = (!owner_left).then_some(future);
        assert_eq!(task.run(|| {}), Ran::Failed);
        drop(future);
    }
    assert_eq!(drops.count(), 2);
}

/// Panics when it wakes.
struct Grumpy;

impl Wake for Grumpy {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

// T7, P1
#[test]
fn a_waker_that_panics() {
    for cancel in [false, true] {
        let (task, mut future) = Task::new(|| 3, &PoolToken::new(1));
        let waker = Arc::new(Grumpy).into();
        let mut context = Context::from_waker(&waker);
        assert!(std::future::Future::poll(Pin::new(&mut future), &mut context).is_pending());
        let mut queue = future_core::CompletionQueue::new();
        assert!(queue.watch(0, &future.handle()));
        if cancel {
            assert!(future.cancel());
        } else {
            assert_eq!(task.run(|| {}), Ran::Finished);
        }
        // Everybody else was told.
        assert_eq!(queue.pop(), Some(0));
        assert_eq!(future.result().ok(), (!cancel).then_some(3));
    }
}

// T7
#[test]
fn a_task_that_panics_while_it_borrows_harms_no_other() {
    let shared = Arc::new(std::sync::Mutex::new(0));
    let inner = shared.clone();
    let future = run(move || {
        let _guard = inner.lock().unwrap();
        panic!("with a lock");
    });
    assert_eq!(panicked::<()>(future).message(), "with a lock");
    assert!(shared.is_poisoned());
    // Nothing of ours was held: the thread can do it all again.
    let again = catch_unwind(AssertUnwindSafe(|| run(|| 1).result().unwrap()));
    assert_eq!(again.unwrap(), 1);
}

// P1
#[test]
fn a_panicking_step_of_the_executor_does_not_keep_a_future_from_its_end() {
    let (task, future) = Task::new(|| 1, &PoolToken::new(1));
    task.run(|| panic!("the pool's own step"));
    assert_eq!(future.result().unwrap(), 1);
}
