//! `map`: a function over many items, results in the order of the items.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::iter::FusedIterator;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use crate::error::{SubmitError, TaskError, TimeoutError};
use crate::handle::after;
use crate::{AsFuture, Future, FutureHandle};

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

    /// How many items make one task of another process; by default as many as take a worker some
    /// tenths of a millisecond. A thread pool has no use for it. It never changes what is
    /// yielded, but items that are one task are cancelled together, and when their worker dies,
    /// they share its fate.
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

/// Room for more items than this is made when they come.
const GATHERED: usize = 1024;

/// Submits one item.
type SubmitOne<'a, T, R> = Box<dyn FnMut(T) -> Result<Future<R>, SubmitError> + Send + 'a>;

/// What came of each item of a chunk, in their order.
type Outcomes<R> = Vec<Result<R, TaskError>>;

/// Submits several items as one task.
type SubmitMany<'a, T, R> =
    Box<dyn FnMut(Vec<T>) -> Result<Future<Outcomes<R>>, SubmitError> + Send + 'a>;

enum Submit<'a, T, R> {
    One(SubmitOne<'a, T, R>),
    /// And how many items the next chunk is to have.
    Many(SubmitMany<'a, T, R>, Box<dyn FnMut() -> usize + Send + 'a>),
}

/// What was submitted and not yet yielded.
enum Pending<R> {
    One(Future<R>),
    Many(Future<Outcomes<R>>, usize),
}

impl<R> Pending<R> {
    fn as_future(&self) -> &FutureHandle {
        match self {
            Self::One(future) => future.as_future(),
            Self::Many(future, _) => future.as_future(),
        }
    }

    /// How many items it has.
    fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(_, len) => *len,
        }
    }
}

/// The results of a `map`, in the order of the items.
///
/// A failure belongs to its item; the iterator goes on. Dropping it cancels what has not
/// started. When the executor takes no more tasks, what is under way is still yielded, then one
/// [`TaskError::Rejected`], then nothing.
#[must_use = "dropping a map cancels what has not started; use for_each when nobody reads the results"]
pub struct Map<'a, I: Iterator, R> {
    items: Option<I>,
    submit: Submit<'a, I::Item, R>,
    window: VecDeque<Pending<R>>,
    /// The rest of a chunk that has come.
    ready: std::vec::IntoIter<Result<R, TaskError>>,
    /// Items of the next chunk: there are some between calls only when `items` panicked.
    gathered: Vec<I::Item>,
    /// How many items are submitted and not yet yielded.
    in_flight: usize,
    room: usize,
    /// How many chunks may be under way, when nothing was said of items.
    chunks: usize,
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
        let room = options.buffersize.map_or(window.max(1), NonZeroUsize::get);
        Self::start(
            options,
            room,
            usize::MAX,
            items,
            Submit::One(Box::new(submit)),
        )
    }

    /// The same for an executor that takes several items at once: `submit` makes one task of
    /// them, whose value is the outcome of each. The next chunk is to have `size` items; about
    /// `chunks` of them are submitted ahead, unless `options` say how many items.
    ///
    /// # Panics
    ///
    /// When `items` does.
    pub fn in_chunks(
        options: MapOptions,
        chunks: usize,
        items: I,
        size: impl FnMut() -> usize + Send + 'a,
        submit: impl FnMut(Vec<I::Item>) -> Result<Future<Vec<Result<R, TaskError>>>, SubmitError>
        + Send
        + 'a,
    ) -> Self {
        let (room, chunks) = match options.buffersize {
            Some(items) => (items.get(), usize::MAX),
            None => (usize::MAX, chunks.max(1)),
        };
        let submit = Submit::Many(Box::new(submit), Box::new(size));
        Self::start(options, room, chunks, items, submit)
    }

    fn start(
        options: MapOptions,
        room: usize,
        chunks: usize,
        items: I,
        submit: Submit<'a, I::Item, R>,
    ) -> Self {
        // The clock starts before the first item is taken.
        let limit = options.timeout.map(|limit| (limit, after(limit)));
        let (room, chunks) = if options.eager {
            (usize::MAX, usize::MAX)
        } else {
            (room, chunks)
        };
        let mut map = Self {
            items: Some(items),
            submit,
            window: VecDeque::new(),
            ready: Vec::new().into_iter(),
            gathered: Vec::new(),
            in_flight: 0,
            room,
            chunks,
            limit,
            rejected: None,
            yielded: 0,
        };
        map.fill();
        map
    }

    /// Submits what there is room for.
    fn fill(&mut self) {
        while self.items.is_some() && self.window.len() < self.chunks {
            let room = self.room - self.in_flight.min(self.room);
            let wanted = match &mut self.submit {
                Submit::One(_) => 1,
                // A chunk larger than the room for all would never be full.
                Submit::Many(_, size) => size().clamp(1, self.room),
            };
            if room < wanted {
                return;
            }
            match &self.submit {
                Submit::One(_) => {
                    let item = self.next_item();
                    self.submit_item(item);
                }
                Submit::Many(..) => self.submit_chunk(wanted),
            }
        }
    }

    fn submit_chunk(&mut self, size: usize) {
        let items = self.items.as_ref();
        let likely = items.map_or(0, |items| items.size_hint().0).min(size);
        // A hint may be wrong.
        self.gathered.reserve(likely.min(GATHERED));
        while self.gathered.len() < size {
            let Some(item) = self.next_item() else {
                self.items = None;
                break;
            };
            self.gathered.push(item);
        }
        let chunk = std::mem::take(&mut self.gathered);
        let len = chunk.len();
        let Submit::Many(submit, _) = &mut self.submit else {
            return;
        };
        if len == 0 {
            return;
        }
        match submit(chunk) {
            Ok(future) => {
                self.in_flight += len;
                self.window.push_back(Pending::Many(future, len));
            }
            Err(error) => {
                self.items = None;
                self.rejected = Some(error);
            }
        }
    }

    fn next_item(&mut self) -> Option<I::Item> {
        self.items.as_mut().and_then(Iterator::next)
    }

    fn submit_item(&mut self, item: Option<I::Item>) {
        let Submit::One(submit) = &mut self.submit else {
            return;
        };
        let Some(item) = item else {
            self.items = None;
            return;
        };
        match submit(item) {
            Ok(future) => {
                self.in_flight += 1;
                self.window.push_back(Pending::One(future));
            }
            Err(error) => {
                self.items = None;
                self.rejected = Some(error);
            }
        }
    }

    /// How many items are submitted and not yet yielded.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Cancels what has not started and takes no more items; what runs is still yielded.
    pub fn cancel(&mut self) {
        self.items = None;
        let mut cancelled = 0;
        self.window.retain(|pending| {
            let gone = pending.as_future().cancel();
            cancelled += if gone { pending.len() } else { 0 };
            !gone
        });
        self.in_flight -= cancelled;
    }

    fn give_up(&mut self, limit: Duration) -> TaskError {
        let waiting = self.window.iter();
        let unfinished = waiting
            .filter(|pending| !pending.as_future().done())
            .map(Pending::len)
            .sum();
        let total = self.yielded + self.in_flight;
        self.items = None;
        self.rejected = None;
        self.in_flight = 0;
        for pending in self.window.drain(..) {
            pending.as_future().cancel();
        }
        TimeoutError::of_set(limit, unfinished, total, ()).into()
    }

    /// What came of the oldest item, which is done.
    fn take_oldest(&mut self) -> Option<Result<R, TaskError>> {
        let outcome = match self.window.pop_front()? {
            Pending::One(future) => future.result(),
            Pending::Many(future, len) => {
                let outcomes = match future.result() {
                    Ok(outcomes) => outcomes,
                    // What has befallen all has befallen each.
                    Err(error) => std::iter::repeat_with(|| Err(error.clone()))
                        .take(len)
                        .collect(),
                };
                self.ready = outcomes.into_iter();
                self.ready.next()?
            }
        };
        Some(outcome)
    }
}

