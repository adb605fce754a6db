//! `wait` and `wait_timeout`.
#![cfg(not(cf_loom))]

mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use future_core::executor::{PoolToken, Ran, Task};
use future_core::{AsFuture, Future, FutureHandle, TaskError, promise};
use support::promises;
use waiters::ReturnWhen::{AllCompleted, FirstCompleted, FirstException};
use waiters::{ReturnWhen, wait, wait_timeout};

const EVERY: [ReturnWhen; 3] = [FirstCompleted, FirstException, AllCompleted];
const SHORT: Duration = Duration::from_millis(5);

// C-040
#[test]
fn a_future_given_twice_is_waited_for_and_given_back_once() {
    let (mut promises, futures) = promises(2);
    let twice = || futures.iter().chain(&futures);
    let seen = wait_timeout(twice(), AllCompleted, Duration::ZERO);
    assert_eq!(seen.not_done, [&futures[0], &futures[1]]);
    promises[0].set_result(0).unwrap();
    for when in [FirstCompleted, AllCompleted] {
        let seen = wait_timeout(twice(), when, Duration::ZERO);
        assert_eq!(seen.done, [&futures[0]]);
        assert_eq!(seen.not_done, [&futures[1]]);
    }
    promises[1].set_result(0).unwrap();
    let handles = futures.iter().map(Future::handle);
    let seen = wait(handles.clone().chain(handles), AllCompleted).unwrap();
    assert_eq!(seen.done, [futures[0].handle(), futures[1].handle()]);

    let shared = promise::<u8>().1.shared();
    let seen = wait_timeout([shared.clone(), shared], AllCompleted, Duration::ZERO);
    assert_eq!((seen.done.len(), seen.not_done.len()), (1, 0));
}

// C-041
#[test]
fn first_completed_returns_with_the_first() {
    let (mut promises, futures) = promises(3);
    thread::scope(|scope| {
        scope.spawn(|| promises[1].set_result("one").unwrap());
        let seen = wait(&futures, FirstCompleted).unwrap();
        assert_eq!(seen.done, [&futures[1]]);
        assert_eq!(seen.not_done, [&futures[0], &futures[2]]);
    });
}

// C-042, C-024, D-1, P3
#[test]
fn a_cancelled_future_is_done_at_once_and_wakes() {
    for when in [FirstCompleted, AllCompleted] {
        let (_promise, future) = promise::<u32>();
        assert!(future.cancel());
        let seen = wait([&future], when).unwrap();
        assert_eq!(seen.done, [&future]);

        let (_promise, future) = promise::<u32>();
        let handle = future.handle();
        thread::scope(|scope| {
            scope.spawn(|| assert!(handle.cancel()));
            let seen = wait([&future], when).unwrap();
            assert_eq!(seen.done, [&future]);
        });
    }
}

// C-043
#[test]
fn first_completed_returns_all_that_were_done() {
    let (mut promises, futures) = promises(4);
    promises[3].set_result(3).unwrap();
    promises[0].set_exception("no").unwrap();
    assert!(futures[2].cancel());
    let seen = wait(&futures, FirstCompleted).unwrap();
    assert_eq!(seen.done, [&futures[0], &futures[2], &futures[3]]);
    assert_eq!(seen.not_done, [&futures[1]]);
}

// C-044
#[test]
fn first_exception_returns_with_a_failure_and_the_successes_before_it() {
    let (mut promises, futures) = promises(3);
    thread::scope(|scope| {
        scope.spawn(|| {
            promises[2].set_result(2).unwrap();
            promises[0].set_exception("out of paper").unwrap();
        });
        let seen = wait(&futures, FirstException).unwrap();
        assert_eq!(seen.done, [&futures[0], &futures[2]]);
        assert_eq!(seen.not_done, [&futures[1]]);
    });
}

// C-045
#[test]
fn cancelled_and_successful_futures_are_no_failure() {
    let (mut promises, futures) = promises(4);
    assert!(futures[0].cancel());
    promises[1].set_result(1).unwrap();
    let seen = wait_timeout(&futures, FirstException, SHORT);
    assert_eq!(seen.not_done, [&futures[2], &futures[3]]);
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(futures[2].cancel());
            promises[3].set_exception("late").unwrap();
        });
        let seen = wait(&futures, FirstException).unwrap();
        assert_eq!(seen.done.len(), 4);
    });
}

