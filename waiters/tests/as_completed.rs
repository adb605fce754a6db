//! `as_completed` and `as_completed_timeout`.
#![cfg(not(cf_loom))]

mod support;

use std::iter::{once, repeat_n};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use future_core::{Future, FutureHandle, TaskError, promise};
use support::promises;
use waiters::{AsCompleted, AsCompletedTimeout, as_completed, as_completed_timeout};

const SHORT: Duration = Duration::from_millis(5);

// C-060
#[test]
fn every_future_comes_once() {
    let (mut promises, futures) = promises(6);
    promises[0].set_result(0).unwrap();
    promises[1].set_exception("no").unwrap();
    assert!(futures[2].cancel());
    let ids: Vec<_> = futures.iter().map(Future::id).collect();
    let handle = futures[5].handle();
    let completed = as_completed(futures);
    let thread = thread::spawn(move || {
        promises[3].set_result(3).unwrap();
        promises[4].set_exception("no").unwrap();
        assert!(handle.cancel());
    });
    let seen: Vec<_> = completed.map(|future| future.id()).collect();
    assert_eq!(seen, ids);
    thread.join().unwrap();
}

// C-061
#[test]
fn the_done_ones_come_first_then_in_the_order_of_completion() {
    let (mut promises, futures) = promises(6);
    let keyed: Vec<_> = (0..6).zip(futures).collect();
    for done in [4, 1] {
        promises[done].set_result(()).unwrap();
    }
    let completed = as_completed(&keyed);
    for later in [5, 0, 3, 2] {
        promises[later].set_result(()).unwrap();
    }
    let order: Vec<i32> = completed.map(|(key, _)| *key).collect();
    assert_eq!(order, [1, 4, 5, 0, 3, 2]);
}

// C-062, P8
#[test]
fn the_done_ones_come_then_the_time_out() {
    for limit in [Duration::ZERO, SHORT] {
        let (mut promises, futures) = promises(3);
        promises[2].set_result(2).unwrap();
        let mut completed = as_completed_timeout(&futures, limit);
        assert_eq!(completed.next().unwrap().unwrap(), &futures[2]);
        let late = completed.next().unwrap().unwrap_err();
        assert_eq!((late.unfinished(), late.total()), (2, 3));
        assert!(completed.next().is_none());
        // Over is over, though this one is done by now.
        promises[0].set_result(0).unwrap();
        assert!(completed.next().is_none());
        assert_eq!(completed.into_unfinished(), [&futures[0], &futures[1]]);
    }
}

// C-063
#[test]
fn duplicates_come_once_from_any_iterable() {
    let (mut promise, future) = promise();
    promise.set_result(1).unwrap();
    assert_eq!(as_completed(repeat_n(&future, 3)).count(), 1);
    let (mut promise, other) = promises(1);
    let completed = as_completed([&future, &other[0], &future, &other[0]]);
    assert_eq!(completed.len(), 2);
    promise[0].set_result(2).unwrap();
    assert_eq!(completed.count(), 2);
    let shared = future.shared();
    assert_eq!(
        as_completed(vec![shared.clone(), shared.clone(), shared]).count(),
        1
    );
}

