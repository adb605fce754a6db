//! One future and its owner: states, outcomes, blocking and giving up.
#![cfg(not(cf_loom))]

mod support {
    pub(crate) mod counted;
}

use std::cell::Cell;
use std::collections::HashSet;
use std::io;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use future_core::executor::{PoolToken, Ran, Task};
use future_core::{
    BrokenExecutor, Deadlock, Future, FutureHandle, FutureId, InvalidStateError, Promise,
    SharedFuture, State, SubmitError, TaskError, TimeoutError, promise,
};
use support::counted::Drops;

/// One future of each kind: pending, running, cancelled, cancelled and told, failed, finished.
fn one_of_each() -> Vec<(Promise<u32>, Future<u32>)> {
    let mut all: Vec<_> = (0..6).map(|_| promise()).collect();
    assert!(all[1].0.set_running_or_notify_cancel().unwrap());
    assert!(all[2].1.cancel());
    assert!(all[3].1.cancel());
    assert!(!all[3].0.set_running_or_notify_cancel().unwrap());
    all[4].0.set_exception(io::Error::other("no disk")).unwrap();
    all[5].0.set_result(42).unwrap();
    all
}

const PENDING: usize = 0;
const RUNNING: usize = 1;
const CANCELLED: usize = 2;
const TOLD: usize = 3;
const FAILED: usize = 4;
const FINISHED: usize = 5;

// C-009
#[test]
fn cancel_succeeds_before_the_start_only() {
    let all = one_of_each();
    let cancelled: Vec<bool> = all.iter().map(|(_, f)| f.cancel()).collect();
    assert_eq!(cancelled, [true, false, true, true, false, false]);
    let states: Vec<State> = all.iter().map(|(_, f)| f.state()).collect();
    use State::{Cancelled, Finished, Running};
    assert_eq!(
        states,
        [Cancelled, Running, Cancelled, Cancelled, Finished, Finished]
    );
}

// C-010, C-011, C-012
#[test]
fn the_predicates_of_each_state() {
    let all = one_of_each();
    let table = |of: fn(&Future<u32>) -> bool| -> Vec<bool> {
        all.iter().map(|(_, future)| of(future)).collect()
    };
    let (no, yes) = (false, true);
    assert_eq!(table(Future::cancelled), [no, no, yes, yes, no, no]);
    assert_eq!(table(Future::done), [no, no, yes, yes, yes, yes]);
    assert_eq!(table(Future::running), [no, yes, no, no, no, no]);
    // The promise and the handle say the same.
    for (promise, future) in &all {
        assert_eq!(promise.cancelled(), future.cancelled());
        assert_eq!(promise.handle(), future.handle());
        assert_eq!(promise.handle().state(), future.state());
    }
}

// C-013
#[test]
fn a_result_without_patience() {
    for (at, (_promise, future)) in one_of_each().into_iter().enumerate() {
        let id = future.id();
        match (at, future.result_timeout(Duration::ZERO)) {
            (PENDING | RUNNING, Err(late)) => {
                assert_eq!(late.limit(), Duration::ZERO);
                assert_eq!(late.into_future().id(), id);
            }
            (CANCELLED | TOLD, Ok(Err(TaskError::Cancelled(_)))) => {}
            (FAILED, Ok(Err(error))) => {
                let inner = error.downcast_ref::<io::Error>().unwrap();
                assert_eq!(inner.to_string(), "no disk");
            }
            (FINISHED, Ok(Ok(42))) => {}
            (at, other) => panic!("{at}: {other:?}"),
        }
    }
}

