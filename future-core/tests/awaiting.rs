//! Futures in async code, with the smallest of runtimes.
#![cfg(not(cf_loom))]

mod support {
    pub(crate) mod counted;
    pub(crate) mod woken;
}

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use future_core::executor::{PoolToken, Ran, Task};
use future_core::{Future, SharedAwait, State, TaskError, promise};
use support::counted::{Counted, Drops};
use support::woken::Woken;

struct Ring(SyncSender<()>);

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        // A token that is there already is enough.
        let _ = self.0.try_send(());
    }
}

fn block_on<F: IntoFuture>(future: F) -> F::Output {
    let (ring, bell) = sync_channel(1);
    let waker = Waker::from(Arc::new(Ring(ring)));
    let mut future = pin!(future.into_future());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        bell.recv().expect("the waker lives");
    }
}

fn poll<T>(future: &mut Future<T>, waker: &Waker) -> Poll<Result<T, TaskError>> {
    std::future::Future::poll(Pin::new(future), &mut Context::from_waker(waker))
}

// T1
#[test]
fn futures_are_awaited_from_other_threads() {
    for _ in 0..100 {
        let (mut promise, future) = promise();
        let (mut other, failing) = self::promise::<u32>();
        let (cancelled_promise, cancelled) = self::promise::<u32>();
        let setter = thread::spawn(move || {
            promise.set_result(Box::new(3)).unwrap();
            other.set_exception("no").unwrap();
            assert!(cancelled_promise.handle().cancel());
        });
        block_on(async {
            assert_eq!(*future.await.unwrap(), 3);
            assert_eq!(failing.await.unwrap_err().to_string(), "no");
            assert!(cancelled.await.unwrap_err().is_cancelled());
        });
        setter.join().unwrap();
    }
}

// T1
#[test]
fn a_shared_future_is_awaited_by_many() {
    let (mut promise, future) = promise();
    let shared = future.shared();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let shared = shared.clone();
            thread::spawn(move || block_on(shared).unwrap())
        })
        .collect();
    promise.set_result("text".to_owned()).unwrap();
    for waiter in waiting {
        assert_eq!(waiter.join().unwrap(), "text");
    }
}

#[test]
fn a_future_that_is_done_is_ready_at_once() {
    let (mut promise, future) = promise();
    promise.set_result(1).unwrap();
    assert_eq!(block_on(future).unwrap(), 1);
}

// T2
#[test]
fn wakers_are_woken_after_the_callbacks_and_once() {
    let pool = PoolToken::new(1);
    let (task, mut future) = Task::new(|| 2, &pool);
    let (woken, waker) = Woken::new();
    let inside = woken.clone();
    future.add_done_callback(move |_| assert_eq!(inside.count(), 0));
    assert!(poll(&mut future, &waker).is_pending());
    let idle = woken.clone();
    assert_eq!(task.run(move || assert_eq!(idle.count(), 0)), Ran::Finished);
    assert_eq!(woken.count(), 1);
    match poll(&mut future, &waker) {
        Poll::Ready(Ok(2)) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(woken.count(), 1);
}

#[test]
fn a_cancellation_wakes() {
    let (_promise, mut future) = promise::<u32>();
    let (woken, waker) = Woken::new();
    assert!(poll(&mut future, &waker).is_pending());
    assert!(future.handle().cancel());
    assert_eq!(woken.count(), 1);
    match poll(&mut future, &waker) {
        Poll::Ready(Err(TaskError::Cancelled(_))) => {}
        other => panic!("{other:?}"),
    }
}

// P6
#[test]
fn only_the_last_waker_is_kept() {
    let (mut promise, mut future) = promise();
    let (first, waker) = Woken::new();
    for _ in 0..3 {
        assert!(poll(&mut future, &waker).is_pending());
    }
    drop(waker);
    // Here, and in the future.
    assert_eq!(Arc::strong_count(&first), 2);
    // The future moved to another task.
    let (second, waker) = Woken::new();
    assert!(poll(&mut future, &waker).is_pending());
    assert_eq!(Arc::strong_count(&first), 1);
    promise.set_result(1).unwrap();
    assert_eq!((first.count(), second.count()), (0, 1));
    drop(waker);
    assert_eq!(Arc::strong_count(&second), 1);
}

// P6, D-31
#[test]
fn a_waker_goes_with_its_future() {
    let (mut promise, mut future) = promise();
    let (woken, waker) = Woken::new();
    assert!(poll(&mut future, &waker).is_pending());
    // Beside it something that stays.
    let drops = Drops::default();
    let (inner, capture) = (drops.clone(), drops.counted());
    future.add_done_callback(move |_| {
        let _ = &capture;
        assert_eq!(inner.count(), 0);
    });
    let handle = future.handle();
    drop(future);
    drop(waker);
    assert_eq!(Arc::strong_count(&woken), 1);
    assert_eq!(drops.count(), 0);
    promise.set_result(1).unwrap();
    assert_eq!((woken.count(), drops.count()), (0, 1));
    assert!(handle.done());
}

// P6
#[test]
fn a_shared_futures_waker_goes_when_it_is_settled_or_all_clones_went() {
    for settle in [false, true] {
        let (mut promise, future) = promise();
        let shared = future.shared();
        let (woken, waker) = Woken::new();
        let mut awaited = Box::pin(shared.clone().into_future());
        let pending = awaited
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending();
        assert!(pending);
        drop(waker);
        if settle {
            promise.set_result(1).unwrap();
            assert_eq!(woken.count(), 1);
        } else {
            drop((shared, awaited));
        }
        assert_eq!(Arc::strong_count(&woken), 1);
    }
}

#[test]
fn a_future_that_gave_its_value_says_so() {
    let (mut promise, mut future) = promise::<Counted>();
    let drops = Drops::default();
    promise.set_result(drops.counted()).unwrap();
    let (_woken, waker) = Woken::new();
    assert!(poll(&mut future, &waker).is_ready());
    assert_eq!(drops.count(), 1);
    match poll(&mut future, &waker) {
        Poll::Ready(Err(TaskError::Broken(_))) => {}
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        future.result_ref(),
        Some(Err(TaskError::Broken(_)))
    ));
    assert!(future.wait_timeout(Duration::ZERO));
    assert_eq!(future.state(), State::Finished);
    assert_eq!(
        future.result().unwrap_err().to_string(),
        "the value was taken before, by an await"
    );
    assert_eq!(drops.count(), 1);
}

