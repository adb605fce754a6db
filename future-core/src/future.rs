//! The future: one owner, who gets the value.

#![allow(unsafe_code)]

use std::any::type_name;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::blocking::{is_settled_here, wait_one};
use crate::cell::{self, Header, drop_ref, outcome_ref, take_outcome};
use crate::error::{BrokenExecutor, CancelledError, Deadlock, TaskError, TimeoutError};
use crate::handle::{AsFuture, FutureHandle, FutureId};
use crate::shared::SharedFuture;
use crate::side::{self, Kind, Side};
use crate::state::{Left, Snapshot, State};

static CANCELLED: TaskError = TaskError::Cancelled(CancelledError);
static TAKEN: LazyLock<TaskError> =
    LazyLock::new(|| BrokenExecutor::new("the value was taken before, by an await").into());

/// Why a future that is settled and did not fail has no value.
fn no_value(seen: Snapshot) -> &'static TaskError {
    if seen.is_taken() { &TAKEN } else { &CANCELLED }
}

/// The result of a task that may not have run yet.
///
/// A future has one owner, who moves the value out with [`result`](Self::result); no `Clone` is
/// needed. For several readers there is [`shared`](Self::shared), and
/// [`handle`](Self::handle) gives something without a type that can cancel and wait from
/// elsewhere. Dropping a future does not cancel its task.
///
/// Everything that the task did is visible after `result`, `wait` and `await` return. When they
/// do, the callbacks that were added before the task finished have run.
///
/// It can be awaited in any async runtime. `std::future::Future` is also a *trait*, in the 2024
/// prelude: import this type by name.
///
/// ```
/// use future_core::{Future, promise};
///
/// let (mut promise, future): (_, Future<String>) = promise();
/// let thread = std::thread::spawn(move || promise.set_result("done".to_owned()));
/// assert_eq!(future.result()?, "done");
/// thread.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping a future loses the result of its task, errors included"]
pub struct Future<T> {
    handle: ManuallyDrop<FutureHandle>,
    value: PhantomData<T>,
}

// SAFETY: the owner moves the value out or drops it, in its thread.
unsafe impl<T: Send> Send for Future<T> {}
// SAFETY: `&Future<T>` gives `&T`, in several threads at once.
unsafe impl<T: Send + Sync> Sync for Future<T> {}

impl<T> Future<T> {
    /// A future that owns one reference of `cell`, whose value is a `T`.
    #[inline]
    pub(crate) fn from_cell(cell: NonNull<Header>) -> Self {
        Self {
            handle: ManuallyDrop::new(FutureHandle::from_cell(cell)),
            value: PhantomData,
        }
    }

    #[inline]
    fn cell(&self) -> NonNull<Header> {
        self.handle.cell()
    }

    /// Waits for the task and gives its value, or why there is none.
    ///
    /// # Errors
    ///
    /// [`TaskError`]: the task was cancelled, panicked, returned an error, or its executor
    /// broke; or this thread runs a task that the wait would block for ever, or one of this
    /// future's own callbacks, which can read the value with [`result_ref`](Self::result_ref)
    /// but not own it.
    #[inline]
    pub fn result(self) -> Result<T, TaskError> {
        let header = self.handle.header();
        if !header.word.read().is_settled() {
            wait_one(&self.handle, None)?;
            if !header.word.read().is_settled() {
                return Err(self.inside_own_callback().into());
            }
        }
        // SAFETY: settled, and the owner is consumed.
        unsafe { self.take() }
    }

    /// The wait ended because this thread runs the callbacks: they may read the value, which
    /// the next of them will want too, so it cannot be moved out yet.
    #[cold]
    fn inside_own_callback(&self) -> Deadlock {
        let name = self.handle.header().name();
        Deadlock::new(format!(
            "a callback of `{name}` waits to own its value, which comes after the callbacks"
        ))
    }