// C-013, C-020, D-36
#[test]
fn the_outcome_at_once_by_value_and_by_reference() {
    for (at, (mut promise, future)) in one_of_each().into_iter().enumerate() {
        match (at, future.result_ref()) {
            (PENDING | RUNNING, None) => {}
            (CANCELLED | TOLD, Some(Err(TaskError::Cancelled(_)))) => {}
            (FAILED, Some(Err(TaskError::Failed(_)))) => {}
            (FINISHED, Some(Ok(42))) => {}
            (at, other) => panic!("{at}: {other:?}"),
        }
        match (at, future.try_result()) {
            (PENDING | RUNNING, Err(back)) => {
                promise.set_result(1).unwrap();
                assert_eq!(back.try_result().unwrap().unwrap(), 1);
            }
            (CANCELLED | TOLD, Ok(Err(TaskError::Cancelled(_)))) => {}
            (FAILED, Ok(Err(TaskError::Failed(_)))) => {}
            (FINISHED, Ok(Ok(42))) => {}
            (at, other) => panic!("{at}: {other:?}"),
        }
    }
}

// C-016
#[test]
fn the_failure_without_patience() {
    for (at, (_promise, future)) in one_of_each().into_iter().enumerate() {
        match (at, future.exception_timeout(Duration::ZERO)) {
            (PENDING | RUNNING, Err(TimeoutError { .. })) => {}
            (CANCELLED | TOLD, Ok(Some(TaskError::Cancelled(_)))) => {}
            (FAILED, Ok(Some(error))) => {
                assert_eq!(error.to_string(), "no disk");
                // The future keeps it.
                assert_eq!(future.exception().unwrap().to_string(), "no disk");
            }
            (FINISHED, Ok(None)) => assert!(future.exception().is_none()),
            (at, other) => panic!("{at}: {other:?}"),
        }
    }
}

/// Calls `wait` in another thread, and `settle` once that thread is about to wait or waits.
fn while_blocked<R: Send + 'static>(
    wait: impl FnOnce(Future<u32>) -> R + Send + 'static,
    settle: impl FnOnce(Promise<u32>),
) -> R {
    let (promise, future) = promise();
    let start = Arc::new(Barrier::new(2));
    let started = start.clone();
    let thread = thread::spawn(move || {
        started.wait();
        wait(future)
    });
    start.wait();
    settle(promise);
    thread.join().unwrap()
}

/// Often enough for the waiter to be found spinning, registering and asleep.
const TIMES: usize = 200;

// C-014
#[test]
fn a_blocked_result_wakes_on_set_result() {
    for _ in 0..TIMES {
        let result = while_blocked(Future::result, |mut p| p.set_result(7).unwrap());
        assert_eq!(result.unwrap(), 7);
    }
}

// C-015
#[test]
fn a_blocked_result_wakes_on_cancel() {
    for _ in 0..TIMES {
        let result = while_blocked(Future::result, |p| assert!(p.handle().cancel()));
        assert!(result.unwrap_err().is_cancelled());
    }
}

// C-017
#[test]
fn a_blocked_exception_wakes_on_failure() {
    for _ in 0..TIMES {
        let exception = while_blocked(|f| f.exception(), |mut p| p.set_exception("no").unwrap());
        assert_eq!(exception.unwrap().to_string(), "no");
    }
}

// P1
#[test]
fn a_blocked_result_wakes_when_the_promise_is_dropped() {
    for _ in 0..TIMES {
        let result = while_blocked(Future::result, drop);
        assert!(matches!(result, Err(TaskError::Broken(_))));
    }
}

// C-014, C-021
#[test]
fn timed_waits_wake_long_before_their_time() {
    let long = Duration::from_secs(3600);
    let got = while_blocked(
        move |f| f.result_timeout(long).map_err(|_| ()),
        |mut p| p.set_result(7).unwrap(),
    );
    assert_eq!(got.unwrap().unwrap(), 7);
    let got = while_blocked(
        move |f| f.wait_timeout(long) && f.wait_deadline(Instant::now() + long),
        |mut p| p.set_result(7).unwrap(),
    );
    assert!(got);
}

