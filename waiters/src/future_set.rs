//! A set that grows while it is iterated.

use std::fmt;
use std::iter::FusedIterator;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use future_core::shim::Arc;
use future_core::{AsFuture, TimeoutError};

use crate::adder::{FutureAdder, Inbox};
use crate::deadline;
use crate::watched::Watched;

/// A set of futures that is iterated in the order of completion while other threads add to it,
/// or the thread that iterates.
///
/// The iterator waits while the set is empty; it ends when every [`FutureAdder`] is gone (or one
/// [closed](FutureAdder::close) the set) and all futures came out. A future that is added twice
/// comes out twice.
///
/// ```
/// use future_core::promise;
/// use waiters::future_set;
///
/// let (adder, set) = future_set();
/// let crawler = std::thread::spawn(move || {
///     for page in ["a", "b", "c"] {
///         let (mut promise, future) = promise();
///         adder.add((page, future)).expect("the set is open");
///         promise.set_result(page.len()).unwrap();
///     }
/// });
/// let pages: Vec<&str> = set.map(|(page, _)| page).collect();
/// assert_eq!(pages, ["a", "b", "c"]);
/// # crawler.join().unwrap();
/// ```
pub fn future_set<F: AsFuture>() -> (FutureAdder<F>, FutureSet<F>) {
    with_capacity(usize::MAX)
}

/// A set as [`future_set`] makes it that holds at most `capacity` futures, done ones included:
/// [`add`](FutureAdder::add) waits until one was taken out.
///
/// ```
/// use future_core::promise;
/// use std::num::NonZeroUsize;
/// use waiters::bounded_future_set;
///
/// let (adder, mut set) = bounded_future_set(NonZeroUsize::MIN);
/// let (mut p0, f0) = promise();
/// let (_p1, f1) = promise();
/// adder.add(f0)?;
/// let f1 = adder.try_add(f1).unwrap_err().into_future();
/// p0.set_result(1)?;
/// assert_eq!(set.next().unwrap().result()?, 1);
/// adder.add(f1)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn bounded_future_set<F: AsFuture>(capacity: NonZeroUsize) -> (FutureAdder<F>, FutureSet<F>) {
    with_capacity(capacity.get())
}

fn with_capacity<F: AsFuture>(capacity: usize) -> (FutureAdder<F>, FutureSet<F>) {
    let watched = Watched::new();
    let inbox = Arc::new(Inbox::new(capacity, watched.notifier()));
    let set = FutureSet {
        watched,
        free: Vec::new(),
        incoming: Vec::new(),
        inbox: inbox.clone(),
        stuck: false,
    };
    (FutureAdder::first(inbox), set)
}

/// The iterating side of [`future_set`] and [`bounded_future_set`].
///
/// Its memory follows the largest number of futures that were in it at once, never the number
/// that passed through. Dropping it drops the futures in it, whose tasks go on, and gives adders
/// an error from then on.
///
/// # Deadlocks
///
/// As with [`as_completed`](crate::as_completed()), once nothing can be added any more. While
/// there are adders, one of them may still bring the future that ends the wait: until the last of
/// them is gone, the task that iterates is taken for one that goes on.
#[must_use = "it waits only when it is iterated"]
pub struct FutureSet<F: AsFuture> {
    watched: Watched<F>,
    /// Slots whose futures were handed out.
    free: Vec<usize>,
    /// Empty; its memory is used for what comes from the inbox.
    incoming: Vec<F>,
    inbox: Arc<Inbox<F>>,
    /// Waiting for the rest would never end.
    stuck: bool,
}

enum Next<F> {
    Future(F),
    End,
    TimeIsUp,
}

