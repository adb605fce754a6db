//! Who is idle, who is about to look, how many there are. All of it under the pool's lock.
//!
//! ```text
//!          spawn            look                rest
//!   FREE ─────────▶ CLAIMED ─────▶ BUSY ─────────────────▶ IDLE
//!     ▲                ▲            │ ▲                    │  │
//!     │                └────────────┼─┼────── claim ───────┘  │
//!     │       leave                 │ └────── rouse ──────────┘
//!     └─────────────────────────────┘ (by way of LEAVING when it was idle for too long)
//! ```
//!
//! The rule that loses no task: while tasks wait, a claimed worker is on its way (`searching`),
//! or nobody is idle and nobody may be spawned. A claimed worker that takes a task hands the
//! search on. So each event that adds a task, ends a search or makes a worker idle asks
//! [`Counters::next`], which claims one worker at a time: wakes are throttled, and a spawn is one.
//! (The exceptions end with an event of their own: a refused spawn, and workers that run an
//! initializer, each of which will take a task.)

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use smallvec::SmallVec;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Place {
    Free,
    /// Runs the initializer, and will take a task.
    Initializing,
    Busy,
    Idle,
    Claimed,
    /// Was idle for too long and drops its state.
    Leaving,
}

/// Whom to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the worker is counted as searching already"]
pub(crate) enum Next {
    Nobody,
    Wake(usize),
    Spawn(usize),
}

/// What a worker that looks for tasks was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// At work.
    Busy,
    /// Called.
    Claimed,
    /// Woken for nothing, and idle still.
    Idle,
}

/// The numbers. What a single task touches comes first, to be in the lock's cache lines; so do
/// the first few workers' places.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Counters {
    searching: usize,
    live: usize,
    max: usize,
    /// Idle workers; the last is the warmest.
    idle: SmallVec<[u32; 4]>,
    places: SmallVec<[Place; 16]>,
    /// Places left by workers; the lowest is used first.
    free: BinaryHeap<Reverse<usize>>,
    spawning: usize,
    initializing: usize,
    leaving: usize,
}

impl Counters {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            places: SmallVec::new(),
            free: BinaryHeap::new(),
            idle: SmallVec::new(),
            searching: 0,
            live: 0,
            spawning: 0,
            initializing: 0,
            leaving: 0,
        }
    }

    pub(crate) fn live(&self) -> usize {
        self.live
    }

    pub(crate) fn idle(&self) -> usize {
        self.idle.len()
    }

    /// Workers that run a task, or are between two.
    pub(crate) fn running(&self) -> usize {
        self.live - self.idle.len() - self.searching - self.initializing
    }

    /// No worker is left and none is being made.
    pub(crate) fn nobody(&self) -> bool {
        self.live == 0 && self.spawning == 0
    }

    pub(crate) fn is_full(&self) -> bool {
        self.live >= self.max
    }

    /// Whether nobody needs to be called although a task waits.
    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        self.searching > 0 || (self.idle.is_empty() && self.live >= self.max)
    }

    /// Claims a worker for the tasks that wait, unless one is on its way. `waiting` counts them
    /// and is asked only when it matters.
    #[inline]
    pub(crate) fn next(&mut self, waiting: impl FnOnce() -> usize) -> Next {
        if self.is_settled() {
            return Next::Nobody;
        }
        if let Some(worker) = self.idle.pop() {
            let worker = worker as usize;
            self.places[worker] = Place::Claimed;
            self.searching += 1;
            return Next::Wake(worker);
        }
        if self.initializing > 0 && waiting() <= self.initializing {
            return Next::Nobody;
        }
        Next::Spawn(self.add())
    }

    /// The same without a spawn, since one was just refused.
    pub(crate) fn next_idle(&mut self) -> Next {
        if self.idle.is_empty() {
            Next::Nobody
        } else {
            self.next(|| 0)
        }
    }

    /// A place for a new worker, which is counted as claimed.
    pub(crate) fn add(&mut self) -> usize {
        self.live += 1;
        self.spawning += 1;
        self.searching += 1;
        match self.free.pop() {
            Some(Reverse(worker)) => {
                self.places[worker] = Place::Claimed;
                worker
            }
            None => {
                self.places.push(Place::Claimed);
                self.places.len() - 1
            }
        }
    }

    /// The new worker's thread exists.
    pub(crate) fn spawned(&mut self) {
        self.spawning -= 1;
    }

    /// The new worker's thread was refused.
    pub(crate) fn refused(&mut self, worker: usize) {
        self.spawning -= 1;
        self.searching -= 1;
        self.leave(worker);
    }

    /// A worker looks for tasks.
    #[inline]
    pub(crate) fn arrive(&mut self, worker: usize) -> Arrival {
        match self.places[worker] {
            Place::Claimed => {
                self.places[worker] = Place::Busy;
                self.searching -= 1;
                Arrival::Claimed
            }
            Place::Idle => Arrival::Idle,
            Place::Initializing | Place::Busy | Place::Free | Place::Leaving => Arrival::Busy,
        }
    }

    /// A new worker runs its initializer before it takes a task.
    pub(crate) fn initializing(&mut self, worker: usize) {
        self.places[worker] = Place::Initializing;
        self.initializing += 1;
    }

    /// The initializer has ended, or it submits: then it may wait for another worker.
    pub(crate) fn initialized(&mut self, worker: usize) {
        if self.places[worker] == Place::Initializing {
            self.places[worker] = Place::Busy;
            self.initializing -= 1;
        }
    }

    /// A busy worker has nothing to do.
    #[inline]
    pub(crate) fn rest(&mut self, worker: usize) {
        debug_assert_eq!(self.places[worker], Place::Busy);
        self.places[worker] = Place::Idle;
        self.idle.push(worker as u32);
    }

    /// A worker that rested has something to do, unasked. `Claimed` when it was called
    /// meanwhile: the search is to be handed on.
    pub(crate) fn rouse(&mut self, worker: usize) -> Arrival {
        let arrival = self.arrive(worker);
        if arrival == Arrival::Idle {
            self.places[worker] = Place::Busy;
            // It rested a moment ago: near the end.
            if let Some(at) = self.idle.iter().rposition(|idle| *idle as usize == worker) {
                self.idle.remove(at);
            }
        }
        arrival
    }

    /// Claims everybody who is idle.
    pub(crate) fn claim_all(&mut self) -> Vec<usize> {
        let idle = std::mem::take(&mut self.idle);
        self.searching += idle.len();
        let claimed = idle.into_iter().map(|worker| worker as usize);
        claimed
            .inspect(|worker| self.places[*worker] = Place::Claimed)
            .collect()
    }

    /// Whether an idle worker may end, so that `min` stay.
    pub(crate) fn may_retire(&self, min: usize) -> bool {
        self.live - self.leaving > min
    }

    /// A worker that rested for too long has been roused, and found nothing.
    pub(crate) fn retire(&mut self, worker: usize) {
        self.places[worker] = Place::Leaving;
        self.leaving += 1;
    }

    /// A worker is gone.
    pub(crate) fn leave(&mut self, worker: usize) {
        self.live -= 1;
        if self.places[worker] == Place::Leaving {
            self.leaving -= 1;
        }
        self.places[worker] = Place::Free;
        self.free.push(Reverse(worker));
    }
}

#[cfg(all(test, not(cf_loom)))]
mod tests;