// C-021
#[test]
fn a_time_limit_is_measured_and_one_beyond_the_clock_is_none() {
    let (_promise, future) = promise::<u32>();
    let limit = Duration::from_millis(2);
    let start = Instant::now();
    assert!(!future.wait_timeout(limit));
    assert!(start.elapsed() >= limit);
    assert!(!future.wait_deadline(start));
    let future = future.result_timeout(limit).unwrap_err().into_future();
    assert!(start.elapsed() >= 2 * limit);
    assert!(!future.done());

    let got = while_blocked(
        |f| f.result_timeout(Duration::MAX).map_err(|_| ()),
        |mut p| p.set_result(7).unwrap(),
    );
    assert_eq!(got.unwrap().unwrap(), 7);
}

// P8
#[test]
fn every_wait_has_a_form_with_a_limit() {
    let (_promise, future) = promise::<u32>();
    let zero = Duration::ZERO;
    assert!(!future.wait_timeout(zero));
    assert!(!future.handle().wait_timeout(zero));
    assert!(!future.wait_deadline(Instant::now()));
    assert!(!future.handle().wait_deadline(Instant::now()));
    assert!(future.exception_timeout(zero).is_err());
    let future = future.result_timeout(zero).unwrap_err().into_future();
    let shared = future.shared();
    assert!(!shared.wait_timeout(zero));
    assert!(!shared.wait_deadline(Instant::now()));
    assert!(shared.exception_timeout(zero).is_err());
    assert!(shared.result_timeout(zero).is_err());
    let handle = shared.handle();
    assert!(!future_core::wait_all(&[&handle], Some(Instant::now())).unwrap());
}

// C-020, D-36
#[test]
fn four_readers_agree_a_thousand_times() {
    for (at, (_promise, future)) in one_of_each().into_iter().enumerate() {
        let shared = future.shared();
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || {
                    for _ in 0..1000 {
                        let done = shared.done();
                        let cancelled = shared.cancelled();
                        match (at, shared.result_ref()) {
                            (PENDING | RUNNING, None) => assert!(!done && !cancelled),
                            (CANCELLED | TOLD, Some(Err(TaskError::Cancelled(_)))) => {
                                assert!(done && cancelled);
                            }
                            (FAILED, Some(Err(TaskError::Failed(_)))) => {
                                assert!(done && !cancelled);
                            }
                            (FINISHED, Some(Ok(42))) => assert!(done && !cancelled),
                            (at, other) => panic!("{at}: {other:?}"),
                        }
                    }
                })
            })
            .collect();
        for reader in readers {
            reader.join().unwrap();
        }
    }
}

// C-020, D-36
#[test]
fn a_reader_never_sees_a_state_without_its_outcome() {
    for _ in 0..TIMES {
        let (mut promise, future) = promise();
        let shared = future.shared();
        let reader = shared.clone();
        let thread = thread::spawn(move || {
            loop {
                // Done, and no callbacks: then the value is there too.
                let done = reader.done();
                match reader.result_ref() {
                    Some(outcome) => return *outcome.unwrap(),
                    None => assert!(!done),
                }
            }
        });
        promise.set_result(3).unwrap();
        assert_eq!(thread.join().unwrap(), 3);
    }
}

// D-1, C-015
#[test]
fn a_cancelled_future_releases_its_waiters_at_once() {
    // Nobody ever dequeues the task.
    let pool = PoolToken::new(1);
    let (task, future) = Task::new(|| 1, &pool);
    let handle = future.handle();
    let start = Arc::new(Barrier::new(2));
    let started = start.clone();
    let waiter = thread::spawn(move || {
        started.wait();
        future_core::wait_all(&[&handle], None).unwrap()
    });
    start.wait();
    assert!(future.cancel());
    assert!(waiter.join().unwrap());
    assert_eq!(task.run(|| {}), Ran::Cancelled);
    assert!(future.result().unwrap_err().is_cancelled());
}