    /// The same, for at most `limit`.
    ///
    /// # Errors
    ///
    /// Outside, [`TimeoutError`] when the time was up first: it gives the future back. Inside,
    /// as [`result`](Self::result).
    ///
    /// ```
    /// use future_core::promise;
    /// use std::time::Duration;
    ///
    /// let (mut promise, future) = promise();
    /// let future = match future.result_timeout(Duration::from_millis(1)) {
    ///     Ok(_) => unreachable!("nobody has set it"),
    ///     Err(late) => late.into_future(),
    /// };
    /// promise.set_result(5)?;
    /// assert_eq!(future.result()?, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn result_timeout(
        self,
        limit: Duration,
    ) -> Result<Result<T, TaskError>, TimeoutError<Self>> {
        // A wait inside an own callback ends at once, before the value can be moved out.
        if self.handle.wait_timeout(limit) && self.handle.header().word.read().is_settled() {
            // SAFETY: settled, and the owner is consumed.
            Ok(unsafe { self.take() })
        } else {
            Err(TimeoutError::new(limit, self))
        }
    }

    /// The outcome when there is one, without waiting.
    ///
    /// # Errors
    ///
    /// Outside, the future itself when it is not done. Inside, as [`result`](Self::result).
    pub fn try_result(self) -> Result<Result<T, TaskError>, Self> {
        if self.handle.header().word.read().is_settled() {
            // SAFETY: settled, and the owner is consumed.
            Ok(unsafe { self.take() })
        } else {
            Err(self)
        }
    }

    /// # Safety
    /// The cell is settled.
    #[inline]
    unsafe fn take(self) -> Result<T, TaskError> {
        let cell = self.cell();
        let this = ManuallyDrop::new(self);
        let seen = this.handle.header().word.read();
        if seen.is_cancelled() || seen.is_taken() {
            drop(ManuallyDrop::into_inner(this));
            return Err(no_value(seen).clone());
        }
        // SAFETY: RELEASED and not taken; `this` is not dropped, its reference is given up here.
        unsafe {
            let outcome = take_outcome(cell, seen.is_failed());
            drop_ref(cell);
            outcome
        }
    }

    /// The outcome in place, without waiting: `None` while there is none. Wait first with
    /// [`wait`](Self::wait) where it is needed.
    ///
    /// One consistent reading: never a value of one moment with the state of another. While
    /// callbacks run, they alone see the value; everybody else gets `None`, though
    /// [`done`](Self::done) is true.
    #[must_use]
    pub fn result_ref(&self) -> Option<Result<&T, &TaskError>> {
        let header = self.handle.header();
        if !is_settled_here(header) {
            return None;
        }
        let seen = header.word.read();
        if seen.is_cancelled() || seen.is_taken() {
            return Some(Err(no_value(seen)));
        }
        // SAFETY: settled, or this thread completes it and runs its callbacks: the outcome stays
        // until the owner, borrowed here, moves it.
        Some(unsafe { outcome_ref(self.cell(), seen.is_failed()) })
    }

    /// Waits and tells why there is no value; `None` when there is one.
    ///
    /// Python's `exception()`; a cancelled future gives [`TaskError::Cancelled`].
    #[must_use]
    pub fn exception(&self) -> Option<TaskError> {
        if let Err(deadlock) = self.wait() {
            return Some(deadlock.into());
        }
        self.result_ref()?.err().cloned()
    }

    /// The same, for at most `limit`.
    ///
    /// # Errors
    ///
    /// [`TimeoutError`] when the time was up first.
    pub fn exception_timeout(&self, limit: Duration) -> Result<Option<TaskError>, TimeoutError> {
        if self.handle.wait_timeout(limit) {
            Ok(self.result_ref().and_then(|r| r.err().cloned()))
        } else {
            Err(TimeoutError::new(limit, ()))
        }
    }

    /// Calls `callback` with this future when it is done: when a task finished, in the thread
    /// that ran it, before anybody who waits is released; when it was cancelled, in the thread
    /// that cancelled it. When it is done already, at once, in this thread.
    ///
    /// Callbacks run in the order they were added, one at a time; one that is added while they
    /// run comes after them, in the same thread. A panic in a callback is reported by the
    /// process's panic hook and harms nothing else.
    ///
    /// ```
    /// use future_core::promise;
    /// use std::sync::mpsc::channel;
    ///
    /// let (tell, told) = channel();
    /// let (mut promise, future) = promise::<u32>();
    /// future.add_done_callback(move |f| {
    ///     tell.send(f.result_ref().map(|r| *r.unwrap())).unwrap();
    /// });
    /// promise.set_result(7)?;
    /// assert_eq!(told.recv()?, Some(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_done_callback<F>(&self, callback: F)
    where
        F: FnOnce(&Future<T>) + Send + 'static,
        T: 'static,
    {
        let header = self.handle.header();
        // Inside an own callback it is not settled: the new one takes its turn.
        if header.word.read().is_settled() {
            cell::forget_panic(std::panic::catch_unwind(std::panic::AssertUnwindSafe(
                || callback(self),
            )));
            return;
        }
        let node = Side::new(
            Kind::Callback(Box::new(move |cell| {
                // A borrowed future: the caller's reference, which is not given up.
                let future = ManuallyDrop::new(Future::<T>::from_cell(cell));
                callback(&future);
            })),
            0,
        );
        let seen = header.word.lock();
        if seen.is_settled() {
            header.word.unlock(seen.has_side(), 0);
            // SAFETY: the cell is live, and the node in no list.
            unsafe { side::run_callbacks(self.cell(), side::only(node)) };
        } else {
            side::push(header, node);
            header.word.unlock_with_callback();
        }
    }

    /// For several readers.
    pub fn shared(self) -> SharedFuture<T>
    where
        T: Send + Sync,
    {
        SharedFuture::new(self)
    }

    /// A handle without the type, to cancel and wait from elsewhere.
    #[must_use]
    pub fn handle(&self) -> FutureHandle {
        FutureHandle::clone(&self.handle)
    }

    /// What tells this future from others.
    #[must_use]
    pub fn id(&self) -> FutureId {
        self.handle.id()
    }

    /// What the future is doing, read at once.
    #[must_use]
    pub fn state(&self) -> State {
        self.handle.state()
    }

    /// Whether its task is being run now.
    #[must_use]
    pub fn running(&self) -> bool {
        self.handle.running()
    }

    /// Whether it is finished or cancelled.
    #[must_use]
    pub fn done(&self) -> bool {
        self.handle.done()
    }

    /// Whether it finished with a failure; a cancelled future has not failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.handle.failed()
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.handle.cancelled()
    }

    /// Cancels the task when it has not started. True when it is cancelled, by this call or
    /// before; see [`FutureHandle::cancel`].
    pub fn cancel(&self) -> bool {
        self.handle.cancel()
    }

    /// Waits until it is done.
    ///
    /// # Errors
    ///
    /// [`Deadlock`] when this thread runs a task that the wait would block for ever.
    pub fn wait(&self) -> Result<(), Deadlock> {
        self.handle.wait()
    }

    /// Waits until it is done, for at most `limit`. Whether it is.
    #[must_use]
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.handle.wait_timeout(limit)
    }

    /// Waits until it is done, until `deadline` at most. Whether it is.
    #[must_use]
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.handle.wait_deadline(deadline)
    }

    /// Registers `waker` unless the future is settled or it is registered already. Whether the
    /// future is settled. Wakers of earlier polls are of no use any more.
    pub(crate) fn poll_settled(&self, waker: &std::task::Waker) -> bool {
        let header = self.handle.header();
        if header.word.read().is_settled() {
            return true;
        }
        // Cloning a waker is the runtime's code: not under the lock.
        let node = Side::new(Kind::Waker(waker.clone()), 0);
        let seen = header.word.lock();
        if seen.is_settled() || side::has_waker(header, waker) {
            header.word.unlock(seen.has_side(), 0);
            side::free(node.as_ptr());
            return seen.is_settled();
        }
        let stale = side::take_wakers(header);
        side::push(header, node);
        header.word.unlock(true, 0);
        side::free(stale);
        false
    }
}

