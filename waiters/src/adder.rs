//! The adding side of a growing set.

use std::fmt;
use std::mem;
use std::time::{Duration, Instant};

use future_core::Notifier;
use future_core::shim::{Arc, Condvar, Mutex, MutexGuard};

use crate::deadline;
use crate::error::{AddError, AddErrorKind};

/// What the adders of a set share with its consumer.
pub(crate) struct Inbox<F> {
    state: Mutex<State<F>>,
    /// There is room, or the set is closed.
    room: Condvar,
    /// The consumer has something to look at.
    bell: Notifier,
    capacity: usize,
}

struct State<F> {
    /// What was added since the consumer looked.
    added: Vec<F>,
    /// How many futures are in the set: added and not yet handed out.
    held: usize,
    adders: usize,
    /// Adders that sleep until there is room.
    sleepers: usize,
    closed: bool,
}

impl<F> Inbox<F> {
    /// With one adder, for sets of at most `capacity` futures.
    pub(crate) fn new(capacity: usize, bell: Notifier) -> Self {
        Self {
            state: Mutex::new(State {
                added: Vec::new(),
                held: 0,
                adders: 1,
                sleepers: 0,
                closed: false,
            }),
            room: Condvar::new(),
            bell,
            capacity,
        }
    }

    /// Exchanges the empty `into` for what was added, after `handed_out` futures left the set.
    /// Whether nothing more will come.
    pub(crate) fn collect(&self, handed_out: usize, into: &mut Vec<F>) -> bool {
        let mut state = self.state.lock();
        state.held -= handed_out;
        mem::swap(&mut state.added, into);
        let wake = handed_out > 0 && state.sleepers > 0;
        let ended = state.closed || state.adders == 0;
        drop(state);
        if wake {
            self.room.notify_one();
        }
        ended
    }

    /// Nothing more is added. What was added stays.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.room.notify_all();
        self.bell.notify();
    }

    /// Nothing more is added, and nothing taken out.
    pub(crate) fn abandon(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let added = mem::take(&mut state.added);
        drop(state);
        self.room.notify_all();
        // Dropping futures is the user's code: not under the lock.
        drop(added);
    }

    fn try_add(&self, future: F) -> Result<(), AddError<F>> {
        self.insert(self.state.lock(), future)
    }

    fn add(&self, future: F, limit: Option<Duration>) -> Result<(), AddError<F>> {
        let mut state = self.state.lock();
        let mut deadline: Option<Instant> = None;
        let mut time_is_up = false;
        while !state.closed && state.held >= self.capacity {
            if let Some(limit) = limit {
                if time_is_up {
                    drop(state);
                    let capacity = self.capacity;
                    let kind = AddErrorKind::TimedOut { capacity, limit };
                    return Err(AddError::new(kind, future));
                }
                deadline.get_or_insert_with(|| deadline::after(limit));
            }
            state.sleepers += 1;
            (state, time_is_up) = self.room.wait(state, deadline);
            state.sleepers -= 1;
        }
        self.insert(state, future)
    }

    fn insert(&self, mut state: MutexGuard<'_, State<F>>, future: F) -> Result<(), AddError<F>> {
        let kind = if state.closed {
            AddErrorKind::Closed
        } else if state.held >= self.capacity {
            let capacity = self.capacity;
            AddErrorKind::Full { capacity }
        } else {
            // Otherwise the bell rang when the first was added, and the consumer has not looked.
            let ring = state.added.is_empty();
            state.added.push(future);
            state.held += 1;
            drop(state);
            if ring {
                self.bell.notify();
            }
            return Ok(());
        };
        drop(state);
        Err(AddError::new(kind, future))
    }
}

/// Adds futures to a [`FutureSet`](crate::FutureSet), from any thread. Clones add to the same set,
/// which ends when all of them are gone.
pub struct FutureAdder<F> {
    inbox: Arc<Inbox<F>>,
}

impl<F> FutureAdder<F> {
    /// The first one of `inbox`, which counts it already.
    pub(crate) fn first(inbox: Arc<Inbox<F>>) -> Self {
        Self { inbox }
    }

    /// Adds a future. In a bounded set this waits for room; the consumer itself should use
    /// [`try_add`](Self::try_add), for nobody else makes room.
    ///
    /// # Errors
    ///
    /// [`AddError`], with the future, when the set is closed or dropped.
    pub fn add(&self, future: F) -> Result<(), AddError<F>> {
        self.inbox.add(future, None)
    }

    /// The same, waiting for at most `limit`.
    ///
    /// # Errors
    ///
    /// [`AddError`], with the future, when the set is closed or dropped, or when the time is up.
    pub fn add_timeout(&self, future: F, limit: Duration) -> Result<(), AddError<F>> {
        self.inbox.add(future, Some(limit))
    }

    /// Adds a future without waiting.
    ///
    /// # Errors
    ///
    /// [`AddError`], with the future, when the set is full, closed or dropped.
    pub fn try_add(&self, future: F) -> Result<(), AddError<F>> {
        self.inbox.try_add(future)
    }

    /// Closes the set: from now on nobody can add to it. What is in it still comes out.
    pub fn close(&self) {
        self.inbox.close();
    }
}

impl<F> Clone for FutureAdder<F> {
    fn clone(&self) -> Self {
        self.inbox.state.lock().adders += 1;
        Self {
            inbox: self.inbox.clone(),
        }
    }
}

impl<F> Drop for FutureAdder<F> {
    fn drop(&mut self) {
        let mut state = self.inbox.state.lock();
        state.adders -= 1;
        let last = state.adders == 0;
        drop(state);
        if last {
            self.inbox.bell.notify();
        }
    }
}

impl<F> fmt::Debug for FutureAdder<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (held, closed) = {
            let state = self.inbox.state.lock();
            (state.held, state.closed)
        };
        f.debug_struct("FutureAdder")
            .field("held", &held)
            .field("closed", &closed)
            .finish_non_exhaustive()
    }
}
