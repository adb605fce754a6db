//! Done callbacks: when they run, where, in which order, and what they may do.
#![cfg(not(cf_loom))]

mod support {
    pub(crate) mod counted;
    pub(crate) mod woken;
}

use std::future::Future as _;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use future_core::executor::{PoolToken, Ran, Release, Task};
use future_core::{AsFuture, Future, State, TaskError, promise, wait_all};
use support::counted::Drops;
use support::woken::Woken;

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Notes the executor's steps.
struct Steps(Log);

impl Release for Steps {
    fn ended(&mut self, failed: bool) {
        self.0.note(format!("ended failed={failed}"));
    }

    fn before_release(&mut self) {
        self.0.note("idle");
    }

    fn busy_again(&mut self) {
        self.0.note("busy again");
    }
}

/// Notes its drop.
struct Noted(Log, &'static str);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

/// Sends what a callback sees.
fn told<T, R>(
    future: &Future<T>,
    look: impl FnOnce(&Future<T>) -> R + Send + 'static,
) -> Receiver<R>
where
    T: 'static,
    R: Send + 'static,
{
    let (tell, told) = channel();
    future.add_done_callback(move |f| tell.send(look(f)).unwrap());
    told
}

// C-001
#[test]
fn a_callback_reads_the_result() {
    let (mut promise, future) = promise();
    let id = future.id();
    let seen = told(&future, |f| (f.id(), *f.result_ref().unwrap().unwrap()));
    assert!(seen.try_recv().is_err());
    promise.set_result(5).unwrap();
    assert_eq!(seen.try_recv().unwrap(), (id, 5));
    assert_eq!(future.result().unwrap(), 5);
}

// C-002
#[test]
fn a_callback_reads_the_failure() {
    let (mut promise, future) = promise::<u32>();
    let seen = told(&future, |f| f.exception().unwrap().to_string());
    promise.set_exception("no").unwrap();
    assert_eq!(seen.try_recv().unwrap(), "no");
}

// C-003
#[test]
fn a_callback_sees_the_cancellation() {
    let (_promise, future) = promise::<u32>();
    let seen = told(&future, |f| (f.cancelled(), f.exception().unwrap()));
    let other = told(&future, |_| thread::current().id());
    assert!(future.cancel());
    let (cancelled, error) = seen.try_recv().unwrap();
    assert!(cancelled && error.is_cancelled());
    // In the thread that cancelled, once.
    assert_eq!(other.try_recv().unwrap(), thread::current().id());
    assert!(future.cancel());
    assert!(seen.try_recv().is_err());
}

// C-004, D-9, T7
#[test]
fn a_panicking_callback_harms_nobody() {
    let pool = PoolToken::new(1);
    let (task, future) = Task::new(|| 1, &pool);
    let log = Log::default();
    for n in 0..3 {
        let log = log.clone();
        future.add_done_callback(move |_| {
            log.note(n.to_string());
            if n == 1 {
                std::panic::panic_any(PanicsInDrop);
            }
        });
    }
    assert_eq!(task.run(Steps(log.clone())), Ran::Finished);
    assert_eq!(log.take(), ["ended failed=false", "0", "1", "2", "idle"]);
    assert_eq!(future.result().unwrap(), 1);
    // The same thread runs the next.
    let (task, future) = Task::new(|| 2, &pool);
    assert_eq!(task.run(|| {}), Ran::Finished);
    assert_eq!(future.result().unwrap(), 2);
}

/// A payload whose `Drop` panics as well.
struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("the payload's drop");
    }
}

// C-005
#[test]
fn a_callback_added_to_a_settled_future_runs_at_once() {
    for settle in 0..3 {
        let (mut promise, future) = promise::<u32>();
        match settle {
            0 => promise.set_result(1).unwrap(),
            1 => promise.set_exception("no").unwrap(),
            _ => assert!(future.cancel()),
        }
        let seen = told(&future, move |f| (f.state(), thread::current().id()));
        assert_eq!(
            seen.try_recv().unwrap(),
            (future.state(), thread::current().id())
        );
    }
}

// C-006
#[test]
fn a_panic_in_a_callback_that_runs_at_once_stays_inside() {
    let (mut promise, future) = promise();
    promise.set_result(1).unwrap();
    future.add_done_callback(|_| panic!("not in the adder's thread"));
    let (_other, cancelled) = self::promise::<u32>();
    assert!(cancelled.cancel());
    cancelled.add_done_callback(|_| panic!("nor here"));
    assert_eq!(future.result().unwrap(), 1);
}

