//! The erased handle, and the completion queue that watches handles.
#![cfg(not(cf_loom))]

mod support {
    pub(crate) mod counted;
}

use std::collections::HashSet;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use future_core::executor::{PoolToken, Ran, Task};
use future_core::{
    AsFuture, CompletionQueue, Future, FutureHandle, Promise, State, promise, wait_all,
};
use support::counted::Drops;

fn promises(n: usize) -> (Vec<Promise<usize>>, Vec<Future<usize>>) {
    (0..n).map(|_| promise()).unzip()
}

fn past() -> Option<Instant> {
    Some(Instant::now())
}

// T1, C-009, C-011
#[test]
fn a_handle_knows_and_cancels_a_future_that_moved_away() {
    let (_promise, future) = promise::<String>();
    let handle = future.handle();
    let elsewhere = thread::spawn(move || future.result());
    assert!(handle.cancel());
    assert!(elsewhere.join().unwrap().unwrap_err().is_cancelled());
    assert!(handle.cancelled() && handle.done() && handle.settled());
    assert!(!handle.running() && !handle.failed());
    assert_eq!(handle.state(), State::Cancelled);
    handle.wait().unwrap();
}

// T1
#[test]
fn what_a_handle_says_in_each_state() {
    let say = |h: &FutureHandle| {
        (
            h.state(),
            h.running(),
            h.done(),
            h.failed(),
            h.settled(),
            h.cancelled(),
        )
    };
    use State::{Cancelled, Finished, Pending, Running};
    let (mut promise, future) = promise();
    let handle = future.handle();
    assert_eq!(say(&handle), (Pending, false, false, false, false, false));
    promise.set_running_or_notify_cancel().unwrap();
    assert_eq!(say(&handle), (Running, true, false, false, false, false));
    promise.set_result(1).unwrap();
    assert_eq!(say(&handle), (Finished, false, true, false, true, false));
    let (mut promise, future) = self::promise::<u32>();
    promise.set_exception("no").unwrap();
    assert_eq!(
        say(&future.handle()),
        (Finished, false, true, true, true, false)
    );
    let (_promise, future) = self::promise::<u32>();
    future.cancel();
    assert_eq!(
        say(&future.handle()),
        (Cancelled, false, true, false, true, true)
    );
}

#[test]
fn whatever_carries_a_future() {
    let (_promise, future) = promise::<u32>();
    let handle = future.handle();
    assert_eq!(handle.as_future(), &handle);
    assert_eq!(AsFuture::as_future(&&future), &handle);
    assert_eq!(("key", &future).as_future(), &handle);
    let boxed: Box<dyn AsFuture> = Box::new(("key", future));
    assert_eq!(boxed.as_future(), &handle);
    let set: HashSet<FutureHandle> = [handle.clone(), handle.clone()].into();
    assert_eq!(set.len(), 1);
}

// P6
#[test]
fn a_handle_keeps_no_value_and_no_closure() {
    let drops = Drops::default();
    let pool = PoolToken::new(1);
    let (capture, value) = (drops.counted(), drops.counted());
    let (task, future) = Task::new(
        move || {
            drop(capture);
            value
        },
        &pool,
    );
    let handle = future.handle();
    task.run(|| {});
    assert_eq!(drops.count(), 1);
    drop(future);
    assert_eq!(drops.count(), 2);
    // Neither of a cancelled task, whose queue still holds it.
    let capture = drops.counted();
    let (task, future) = Task::new(move || drop(capture), &pool);
    let cancelled = future.handle();
    assert!(cancelled.cancel());
    assert_eq!(drops.count(), 3);
    assert_eq!(task.run(|| {}), Ran::Cancelled);
    assert!(handle.done() && cancelled.done());
}

// C-048, C-052, P8
#[test]
fn wait_all_waits_for_all_or_for_its_time() {
    assert!(wait_all(&[], None).unwrap());
    let (mut promises, futures) = promises(5);
    let handles: Vec<_> = futures.iter().map(AsFuture::as_future).collect();
    assert!(!wait_all(&handles, past()).unwrap());
    promises[0].set_result(0).unwrap();
    promises[1].set_exception("no").unwrap();
    assert!(futures[2].cancel());
    drop(promises.pop());
    assert!(!wait_all(&handles, past()).unwrap());
    let last = futures[3].handle();
    let start = Arc::new(Barrier::new(2));
    let started = start.clone();
    let setter = thread::spawn(move || {
        started.wait();
        promises[3].set_result(3).unwrap();
    });
    start.wait();
    assert!(wait_all(&handles, None).unwrap());
    assert!(last.done());
    setter.join().unwrap();
    assert!(wait_all(&handles, past()).unwrap());
    // One of them twice.
    assert!(wait_all(&[&last, &last], None).unwrap());
}

