//! How a pool ends.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::stats::Stats;

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
