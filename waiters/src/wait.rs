//! `wait`: until the first, the first failure, or all.

use std::time::{Duration, Instant};

use future_core::{AsFuture, CompletionQueue, Deadlock, FutureHandle, wait_all};

use crate::deadline;
use crate::distinct::distinct;
use crate::error::WaitError;

/// When [`wait`] returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReturnWhen {
    /// When one is done: with a value, failed or cancelled.
    FirstCompleted,
    /// When one has failed; when none does, as [`AllCompleted`](Self::AllCompleted). A cancelled
    /// future has not failed.
    FirstException,
    /// When all are done.
    #[default]
    AllCompleted,
}

/// The futures of a [`wait`], each once, both parts in the order of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it holds the futures that were waited for"]
pub struct DoneAndNotDone<F> {
    /// Those that are finished or cancelled.
    pub done: Vec<F>,
    /// The others.
    pub not_done: Vec<F>,
}

/// Waits until `return_when` is satisfied, and says which futures are done.
///
/// `futures` are futures of any kind, by value or by reference; a future that is given several
/// times is waited for and given back once. Those that are done before the call count.
///
/// To handle futures one by one as they complete, use [`as_completed`](crate::as_completed()):
/// calling this in a loop registers for all of them each time.
///
/// # Errors
///
/// [`WaitError`], which gives the futures back, when this thread runs a task and the wait would
/// never end, since tasks wait for each other in a cycle.
///
/// ```
/// use future_core::promise;
/// use waiters::{ReturnWhen, wait};
///
/// let (mut p0, f0) = promise::<u32>();
/// let (_p1, f1) = promise::<u32>();
/// p0.set_exception("out of paper")?;
/// let seen = wait([&f0, &f1], ReturnWhen::FirstException)?;
/// assert_eq!(seen.done, [&f0]);
/// assert_eq!(seen.not_done, [&f1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Futures with results of different types go into one wait as `&dyn AsFuture`, or as
/// [handles](FutureHandle); afterwards each is asked by its own name:
///
/// ```
/// use future_core::{AsFuture, promise};
/// use waiters::{ReturnWhen, wait};
///
/// let (mut p0, pages) = promise::<u32>();
/// let (mut p1, title) = promise::<String>();
/// p0.set_result(12)?;
/// p1.set_result("Waiting".to_owned())?;
/// let both: [&dyn AsFuture; 2] = [&pages, &title];
/// wait(both, ReturnWhen::AllCompleted)?;
/// assert_eq!(format!("{}, {} pages", title.result()?, pages.result()?), "Waiting, 12 pages");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait<I>(
    futures: I,
    return_when: ReturnWhen,
) -> Result<DoneAndNotDone<I::Item>, WaitError<I::Item>>
where
    I: IntoIterator<Item: AsFuture>,
{
    let futures: Vec<I::Item> = distinct(futures).into_vec();
    let waited = wait_until(&futures, return_when, None);
    let sets = partition(futures);
    match waited {
        Ok(()) => Ok(sets),
        Err(deadlock) => Err(WaitError::new(deadlock, sets)),
    }
}

/// The same, for at most `limit`. That the time is up is no error: what is done and what is not
/// comes back as it then is.
///
/// ```
/// use future_core::promise;
/// use std::time::Duration;
/// use waiters::{ReturnWhen, wait_timeout};
///
/// let (_promise, future) = promise::<u32>();
/// let seen = wait_timeout([future], ReturnWhen::AllCompleted, Duration::from_millis(1));
/// assert_eq!((seen.done.len(), seen.not_done.len()), (0, 1));
/// ```
pub fn wait_timeout<I>(
    futures: I,
    return_when: ReturnWhen,
    limit: Duration,
) -> DoneAndNotDone<I::Item>
where
    I: IntoIterator<Item: AsFuture>,
{
    let deadline = deadline::after(limit);
    let futures: Vec<I::Item> = distinct(futures).into_vec();
    // A timed wait is never a deadlock.
    let _ = wait_until(&futures, return_when, Some(deadline));
    partition(futures)
}

fn wait_until<F: AsFuture>(
    futures: &[F],
    return_when: ReturnWhen,
    deadline: Option<Instant>,
) -> Result<(), Deadlock> {
    match return_when {
        ReturnWhen::AllCompleted => until_all(futures, deadline),
        ReturnWhen::FirstCompleted => until_first(futures, deadline, |_| true),
        ReturnWhen::FirstException => until_first(futures, deadline, FutureHandle::failed),
    }
}

fn until_all<F: AsFuture>(futures: &[F], deadline: Option<Instant>) -> Result<(), Deadlock> {
    let mut unfinished: Vec<&FutureHandle> = Vec::new();
    for (at, future) in futures.iter().map(AsFuture::as_future).enumerate() {
        if !future.settled() {
            if unfinished.is_empty() {
                unfinished.reserve_exact(futures.len() - at);
            }
            unfinished.push(future);
        }
    }
    wait_all(&unfinished, deadline).map(|_| ())
}

/// Until one is done that is `wanted`, or all are done.
fn until_first<F: AsFuture>(
    futures: &[F],
    deadline: Option<Instant>,
    wanted: impl Fn(&FutureHandle) -> bool,
) -> Result<(), Deadlock> {
    let is_there = |future: &FutureHandle| future.settled() && wanted(future);
    if futures.iter().any(|f| is_there(f.as_future())) {
        return Ok(());
    }
    let mut queue = CompletionQueue::new();
    queue.reserve(futures.len());
    for (token, future) in futures.iter().enumerate() {
        let future = future.as_future();
        // `settled` also knows a future whose callback calls us.
        let is_done = future.settled() || !queue.watch(token, future);
        if is_done && wanted(future) {
            return Ok(());
        }
    }
    while let Some(token) = queue.wait(deadline)? {
        if wanted(futures[token].as_future()) {
            break;
        }
    }
    Ok(())
}

fn partition<F: AsFuture>(futures: Vec<F>) -> DoneAndNotDone<F> {
    let mut done = futures;
    // Nothing is moved when all are done.
    let first = done.iter().position(|f| !f.as_future().settled());
    let rest = first.map_or(Vec::new(), |first| done.split_off(first));
    let not_done = rest.into_iter().filter_map(|future| {
        if future.as_future().settled() {
            done.push(future);
            None
        } else {
            Some(future)
        }
    });
    let not_done = not_done.collect();
    DoneAndNotDone { done, not_done }
}
