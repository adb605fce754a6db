//! How a pool ends.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::stats::Stats;

/// How to shut a pool down: Python's `shutdown(wait, cancel_futures)`, and a time limit.
///
/// ```
/// use pool_thread::{ShutdownOptions, ThreadPoolExecutor};
/// use std::time::Duration;
///
/// let pool = ThreadPoolExecutor::new(2)?;
/// let options = ShutdownOptions::new()
///     .cancel_futures(true)
///     .timeout(Duration::from_secs(5));
/// pool.shutdown_with(options)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ShutdownOptions {
    pub(crate) wait: bool,
    pub(crate) cancel_futures: bool,
    pub(crate) timeout: Option<Duration>,
}

impl Default for ShutdownOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl ShutdownOptions {
    /// Waits, without a limit, for all that was submitted.
    #[must_use]
    pub fn new() -> Self {
        Self {
            wait: true,
            cancel_futures: false,
            timeout: None,
        }
    }

    /// Whether to wait until all workers are gone. Without it they go on in the background:
    /// what was submitted is run, and each thread ends when nothing is left.
    #[must_use]
    pub fn wait(mut self, wait: bool) -> Self {
        self.wait = wait;
        self
    }

    /// Whether to cancel the tasks that have not started. Never cancels one that runs.
    #[must_use]
    pub fn cancel_futures(mut self, cancel: bool) -> Self {
        self.cancel_futures = cancel;
        self
    }

    /// How long to wait at most.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }
}

/// What dropping a pool does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropPolicy {
    /// Waits until all that was submitted is done, as leaving Python's `with` block does.
    #[default]
    Wait,
    /// Cancels what has not started, and waits for what runs.
    Cancel,
    /// Waits for nothing: what was submitted is run in the background, unless the program ends
    /// before.
    Detach,
}

/// The pool is shut down, but not all of its workers are gone.
///
/// Nothing is lost: they go on, and a later [`shutdown`](crate::ThreadPoolExecutor::shutdown)
/// waits for them again.
#[derive(Clone, Debug)]
pub struct ShutdownError {
    limit: Option<Duration>,
    stats: Stats,
}

impl ShutdownError {
    pub(crate) fn from_worker(stats: Stats) -> Self {
        Self { limit: None, stats }
    }

    pub(crate) fn timed_out(limit: Duration, stats: Stats) -> Self {
        Self {
            limit: Some(limit),
            stats,
        }
    }

    /// Whether the time limit passed first.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.limit.is_some()
    }

    /// Whether it was called in one of the pool's own workers, which would have waited for
    /// itself.
    #[must_use]
    pub fn is_from_worker(&self) -> bool {
        self.limit.is_none()
    }

    /// How many tasks are unfinished: workers that run one, and tasks that wait. One that was
    /// cancelled is counted only when a worker has set it aside to run next.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.stats.running() + self.stats.queued()
    }

    /// What the pool was doing then.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }
}

impl fmt::Display for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            Some(limit) => write!(
                f,
                "the pool is shut down, but {} running and {} queued tasks are unfinished after \
                 {limit:?}; they go on, shut down again to wait longer",
                self.stats.running(),
                self.stats.queued(),
            ),
            None => f.write_str(
                "the pool is shut down, but a worker cannot wait for its own end; to wait, shut \
                 down from a thread that is not one of the pool's workers",
            ),
        }?;
        write!(f, " [{}]", self.stats)
    }
}

impl Error for ShutdownError {}
