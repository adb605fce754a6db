//! `map`: a function over many items, results in the order of the items.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::iter::FusedIterator;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use crate::Future;
use crate::error::{SubmitError, TaskError, TimeoutError};
use crate::handle::after;

/// How a `map` takes its items and how long it may last.
///
/// ```
/// use future_core::MapOptions;
/// use std::num::NonZeroUsize;
/// use std::time::Duration;
///
/// let options = MapOptions::new()
///     .buffersize(NonZeroUsize::new(16).unwrap())
///     .timeout(Duration::from_secs(5));
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct MapOptions {
    buffersize: Option<NonZeroUsize>,
    chunksize: Option<NonZeroUsize>,
    timeout: Option<Duration>,
    eager: bool,
}

impl MapOptions {
    /// A window of the executor's choice, no time limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// At most this many items are submitted and not yet yielded.
    #[must_use]
    pub fn buffersize(mut self, items: NonZeroUsize) -> Self {
        self.buffersize = Some(items);
        self
    }

    /// How many items make one message to another process. A thread pool has no use for it; it
    /// never changes what is yielded.
    #[must_use]
    pub fn chunksize(mut self, items: NonZeroUsize) -> Self {
        self.chunksize = Some(items);
        self
    }

    /// A limit on the whole `map`, counted from the call. When it passes, the item that is
    /// waited for yields [`TaskError::TimedOut`], what has not started is cancelled, and the
    /// iterator ends.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Takes and submits every item at the call, as Python does without a `buffersize`.
    #[must_use]
    pub fn eager(mut self) -> Self {
        self.eager = true;
        self
    }

    /// The window, where one was chosen.
    #[must_use]
    pub fn get_buffersize(&self) -> Option<NonZeroUsize> {
        self.buffersize
    }

    /// The chunk size, where one was chosen.
    #[must_use]
    pub fn get_chunksize(&self) -> Option<NonZeroUsize> {
        self.chunksize
    }
}

/// Submits one item.
type Submit<'a, T, R> = Box<dyn FnMut(T) -> Result<Future<R>, SubmitError> + Send + 'a>;

/// The results of a `map`, in the order of the items.
///
/// A failure belongs to its item; the iterator goes on. Dropping it cancels what has not
/// started. When the executor takes no more tasks, what is under way is still yielded, then one
/// [`TaskError::Rejected`], then nothing.
#[must_use = "dropping a map cancels what has not started; use for_each when nobody reads the results"]
pub struct Map<'a, I: Iterator, R> {
    items: Option<I>,
    submit: Submit<'a, I::Item, R>,
    window: VecDeque<Future<R>>,
    room: usize,
    limit: Option<(Duration, Instant)>,
    rejected: Option<SubmitError>,
    yielded: usize,
}

impl<'a, I: Iterator, R> Map<'a, I, R> {
    /// For authors of executors: a map over `items` that calls `submit` for each, `window` of
    /// them ahead unless `options` say otherwise.
    ///
    /// # Panics
    ///
    /// When `items` does.
    pub fn new(
        options: MapOptions,
        window: usize,
        items: I,
        submit: impl FnMut(I::Item) -> Result<Future<R>, SubmitError> + Send + 'a,
    ) -> Self {
        // The clock starts before the first item is taken.
        let limit = options.timeout.map(|limit| (limit, after(limit)));
        let room = if options.eager {
            usize::MAX
        } else {
            options.buffersize.map_or(window.max(1), NonZeroUsize::get)
        };
        let mut map = Self {
            items: Some(items),
            submit: Box::new(submit),
            window: VecDeque::new(),
            room,
            limit,
            rejected: None,
            yielded: 0,
        };
        while map.window.len() < map.room && map.submit_next() {}
        map
    }

    /// Submits the next item; false when there is none or it was refused.
    fn submit_next(&mut self) -> bool {
        let item = self.next_item();
        self.submit_item(item)
    }

    fn next_item(&mut self) -> Option<I::Item> {
        self.items.as_mut().and_then(Iterator::next)
    }