// P3
#[test]
fn one_of_many_cancellers_and_the_promise_wins() {
    for _ in 0..TIMES {
        let (mut promise, future) = promise();
        let start = Arc::new(Barrier::new(3));
        let cancellers: Vec<_> = (0..2)
            .map(|_| {
                let (handle, start) = (future.handle(), start.clone());
                thread::spawn(move || {
                    start.wait();
                    handle.cancel()
                })
            })
            .collect();
        start.wait();
        let set = promise.set_result(1);
        let cancelled: Vec<bool> = cancellers.into_iter().map(|c| c.join().unwrap()).collect();
        match (set, future.result()) {
            (Ok(()), Ok(1)) => assert_eq!(cancelled, [false, false]),
            (Err(refused), Err(TaskError::Cancelled(_))) => {
                assert_eq!(
                    (refused.state(), refused.into_value()),
                    (State::Cancelled, 1)
                );
                assert_eq!(cancelled, [true, true]);
            }
            other => panic!("{other:?}"),
        }
    }
}

// C-029
#[test]
fn the_task_of_a_dropped_future_runs() {
    let pool = PoolToken::new(1);
    let (told, hear) = channel();
    let drops = Drops::default();
    let value = drops.counted();
    let (task, future) = Task::new(
        move || {
            told.send(()).unwrap();
            value
        },
        &pool,
    );
    drop(future);
    assert_eq!(drops.count(), 0);
    assert_eq!(task.run(|| {}), Ran::Finished);
    hear.recv().unwrap();
    assert_eq!(drops.count(), 1);
}

#[test]
fn identity_is_the_future() {
    let (_pa, a) = promise::<u32>();
    let (_pb, b) = promise::<u32>();
    assert_eq!(a, a);
    assert_ne!(a, b);
    assert_ne!(a.id(), b.id());
    assert_eq!(a.handle().id(), a.id());
    let ids: HashSet<FutureId> = [a.id(), b.id(), a.handle().id()].into();
    assert_eq!(ids.len(), 2);
    let set: HashSet<Future<u32>> = [a, b].into();
    assert_eq!(set.len(), 2);
}

#[test]
fn futures_of_borrowed_values() {
    let text = String::from("one two");
    let words: Vec<Future<&str>> = text
        .split(' ')
        .map(|word| {
            let (mut promise, future) = promise();
            promise.set_result(word).unwrap();
            future
        })
        .collect();
    let words: Vec<&str> = words.into_iter().map(|w| w.result().unwrap()).collect();
    assert_eq!(words, ["one", "two"]);
    // Borrowed, shared, failed, dropped unread.
    let (mut set, future) = promise::<&str>();
    set.set_result(&text).unwrap();
    let shared = future.shared();
    assert_eq!(*shared.result().unwrap(), text);
    drop(promise::<&str>());
}

/// A value at an address that its type asks for.
#[repr(align(128))]
#[derive(Debug, PartialEq)]
struct Aligned(u8);

fn addr_is_aligned(value: &Aligned) -> bool {
    std::ptr::from_ref(value).addr() % 128 == 0
}

#[test]
fn values_and_jobs_of_every_size_and_alignment() {
    let pool = PoolToken::new(1);
    // No bytes at all.
    let (task, future) = Task::new(|| (), &pool);
    assert_eq!(task.run(|| {}), Ran::Finished);
    future.result().unwrap();
    let (mut unit, future) = promise::<()>();
    unit.set_result(()).unwrap();
    future.result().unwrap();

    // Over-aligned, as value and as capture.
    let captured = Aligned(3);
    let (task, future) = Task::new(
        move || {
            assert!(addr_is_aligned(&captured));
            captured
        },
        &pool,
    );
    task.run(|| {});
    assert!(addr_is_aligned(future.result_ref().unwrap().unwrap()));
    assert_eq!(future.result().unwrap(), Aligned(3));
    let (mut aligned, future) = promise();
    aligned.set_result(Aligned(4)).unwrap();
    assert!(addr_is_aligned(future.result_ref().unwrap().unwrap()));
    drop(future);
    let (mut failed, future) = promise::<Aligned>();
    failed.set_exception("none").unwrap();
    assert_eq!(future.result().unwrap_err().to_string(), "none");

    // A mebibyte, as value and as capture; also cancelled, and dropped unread.
    const LARGE: usize = 1 << 20;
    thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(move || {
            let large = [7_u8; LARGE];
            let (task, future) = Task::new(move || large, &pool);
            task.run(|| {});
            assert!(future.result().unwrap().iter().all(|b| *b == 7));
            let (task, future) = Task::new(move || large.len(), &pool);
            task.run(|| {});
            assert_eq!(future.result().unwrap(), LARGE);
            let (task, future) = Task::new(move || large, &pool);
            assert!(task.cancel());
            drop(future);
            let (mut promise, future) = promise();
            promise.set_result(large).unwrap();
            drop(future);
        })
        .unwrap()
        .join()
        .unwrap();
}