impl<F: AsFuture> FutureSet<F> {
    /// The next future that is done, waiting for at most `limit`; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`TimeoutError`], which says how many futures are in the set, when the time is up. The
    /// set is as before.
    ///
    /// ```
    /// use std::time::Duration;
    /// use waiters::future_set;
    ///
    /// let (adder, mut set) = future_set::<future_core::Future<u32>>();
    /// assert!(set.next_timeout(Duration::from_millis(1)).is_err());
    /// drop(adder);
    /// assert!(set.next_timeout(Duration::from_millis(1)).unwrap().is_none());
    /// ```
    pub fn next_timeout(&mut self, limit: Duration) -> Result<Option<F>, TimeoutError> {
        match self.next_until(Some(deadline::after(limit))) {
            Next::Future(future) => Ok(Some(future)),
            Next::End => Ok(None),
            Next::TimeIsUp => {
                let left = self.watched.len();
                Err(TimeoutError::of_set(limit, left, left, ()))
            }
        }
    }

    /// Closes the set: from now on nobody can add to it. What is in it still comes out.
    pub fn close(&self) {
        self.inbox.close();
    }

    /// Closes the set and gives back what was not handed out, to be cancelled for example.
    ///
    /// ```
    /// use future_core::promise;
    /// use waiters::future_set;
    ///
    /// let (adder, set) = future_set();
    /// let (_promise, future) = promise::<u32>();
    /// adder.add(future)?;
    /// let left = set.into_unfinished();
    /// assert!(left.iter().all(|future| future.cancel()));
    /// assert!(adder.add(promise().1).unwrap_err().is_closed());
    /// # Ok::<(), waiters::AddError<future_core::Future<u32>>>(())
    /// ```
    #[must_use]
    pub fn into_unfinished(mut self) -> Vec<F> {
        self.close();
        self.gather(0);
        std::mem::replace(&mut self.watched, Watched::new()).into_rest()
    }

    fn next_until(&mut self, deadline: Option<Instant>) -> Next<F> {
        let mut time_is_up = false;
        loop {
            if let Some(token) = self.watched.ready() {
                return Next::Future(self.hand_out(token));
            }
            let ended = self.gather(0);
            if let Some(token) = self.watched.ready() {
                return Next::Future(self.hand_out(token));
            }
            if ended && self.watched.len() == 0 {
                return Next::End;
            }
            if time_is_up {
                return Next::TimeIsUp;
            }
            if self.stuck && deadline.is_none() {
                if let Some(future) = self.watched.take_unfinished() {
                    self.gather(1);
                    return Next::Future(future);
                }
            }
            let waited = if ended {
                self.watched.wait(deadline)
            } else {
                // An adder may bring a future that ends the wait. The last one that goes rings,
                // and the wait after that is one that can be refused.
                Ok(self.watched.wait_for_more(deadline))
            };
            match waited {
                Ok(Some(token)) => return Next::Future(self.hand_out(token)),
                Ok(None) => time_is_up = deadline.is_some_and(deadline::passed),
                Err(_) => self.stuck = true,
            }
        }
    }

    fn hand_out(&mut self, token: usize) -> F {
        let future = self.watched.take(token);
        self.free.push(token);
        self.gather(1);
        future
    }

    /// Registers what was added, after `handed_out` futures left. Whether nothing more will come.
    fn gather(&mut self, handed_out: usize) -> bool {
        let ended = self.inbox.collect(handed_out, &mut self.incoming);
        for future in self.incoming.drain(..) {
            let token = self.free.pop().unwrap_or(self.watched.slots());
            if !self.watched.put(token, future) {
                // Others may have completed before it.
                self.watched.settle_order();
                self.watched.ready_now(token);
            }
        }
        ended
    }
}

impl<F: AsFuture> Iterator for FutureSet<F> {
    type Item = F;

    fn next(&mut self) -> Option<F> {
        match self.next_until(None) {
            Next::Future(future) => Some(future),
            Next::End | Next::TimeIsUp => None,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.watched.len(), None)
    }
}

impl<F: AsFuture> FusedIterator for FutureSet<F> {}

impl<F: AsFuture> Drop for FutureSet<F> {
    fn drop(&mut self) {
        self.inbox.abandon();
    }
}

impl<F: AsFuture> fmt::Debug for FutureSet<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FutureSet")
            .field("held", &self.watched.len())
            .finish_non_exhaustive()
    }
}