// C-061
#[test]
fn a_queue_hands_out_in_the_order_of_completion() {
    let (mut promises, futures) = promises(6);
    let mut queue = CompletionQueue::new();
    queue.reserve(6);
    assert!(queue.is_empty());
    for (token, future) in futures.iter().enumerate() {
        assert!(queue.watch(token, future.as_future()));
    }
    assert_eq!(queue.len(), 6);
    assert_eq!(queue.pop(), None);
    promises[4].set_result(4).unwrap();
    futures[1].cancel();
    promises[2].set_exception("no").unwrap();
    assert_eq!(queue.pop(), Some(4));
    promises[0].set_result(0).unwrap();
    // What came first stays first, however often it is looked at.
    assert_eq!(queue.pop(), Some(1));
    assert_eq!(queue.wait(None).unwrap(), Some(2));
    assert_eq!(queue.wait(past()).unwrap(), Some(0));
    assert_eq!(queue.wait(past()).unwrap(), None);
    assert_eq!(queue.len(), 2);
    drop(promises);
    assert_eq!(queue.wait(None).unwrap(), Some(3));
    assert_eq!(queue.wait(None).unwrap(), Some(5));
    assert_eq!(queue.wait(None).unwrap(), None);
    // A settled one is not watched.
    assert!(!queue.watch(0, futures[0].as_future()));
    assert!(queue.is_empty());
}

// C-068, P6
#[test]
fn what_is_no_longer_watched_is_not_handed_out() {
    let (mut promises, futures) = promises(4);
    let mut first = CompletionQueue::new();
    let mut second = CompletionQueue::new();
    for (token, future) in futures.iter().enumerate() {
        assert!(first.watch(token, future.as_future()));
        assert!(second.watch(10 + token, future.as_future()));
    }
    // One that is pending, one that is settled and not handed out, one that was handed out.
    assert!(first.unwatch(0));
    assert!(!first.unwatch(0));
    assert!(second.unwatch(11));
    for (n, promise) in promises.iter_mut().enumerate().take(3) {
        promise.set_result(n).unwrap();
    }
    assert!(first.unwatch(1));
    assert!(!first.unwatch(1));
    assert_eq!(first.pop(), Some(2));
    assert!(!first.unwatch(2));
    assert_eq!(first.pop(), None);
    assert_eq!(first.len(), 1);
    assert!(!first.unwatch(99));
    assert_eq!(second.pop(), Some(10));
    assert_eq!(second.pop(), Some(12));
    assert_eq!(second.pop(), None);
    // Those that go early take themselves off; the others stay.
    drop(first);
    promises[3].set_result(3).unwrap();
    assert_eq!(second.pop(), Some(13));
    // Dropped with an entry in it that nobody fetched.
    let (mut promise, future) = promise();
    let mut third = CompletionQueue::new();
    assert!(third.watch(0, future.as_future()));
    promise.set_result(1).unwrap();
    drop(third);
}

// P6
#[test]
fn a_token_can_be_used_again_once_it_is_free() {
    let mut queue = CompletionQueue::new();
    // Handed out; given up while pending; given up while its entry was in the queue, and that
    // with another entry behind it.
    let (mut promises, futures) = promises(6);
    assert!(queue.watch(0, futures[0].as_future()));
    promises[0].set_result(0).unwrap();
    assert_eq!(queue.pop(), Some(0));
    assert!(queue.watch(0, futures[1].as_future()));
    assert!(queue.unwatch(0));
    assert!(queue.watch(0, futures[2].as_future()));
    assert!(queue.watch(1, futures[3].as_future()));
    assert!(queue.watch(2, futures[4].as_future()));
    for n in [3, 2, 4] {
        promises[n].set_result(n).unwrap();
    }
    assert!(queue.unwatch(0));
    assert!(queue.watch(0, futures[5].as_future()));
    promises[5].set_result(5).unwrap();
    assert_eq!(queue.len(), 3);
    assert_eq!(queue.pop(), Some(1));
    assert_eq!(queue.pop(), Some(2));
    assert_eq!(queue.pop(), Some(0));
    assert_eq!(queue.pop(), None);
}

