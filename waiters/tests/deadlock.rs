//! Waits inside tasks: helping, and cycles.
#![cfg(not(cf_loom))]

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use future_core::executor::{Helped, PoolToken, Ran, Task};
use future_core::{Deadlock, Future, FutureHandle, TaskError, promise};
use waiters::ReturnWhen::{AllCompleted, FirstCompleted, FirstException};
use waiters::{FutureAdder, WaitError, wait_timeout};
use waiters::{as_completed, as_completed_timeout, bounded_future_set, future_set, wait};

struct Unheard;

impl Helped for Unheard {
    fn helped(&self, _: Ran) {}
}

/// Runs `body`, which is given its own handle, on the one worker of a pool.
fn in_task<T: Send + 'static>(
    body: impl FnOnce(FutureHandle, &Arc<PoolToken>) -> T + Send + 'static,
) -> T {
    let pool = Arc::new(PoolToken::new(1));
    let (tell, told): (_, Receiver<FutureHandle>) = channel();
    let in_pool = pool.clone();
    let (task, future) = Task::new(move || body(told.recv().unwrap(), &in_pool), &pool);
    tell.send(future.handle()).unwrap();
    let worker = thread::spawn(move || pool.work(8, &Unheard, || task.run(|| {})));
    let value = future.result().unwrap();
    assert_eq!(worker.join().unwrap(), Ran::Finished);
    value
}

// P10
#[test]
fn a_wait_that_never_ends_gives_the_futures_back() {
    for when in [FirstCompleted, FirstException, AllCompleted] {
        let (error, waited) = in_task(move |myself, _| {
            let (mut promise, other) = promise::<u8>();
            promise.set_result(1).unwrap();
            let mut futures = vec![myself];
            if when != FirstCompleted {
                // A success beside it, which does not end these waits.
                futures.push(other.handle());
            }
            (wait(futures.clone(), when).unwrap_err(), futures)
        });
        assert!(
            error
                .to_string()
                .starts_with("deadlock: this wait would never end")
        );
        assert!(format!("{error:?}").starts_with("WaitError { deadlock: "));
        let sets = error.into_sets();
        assert_eq!(sets.not_done, waited[..1]);
        assert_eq!(sets.done, waited[1..]);
    }
}

// P10
#[test]
fn a_question_mark_makes_the_deadlock_any_error() {
    in_task(|myself, _| {
        fn plain(f: &FutureHandle) -> Result<usize, Deadlock> {
            Ok(wait([f], AllCompleted)?.done.len())
        }
        fn of_a_task(f: &FutureHandle) -> Result<usize, TaskError> {
            Ok(wait([f], AllCompleted)?.done.len())
        }
        fn boxed(f: &FutureHandle) -> Result<usize, Box<dyn std::error::Error>> {
            Ok(wait([f], AllCompleted)?.done.len())
        }
        fn sendable(f: &FutureHandle) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
            Ok(wait([f], AllCompleted)?.done.len())
        }
        let deadlock = plain(&myself).unwrap_err();
        assert!(matches!(of_a_task(&myself), Err(TaskError::Deadlock(_))));
        assert!(boxed(&myself).unwrap_err().is::<Deadlock>());
        assert!(sendable(&myself).unwrap_err().is::<Deadlock>());
        let error: WaitError<_> = wait([&myself], AllCompleted).unwrap_err();
        assert_eq!(error.deadlock().cycle(), deadlock.cycle());
        assert_eq!(error.into_deadlock().cycle(), deadlock.cycle());
    });
}

// P8
#[test]
fn a_timed_wait_is_no_deadlock() {
    in_task(|myself, _| {
        let limit = Duration::from_millis(1);
        for when in [FirstCompleted, FirstException, AllCompleted] {
            assert_eq!(wait_timeout([&myself], when, limit).not_done.len(), 1);
        }
        let mut completed = as_completed_timeout([&myself], limit);
        assert!(completed.next().unwrap().is_err());
        let (adder, mut set) = future_set();
        adder.add(myself).unwrap();
        drop(adder);
        assert!(set.next_timeout(limit).is_err());
    });
}

// P10
#[test]
fn as_completed_hands_out_what_can_never_complete() {
    in_task(|myself, _| {
        let (mut promise, other) = promise::<u8>();
        promise.set_result(1).unwrap();
        let mut completed = as_completed([myself.clone(), other.handle()]);
        assert!(completed.next().unwrap().done());
        assert_eq!(completed.len(), 1);
        let unfinished = completed.next().unwrap();
        assert!(!unfinished.done());
        assert!(unfinished.wait().is_err());
        assert!(completed.next().is_none());
    });
}

// P10
#[test]
fn a_growing_set_hands_out_what_can_never_complete_once_nothing_is_added() {
    in_task(|myself, _| {
        let (adder, mut set) = bounded_future_set(std::num::NonZeroUsize::new(2).unwrap());
        adder.add(myself.clone()).unwrap();
        // An adder in another thread may bring the future that ends the wait, and does.
        let thread = thread::spawn(move || {
            let (mut promise, future) = promise::<u8>();
            adder.add(future.handle()).unwrap();
            promise.set_result(1).unwrap();
        });
        assert!(set.next().unwrap().done());
        thread.join().unwrap();
        assert_eq!(set.next(), Some(myself));
        assert!(set.next().is_none());
    });
}

