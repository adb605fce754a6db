//! A future with several readers.

use std::fmt;
use std::future::{Future as StdFuture, IntoFuture};
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::error::{CancelledError, Deadlock, TaskError, TimeoutError};
use crate::waker_place::WakerPlace;
use crate::{AsFuture, Future, FutureHandle, FutureId, State};

/// A future that can be cloned; every clone reads the same value in place.
///
/// ```
/// use future_core::promise;
///
/// let (mut promise, future) = promise();
/// let shared = future.shared();
/// let other = shared.clone();
/// let reader = std::thread::spawn(move || other.result().map(|v: &String| v.len()));
/// promise.set_result("four".to_owned())?;
/// assert_eq!(shared.result()?, "four");
/// assert_eq!(reader.join().unwrap()?, 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SharedFuture<T>(Arc<Future<T>>);

impl<T> SharedFuture<T> {
    pub(crate) fn new(future: Future<T>) -> Self {
        Self(Arc::new(future))
    }

    /// Waits for the task and gives its value in place, or why there is none.
    ///
    /// # Errors
    ///
    /// As [`Future::result`].
    pub fn result(&self) -> Result<&T, TaskError> {
        self.0.wait()?;
        self.settled()
    }

    /// The same, for at most `limit`.
    ///
    /// # Errors
    ///
    /// Outside, [`TimeoutError`] when the time was up first. Inside, as
    /// [`result`](Self::result).
    pub fn result_timeout(&self, limit: Duration) -> Result<Result<&T, TaskError>, TimeoutError> {
        if self.0.wait_timeout(limit) {
            Ok(self.settled())
        } else {
            Err(TimeoutError::new(limit, ()))
        }
    }

    fn settled(&self) -> Result<&T, TaskError> {
        match self.0.result_ref() {
            Some(outcome) => outcome.map_err(Clone::clone),
            None => Err(CancelledError.into()),
        }
    }

    /// The outcome in place: `None` while there is none.
    #[must_use]
    pub fn result_ref(&self) -> Option<Result<&T, &TaskError>> {
        self.0.result_ref()
    }

    /// See [`Future::exception`].
    #[must_use]
    pub fn exception(&self) -> Option<TaskError> {
        self.0.exception()
    }

    /// See [`Future::exception_timeout`].
    ///
    /// # Errors
    ///
    /// [`TimeoutError`] when the time was up first.
    pub fn exception_timeout(&self, limit: Duration) -> Result<Option<TaskError>, TimeoutError> {
        self.0.exception_timeout(limit)
    }

    /// See [`Future::add_done_callback`].
    pub fn add_done_callback<F>(&self, callback: F)
    where
        F: FnOnce(&Future<T>) + Send + 'static,
        T: 'static,
    {
        self.0.add_done_callback(callback);
    }

    /// The future again, when this is its only clone.
    ///
    /// # Errors
    ///
    /// Itself, when there are others.
    pub fn try_unwrap(self) -> Result<Future<T>, Self> {
        Arc::try_unwrap(self.0).map_err(Self)
    }

    /// A handle without the type.
    #[must_use]
    pub fn handle(&self) -> FutureHandle {
        self.0.handle()
    }

    /// What tells this future from others; the same for all clones.
    #[must_use]
    pub fn id(&self) -> FutureId {
        self.0.id()
    }

    /// What the future is doing, read at once.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// Whether its task is being run now.
    #[must_use]
    pub fn running(&self) -> bool {
        self.0.running()
    }

    /// Whether it is finished or cancelled.
    #[must_use]
    pub fn done(&self) -> bool {
        self.0.done()
    }

    /// Whether it finished with a failure; a cancelled future has not failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.0.failed()
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.0.cancelled()
    }

    /// See [`FutureHandle::cancel`].
    pub fn cancel(&self) -> bool {
        self.0.cancel()
    }

    /// Waits until it is done.
    ///
    /// # Errors
    ///
    /// [`Deadlock`] when this thread runs a task that the wait would block for ever.
    pub fn wait(&self) -> Result<(), Deadlock> {
        self.0.wait()
    }

    /// Waits until it is done, for at most `limit`. Whether it is.
    #[must_use]
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.0.wait_timeout(limit)
    }

    /// Waits until it is done, until `deadline` at most. Whether it is.
    #[must_use]
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.0.wait_deadline(deadline)
    }
}

impl<T> AsFuture for SharedFuture<T> {
    fn as_future(&self) -> &FutureHandle {
        self.0.as_future()
    }
}

impl<T> Clone for SharedFuture<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> PartialEq for SharedFuture<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for SharedFuture<T> {}

impl<T> Hash for SharedFuture<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> fmt::Debug for SharedFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Awaits a [`SharedFuture`]; made by its [`IntoFuture`]. One that is dropped leaves nothing
/// registered.
#[derive(Debug)]
pub struct SharedAwait<T> {
    future: SharedFuture<T>,
    place: WakerPlace,
}

impl<T: Clone> StdFuture for SharedAwait<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.place.register(this.future.0.as_future(), cx.waker()) {
            Poll::Ready(this.future.settled().cloned())
        } else {
            Poll::Pending
        }
    }
}

impl<T> Drop for SharedAwait<T> {
    fn drop(&mut self) {
        self.place.leave(self.future.0.as_future());
    }
}

/// Awaiting a shared future clones the value.
impl<T: Clone> IntoFuture for SharedFuture<T> {
    type Output = Result<T, TaskError>;
    type IntoFuture = SharedAwait<T>;

    fn into_future(self) -> SharedAwait<T> {
        SharedAwait {
            future: self,
            place: WakerPlace::default(),
        }
    }
}