    fn submit_item(&mut self, item: Option<I::Item>) -> bool {
        let Some(item) = item else {
            self.items = None;
            return false;
        };
        match (self.submit)(item) {
            Ok(future) => {
                self.window.push_back(future);
                true
            }
            Err(error) => {
                self.items = None;
                self.rejected = Some(error);
                false
            }
        }
    }

    /// How many items are submitted and not yet yielded.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.window.len()
    }

    /// Cancels what has not started and takes no more items; what runs is still yielded.
    pub fn cancel(&mut self) {
        self.items = None;
        self.window.retain(|future| !future.cancel());
    }

    fn give_up(&mut self, limit: Duration) -> TaskError {
        let unfinished = self.window.iter().filter(|f| !f.done()).count();
        let total = self.yielded + self.window.len();
        self.items = None;
        self.rejected = None;
        for future in self.window.drain(..) {
            future.cancel();
        }
        TimeoutError::of_set(limit, unfinished, total, ()).into()
    }
}

impl<I: Iterator, R> Iterator for Map<'_, I, R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(oldest) = self.window.front() else {
            return self.rejected.take().map(|error| Err(error.into()));
        };
        if let Some((limit, deadline)) = self.limit {
            if !oldest.wait_deadline(deadline) {
                return Some(Err(self.give_up(limit)));
            }
        }
        // Should it be a deadlock, `result` says so below.
        let _ = oldest.wait();
        // The user's iterator may panic, so nothing is taken out of the window before.
        let item = self.next_item();
        let outcome = self.window.pop_front()?.result();
        self.yielded += 1;
        self.submit_item(item);
        Some(outcome)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let ready = self.window.len();
        let (_, most) = self
            .items
            .as_ref()
            .map_or((0, Some(0)), Iterator::size_hint);
        let rejected = usize::from(self.rejected.is_some());
        let most = most.and_then(|most| most.checked_add(ready + rejected));
        (usize::from(ready > 0 || rejected > 0), most)
    }
}

impl<I: Iterator, R> FusedIterator for Map<'_, I, R> {}

impl<I: Iterator, R> fmt::Debug for Map<'_, I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("in_flight", &self.window.len())
            .field("yielded", &self.yielded)
            .finish_non_exhaustive()
    }
}

impl<I: Iterator, R> Drop for Map<'_, I, R> {
    fn drop(&mut self) {
        // From the back: what is queued last is least likely to have started.
        for future in self.window.drain(..).rev() {
            future.cancel();
        }
    }
}

/// Some items of a `for_each` failed; all were run.
#[derive(Clone, Debug)]
pub struct ForEachError {
    failures: Vec<(usize, TaskError)>,
    total: usize,
}

impl ForEachError {
    /// For authors of executors: waits for `futures` and gives their failures, if any.
    ///
    /// # Errors
    ///
    /// The failures, each with the number of its item.
    pub fn collect<T>(
        futures: impl IntoIterator<Item = Result<Future<T>, SubmitError>>,
    ) -> Result<(), Self> {
        let mut failures = Vec::new();
        let mut total = 0;
        for (at, future) in futures.into_iter().enumerate() {
            total += 1;
            let outcome = future.map_err(TaskError::from).and_then(Future::result);
            if let Err(error) = outcome {
                failures.push((at, error));
            }
        }
        if failures.is_empty() {
            Ok(())
        } else {
            Err(Self { failures, total })
        }
    }

    /// The failures, each with the number of its item, from 0.
    #[must_use]
    pub fn failures(&self) -> &[(usize, TaskError)] {
        &self.failures
    }

    /// The same, by value.
    #[must_use]
    pub fn into_failures(self) -> Vec<(usize, TaskError)> {
        self.failures
    }

    /// How many items there were.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }
}

impl fmt::Display for ForEachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} items failed", self.failures.len(), self.total)?;
        if let Some((at, error)) = self.failures.first() {
            write!(f, "; the first, item {at}: {error}")?;
        }
        Ok(())
    }
}

impl Error for ForEachError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failures.first().map(|(_, error)| error as _)
    }
}
