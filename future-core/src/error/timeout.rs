use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::Exclusive;

/// The time limit passed first. Nothing is lost: what was waited for goes on, and is given back
/// by [`into_future`](Self::into_future).
///
/// Python's `TimeoutError`.
pub struct TimeoutError<F = ()> {
    limit: Duration,
    unfinished: usize,
    total: usize,
    future: Exclusive<F>,
}

impl<F> TimeoutError<F> {
    /// One future was waited for, for `limit`.
    pub fn new(limit: Duration, future: F) -> Self {
        Self::of_set(limit, 1, 1, future)
    }

    /// `unfinished` of `total` futures had no outcome when `limit` passed.
    pub fn of_set(limit: Duration, unfinished: usize, total: usize, future: F) -> Self {
        Self {
            limit,
            unfinished,
            total,
            future: Exclusive::new(future),
        }
    }

    /// The limit that passed.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// How many futures had no outcome yet.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// How many futures were waited for.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// What was waited for.
    pub fn into_future(self) -> F {
        self.future.into_inner()
    }
}

impl Clone for TimeoutError {
    fn clone(&self) -> Self {
        Self::of_set(self.limit, self.unfinished, self.total, ())
    }
}

impl<F> fmt::Display for TimeoutError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (of {}) futures unfinished after {:?}; they go on, wait again or cancel them",
            self.unfinished, self.total, self.limit
        )
    }
}

impl<F> fmt::Debug for TimeoutError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutError")
            .field("limit", &self.limit)
            .field("unfinished", &self.unfinished)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl<F> Error for TimeoutError<F> {}