#[test]
fn the_same_callback_twice_runs_twice() {
    let (tell, told) = channel();
    let callback = move |_: &Future<u32>| tell.send(()).unwrap();
    let (mut promise, future) = promise();
    future.add_done_callback(callback.clone());
    future.add_done_callback(callback);
    promise.set_result(1).unwrap();
    assert_eq!(told.try_iter().count(), 2);
}

// T2, P7, C-027, C-056
#[test]
fn the_order_of_completion() {
    let pool = PoolToken::new(1);
    let log = Log::default();
    let capture = Noted(log.clone(), "capture dropped");
    let inner = log.clone();
    let (task, future) = Task::new(
        move || {
            let _capture = &capture;
            inner.note("ran");
        },
        &pool,
    );
    let handle = future.handle();
    for n in 0..3 {
        let (log, handle) = (log.clone(), handle.clone());
        future.add_done_callback(move |f| {
            assert!(f.done() && handle.done() && !f.running());
            log.note(format!("callback {n}"));
        });
    }
    let shared = future.shared();
    let (woken, waker) = Woken::new();
    let mut awaited = Box::pin(shared.clone().into_future());
    assert!(
        awaited
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let start = Arc::new(Barrier::new(2));
    let waiter = {
        let (log, shared, start) = (log.clone(), shared.clone(), start.clone());
        thread::spawn(move || {
            start.wait();
            shared.wait().unwrap();
            log.note("waiter released");
        })
    };
    start.wait();
    assert_eq!(task.run(Steps(log.clone())), Ran::Finished);
    waiter.join().unwrap();
    assert_eq!(
        log.take(),
        [
            "ran",
            "capture dropped",
            "ended failed=false",
            "callback 0",
            "callback 1",
            "callback 2",
            "idle",
            "waiter released"
        ]
    );
    assert_eq!(woken.count(), 1);
}

// T2, C-056, P7
#[test]
fn waiters_stay_blocked_while_callbacks_run() {
    let pool = PoolToken::new(1);
    let (task, future) = Task::new(|| 1, &pool);
    let (entered, in_callback) = channel();
    let (go, gate) = channel::<()>();
    let (tell, idle) = channel();
    future.add_done_callback(move |_| {
        entered.send(()).unwrap();
        gate.recv().unwrap();
    });
    let worker = thread::spawn(move || task.run(move || tell.send(()).unwrap()));
    in_callback.recv().unwrap();
    // Done, and nobody else may have it; its worker is not idle.
    assert!(future.done() && !future.running());
    assert_eq!(future.state(), State::Finished);
    assert!(!future.handle().settled());
    assert!(future.result_ref().is_none());
    assert!(!future.wait_timeout(Duration::ZERO));
    assert!(idle.try_recv().is_err());
    assert!(!future.cancel());
    let future = future.try_result().unwrap_err();
    let future = future
        .result_timeout(Duration::ZERO)
        .unwrap_err()
        .into_future();
    go.send(()).unwrap();
    assert_eq!(future.result().unwrap(), 1);
    idle.try_recv().unwrap();
    assert_eq!(worker.join().unwrap(), Ran::Finished);
}

// T2
#[test]
fn callbacks_added_while_others_run_elsewhere_come_after_them() {
    let pool = PoolToken::new(1);
    let (task, future) = Task::new(|| 1, &pool);
    let log = Log::default();
    let (entered, in_callback) = channel();
    let (go, gate) = channel::<()>();
    let first = log.clone();
    future.add_done_callback(move |_| {
        entered.send(()).unwrap();
        gate.recv().unwrap();
        first.note("first");
    });
    let second = log.clone();
    future.add_done_callback(move |_| second.note("second"));
    let steps = Steps(log.clone());
    let worker = thread::spawn(move || (thread::current().id(), task.run(steps)));
    in_callback.recv().unwrap();
    let (third, place) = (log.clone(), Arc::new(Mutex::new(None)));
    let seen = place.clone();
    future.add_done_callback(move |f| {
        third.note(format!("third {:?}", f.result_ref().unwrap().unwrap()));
        *seen.lock().unwrap() = Some(thread::current().id());
    });
    go.send(()).unwrap();
    assert_eq!(future.result().unwrap(), 1);
    let (worker, _) = worker.join().unwrap();
    assert_eq!(*place.lock().unwrap(), Some(worker));
    assert_eq!(
        log.take(),
        ["ended failed=false", "first", "second", "third 1", "idle"]
    );
}

// T2
#[test]
fn callbacks_added_in_callbacks_come_after_those_that_wait() {
    let (mut promise, future) = promise();
    let log = Log::default();
    let (first, inner, second) = (log.clone(), log.clone(), log.clone());
    future.add_done_callback(move |f| {
        first.note("first");
        let innermost = inner.clone();
        f.add_done_callback(move |f| {
            inner.note("added");
            f.add_done_callback(move |_| innermost.note("added by the added"));
        });
        first.note("first ends");
    });
    future.add_done_callback(move |_| second.note("second"));
    promise.set_result(1).unwrap();
    assert_eq!(
        log.take(),
        [
            "first",
            "first ends",
            "second",
            "added",
            "added by the added"
        ]
    );
    assert_eq!(future.result().unwrap(), 1);
}

// T2, C-003
#[test]
fn a_cancellation_is_published_before_its_callbacks() {
    let pool = PoolToken::new(1);
    let log = Log::default();
    let capture = Noted(log.clone(), "capture dropped");
    let (task, future) = Task::new(move || drop(capture), &pool);
    let (entered, in_callback) = channel();
    let (go, gate) = channel::<()>();
    let inner = log.clone();
    future.add_done_callback(move |f| {
        assert!(f.cancelled());
        inner.note("callback");
        // Settled: what is added now runs at once.
        let nested = inner.clone();
        f.add_done_callback(move |_| nested.note("nested"));
        entered.send(()).unwrap();
        gate.recv().unwrap();
    });
    let handle = future.handle();
    let canceller = thread::spawn(move || handle.cancel());
    in_callback.recv().unwrap();
    // The callback has not returned, and its waiters go on.
    assert!(future.cancelled() && future.handle().settled());
    assert!(future.result().unwrap_err().is_cancelled());
    go.send(()).unwrap();
    assert!(canceller.join().unwrap());
    assert_eq!(task.run(Steps(log.clone())), Ran::Cancelled);
    assert_eq!(log.take(), ["capture dropped", "callback", "nested"]);
}

/// A place that holds a future which its own callback can reach.
type Place<T> = Arc<Mutex<Option<Future<T>>>>;

/// A promise, and the owned future's place that `inside` gets in a callback of it.
fn with_owner_inside<T: Send + 'static, R: Send + 'static>(
    inside: impl FnOnce(&Future<T>, Future<T>) -> R + Send + 'static,
    value: T,
) -> R {
    let place: Place<T> = Arc::default();
    let (mut promise, future) = promise();
    let (reach, (tell, told)) = (place.clone(), channel());
    future.add_done_callback(move |f| {
        let owner = reach.lock().unwrap().take().unwrap();
        tell.send(inside(f, owner)).unwrap();
    });
    *place.lock().unwrap() = Some(future);
    promise.set_result(value).unwrap();
    told.try_recv().unwrap()
}

// T2, P2
#[test]
fn a_wait_inside_an_own_callback_returns_at_once() {
    let (mut promise, future) = promise();
    let shared = future.shared();
    let (inner, (tell, told)) = (shared.clone(), channel());
    shared.add_done_callback(move |f| {
        f.wait().unwrap();
        assert!(f.wait_timeout(Duration::ZERO));
        assert!(f.handle().settled());
        f.handle().wait().unwrap();
        assert!(wait_all(&[f.as_future()], None).unwrap());
        assert!(f.exception().is_none());
        assert!(f.exception_timeout(Duration::ZERO).unwrap().is_none());
        assert_eq!(*inner.result().unwrap(), 4);
        assert_eq!(*inner.result_timeout(Duration::ZERO).unwrap().unwrap(), 4);
        let (_woken, waker) = Woken::new();
        let mut awaited = Box::pin(inner.clone().into_future());
        match awaited.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(4)) => {}
            other => panic!("{other:?}"),
        }
        tell.send(()).unwrap();
    });
    promise.set_result(4).unwrap();
    told.try_recv().unwrap();
}