impl<I: Iterator, R> Iterator for Map<'_, I, R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        // The user's iterator may panic, so nothing is taken out of the window before. An item of
        // its own is taken below, when there is room for it.
        if let Submit::Many(..) = self.submit {
            self.fill();
        }
        if let Some(outcome) = self.ready.next() {
            self.yielded += 1;
            self.in_flight -= 1;
            return Some(outcome);
        }
        let Some(oldest) = self.window.front() else {
            return self.rejected.take().map(|error| Err(error.into()));
        };
        if let Some((limit, deadline)) = self.limit {
            if !oldest.as_future().wait_deadline(deadline) {
                return Some(Err(self.give_up(limit)));
            }
        }
        // Should it be a deadlock, `result` says so below.
        let _ = oldest.as_future().wait();
        let one = matches!(oldest, Pending::One(_));
        let item = if one { self.next_item() } else { None };
        let outcome = self.take_oldest()?;
        self.yielded += 1;
        self.in_flight -= 1;
        if one {
            self.submit_item(item);
        }
        Some(outcome)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let ready = self.in_flight;
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
            .field("in_flight", &self.in_flight)
            .field("yielded", &self.yielded)
            .finish_non_exhaustive()
    }
}

impl<I: Iterator, R> Drop for Map<'_, I, R> {
    fn drop(&mut self) {
        // From the back: what is queued last is least likely to have started.
        for pending in self.window.drain(..).rev() {
            pending.as_future().cancel();
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
        let outcomes = futures
            .into_iter()
            .map(|future| future.map_err(TaskError::from).and_then(Future::result));
        Self::of(outcomes)
    }

    /// The failures among `outcomes`, if any: those of a [`Map`] with a time limit, say.
    ///
    /// # Errors
    ///
    /// The failures, each with the number of its item.
    pub fn of<T>(outcomes: impl IntoIterator<Item = Result<T, TaskError>>) -> Result<(), Self> {
        let mut failures = Vec::new();
        let mut total = 0;
        for (at, outcome) in outcomes.into_iter().enumerate() {
            total += 1;
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

    /// How many items there were; of a generic [`for_each`](crate::Executor::for_each), how many were
    /// taken.
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
