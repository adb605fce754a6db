//! One thread sleeps, any other wakes it.

use std::time::Instant;

use super::atomic::{AtomicU32, Ordering};
use super::{Condvar, Mutex};

const EMPTY: u32 = 0;
const PARKED: u32 = 1;
const NOTIFIED: u32 = 2;

/// A parking place for one thread: a token that [`unpark`](Parker::unpark) leaves and
/// [`park`](Parker::park) takes.
///
/// Not `std::thread::park`: its token belongs to the thread and may be in use by the code that
/// called us, a `block_on` for example, which would lose its wake-up to us.
#[derive(Debug)]
pub struct Parker {
    state: AtomicU32,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Default for Parker {
    fn default() -> Self {
        Self::new()
    }
}

impl Parker {
    /// A place without a token.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: AtomicU32::new(EMPTY),
            lock: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    /// Whether a token is there.
    #[inline]
    pub fn is_notified(&self) -> bool {
        // ORDERING: a hint for spinning; `try_take` synchronises.
        self.state.load(Ordering::Relaxed) == NOTIFIED
    }

    /// Takes the token when it is there. For the owning thread only.
    #[inline]
    pub fn try_take(&self) -> bool {
        // ORDERING: Acquire pairs with the Release of the swap in `unpark`.
        self.state
            .compare_exchange(NOTIFIED, EMPTY, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Waits for the token and takes it: true; or false when `deadline` came first. For the
    /// owning thread only.
    pub fn park(&self, deadline: Option<Instant>) -> bool {
        if self.try_take() {
            return true;
        }
        if cfg!(cf_loom) && deadline.is_some() {
            // In a model a limited wait may always end now.
            super::thread::yield_now();
            return self.try_take();
        }
        let mut guard = self.lock.lock();
        // ORDERING: Acquire on failure pairs with `unpark`; the lock orders PARKED itself.
        if self
            .state
            .compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Acquire)
            .is_err()
        {
            // ORDERING: as `try_take`.
            self.state.swap(EMPTY, Ordering::Acquire);
            return true;
        }
        loop {
            let expired;
            (guard, expired) = self.wake.wait(guard, deadline);
            if self.try_take() {
                return true;
            }
            if expired {
                // ORDERING: as `try_take`: a token that came at the last moment counts.
                return self.state.swap(EMPTY, Ordering::Acquire) == NOTIFIED;
            }
        }
    }

    /// Leaves a token; true when a sleeping thread had to be woken for it.
    pub fn unpark(&self) -> bool {
        // ORDERING: Release: what was done before is seen by the thread that takes the token.
        // Acquire, so that the notification cannot be reordered before the swap.
        if self.state.swap(NOTIFIED, Ordering::AcqRel) != PARKED {
            return false;
        }
        // The sleeper set PARKED under the lock and gives the lock up by waiting: once we have
        // had it, the notification cannot come too early.
        drop(self.lock.lock());
        self.wake.notify_one();
        true
    }
}