// C-027, P6
#[test]
fn a_value_lives_as_long_as_its_last_reader() {
    let drops = Drops::default();
    let (mut promise, future) = promise();
    let handle = future.handle();
    promise.set_result(drops.counted()).unwrap();
    assert_eq!(drops.count(), 0);
    drop(future);
    assert_eq!(drops.count(), 1);
    // The handle kept nothing, and still knows.
    assert_eq!(handle.state(), State::Finished);

    let (mut promise, future) = self::promise();
    promise.set_result(drops.counted()).unwrap();
    let value = future.result().unwrap();
    assert_eq!(drops.count(), 1);
    drop(value);
    assert_eq!(drops.count(), 2);

    // Its owner left before it was there.
    let (mut promise, future) = self::promise();
    drop(future);
    promise.set_result(drops.counted()).unwrap();
    assert_eq!(drops.count(), 3);
}

fn is_send<T: Send>() {}
fn is_send_and_sync<T: Send + Sync>() {}
fn is_error<T: std::error::Error + Send + Sync + 'static>() {}

#[test]
fn what_crosses_threads() {
    is_send_and_sync::<Future<u32>>();
    // Sent, not shared.
    is_send::<Future<Cell<u32>>>();
    is_send_and_sync::<SharedFuture<u32>>();
    is_send_and_sync::<FutureHandle>();
    is_send_and_sync::<Promise<Cell<u32>>>();
    is_send_and_sync::<Task>();
    is_send::<future_core::CompletionQueue>();
    is_send_and_sync::<future_core::Notifier>();
    // Errors are both, whatever they carry.
    is_error::<TaskError>();
    is_error::<Deadlock>();
    is_error::<BrokenExecutor>();
    is_error::<SubmitError<Cell<u32>>>();
    is_error::<InvalidStateError<Cell<u32>>>();
    is_error::<TimeoutError<Future<Cell<u32>>>>();
}

/// Whether `$type: $bound`, known by which `ANSWER` is found first.
macro_rules! implements {
    ($type:ty: $bound:ident) => {{
        #[allow(dead_code)]
        trait Otherwise {
            const ANSWER: bool = false;
        }
        impl<T: ?Sized> Otherwise for T {}
        struct Asked<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code)]
        impl<T: ?Sized + $bound> Asked<T> {
            const ANSWER: bool = true;
        }
        <Asked<$type>>::ANSWER
    }};
}

#[test]
fn what_does_not_cross_threads() {
    assert!(implements!(Future<u32>: Sync));
    assert!(implements!(Future<Cell<u32>>: Send));
    assert!(!implements!(Future<Cell<u32>>: Sync));
    assert!(!implements!(Future<std::rc::Rc<u32>>: Send));
    assert!(!implements!(SharedFuture<Cell<u32>>: Send));
    assert!(!implements!(Future<u32>: Clone));
    assert!(implements!(SharedFuture<Cell<u32>>: Clone));
}

#[test]
fn what_is_sent_need_not_be_shared() {
    let (mut promise, future) = promise::<Cell<u32>>();
    let (tell, told) = channel();
    future.add_done_callback(move |f| {
        let cell = f.result_ref().unwrap().unwrap();
        cell.set(cell.get() + 1);
        tell.send(cell.get()).unwrap();
    });
    let setter = thread::spawn(move || promise.set_result(Cell::new(1)).unwrap());
    assert_eq!(future.result().unwrap().get(), 2);
    setter.join().unwrap();
    assert_eq!(told.recv().unwrap(), 2);
}
