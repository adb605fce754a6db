//! What is read and written without the pool's lock: a place for each worker.

use std::sync::OnceLock;

use future_core::shim::Parker;
use future_core::shim::atomic::{AtomicU64, Ordering};

use crate::inbox::Tray;
use crate::ring::Ring;

/// One worker's place. It stays when the worker leaves, for its successor.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    pub(crate) ring: Ring,
    pub(crate) tray: Tray,
    pub(crate) parker: Parker,
    pub(crate) ran: Counts,
}

/// Tasks by outcome, counted by the one worker that has the slot.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) finished: Count,
    pub(crate) failed: Count,
    pub(crate) cancelled: Count,
    /// Run in place by this worker: each leaves a husk in the queue.
    pub(crate) helped: Count,
    /// Husks that this worker popped.
    pub(crate) husks: Count,
}

/// A number that one thread counts and others read.
#[derive(Debug)]
pub(crate) struct Count(AtomicU64);

impl Default for Count {
    fn default() -> Self {
        Self(AtomicU64::new(0))
    }
}

impl Count {
    /// One more. For the one thread that counts.
    #[inline]
    pub(crate) fn add(&self) {
        // ORDERING: one writer; what readers need to see was ordered by other means (the future
        // that was released after it).
        let now = self.0.load(Ordering::Relaxed);
        self.0.store(now + 1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        // ORDERING: see `add`.
        self.0.load(Ordering::Relaxed)
    }
}

/// All slots, made when a worker first needs one.
#[derive(Debug)]
pub(crate) struct Board {
    /// Each is set under the pool's lock, and others learn its number there.
    slots: Box<[OnceLock<Box<Slot>>]>,
}

impl Board {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            slots: (0..workers).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Makes the slot of `worker` when it is not there yet. Under the pool's lock.
    pub(crate) fn prepare(&self, worker: usize) {
        self.slots[worker].get_or_init(Box::default);
    }

    /// The slot of `worker`.
    #[inline]
    pub(crate) fn slot(&self, worker: usize) -> &Slot {
        self.slots[worker]
            .get()
            .expect("a worker's slot is made before the worker")
    }

    /// The slots that were ever used. Under the pool's lock.
    pub(crate) fn used(&self) -> impl Iterator<Item = &Slot> {
        self.slots
            .iter()
            .filter_map(|slot| slot.get().map(|s| &**s))
    }
}
