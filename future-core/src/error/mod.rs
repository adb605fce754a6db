//! What can go wrong, as values that name it.

mod broken;
mod deadlock;
mod died;
mod exclusive;
mod failed;
mod invalid_state;
mod panicked;
#[cfg(feature = "serde")]
mod remote;
mod submit;
mod timeout;

pub use broken::BrokenExecutor;
pub use deadlock::Deadlock;
pub use died::{WorkerDied, WorkerEnd};
pub use failed::TaskFailed;
pub use invalid_state::InvalidStateError;
pub use panicked::{PanicLocation, TaskPanicked};
#[cfg(feature = "serde")]
pub use remote::{RemoteCause, RemoteError};
pub use submit::{SubmitError, SubmitErrorKind};
pub use timeout::TimeoutError;

pub(crate) use exclusive::Exclusive;
pub(crate) use failed::short_name;

use std::error::Error;
use std::fmt;

use crate::PortableError;

/// The task was cancelled before it started.
///
/// Python's `CancelledError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CancelledError;

impl fmt::Display for CancelledError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task was cancelled before it started")
    }
}

impl Error for CancelledError {}

/// Why a future has no value.
///
/// Cloning is cheap; clones share what they carry.
///
/// ```
/// use future_core::{TaskError, promise};
///
/// let (mut promise, future) = promise::<u32>();
/// promise.set_exception("no such host")?;
/// match future.result() {
///     Err(TaskError::Failed(failed)) => assert!(failed.to_string().contains("no such host")),
///     other => unreachable!("{other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TaskError {
    /// Cancelled before it started.
    Cancelled(CancelledError),
    /// The task panicked.
    Panicked(TaskPanicked),
    /// The task returned an error (`submit_fallible`), or a promise was given one.
    Failed(TaskFailed),
    /// The executor broke, or a promise was dropped, before there was an outcome.
    Broken(BrokenExecutor),
    /// Waiting on would have lasted for ever.
    Deadlock(Deadlock),
    /// The time limit of a `map` passed.
    TimedOut(TimeoutError),
    /// The executor took no more tasks when a `map` wanted to submit this item.
    Rejected(SubmitError),
    /// The worker process died while it ran the task, or was ended for it.
    Died(WorkerDied),
    /// The task's data or its result could not be written for another process, or not be read.
    Portable(PortableError),
}

impl TaskError {
    /// Whether the task was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// The error the task itself returned, when it is an `E`.
    ///
    /// ```
    /// use future_core::promise;
    /// use std::io;
    ///
    /// let (mut promise, future) = promise::<u32>();
    /// promise.set_exception(io::Error::from(io::ErrorKind::NotFound))?;
    /// let error = future.result().unwrap_err();
    /// assert_eq!(error.downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::NotFound);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Failed(failed) => failed.downcast_ref(),
            _ => None,
        }
    }

    fn inner(&self) -> &(dyn Error + 'static) {
        match self {
            Self::Cancelled(e) => e,
            Self::Panicked(e) => e,
            Self::Failed(e) => e,
            Self::Broken(e) => e,
            Self::Deadlock(e) => e,
            Self::TimedOut(e) => e,
            Self::Rejected(e) => e,
            Self::Died(e) => e,
            Self::Portable(e) => e,
        }
    }

    /// The name of the variant's type, as Python's repr gives the exception's.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Self::Cancelled(_) => "CancelledError",
            Self::Panicked(_) => "TaskPanicked",
            Self::Failed(_) => "TaskFailed",
            Self::Broken(_) => "BrokenExecutor",
            Self::Deadlock(_) => "Deadlock",
            Self::TimedOut(_) => "TimeoutError",
            Self::Rejected(_) => "SubmitError",
            Self::Died(_) => "WorkerDied",
            Self::Portable(_) => "PortableError",
        }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.inner(), f)
    }
}

impl Error for TaskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner().source()
    }
}

macro_rules! from {
    ($($variant:ident($error:ty)),* $(,)?) => {$(
        impl From<$error> for TaskError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}
from!(
    Cancelled(CancelledError),
    Panicked(TaskPanicked),
    Failed(TaskFailed),
    Broken(BrokenExecutor),
    Deadlock(Deadlock),
    TimedOut(TimeoutError),
    Rejected(SubmitError),
    Died(WorkerDied),
    Portable(PortableError),
);