/// A task that iterates a growing set and one that waits for it and is in the set, in two pools
/// so that neither runs the other in place. What the first was handed, with whether it was done, and how the second's wait ended.
/// `last` is given the adder meanwhile, and what it returns is kept until both ended.
fn iterated_by_what_is_in_it<A>(
    last: impl FnOnce(FutureAdder<FutureHandle>) -> A,
) -> (Option<(FutureHandle, bool)>, Result<(), Deadlock>) {
    let pools = [1, 1].map(PoolToken::new).map(Arc::new);
    let (adder, mut set) = future_set();
    let iterate = move || {
        let handed_out: FutureHandle = set.next()?;
        let done = handed_out.done();
        Some((handed_out, done))
    };
    let (iterating, handed_out) = Task::new(iterate, &pools[0]);
    let iterator = handed_out.handle();
    let (waiting, waited) = Task::new(move || iterator.wait(), &pools[1]);
    adder.add(waited.handle()).unwrap();
    let tasks = [iterating, waiting].into_iter().zip(pools);
    let workers = tasks
        .map(|(task, pool)| thread::spawn(move || pool.work(8, &Unheard, || task.run(|| {}))))
        .collect::<Vec<_>>();
    let kept = last(adder);
    let handed_out = handed_out.result().unwrap();
    let waited = waited.result().unwrap();
    drop(kept);
    for worker in workers {
        worker.join().unwrap();
    }
    (handed_out, waited)
}

// P10
#[test]
fn who_waits_for_a_task_that_iterates_is_not_refused_while_there_are_adders() {
    for _ in 0..200 {
        let (mut promise, future) = promise::<u8>();
        promise.set_result(1).unwrap();
        let added = future.handle();
        let (handed_out, waited) = iterated_by_what_is_in_it(|adder| {
            // Gives both time to fall asleep, in either order.
            (0..100).for_each(|_| thread::yield_now());
            adder.add(added).unwrap();
            adder
        });
        assert_eq!(handed_out, Some((future.handle(), true)));
        assert!(waited.is_ok(), "refused: {waited:?}");
    }
}

// P10
#[test]
fn who_waits_for_a_task_that_iterates_is_found_once_the_last_adder_is_gone() {
    for _ in 0..200 {
        let (handed_out, waited) = iterated_by_what_is_in_it(|adder| {
            (0..100).for_each(|_| thread::yield_now());
            drop(adder);
        });
        // One of the two is refused: the iteration, or the wait, which then comes out as done.
        let (_, done) = handed_out.expect("one was added");
        assert_eq!(done, waited.is_err());
    }
}

// P10
#[test]
fn a_worker_that_iterates_helps_while_there_are_adders() {
    in_task(|_, pool| {
        let (task, future) = Task::new(|| 5, pool);
        let (adder, mut set) = future_set();
        adder.add(future).unwrap();
        assert_eq!(set.next().unwrap().result().unwrap(), 5);
        assert_eq!(task.run(|| {}), Ran::NotRun);
        drop(adder);
    });
}

// P10
#[test]
fn a_worker_runs_what_it_waits_for() {
    let seen = in_task(|_, pool| {
        let (tasks, futures): (Vec<Task>, Vec<Future<u32>>) =
            (0..6).map(|n| Task::new(move || n, pool)).unzip();
        let mut futures = futures.into_iter();
        let all = wait(futures.by_ref().take(2), AllCompleted).unwrap();
        let mut seen: Vec<u32> = all.done.into_iter().map(|f| f.result().unwrap()).collect();
        let first = wait(futures.by_ref().take(1), FirstCompleted).unwrap();
        assert_eq!(first.done.len(), 1);
        seen.extend(as_completed(futures.by_ref().take(2)).map(|f| f.result().unwrap()));
        let (adder, set) = future_set();
        adder.add(futures.next().unwrap()).unwrap();
        drop(adder);
        seen.extend(set.map(|f| f.result().unwrap()));
        assert!(tasks.into_iter().all(|task| task.run(|| {}) == Ran::NotRun));
        seen
    });
    assert_eq!(seen, [0, 1, 3, 4, 5]);
}

// P10
#[test]
fn a_wait_for_the_first_runs_nothing_while_another_of_the_set_runs_or_is_done() {
    for is_done in [false, true] {
        let untouched = in_task(move |_, pool| {
            let (started, has_started) = channel();
            let (open, gate) = channel::<()>();
            let (other, running) = Task::new(
                move || {
                    started.send(()).unwrap();
                    gate.recv().unwrap();
                },
                pool,
            );
            let elsewhere = thread::spawn(move || other.run(|| {}));
            has_started.recv().unwrap();
            let (task, pending) = Task::new(|| (), pool);
            let mut completed = as_completed([&pending, &running]);
            if is_done {
                open.send(()).unwrap();
                running.wait().unwrap();
            }
            let opener = thread::spawn(move || {
                // Whether the wait has begun or not: while that one ran, nothing was run here.
                let _ = open.send(());
            });
            let seen = wait([&pending, &running], FirstCompleted).unwrap();
            assert_eq!((seen.done, seen.not_done), (vec![&running], vec![&pending]));
            assert_eq!(completed.next(), Some(&running));
            let untouched = !pending.done();
            // Nothing of the set runs now: what is left is run here.
            assert_eq!(completed.next(), Some(&pending));
            assert_eq!(task.run(|| {}), Ran::NotRun);
            opener.join().unwrap();
            assert_eq!(elsewhere.join().unwrap(), Ran::Finished);
            untouched
        });
        assert!(untouched);
    }
}
