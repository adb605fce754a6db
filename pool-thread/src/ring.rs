//! A small ring of tasks that one worker fills and any worker empties, from the front.
//!
//! ```text
//!   places   · · t t t t · ·        head counts the tasks popped, by anybody, with one exchange
//!                ▲       ▲          tail counts the tasks put in, by the owner, when it is empty
//!              head     tail        both only grow; a place is its count modulo the size
//! ```

#![allow(unsafe_code)]

use std::fmt;
use std::ptr::{NonNull, null_mut};

use future_core::executor::Task;
use future_core::shim::CachePadded;
use future_core::shim::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::limits::BATCH;

/// Room for one batch.
pub struct Ring {
    head: CachePadded<AtomicUsize>,
    tail: CachePadded<AtomicUsize>,
    places: [AtomicPtr<()>; BATCH],
}

impl Default for Ring {
    fn default() -> Self {
        Self::new()
    }
}

impl Ring {
    /// An empty ring.
    #[must_use]
    pub fn new() -> Self {
        Self {
            head: CachePadded::new(AtomicUsize::new(0)),
            tail: CachePadded::new(AtomicUsize::new(0)),
            places: std::array::from_fn(|_| AtomicPtr::new(null_mut())),
        }
    }

    /// Takes the oldest task.
    #[inline]
    pub fn pop(&self) -> Option<Task> {
        // ORDERING: Acquire pairs with the Release of the exchange below: whoever sees a head
        // sees a tail that is at least as far.
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            // ORDERING: Acquire pairs with `fill`: the places up to the tail are written.
            if head == self.tail.load(Ordering::Acquire) {
                return None;
            }
            // ORDERING: written before the tail that was just seen; if the place was filled again
            // since, the head has moved on and the exchange fails.
            let raw = self.places[head % BATCH].load(Ordering::Relaxed);
            // ORDERING: Release: the place was read before the owner, who sees the new head in
            // `is_empty`, writes it again. Acquire on failure as above.
            match self.head.compare_exchange_weak(
                head,
                head.wrapping_add(1),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                // SAFETY: `fill` made the pointer of a task, and each head is won once.
                Ok(_) => return NonNull::new(raw).map(|raw| unsafe { Task::from_raw(raw) }),
                Err(seen) => head = seen,
            }
        }
    }

    /// Whether there was nothing in it. What its owner is told stays true until it fills the ring.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head() == self.tail()
    }

    /// How many tasks were ever popped.
    #[inline]
    #[must_use]
    pub fn head(&self) -> usize {
        // ORDERING: Acquire pairs with the exchange in `pop`: the places below are free.
        self.head.load(Ordering::Acquire)
    }

    #[inline]
    fn tail(&self) -> usize {
        // ORDERING: for the owner, its own last write; for others a hint.
        self.tail.load(Ordering::Relaxed)
    }

    /// Puts `tasks` into the empty ring, and gives the count that the head will have when all of
    /// them are popped.
    ///
    /// # Safety
    ///
    /// The ring is empty, there are [`BATCH`](crate::limits) tasks at most, and no other call is
    /// under way: places are written without looking at what they hold.
    ///
    /// ```compile_fail,E0133
    /// pool_thread::parts::Ring::new().fill(std::iter::empty());
    /// ```
    pub unsafe fn fill(&self, tasks: impl Iterator<Item = Task>) -> usize {
        debug_assert!(self.is_empty());
        let mut tail = self.tail();
        for task in tasks {
            // ORDERING: published by the tail below.
            self.places[tail % BATCH].store(task.into_raw().as_ptr(), Ordering::Relaxed);
            tail = tail.wrapping_add(1);
        }
        // ORDERING: Release publishes the places and the tasks behind them.
        self.tail.store(tail, Ordering::Release);
        tail
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("head", &self.head())
            .field("tail", &self.tail())
            .finish()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
