//! `as_completed`: each future of a set, in the order of completion.

use std::fmt;
use std::iter::FusedIterator;
use std::time::{Duration, Instant};

use future_core::{AsFuture, TimeoutError};

use crate::deadline;
use crate::distinct::distinct;
use crate::watched::Watched;

/// Hands out futures as they complete: first those that it finds done, in the order of the input,
/// then the others in the order in which they complete. Cancelled ones are done.
///
/// Each future comes once, also when it was given several times. What was handed out is not kept.
/// Dropping the iterator early unregisters; the futures in it are dropped, their tasks go on.
///
/// ```
/// use future_core::promise;
/// use waiters::as_completed;
///
/// let (mut p0, f0) = promise();
/// let (mut p1, f1) = promise();
/// p1.set_result("first")?;
/// let mut futures = as_completed([f0, f1]);
/// assert_eq!(futures.next().unwrap().result()?, "first");
/// p0.set_result("second")?;
/// assert_eq!(futures.next().unwrap().result()?, "second");
/// assert!(futures.next().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Deadlocks
///
/// When this thread runs a task and none of the remaining futures could ever complete, since
/// tasks wait for each other in a cycle, the iterator waits no more and hands them out
/// unfinished; waiting for one of them then reports the [`Deadlock`](future_core::Deadlock).
pub fn as_completed<I>(futures: I) -> AsCompleted<I::Item>
where
    I: IntoIterator<Item: AsFuture>,
{
    AsCompleted {
        watched: watch_all(futures),
        stuck: false,
    }
}

/// The same, for at most `limit` in all, counted from this call.
///
/// When it passes, the futures that are done still come, then one [`TimeoutError`], which says
/// how many of how many are unfinished, and then nothing more.
///
/// ```
/// use future_core::promise;
/// use std::time::Duration;
/// use waiters::as_completed_timeout;
///
/// let (mut p0, f0) = promise();
/// let (_p1, f1) = promise::<u32>();
/// p0.set_result(1)?;
/// let mut futures = as_completed_timeout([f0, f1], Duration::from_millis(1));
/// assert_eq!(futures.next().unwrap()?.result()?, 1);
/// let late = futures.next().unwrap().unwrap_err();
/// assert!(late.to_string().starts_with("1 (of 2) futures unfinished"));
/// assert!(futures.next().is_none());
/// for future in futures.into_unfinished() {
///     assert!(future.cancel());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn as_completed_timeout<I>(futures: I, limit: Duration) -> AsCompletedTimeout<I::Item>
where
    I: IntoIterator<Item: AsFuture>,
{
    let deadline = deadline::after(limit);
    let watched = watch_all(futures);
    AsCompletedTimeout {
        total: watched.len(),
        watched,
        limit,
        deadline,
        over: false,
    }
}

fn watch_all<I>(futures: I) -> Watched<I::Item>
where
    I: IntoIterator<Item: AsFuture>,
{
    let futures = distinct(futures);
    let mut watched = Watched::new();
    watched.reserve(futures.expected());
    for future in futures {
        let token = watched.slots();
        if !watched.put(token, future) {
            watched.ready_now(token);
        }
    }
    watched
}

/// The iterator of [`as_completed`].
#[must_use = "it waits only when it is iterated"]
pub struct AsCompleted<F> {
    watched: Watched<F>,
    /// Waiting for the rest would never end.
    stuck: bool,
}

impl<F: AsFuture> AsCompleted<F> {
    /// The futures that were not handed out, in the order of the input. Those that completed
    /// meanwhile are among them.
    pub fn into_unfinished(self) -> Vec<F> {
        self.watched.into_rest()
    }
}

impl<F: AsFuture> Iterator for AsCompleted<F> {
    type Item = F;

    fn next(&mut self) -> Option<F> {
        if let Some(token) = self.watched.ready() {
            return Some(self.watched.take(token));
        }
        if !self.stuck {
            match self.watched.wait(None) {
                Ok(token) => return token.map(|token| self.watched.take(token)),
                Err(_) => self.stuck = true,
            }
        }
        self.watched.take_unfinished()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.watched.len(), Some(self.watched.len()))
    }
}

impl<F: AsFuture> ExactSizeIterator for AsCompleted<F> {}

impl<F: AsFuture> FusedIterator for AsCompleted<F> {}

impl<F: AsFuture> fmt::Debug for AsCompleted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("left", &self.watched.len())
            .finish_non_exhaustive()
    }
}

/// The iterator of [`as_completed_timeout`].
#[must_use = "it waits only when it is iterated"]
pub struct AsCompletedTimeout<F> {
    watched: Watched<F>,
    total: usize,
    limit: Duration,
    deadline: Instant,
    /// The error was handed out.
    over: bool,
}

impl<F: AsFuture> AsCompletedTimeout<F> {
    /// How many futures were not handed out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.watched.len()
    }

    /// Whether all were handed out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.watched.len() == 0
    }

    /// The futures that were not handed out, in the order of the input. Those that completed
    /// meanwhile are among them.
    pub fn into_unfinished(self) -> Vec<F> {
        self.watched.into_rest()
    }
}

impl<F: AsFuture> Iterator for AsCompletedTimeout<F> {
    type Item = Result<F, TimeoutError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over || self.is_empty() {
            return None;
        }
        let token = self.watched.ready().or_else(|| {
            // A timed wait is never a deadlock.
            let waited = self.watched.wait(Some(self.deadline));
            waited.unwrap_or(None)
        });
        Some(if let Some(token) = token {
            Ok(self.watched.take(token))
        } else {
            self.over = true;
            Err(TimeoutError::of_set(self.limit, self.len(), self.total, ()))
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let most = if self.over { 0 } else { self.len() };
        (most.min(1), Some(most))
    }
}

impl<F: AsFuture> FusedIterator for AsCompletedTimeout<F> {}

impl<F: AsFuture> fmt::Debug for AsCompletedTimeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompletedTimeout")
            .field("left", &self.len())
            .field("total", &self.total)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