// C-046
#[test]
fn first_exception_returns_at_once_when_one_has_failed() {
    let (mut promises, futures) = promises::<u32>(3);
    promises[1].set_exception("before").unwrap();
    let seen = wait(&futures, FirstException).unwrap();
    assert_eq!(seen.done, [&futures[1]]);
}

// C-047
#[test]
fn first_exception_without_one_waits_for_all() {
    let (promises, futures) = promises(5);
    thread::scope(|scope| {
        scope.spawn(move || {
            for mut promise in promises {
                promise.set_result(1).unwrap();
            }
        });
        let seen = wait(&futures, FirstException).unwrap();
        assert_eq!((seen.done.len(), seen.not_done.len()), (5, 0));
    });
}

// C-048
#[test]
fn all_completed_counts_every_outcome() {
    let (mut promises, futures) = promises(4);
    let handle = futures[2].handle();
    thread::scope(|scope| {
        scope.spawn(move || {
            promises[3].set_result(3).unwrap();
            handle.cancel();
            promises[0].set_exception("no").unwrap();
            drop(promises);
        });
        let seen = wait(&futures, AllCompleted).unwrap();
        assert_eq!(seen.done, futures.iter().collect::<Vec<_>>());
        assert!(seen.not_done.is_empty());
    });
    assert_eq!(ReturnWhen::default(), AllCompleted);
}

// P1
#[test]
fn a_dropped_promise_ends_every_wait() {
    for when in EVERY {
        let (promise, future) = promise::<u32>();
        let thread = thread::spawn(move || drop(promise));
        let mut seen = wait([future], when).unwrap();
        let outcome = seen.done.pop().unwrap().result();
        assert!(matches!(outcome, Err(TaskError::Broken(_))));
        thread.join().unwrap();
    }
}

// C-049, P8
#[test]
fn a_passed_limit_is_no_error() {
    for when in EVERY {
        let (mut promises, futures) = promises(3);
        if when == AllCompleted {
            promises[1].set_result(1).unwrap();
        }
        let start = Instant::now();
        let seen = wait_timeout(&futures, when, SHORT);
        assert!(start.elapsed() >= SHORT);
        assert_eq!(seen.done.len(), usize::from(when == AllCompleted));
        assert_eq!(seen.done.len() + seen.not_done.len(), 3);
    }
}

// C-021
#[test]
fn a_limit_beyond_the_clock_is_for_ever() {
    for when in EVERY {
        let (mut promise, future) = promise();
        let thread = thread::spawn(move || promise.set_exception("late").unwrap());
        let seen = wait_timeout([future], when, Duration::MAX);
        assert_eq!(seen.done.len(), 1, "{when:?}");
        thread.join().unwrap();
        let _: Vec<Future<u8>> = seen.done;
    }
}

