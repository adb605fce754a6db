//! The choice of a pool while the program runs.

use std::error::Error;
use std::fmt;
use std::io;

#[cfg(all(feature = "process", target_os = "linux"))]
use crate::ProcessPoolExecutor;
use crate::{Executor, Future, Job, Map, MapOptions, Portable, SubmitError, ThreadPoolExecutor};

/// A pool of one kind or the other, chosen while the program runs.
///
/// [`Executor`] has generic methods, so there is no `dyn Executor`; this takes its place. Where the
/// choice is made when the program is compiled, a function over `E: Executor` needs no more than
/// the pool itself. [`From`] makes one of each pool.
///
/// ```
/// use concurrent_futures::{AnyExecutor, ThreadPoolExecutor};
///
/// fn choose(isolated: bool) -> Result<AnyExecutor, Box<dyn std::error::Error>> {
///     #[cfg(all(feature = "process", target_os = "linux"))]
///     if isolated {
///         return Ok(concurrent_futures::ProcessPoolExecutor::new(2)?.into());
///     }
///     Ok(ThreadPoolExecutor::new(2)?.into())
/// }
///
/// # #[cfg(feature = "serde")]
/// for isolated in [false, true] {
///     use concurrent_futures::Executor;
///
///     let executor = choose(isolated)?;
///     assert_eq!(executor.call(i32::pow, (2, 10))?.result()?, 1024);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[non_exhaustive]
pub enum AnyExecutor {
    /// Tasks run in threads of this process.
    Threads(ThreadPoolExecutor),
    /// Tasks run in processes of their own.
    #[cfg(all(feature = "process", target_os = "linux"))]
    Processes(ProcessPoolExecutor),
}

/// `$call` with the pool, whichever it is, as `$pool`.
macro_rules! with_pool {
    ($executor:expr, $pool:ident => $call:expr) => {
        match $executor {
            AnyExecutor::Threads($pool) => $call,
            #[cfg(all(feature = "process", target_os = "linux"))]
            AnyExecutor::Processes($pool) => $call,
        }
    };
}

impl AnyExecutor {
    /// Starts workers before there is work, until `workers` live or as many as there may be. Gives
    /// the number that live.
    ///
    /// # Errors
    ///
    /// When the system refuses a thread or a process; those that were started stay.
    ///
    /// ```
    /// use concurrent_futures::{AnyExecutor, ThreadPoolExecutor};
    ///
    /// let executor = AnyExecutor::from(ThreadPoolExecutor::new(4)?);
    /// assert_eq!(executor.prestart(2)?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prestart(&self, workers: usize) -> io::Result<usize> {
        with_pool!(self, pool => pool.prestart(workers))
    }
}

impl From<ThreadPoolExecutor> for AnyExecutor {
    fn from(pool: ThreadPoolExecutor) -> Self {
        Self::Threads(pool)
    }
}

#[cfg(all(feature = "process", target_os = "linux"))]
impl From<ProcessPoolExecutor> for AnyExecutor {
    fn from(pool: ProcessPoolExecutor) -> Self {
        Self::Processes(pool)
    }
}

impl Executor for AnyExecutor {
    fn submit<J: Portable>(&self, job: J) -> Result<Future<J::Output>, SubmitError<J>> {
        with_pool!(self, pool => Executor::submit(pool, job))
    }

    fn submit_fallible<J, T, E>(&self, job: J) -> Result<Future<T>, SubmitError<J>>
    where
        J: Portable + Job<Output = Result<T, E>>,
        T: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        with_pool!(self, pool => Executor::submit_fallible(pool, job))
    }

    fn map_window(&self) -> usize {
        with_pool!(self, pool => pool.map_window())
    }

    fn shutdown(&self) {
        with_pool!(self, pool => Executor::shutdown(pool));
    }

    fn submit_all<I, J>(&self, jobs: I) -> Result<Vec<Future<J::Output>>, SubmitError<Vec<J>>>
    where
        I: IntoIterator<Item = J>,
        J: Portable,
    {
        with_pool!(self, pool => Executor::submit_all(pool, jobs))
    }

    fn map_jobs<'a, I, J>(
        &'a self,
        options: MapOptions,
        job: impl FnMut(I::Item) -> J + Send + 'a,
        items: I,
    ) -> Map<'a, I::IntoIter, J::Output>
    where
        I: IntoIterator,
        J: Portable,
    {
        with_pool!(self, pool => Executor::map_jobs(pool, options, job, items))
    }

    fn map_fallible_jobs<'a, I, J, T, E>(
        &'a self,
        options: MapOptions,
        job: impl FnMut(I::Item) -> J + Send + 'a,
        items: I,
    ) -> Map<'a, I::IntoIter, T>
    where
        I: IntoIterator,
        J: Portable + Job<Output = Result<T, E>>,
        T: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        with_pool!(self, pool => Executor::map_fallible_jobs(pool, options, job, items))
    }
}

/// The pool's own status line.
impl fmt::Debug for AnyExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        with_pool!(self, pool => fmt::Debug::fmt(pool, f))
    }
}
