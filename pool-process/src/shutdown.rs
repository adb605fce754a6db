//! How a pool ends.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::stats::Stats;

/// What dropping a pool does: the [`future_core::DropPolicy`] that all pools have, and an end that
/// only processes can have.
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
    /// Ends the workers whatever they do, and waits until they are gone.
    Kill,
}

impl From<future_core::DropPolicy> for DropPolicy {
    fn from(policy: future_core::DropPolicy) -> Self {
        match policy {
            future_core::DropPolicy::Cancel => Self::Cancel,
            future_core::DropPolicy::Detach => Self::Detach,
            _ => Self::Wait,
        }
    }
}

/// The pool is shut down, but not all of its workers are gone.
///
/// Nothing is lost: they go on, and a later [`shutdown`](crate::ProcessPoolExecutor::shutdown)
/// waits for them again.
#[derive(Clone, Debug)]
pub struct ShutdownError {
    limit: Option<Duration>,
    stats: Box<Stats>,
}

impl ShutdownError {
    pub(crate) fn from_callback(stats: Stats) -> Self {
        Self {
            limit: None,
            stats: Box::new(stats),
        }
    }

    pub(crate) fn timed_out(limit: Duration, stats: Stats) -> Self {
        Self {
            limit: Some(limit),
            stats: Box::new(stats),
        }
    }

    /// Whether the time limit passed first.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.limit.is_some()
    }

    /// Whether it was called in a callback or a waker of one of the pool's futures, which would
    /// have waited for itself.
    #[must_use]
    pub fn is_from_callback(&self) -> bool {
        self.limit.is_none()
    }

    /// How many tasks are unfinished: those that wait, those that run, and those whose callbacks
    /// are yet to run.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.stats.running() + self.stats.queued() + self.stats.completing()
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
                "the pool is shut down, but a callback cannot wait for its own end; to wait, shut \
                 down from a thread that is not one of the pool's",
            ),
        }?;
        write!(f, " [{}]", self.stats)
    }
}

impl Error for ShutdownError {}
