//! A future with several readers.
#![cfg(not(cf_loom))]

mod support {
    pub(crate) mod counted;
    pub(crate) mod woken;
}

use std::collections::HashSet;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use future_core::executor::{PoolToken, Task};
use future_core::{AsFuture, State, TaskError, promise};
use support::counted::Drops;
use support::woken::Woken;

// C-014, C-020
#[test]
fn every_reader_reads_the_same_value_in_place() {
    let (mut promise, future) = promise();
    let shared = future.shared();
    let start = Arc::new(Barrier::new(5));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (shared, start) = (shared.clone(), start.clone());
            thread::spawn(move || {
                start.wait();
                let value: &String = shared.result().unwrap();
                (value.clone(), std::ptr::from_ref(value).addr())
            })
        })
        .collect();
    start.wait();
    promise.set_result("text".to_owned()).unwrap();
    let here = std::ptr::from_ref(shared.result().unwrap()).addr();
    for reader in readers {
        assert_eq!(reader.join().unwrap(), ("text".to_owned(), here));
    }
    // And again.
    assert_eq!(shared.result().unwrap(), "text");
}

// C-013, C-016
#[test]
fn failures_and_cancellations_are_shared() {
    let (mut promise, future) = promise::<u32>();
    let shared = future.shared();
    let other = shared.clone();
    assert!(shared.result_timeout(Duration::ZERO).is_err());
    assert!(shared.exception_timeout(Duration::ZERO).is_err());
    assert!(shared.result_ref().is_none());
    promise.set_exception("no").unwrap();
    for shared in [&shared, &other] {
        assert_eq!(shared.result().unwrap_err().to_string(), "no");
        assert_eq!(shared.exception().unwrap().to_string(), "no");
        let limited = shared.exception_timeout(Duration::ZERO).unwrap();
        assert_eq!(limited.unwrap().to_string(), "no");
        let error = shared.result_timeout(Duration::ZERO).unwrap().unwrap_err();
        assert_eq!(error.to_string(), "no");
    }

    let (_promise, future) = self::promise::<u32>();
    let shared = future.shared();
    assert!(shared.clone().cancel());
    assert!(shared.cancelled() && shared.done() && !shared.running());
    assert!(shared.result().unwrap_err().is_cancelled());
    assert_eq!(shared.state(), State::Cancelled);
}

#[test]
fn clones_are_one_future() {
    let (_promise, future) = promise::<u32>();
    let id = future.id();
    let shared = future.shared();
    let clone = shared.clone();
    assert_eq!(shared, clone);
    assert_eq!((shared.id(), clone.id()), (id, id));
    assert_eq!(shared.as_future(), &clone.handle());
    let set: HashSet<_> = [shared, clone].into();
    assert_eq!(set.len(), 1);
    let (_promise, other) = self::promise::<u32>();
    assert!(!set.contains(&other.shared()));
}

// T1
#[test]
fn the_last_clone_is_the_future_again() {
    let (mut promise, future) = promise();
    let shared = future.shared();
    let clone = shared.clone();
    let shared = shared.try_unwrap().unwrap_err();
    drop(clone);
    promise.set_result(vec![1, 2]).unwrap();
    let future = shared.try_unwrap().unwrap();
    assert_eq!(future.result().unwrap(), [1, 2]);
}

// P6, D-31
#[test]
fn the_value_goes_with_its_last_reader() {
    let drops = Drops::default();
    let (mut promise, future) = promise();
    let handle = future.handle();
    let shared = future.shared();
    let clone = shared.clone();
    promise.set_result(drops.counted()).unwrap();
    drop(promise);
    shared.result().unwrap();
    drop(shared);
    assert_eq!(drops.count(), 0);
    clone.result().unwrap();
    drop(clone);
    assert_eq!(drops.count(), 1);
    assert!(handle.done());

    // All readers left before there was a value.
    let (mut promise, future) = self::promise();
    let shared = future.shared();
    drop((shared.clone(), shared));
    promise.set_result(drops.counted()).unwrap();
    assert_eq!(drops.count(), 2);
}

// C-001, C-005
#[test]
fn callbacks_on_any_clone() {
    let (mut promise, future) = promise();
    let shared = future.shared();
    let (tell, told) = channel();
    for clone in [shared.clone(), shared.clone()] {
        let tell = tell.clone();
        clone.add_done_callback(move |f| tell.send(*f.result_ref().unwrap().unwrap()).unwrap());
    }
    promise.set_result(9).unwrap();
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [9, 9]);
    shared.add_done_callback(move |_| tell.send(10).unwrap());
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [10]);
}

#[test]
fn awaiting_clones_wakes_all_of_them() {
    let pool = PoolToken::new(1);
    let (task, future) = Task::new(|| "value".to_owned(), &pool);
    let shared = future.shared();
    let mut waiting: Vec<_> = (0..3)
        .map(|_| {
            let (woken, waker) = Woken::new();
            let mut awaited = Box::pin(shared.clone().into_future());
            for _ in 0..2 {
                // Once registered, the same waker is not registered again.
                let mut context = Context::from_waker(&waker);
                assert!(awaited.as_mut().poll(&mut context).is_pending());
            }
            (woken, awaited)
        })
        .collect();
    task.run(|| {});
    for (woken, awaited) in &mut waiting {
        assert_eq!(woken.count(), 1);
        let (_woken, waker) = Woken::new();
        match awaited.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(value)) => assert_eq!(value, "value"),
            other => panic!("{other:?}"),
        }
    }
    let (_promise, cancelled) = promise::<u32>();
    let cancelled = cancelled.shared();
    cancelled.cancel();
    let (_woken, waker) = Woken::new();
    let mut awaited = Box::pin(cancelled.into_future());
    match awaited.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(Err(TaskError::Cancelled(_))) => {}
        other => panic!("{other:?}"),
    }
}

// P1
#[test]
fn a_task_is_told_when_it_waits_for_itself_through_a_clone() {
    let pool = PoolToken::new(1);
    let (give, take) = channel::<future_core::SharedFuture<u32>>();
    let (task, future) =
        Task::new_fallible(move || take.recv().unwrap().result().map(|n| n + 1), &pool);
    let shared = future.shared();
    give.send(shared.clone()).unwrap();
    task.run(|| {});
    let error = shared.result().unwrap_err();
    assert!(
        error
            .downcast_ref::<TaskError>()
            .is_some_and(|e| matches!(e, TaskError::Deadlock(_)))
    );
}
