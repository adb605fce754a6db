//! Stands back from a queue that is never empty yet has next to nothing.
//!
//! When workers are a little faster than whoever submits, each task costs both sides several
//! round trips of the lock's cache line, and submitting becomes many times slower than it is
//! alone. A worker that notices pauses for a moment before it looks, and tasks gather. But a
//! thread that submits one task and waits for its result looks the same from here: there a
//! pause gathers nothing, and so is not tried again for long.

use std::cell::Cell;

use crate::limits::{FEW, LOCKSTEP, PAUSES, SKIP};

/// What one worker knows of its looks.
#[derive(Debug)]
pub(crate) struct Gather {
    /// How often in a row the queue had next to nothing.
    streak: Cell<u32>,
    /// Looks until a pause may be tried again.
    skip: Cell<u32>,
    /// How many to skip when the next pause gathers nothing.
    penalty: Cell<u32>,
    paused: Cell<bool>,
}

impl Gather {
    pub(crate) fn new() -> Self {
        Self {
            streak: Cell::new(0),
            skip: Cell::new(0),
            penalty: Cell::new(*SKIP.start()),
            paused: Cell::new(false),
        }
    }

    /// Pauses when that is likely to pay. `queued` is how many tasks the queue seems to have.
    #[inline]
    pub(crate) fn before_look(&self, queued: usize) {
        if self.streak.get() < LOCKSTEP || !(1..FEW).contains(&queued) {
            return;
        }
        if let Some(less) = self.skip.get().checked_sub(1) {
            self.skip.set(less);
        } else if cfg!(not(cf_loom)) {
            self.paused.set(true);
            for _ in 0..PAUSES {
                future_core::shim::spin_loop();
            }
        }
    }

    /// Learns from a look that found so many tasks.
    #[inline]
    pub(crate) fn after_look(&self, found: usize) {
        if self.paused.take() {
            if found > 1 {
                self.penalty.set(*SKIP.start());
            } else {
                self.skip.set(self.penalty.get());
                self.penalty.set((self.penalty.get() * 2).min(*SKIP.end()));
            }
        } else if found < FEW {
            self.streak.set(self.streak.get().saturating_add(1));
        } else {
            self.streak.set(0);
        }
    }
}
