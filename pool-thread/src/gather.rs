//! Stands back from a queue that is never empty yet has little.
//!
//! When workers are a little faster than whoever submits, every few tasks cost both sides
//! several round trips of the lock's cache lines, and submitting becomes many times slower than
//! it is alone. A worker that notices pauses for a moment before it looks, and tasks gather. But
//! a thread that submits one task and waits for its result, or keeps a few under way, looks the
//! same from here: there a pause gathers nothing, and so is not tried again for long.

use std::cell::Cell;

use crate::inbox::Inbox;
use crate::limits::{FEW, LOCKSTEP, PAUSES, SKIP, WORTH};

/// What one worker knows of its looks.
#[derive(Debug)]
pub(crate) struct Gather {
    /// How often in a row the queue had little.
    streak: Cell<u32>,
    /// Looks until a pause may be tried again.
    skip: Cell<u32>,
    /// How many to skip when the next pause gathers nothing.
    penalty: Cell<u32>,
    /// How many tasks there were before the pause, when there was one.
    paused: Cell<Option<usize>>,
}

impl Gather {
    pub(crate) fn new() -> Self {
        Self {
            streak: Cell::new(0),
            skip: Cell::new(0),
            penalty: Cell::new(*SKIP.start()),
            paused: Cell::new(None),
        }
    }

    /// Pauses when that is likely to pay. `slept` says that this thread was just woken.
    #[inline]
    pub(crate) fn before_look(&self, inbox: &Inbox, slept: bool) {
        if self.streak.get() < LOCKSTEP {
            return;
        }
        let queued = inbox.queued();
        if !(1..FEW).contains(&queued) {
            return;
        }
        if let Some(less) = self.skip.get().checked_sub(1) {
            self.skip.set(less);
        } else if cfg!(not(cf_loom)) {
            self.paused.set(Some(queued));
            if slept {
                // Perhaps on the processor of the thread that submits.
                future_core::shim::thread::yield_now();
            } else {
                for _ in 0..PAUSES {
                    future_core::shim::spin_loop();
                }
            }
        }
    }

    /// Learns from a look that took so many tasks over from the inbox, if it had to.
    #[inline]
    pub(crate) fn after_look(&self, found: Option<usize>) {
        let Some(found) = found else { return };
        if let Some(before) = self.paused.take() {
            if found >= before + WORTH {
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
