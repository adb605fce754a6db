//! The pool and its handles.

use std::error::Error;
use std::fmt;
use std::io;
use std::marker::PhantomData;

use future_core::shim::Arc;
use future_core::{
    Call, DropPolicy, Executor, ForEachError, Function, Future, Job, Map, MapOptions, Portable,
    ShutdownOptions, SubmitError,
};

use crate::jobs::{MapItem, StarItem};
use crate::offer::{self, Made};
use crate::scope::{self, Scope};
use crate::shared::Shared;
use crate::shutdown::ShutdownError;
use crate::state::WithState;
use crate::stats::Stats;
use crate::verbs::{AHEAD, verbs};
use crate::{BuildError, Builder};

/// A pool of threads that hands back futures.
///
/// Threads are started when a task comes and none is idle, up to `max_workers`, and are used
/// again: submitting one task after the other, each when the one before is done, uses one thread.
/// Tasks start in the order they were submitted; with several workers one may start before up to
/// 32 × workers older ones.
///
/// Dropping the pool waits for all that was submitted, like leaving Python's `with` block;
/// [`Builder::drop_policy`] chooses otherwise. `S` is the state of each worker, which
/// [`Builder::initializer`] makes.
///
/// ```
/// use pool_thread::ThreadPoolExecutor;
///
/// let pool = ThreadPoolExecutor::new(4)?;
/// let future = pool.submit(|| 6 * 7)?;
/// assert_eq!(future.result()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ThreadPoolExecutor<S = ()> {
    shared: Arc<Shared>,
    policy: DropPolicy,
    state: PhantomData<fn() -> S>,
}

/// Submits to a pool that somebody else owns. It does not keep the pool running: when the pool is
/// shut down or dropped, submits are refused. For tasks that submit tasks, above all.
///
/// ```
/// use pool_thread::ThreadPoolExecutor;
///
/// let pool = ThreadPoolExecutor::new(1)?;
/// let handle = pool.handle();
/// let nested = pool.submit(move || {
///     let inner = handle.submit(|| 21).map_err(|e| e.without_job())?;
///     // The only worker runs it itself while it waits.
///     Ok::<i32, Box<dyn std::error::Error + Send + Sync>>(inner.result()? * 2)
/// })?;
/// assert_eq!(nested.result()?.unwrap(), 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ThreadPoolHandle<S = ()> {
    shared: Arc<Shared>,
    state: PhantomData<fn() -> S>,
}

impl ThreadPoolExecutor {
    /// A pool of at most `max_workers` threads. None is started yet.
    ///
    /// # Errors
    ///
    /// [`BuildError`] when `max_workers` is 0 or more than 65536.
    ///
    /// ```
    /// use pool_thread::ThreadPoolExecutor;
    ///
    /// let error = ThreadPoolExecutor::new(0).unwrap_err();
    /// assert_eq!(error.to_string(), "max_workers must be greater than 0");
    /// ```
    pub fn new(max_workers: usize) -> Result<Self, BuildError> {
        Self::builder().max_workers(max_workers).build()
    }

    /// A pool with settings of its own.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl<S: 'static> ThreadPoolExecutor<S> {
    pub(crate) fn from_shared(shared: Arc<Shared>, policy: DropPolicy) -> Self {
        Self {
            shared,
            policy,
            state: PhantomData,
        }
    }

    /// Something that submits to this pool without owning it.
    #[must_use]
    pub fn handle(&self) -> ThreadPoolHandle<S> {
        ThreadPoolHandle {
            shared: self.shared.clone(),
            state: PhantomData,
        }
    }

    /// Starts workers before there is work, until `workers` live or `max_workers`. Gives the
    /// number that live.
    ///
    /// # Errors
    ///
    /// When the system refuses a thread; those that were started stay.
    ///
    /// ```
    /// use pool_thread::ThreadPoolExecutor;
    ///
    /// let pool = ThreadPoolExecutor::new(4)?;
    /// assert_eq!(pool.prestart(2)?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prestart(&self, workers: usize) -> io::Result<usize> {
        Shared::prestart(&self.shared, workers)
            .map_err(|refused| io::Error::new(refused.error.kind(), refused.error))
    }
}

verbs!(ThreadPoolExecutor);
verbs!(ThreadPoolHandle);

impl<S> Clone for ThreadPoolHandle<S> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            state: PhantomData,
        }
    }
}

impl<S> Drop for ThreadPoolExecutor<S> {
    fn drop(&mut self) {
        self.shared.close(self.policy == DropPolicy::Cancel);
        if self.policy != DropPolicy::Detach {
            // In one of its own workers there is nothing to wait for but itself.
            let _ = self.shared.wait(None);
        }
    }
}