#[test]
#[should_panic(expected = "token 3 is already in use in this completion queue")]
fn a_token_in_use_is_refused() {
    let (_promises, futures) = promises(2);
    let mut queue = CompletionQueue::new();
    queue.watch(3, futures[0].as_future());
    queue.watch(3, futures[1].as_future());
}

// P8
#[test]
fn a_notifier_ends_a_wait() {
    let (mut promises, futures) = promises(1);
    let mut queue = CompletionQueue::new();
    let notifier = queue.notifier();
    // Before the wait, with something watched and with nothing.
    assert!(queue.watch(0, futures[0].as_future()));
    notifier.notify();
    assert_eq!(queue.wait(None).unwrap(), None);
    assert_eq!(queue.wait(past()).unwrap(), None);
    let start = Arc::new(Barrier::new(2));
    let started = start.clone();
    let ringer = thread::spawn(move || {
        started.wait();
        notifier.notify();
        started.wait();
        notifier.notify();
    });
    start.wait();
    assert_eq!(queue.wait(None).unwrap(), None);
    promises[0].set_result(0).unwrap();
    assert_eq!(queue.wait_unregistered(None), Some(0));
    start.wait();
    assert_eq!(queue.wait_unregistered(None), None);
    ringer.join().unwrap();
    assert_eq!(queue.wait_unregistered(past()), None);
}

// C-050
#[test]
fn a_hundred_futures_that_finish_at_once_lose_no_wake_up() {
    for _ in 0..20 {
        let (promises, futures) = promises(100);
        let mut queue = CompletionQueue::new();
        for (token, future) in futures.iter().enumerate() {
            assert!(queue.watch(token, future.as_future()));
        }
        let start = Arc::new(Barrier::new(5));
        let mut promises = promises.into_iter().enumerate();
        let setters: Vec<_> = (0..4)
            .map(|_| {
                let mine: Vec<_> = promises.by_ref().take(25).collect();
                let start = start.clone();
                thread::spawn(move || {
                    start.wait();
                    for (n, mut promise) in mine {
                        promise.set_result(n).unwrap();
                    }
                })
            })
            .collect();
        start.wait();
        let mut seen = HashSet::new();
        while let Some(token) = queue.wait(None).unwrap() {
            assert!(seen.insert(token));
        }
        assert_eq!(seen.len(), 100);
        for setter in setters {
            setter.join().unwrap();
        }
    }
}

// P6
#[test]
fn a_queue_keeps_no_value_and_outlives_its_futures() {
    let drops = Drops::default();
    let (mut promise, future) = promise();
    let mut queue = CompletionQueue::new();
    assert!(queue.watch(0, future.as_future()));
    drop(future);
    promise.set_result(drops.counted()).unwrap();
    assert_eq!(drops.count(), 1);
    drop(promise);
    assert_eq!(queue.wait(None).unwrap(), Some(0));
}

// P10, D-33, P1
#[test]
fn a_worker_runs_what_it_waits_for() {
    struct Ignore;
    impl future_core::executor::Helped for Ignore {
        fn helped(&self, ran: Ran) {
            assert_eq!(ran, Ran::Finished);
        }
    }
    let pool = PoolToken::new(1);
    let inner: Vec<_> = (0..4).map(|n| Task::new(move || n, &pool)).collect();
    let (queued, futures): (Vec<_>, Vec<_>) = inner.into_iter().unzip();
    let (task, future) = Task::new(
        move || {
            let mut futures = futures.into_iter();
            let mut sum = futures.next().unwrap().result().unwrap();
            let rest: Vec<_> = futures.collect();
            // A timed wait never helps.
            assert!(!rest[0].wait_timeout(Duration::ZERO));
            let mut queue = CompletionQueue::new();
            assert!(queue.watch(0, rest[0].as_future()));
            assert_eq!(queue.wait(past()).unwrap(), None);
            assert_eq!(queue.wait(None).unwrap(), Some(0));
            let handles: Vec<_> = rest.iter().map(AsFuture::as_future).collect();
            assert!(wait_all(&handles, None).unwrap());
            for future in rest {
                sum += future.result().unwrap();
            }
            sum
        },
        &pool,
    );
    let ran = pool.work(8, &Ignore, || {
        assert!(pool.is_current());
        task.run(|| {})
    });
    assert_eq!(ran, Ran::Finished);
    assert_eq!(future.result().unwrap(), 6);
    for task in queued {
        assert_eq!(task.run(|| {}), Ran::NotRun);
    }
    assert!(!pool.is_current());
}