// C-064, D-31, P6
#[test]
fn what_came_out_is_not_kept() {
    for timed in [false, true] {
        let value = Arc::new(());
        let (mut promises, futures) = promises(3);
        promises[0].set_result(value.clone()).unwrap();
        let mut plain = None;
        let mut limited = None;
        if timed {
            limited = Some(as_completed_timeout(futures, Duration::MAX));
        } else {
            plain = Some(as_completed(futures));
        }
        promises[1].set_result(value.clone()).unwrap();
        let mut next = || match (&mut plain, &mut limited) {
            (Some(plain), _) => plain.next(),
            (_, Some(limited)) => limited.next().map(Result::unwrap),
            _ => None,
        };
        for holders in [3, 2] {
            assert_eq!(Arc::strong_count(&value), holders);
            drop(next());
        }
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

// C-065
#[test]
fn the_time_out_says_how_many_of_how_many() {
    let (mut promises, futures) = promises(4);
    promises[1].set_result(()).unwrap();
    promises[2].set_result(()).unwrap();
    let limit = Duration::from_millis(1);
    let late = as_completed_timeout(&futures, limit)
        .find_map(Result::err)
        .unwrap();
    assert_eq!(
        late.to_string(),
        "2 (of 4) futures unfinished after 1ms; they go on, wait again or cancel them"
    );
}

// C-066, C-067, D-35
#[test]
fn the_limit_is_for_all_and_counts_from_the_call() {
    let (mut promises, futures) = promises(3);
    let mut completed = as_completed_timeout(&futures, SHORT);
    // The time passes before the first `next`, as in a wait for something else.
    assert!(!futures[2].wait_timeout(SHORT));
    promises[0].set_result(()).unwrap();
    promises[1].set_result(()).unwrap();
    assert!(completed.next().unwrap().is_ok());
    assert!(completed.next().unwrap().is_ok());
    assert!(completed.next().unwrap().is_err());
    assert!(completed.next().is_none());
}

/// How long `next` takes for the time-out when all the time passed before it, and, when `begun`,
/// after another `next` had given a future.
fn late_time_out(begun: bool) -> Duration {
    let (mut promises, futures) = promises(2);
    let mut completed = as_completed_timeout(&futures, SHORT);
    if begun {
        promises[0].set_result(()).unwrap();
        assert!(completed.next().unwrap().is_ok());
    }
    assert!(!futures[1].wait_timeout(SHORT));
    let asked = Instant::now();
    assert!(completed.next().unwrap().is_err());
    asked.elapsed()
}

/// A clock that started at the first `next`, or anew with each, would let none of these calls
/// return before all of the limit has passed once more; ours lets all do so that are not held up
/// by the machine, and one is enough.
// C-066, C-067, D-35
#[test]
fn next_does_not_wait_when_the_time_was_up_before_it() {
    for begun in [false, true] {
        let early = (0..1000).any(|_| late_time_out(begun) < SHORT);
        assert!(early, "the limit counts from `next`, begun: {begun}");
    }
}

// C-068, P6
#[test]
fn dropping_it_early_unregisters() {
    let (mut promises, futures) = promises(3);
    for _ in 0..3 {
        let mut completed = as_completed(&futures);
        promises.pop().unwrap().set_result(()).unwrap();
        assert!(completed.next().is_some());
        drop(completed);
        drop(as_completed_timeout(&futures, Duration::MAX));
    }
    // Nothing points to the dropped ones, or completing would have touched them.
    assert_eq!(as_completed(&futures).count(), 3);
}

// C-069
#[test]
fn an_empty_set_yields_nothing() {
    assert!(as_completed(Vec::<Future<u8>>::new()).next().is_none());
    let mut timed = as_completed_timeout(Vec::<Future<u8>>::new(), Duration::ZERO);
    assert!(timed.is_empty() && timed.next().is_none());
}

// C-070
#[test]
fn the_consumer_may_complete_futures_itself() {
    let (promises, futures) = promises(5);
    let mut left = promises;
    left.pop().unwrap().set_result(4).unwrap();
    let mut seen = Vec::new();
    for future in as_completed(futures) {
        let value = future.result().unwrap();
        seen.push(value);
        if let Some(mut promise) = left.pop() {
            promise.set_result(value - 1).unwrap();
        }
    }
    assert_eq!(seen, [4, 3, 2, 1, 0]);
}

// C-071, D-1, P3
#[test]
fn a_cancelled_future_comes_when_it_is_cancelled() {
    let (promises, futures) = promises::<u8>(3);
    let handles: Vec<FutureHandle> = futures.iter().map(Future::handle).collect();
    let (cancelled, was_cancelled) = channel();
    let completed = as_completed(futures);
    let thread = thread::spawn(move || {
        for handle in handles.iter().rev() {
            assert!(handle.cancel());
            cancelled.send(handle.id()).unwrap();
        }
    });
    for future in completed {
        assert_eq!(future.id(), was_cancelled.recv().unwrap());
        assert!(matches!(future.result(), Err(TaskError::Cancelled(_))));
    }
    thread.join().unwrap();
    drop(promises);
}

// P1
#[test]
fn a_dropped_promise_lets_its_future_come() {
    let (promises, futures) = promises::<u8>(10);
    let thread = thread::spawn(move || drop(promises));
    let broken = as_completed(futures)
        .filter(|f| matches!(f.exception(), Some(TaskError::Broken(_))))
        .count();
    assert_eq!(broken, 10);
    thread.join().unwrap();
}

// C-056
#[test]
fn callbacks_have_run_when_a_future_comes() {
    let (mut promise, future) = promise::<u8>();
    let (open, gate) = channel::<()>();
    let (ran, has_run) = channel();
    future.add_done_callback(move |_| {
        gate.recv().unwrap();
        ran.send(()).unwrap();
    });
    let thread = thread::spawn(move || promise.set_result(1).unwrap());
    let mut timed = as_completed_timeout([&future], Duration::ZERO);
    assert!(timed.next().unwrap().is_err());
    open.send(()).unwrap();
    assert_eq!(as_completed([&future]).count(), 1);
    has_run.try_recv().unwrap();
    thread.join().unwrap();
}

#[test]
fn two_iterators_see_the_same_future() {
    let (mut promise, future) = promise();
    let shared = future.shared();
    let other = shared.clone();
    let one = as_completed([shared]);
    let thread = thread::spawn(move || {
        let mut seen = as_completed(once(other));
        seen.next().map(|f| *f.result().unwrap())
    });
    promise.set_result(8).unwrap();
    assert_eq!(one.map(|f| *f.result().unwrap()).collect::<Vec<_>>(), [8]);
    assert_eq!(thread.join().unwrap(), Some(8));
}

#[test]
fn the_sizes_are_those_of_what_is_left() {
    let (mut promises, futures) = promises(3);
    promises[1].set_result(()).unwrap();
    let mut completed = as_completed(&futures);
    assert_eq!(completed.size_hint(), (3, Some(3)));
    assert!(completed.next().is_some());
    assert_eq!(completed.len(), 2);
    assert_eq!(format!("{completed:?}"), "AsCompleted { left: 2, .. }");
    assert_eq!(completed.into_unfinished(), [&futures[0], &futures[2]]);

    let mut timed = as_completed_timeout(&futures, Duration::ZERO);
    assert_eq!((timed.len(), timed.size_hint()), (3, (1, Some(3))));
    assert!(timed.next().unwrap().is_ok());
    assert!(timed.next().unwrap().is_err());
    assert_eq!((timed.len(), timed.size_hint()), (2, (0, Some(0))));
    assert_eq!(
        format!("{timed:?}"),
        "AsCompletedTimeout { left: 2, total: 3, limit: 0ns, .. }"
    );
}

#[test]
fn it_can_be_sent_to_another_thread() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let (mut promises, futures) = promises(2);
    let completed: AsCompleted<Future<u8>> = is_send(as_completed(futures));
    let thread = thread::spawn(move || completed.map(|f| f.result().unwrap()).sum::<u8>());
    promises[0].set_result(1).unwrap();
    promises[1].set_result(2).unwrap();
    assert_eq!(thread.join().unwrap(), 3);
    let _: AsCompletedTimeout<&Future<u8>> = is_send(as_completed_timeout([], SHORT));
}