// P6
#[test]
fn awaiting_gives_up_without_a_trace() {
    let drops = Drops::default();
    let (mut promise, future) = promise();
    let (woken, waker) = Woken::new();
    let mut body = Box::pin(async { future.await.map(|_: Counted| ()) });
    let pending = std::future::Future::poll(body.as_mut(), &mut Context::from_waker(&waker));
    assert!(pending.is_pending());
    drop(body);
    drop(waker);
    assert_eq!(Arc::strong_count(&woken), 1);
    promise.set_result(drops.counted()).unwrap();
    assert_eq!((woken.count(), drops.count()), (0, 1));
}

/// A waker whose clone settles the future that is about to register it.
// P1, P2
#[test]
fn a_future_settled_while_its_waker_is_cloned_is_ready() {
    use future_core::FutureHandle;
    use std::task::{RawWaker, RawWakerVTable};

    fn raw(handle: &FutureHandle) -> RawWaker {
        RawWaker::new(std::ptr::from_ref(handle).cast(), &VTABLE)
    }
    fn clone(data: *const ()) -> RawWaker {
        // SAFETY: made by `raw` of a handle that outlives the test's wakers.
        let handle = unsafe { &*data.cast::<FutureHandle>() };
        assert!(handle.cancel());
        raw(handle)
    }
    fn nothing(_: *const ()) {}
    static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, nothing, nothing, nothing);

    let (_promise, mut future) = promise::<u32>();
    let handle = future.handle();
    // SAFETY: the functions of the vtable need nothing but the handle.
    let waker = unsafe { Waker::from_raw(raw(&handle)) };
    match poll(&mut future, &waker) {
        Poll::Ready(Err(TaskError::Cancelled(_))) => {}
        other => panic!("{other:?}"),
    }
}

/// Whether it is pending.
fn poll_shared(awaited: &mut SharedAwait<u32>, waker: &Waker) -> bool {
    Pin::new(awaited)
        .poll(&mut Context::from_waker(waker))
        .is_pending()
}

// P6
#[test]
fn an_await_of_a_shared_future_that_is_given_up_leaves_nothing() {
    let (mut promise, future) = promise::<u32>();
    let shared = future.shared();
    let (woken, waker) = Woken::new();
    let before = Arc::strong_count(&woken);
    for _ in 0..100 {
        let mut awaited = shared.clone().into_future();
        assert!(poll_shared(&mut awaited, &waker));
        assert!(poll_shared(&mut awaited, &waker));
        assert_eq!(Arc::strong_count(&woken), before + 1);
    }
    assert_eq!(Arc::strong_count(&woken), before);
    // Of two by the same task, one that goes does not take the other's waker.
    let mut first = shared.clone().into_future();
    let mut second = shared.into_future();
    assert!(poll_shared(&mut first, &waker));
    assert!(poll_shared(&mut second, &waker));
    drop(first);
    promise.set_result(1).unwrap();
    assert_eq!(woken.count(), 1);
}