impl<T> AsFuture for Future<T> {
    fn as_future(&self) -> &FutureHandle {
        &self.handle
    }

    fn is_sole(&self) -> bool {
        true
    }
}

// The value stands in the cell and is moved out of it, so it is never pinned.
impl<T> Unpin for Future<T> {}

/// Gives the outcome once; afterwards the future is [`Broken`](TaskError::Broken).
impl<T> std::future::Future for Future<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let header = self.handle.header();
        if !header.word.read().is_settled() && !self.poll_settled(cx.waker()) {
            return Poll::Pending;
        }
        let seen = header.word.read();
        if seen.is_cancelled() || seen.is_taken() {
            return Poll::Ready(Err(no_value(seen).clone()));
        }
        header.word.mark_taken();
        // SAFETY: RELEASED, and marked so that nobody takes it again.
        Poll::Ready(unsafe { take_outcome(self.cell(), seen.is_failed()) })
    }
}

impl<T> Drop for Future<T> {
    fn drop(&mut self) {
        let cell = self.cell();
        let header = self.handle.header();
        if header.word.read().has_side() {
            // The owner's wakers have nobody to wake.
            let seen = header.word.lock();
            let stale = if seen.is_settled() {
                std::ptr::null_mut()
            } else {
                side::take_wakers(header)
            };
            let in_use = !seen.is_settled() && side::in_use(header);
            header.word.unlock(in_use, 0);
            side::free(stale);
        }
        match header.word.leave() {
            // SAFETY: whoever completes the cell holds a reference, so this is not the last;
            // if it were, the cell would hold nothing to drop.
            Ok(Left::Last | Left::Shared) => {}
            Err(seen) => {
                if seen.is_released() && !seen.is_taken() {
                    // SAFETY: RELEASED, not taken, and the owner goes.
                    unsafe { cell::drop_outcome(cell, seen.is_failed()) };
                }
                // SAFETY: the owner's reference.
                unsafe { drop_ref(cell) };
            }
        }
    }
}

impl<T> PartialEq for Future<T> {
    fn eq(&self, other: &Self) -> bool {
        self.handle == other.handle
    }
}

impl<T> Eq for Future<T> {}

impl<T> Hash for Future<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.handle.hash(state);
    }
}

/// Like Python's repr: `<Future at 0x… state=finished returned i32>`.
impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Future at {} state={}", self.id(), self.state())?;
        if let Some(outcome) = self.result_ref() {
            match outcome {
                Ok(_) => write!(f, " returned {}", type_name::<T>())?,
                Err(TaskError::Cancelled(_)) => {}
                Err(error) => write!(f, " raised {}", error.kind_name())?,
            }
        }
        f.write_str(">")
    }
}