/// A callback that gets at the owned future could move the value out under the feet of the other
/// callbacks, which borrow it. It is refused: told of the deadlock that waiting would be.
// T2, P2, P6
#[test]
fn a_callback_cannot_take_the_value_of_its_own_future() {
    let drops = Drops::default();
    let error = with_owner_inside(
        |f, owner| {
            let value = f.result_ref().unwrap().unwrap();
            let refused = owner.result().map(|_| ()).unwrap_err();
            // The owner is gone; the value stays until the callbacks are over.
            assert_eq!(value.1, "text");
            refused
        },
        (drops.counted(), "text".to_owned()),
    );
    assert!(matches!(&error, TaskError::Deadlock(_)), "{error}");
    assert_eq!(drops.count(), 1);

    let later = with_owner_inside(
        |f, owner| {
            let value = f.result_ref().unwrap().unwrap();
            let owner = owner.try_result().unwrap_err();
            let owner = owner
                .result_timeout(Duration::MAX)
                .unwrap_err()
                .into_future();
            assert_eq!(value, "text");
            owner
        },
        "text".to_owned(),
    );
    assert_eq!(later.result().unwrap(), "text");
}

// T2, P1
#[test]
fn a_future_polled_inside_its_own_callback_wakes_afterwards() {
    let (woken, waker) = Woken::new();
    let inside = woken.clone();
    let mut later = with_owner_inside(
        move |_, mut owner| {
            let mut context = Context::from_waker(&waker);
            assert!(Pin::new(&mut owner).poll(&mut context).is_pending());
            assert_eq!(inside.count(), 0);
            owner
        },
        8,
    );
    assert_eq!(woken.count(), 1);
    let (_woken, waker) = Woken::new();
    match Pin::new(&mut later).poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(Ok(8)) => {}
        other => panic!("{other:?}"),
    }
}