// C-050
#[test]
fn a_hundred_that_finish_together_lose_no_wake_up() {
    for round in 0..40 {
        let (promises, futures) = promises(100);
        let start = Arc::new(Barrier::new(5));
        let mut promises: Vec<_> = promises.into_iter().map(Some).collect();
        let threads: Vec<_> = (0..4)
            .map(|at| {
                let share: Vec<_> = promises[at * 25..][..25]
                    .iter_mut()
                    .map(Option::take)
                    .collect();
                let start = start.clone();
                thread::spawn(move || {
                    start.wait();
                    for promise in share {
                        promise.unwrap().set_result(()).unwrap();
                    }
                })
            })
            .collect();
        start.wait();
        let when = if round % 2 == 0 {
            AllCompleted
        } else {
            FirstException
        };
        let seen = wait(futures, when).unwrap();
        assert_eq!((seen.done.len(), seen.not_done.len()), (100, 0));
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

// C-051
#[test]
fn futures_of_several_executors_and_types_stand_in_one_set() {
    let (one, other) = (PoolToken::new(1), PoolToken::new(1));
    let (task, number) = Task::new(|| 1, &one);
    let (other_task, text) = Task::new(|| "two".to_owned(), &other);
    let (mut promise, unit) = promise::<()>();
    let threads = [
        thread::spawn(move || assert_eq!(task.run(|| {}), Ran::Finished)),
        thread::spawn(move || assert_eq!(other_task.run(|| {}), Ran::Finished)),
        thread::spawn(move || promise.set_result(()).unwrap()),
    ];
    let handles = [number.handle(), text.handle(), unit.handle()];
    let seen = wait(&handles, AllCompleted).unwrap();
    assert_eq!(seen.done.len(), 3);
    let keyed: Vec<(&str, &FutureHandle)> = ["a", "b", "c"].into_iter().zip(&handles).collect();
    assert_eq!(wait(keyed, AllCompleted).unwrap().done[2].0, "c");
    let boxed: Vec<Box<dyn AsFuture>> = vec![Box::new(number), Box::new(text)];
    assert_eq!(wait(boxed, AllCompleted).unwrap().done.len(), 2);
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

// C-052
#[test]
fn an_empty_set_returns_at_once() {
    for when in EVERY {
        let seen = wait(Vec::<Future<u32>>::new(), when).unwrap();
        assert!(seen.done.is_empty() && seen.not_done.is_empty());
        let seen = wait_timeout(Vec::<Future<u32>>::new(), when, Duration::MAX);
        assert!(seen.done.is_empty() && seen.not_done.is_empty());
    }
}

// C-054
#[test]
fn one_that_finishes_before_the_return_is_done_too() {
    let (mut promises, mut futures) = promises::<u32>(2);
    let (mut second, first) = (promises.remove(1), futures.remove(0));
    // The callback completes the second before anybody who waits for the first is released.
    first.add_done_callback(move |_| second.set_result(2).unwrap());
    let thread = thread::spawn(move || promises[0].set_result(1).unwrap());
    let seen = wait([&first, &futures[0]], FirstCompleted).unwrap();
    assert!(!seen.done.is_empty());
    assert!(seen.done.iter().all(|future| future.done()));
    thread.join().unwrap();
    assert_eq!(
        wait([&first, &futures[0]], FirstCompleted)
            .unwrap()
            .done
            .len(),
        2
    );
}

// C-056
#[test]
fn callbacks_have_run_when_a_wait_returns() {
    for when in EVERY {
        let ran = Arc::new(AtomicBool::new(false));
        let (open, gate) = channel();
        let (mut promise, future) = promise::<u32>();
        let in_callback = ran.clone();
        future.add_done_callback(move |_| {
            gate.recv().unwrap();
            in_callback.store(true, SeqCst);
        });
        let thread = thread::spawn(move || promise.set_exception("with callbacks").unwrap());
        // While the callback runs the future is not given as done.
        let seen = wait_timeout([&future], when, Duration::ZERO);
        assert!(seen.done.is_empty());
        open.send(()).unwrap();
        let seen = wait([&future], when).unwrap();
        assert!(ran.load(SeqCst) && seen.done.len() == 1);
        thread.join().unwrap();
    }
}

// P2
#[test]
fn a_callback_can_wait_for_its_own_future() {
    let (mut promise, future) = promise::<u32>();
    let waits = Arc::new(AtomicUsize::new(0));
    let counter = waits.clone();
    future.add_done_callback(move |future| {
        for when in EVERY {
            let seen = wait([future], when).unwrap();
            counter.fetch_add(seen.done.len(), SeqCst);
        }
        counter.fetch_add(waiters::as_completed([future]).count(), SeqCst);
    });
    promise.set_result(1).unwrap();
    assert_eq!(waits.load(SeqCst), 4);
}

// D-30
#[test]
fn futures_that_are_done_are_not_registered_for() {
    let (mut promises, futures) = promises(1000);
    for promise in &mut promises[1..] {
        promise.set_result(()).unwrap();
    }
    // Each of these looks once and returns; the pending one is never woken for.
    for _ in 0..1000 {
        let seen = wait(&futures, FirstCompleted).unwrap();
        assert_eq!(seen.not_done, [&futures[0]]);
    }
    promises[0].set_result(()).unwrap();
}

#[test]
fn by_value_keys_come_back_with_their_futures() {
    let (mut promises, futures) = promises(2);
    promises[1].set_result("page").unwrap();
    let keyed = ["a.example", "b.example"].into_iter().zip(futures);
    let mut seen = wait(keyed, FirstCompleted).unwrap();
    let (host, future) = seen.done.pop().unwrap();
    assert_eq!((host, future.result().unwrap()), ("b.example", "page"));
    assert_eq!(seen.not_done[0].0, "a.example");
}
