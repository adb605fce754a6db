//! The pool and its handles.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use future_core::{
    AsFuture, Call, Captureless, Executor, ForEachError, Function, Future, Job, Map, MapOptions,
    Portable, ShutdownOptions, SubmitError,
};

use crate::inbox::Command;
use crate::options::TaskOptions;
use crate::receive::{self, Receive, ReceiveFallible};
use crate::shared::Shared;
use crate::shutdown::{DropPolicy, ShutdownError};
use crate::spans::Origin;
use crate::stats::Stats;
use crate::verbs::verbs;
use crate::work::nanos;
use crate::{BuildError, Builder};

/// A pool of processes that hands back futures.
///
/// Workers are started when a task comes and none is idle, up to `max_workers`, and are used
/// again. Tasks start in the order they were submitted; with several workers one may start before
/// up to 32 × workers older ones.
///
/// Dropping the pool waits for all that was submitted, like leaving Python's `with` block;
/// [`Builder::drop_policy`] chooses otherwise.
///
/// ```
/// use pool_process::ProcessPoolExecutor;
///
/// fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// let pool = ProcessPoolExecutor::new(2)?;
/// let future = pool.call(square, (7,))?;
/// assert_eq!(future.result()?, 49);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ProcessPoolExecutor {
    shared: Arc<Shared>,
    policy: DropPolicy,
}

/// Submits to a pool that somebody else owns. It does not keep the pool running: when the pool is
/// shut down or dropped, submits are refused. For callbacks that submit, above all.
///
/// ```
/// use pool_process::ProcessPoolExecutor;
/// use std::sync::mpsc::channel;
///
/// let pool = ProcessPoolExecutor::new(1)?;
/// let handle = pool.handle();
/// let (tell, told) = channel();
/// pool.call(u32::count_ones, (3,))?.add_done_callback(move |first| {
///     let bits = *first.result_ref().unwrap().unwrap();
///     let _ = tell.send(handle.call(u32::count_zeros, (bits,)).unwrap());
/// });
/// assert_eq!(told.recv()?.result()?, 31);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ProcessPoolHandle {
    shared: Arc<Shared>,
}

impl ProcessPoolExecutor {
    /// A pool of at most `max_workers` processes. None is started yet.
    ///
    /// # Errors
    ///
    /// [`BuildError`] when `max_workers` is 0 or more than 65536, when no worker can be started
    /// from this program, or when the system refuses a thread or a descriptor.
    ///
    /// ```
    /// use pool_process::ProcessPoolExecutor;
    ///
    /// let error = ProcessPoolExecutor::new(0).unwrap_err();
    /// assert_eq!(error.to_string(), "max_workers must be greater than 0");
    /// ```
    pub fn new(max_workers: usize) -> Result<Self, BuildError> {
        Self::builder().max_workers(max_workers).build()
    }

    /// A pool with settings of its own.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Starts workers before there is work, until `workers` live or `max_workers`. Gives the
    /// number that live.
    ///
    /// It waits until they are started, not until they are ready: their initializers run
    /// meanwhile, and tasks that come are sent to them. A pool that is shut down or broken starts
    /// none.
    ///
    /// # Errors
    ///
    /// When the system refuses a process; those that were started stay.
    ///
    /// ```
    /// use pool_process::ProcessPoolExecutor;
    ///
    /// let pool = ProcessPoolExecutor::new(4)?;
    /// assert_eq!(pool.prestart(2)?, 2);
    /// assert_eq!(pool.stats().pids().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prestart(&self, workers: usize) -> io::Result<usize> {
        self.shared.prestart(workers)
    }

    pub(crate) fn from_shared(shared: Arc<Shared>, policy: DropPolicy) -> Self {
        Self { shared, policy }
    }

    /// Something that submits to this pool without owning it.
    #[must_use]
    pub fn handle(&self) -> ProcessPoolHandle {
        ProcessPoolHandle {
            shared: self.shared.clone(),
        }
    }
}

verbs!(ProcessPoolExecutor);
verbs!(ProcessPoolHandle);

impl Drop for ProcessPoolExecutor {
    fn drop(&mut self) {
        self.shared.close(self.policy == DropPolicy::Cancel);
        if self.policy == DropPolicy::Kill {
            self.shared.command(Command::KillAll { grace: 0 });
        }
        if self.policy != DropPolicy::Detach {
            // In a callback of its own there is nothing to wait for but itself.
            let _ = self.shared.wait(None);
        }
    }
}