// P6
#[test]
fn callbacks_are_dropped_once_they_ran_and_also_when_they_never_do() {
    for cancel in [false, true] {
        let drops = Drops::default();
        let (mut promise, future) = promise();
        let (capture, watch) = (drops.counted(), drops.clone());
        future.add_done_callback(move |_| drop(capture));
        let capture = drops.counted();
        future.add_done_callback(move |_| {
            assert_eq!(watch.count(), 1);
            let _ = &capture;
        });
        assert_eq!(drops.count(), 0);
        if cancel {
            future.cancel();
        } else {
            promise.set_result(1).unwrap();
        }
        assert_eq!(drops.count(), 2);
        // At once, too.
        let capture = drops.counted();
        future.add_done_callback(move |_| drop(capture));
        assert_eq!(drops.count(), 3);
    }
    // A callback that holds its own future's handle makes no cycle.
    let drops = Drops::default();
    let (mut promise, future) = promise();
    let (handle, capture) = (future.handle(), drops.counted());
    future.add_done_callback(move |_| {
        assert!(handle.done());
        drop(capture);
    });
    drop(future);
    promise.set_result(drops.counted()).unwrap();
    drop(promise);
    assert_eq!(drops.count(), 2);
}

// C-029, T2
#[test]
fn callbacks_run_and_see_the_value_although_the_owner_left() {
    let drops = Drops::default();
    let (mut promise, future) = promise();
    let alive = drops.clone();
    let seen = told(&future, move |f| {
        assert!(f.result_ref().unwrap().is_ok());
        alive.count()
    });
    drop(future);
    promise.set_result(drops.counted()).unwrap();
    assert_eq!(seen.try_recv().unwrap(), 0);
    assert_eq!(drops.count(), 1);
}

/// Does whatever can be done with futures, its own among them.
fn do_everything(own: &future_core::FutureHandle, log: &Sender<()>) {
    own.cancel();
    let _ = (own.state(), own.done(), own.settled(), format!("{own:?}"));
    let _ = own.wait_timeout(Duration::ZERO);
    // An untimed wait returns at once or is told of the deadlock.
    let _ = own.wait();
    let _ = wait_all(&[own], None);
    let mut queue = future_core::CompletionQueue::new();
    if queue.watch(0, own) {
        let _ = queue.wait(None);
        queue.unwatch(0);
    }
    // Others.
    let pool = PoolToken::new(1);
    let (task, future) = Task::new(|| 5, &pool);
    future.add_done_callback(|f| assert_eq!(*f.result_ref().unwrap().unwrap(), 5));
    task.run(|| {});
    assert_eq!(future.result().unwrap(), 5);
    let (mut promise, future) = promise();
    let setter = thread::spawn(move || promise.set_result(6).unwrap());
    assert_eq!(future.result().unwrap(), 6);
    setter.join().unwrap();
    let (_promise, future) = self::promise::<u32>();
    assert!(future.cancel());
    log.send(()).unwrap();
}

