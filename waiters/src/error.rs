//! What can go wrong while waiting, with what was waited for inside.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use future_core::{Deadlock, TaskError};

use crate::DoneAndNotDone;

/// Makes an error `Sync` when what it gives back is only `Send`. It is never locked.
struct Held<T>(Mutex<T>);

impl<T> Held<T> {
    fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A [`wait`](crate::wait()) that would never have ended. It gives the futures back.
///
/// It may hold references, so it is no `std::error::Error` itself; `?` turns it into the
/// [`Deadlock`] inside, as that or as a `TaskError` or a boxed error.
///
/// ```
/// use future_core::{Future, TaskError};
/// use waiters::{ReturnWhen, wait};
///
/// fn all(futures: &[Future<u32>]) -> Result<usize, TaskError> {
///     Ok(wait(futures, ReturnWhen::AllCompleted)?.done.len())
/// }
/// # assert_eq!(all(&[])?, 0);
/// # Ok::<(), TaskError>(())
/// ```
pub struct WaitError<F> {
    deadlock: Deadlock,
    sets: Held<DoneAndNotDone<F>>,
}

impl<F> WaitError<F> {
    pub(crate) fn new(deadlock: Deadlock, sets: DoneAndNotDone<F>) -> Self {
        let sets = Held::new(sets);
        Self { deadlock, sets }
    }

    /// Who waits for whom.
    #[must_use]
    pub fn deadlock(&self) -> &Deadlock {
        &self.deadlock
    }

    /// The same, without the futures, which are dropped.
    #[must_use]
    pub fn into_deadlock(self) -> Deadlock {
        self.deadlock
    }

    /// What is done and what is not.
    pub fn into_sets(self) -> DoneAndNotDone<F> {
        self.sets.into_inner()
    }
}

impl<F> fmt::Display for WaitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.deadlock.fmt(f)
    }
}

impl<F> fmt::Debug for WaitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitError")
            .field("deadlock", &self.deadlock)
            .finish_non_exhaustive()
    }
}

impl<F> From<WaitError<F>> for Deadlock {
    fn from(error: WaitError<F>) -> Self {
        error.deadlock
    }
}

impl<F> From<WaitError<F>> for TaskError {
    fn from(error: WaitError<F>) -> Self {
        error.deadlock.into()
    }
}

impl<F> From<WaitError<F>> for Box<dyn Error> {
    fn from(error: WaitError<F>) -> Self {
        error.deadlock.into()
    }
}

impl<F> From<WaitError<F>> for Box<dyn Error + Send + Sync> {
    fn from(error: WaitError<F>) -> Self {
        error.deadlock.into()
    }
}

/// Why a future was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddErrorKind {
    /// The set was closed or dropped.
    Closed,
    /// The set was full.
    Full {
        /// How many futures it takes.
        capacity: usize,
    },
    /// The set was full all the time.
    TimedOut {
        /// How many futures it takes.
        capacity: usize,
        /// The time limit.
        limit: Duration,
    },
}

/// A future was not added to a [`FutureSet`](crate::FutureSet). It is inside:
/// [`into_future`](Self::into_future).
pub struct AddError<F> {
    kind: AddErrorKind,
    future: Held<F>,
}

impl<F> AddError<F> {
    pub(crate) fn new(kind: AddErrorKind, future: F) -> Self {
        let future = Held::new(future);
        Self { kind, future }
    }

    /// Why.
    #[must_use]
    pub fn kind(&self) -> AddErrorKind {
        self.kind
    }

    /// Whether the set was closed or dropped, so that trying again is of no use.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.kind == AddErrorKind::Closed
    }

    /// The future that was not added.
    pub fn into_future(self) -> F {
        self.future.into_inner()
    }
}

impl<F> fmt::Display for AddError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            AddErrorKind::Closed => f.write_str(
                "cannot add to a future set that was closed or dropped; \
                 wait for the future itself or add it to another set",
            ),
            AddErrorKind::Full { capacity } => write!(
                f,
                "the future set is full, it takes {capacity}; \
                 take futures out first, or use `add`, which waits for room"
            ),
            AddErrorKind::TimedOut { capacity, limit } => write!(
                f,
                "the future set, which takes {capacity}, stayed full for {limit:?}; \
                 take futures out faster or give it more room"
            ),
        }
    }
}

impl<F> fmt::Debug for AddError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddError")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl<F> Error for AddError<F> {}