struct Doer(future_core::FutureHandle, Sender<()>);

impl Drop for Doer {
    fn drop(&mut self) {
        do_everything(&self.0, &self.1);
    }
}

impl std::task::Wake for Doer {
    fn wake(self: Arc<Self>) {}
}

/// A value that is told its own future.
struct Value(#[expect(dead_code, reason = "kept for its drop")] Option<Doer>);

// P2, P1
#[test]
fn everything_is_allowed_in_callbacks_wakers_and_drops() {
    #[derive(Clone, Copy, PartialEq)]
    enum End {
        Value,
        Panic,
        Cancel,
        Drop,
        Fail,
    }
    for end in [End::Value, End::Panic, End::Cancel, End::Drop, End::Fail] {
        for owner_leaves in [false, true] {
            let (log, done) = channel();
            let pool = PoolToken::new(1);
            let place: Arc<Mutex<Option<Doer>>> = Arc::default();
            let slot = place.clone();
            let capture: Arc<Mutex<Option<Doer>>> = Arc::default();
            let captured = Captured(capture.clone());
            let (task, future) = Task::new(
                move || {
                    let _captured = &captured;
                    let doer = slot.lock().unwrap().take();
                    if end == End::Panic {
                        std::panic::panic_any(Value(doer));
                    }
                    Value(doer)
                },
                &pool,
            );
            let handle = future.handle();
            *place.lock().unwrap() = Some(Doer(handle.clone(), log.clone()));
            *capture.lock().unwrap() = Some(Doer(handle.clone(), log.clone()));
            // One does it in its call, one in its drop.
            let doer = Doer(handle.clone(), log.clone());
            future.add_done_callback(move |_| do_everything(&doer.0, &doer.1));
            let mut future = (!owner_leaves).then_some(future);
            if let Some(future) = &mut future {
                let waker = Arc::new(Doer(handle.clone(), log.clone())).into();
                let mut context = Context::from_waker(&waker);
                assert!(Pin::new(future).poll(&mut context).is_pending());
            }
            match end {
                End::Value | End::Panic => drop(task.run(|| {})),
                End::Cancel => assert!(handle.cancel()),
                End::Drop => drop(task),
                End::Fail => {
                    let error = future_core::BrokenExecutor::new("it broke");
                    assert!(task.fail(error.into()));
                }
            }
            drop(future.map(|f| f.result().map_err(|e| e.to_string())));
            drop(place);
            drop(capture);
            // Capture, value (or the place that kept its doer), callback twice, waker.
            let expected = if owner_leaves { 4 } else { 5 };
            assert_eq!(done.try_iter().count(), expected);
        }
    }
}

/// Holds the doer through a cell, since a job is made before its handle.
struct Captured(Arc<Mutex<Option<Doer>>>);

impl Drop for Captured {
    fn drop(&mut self) {
        let doer = self.0.lock().unwrap().take();
        drop(doer);
    }
}

// P2, P10
#[test]
fn a_callback_waits_for_its_own_future_among_others() {
    struct Nothing;
    impl future_core::executor::Helped for Nothing {
        fn helped(&self, _: Ran) {}
    }
    let pool = PoolToken::new(1);
    let (task, future) = Task::new(|| 1, &pool);
    let (mut promise, other) = promise::<u32>();
    let (tell, told) = channel();
    let (about_to_wait, go) = channel();
    let other_handle = other.handle();
    future.add_done_callback(move |own| {
        let own = own.handle();
        about_to_wait.send(()).unwrap();
        tell.send(wait_all(&[&own, &other_handle], None)).unwrap();
    });
    let setter = thread::spawn(move || {
        go.recv().unwrap();
        promise.set_result(2).unwrap();
    });
    pool.work(8, &Nothing, || task.run(|| {}));
    assert!(told.recv().unwrap().unwrap());
    assert_eq!(future.result().unwrap() + other.result().unwrap(), 3);
    setter.join().unwrap();
}
