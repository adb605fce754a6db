//! The shared half of a completion queue: a list that completing threads push to and one
//! consumer empties.
//!
//! ```text
//!   head:  EMPTY ──park──▶ PARKED            consumer
//!          EMPTY / list ──push──▶ list       completing threads
//!          PARKED ──push──▶ list + unpark    the first of them wakes the consumer
//!          list ──swap──▶ EMPTY              consumer takes everything
//! ```
//! A lock-free stack after R. K. Treiber, "Systems Programming: Coping with Parallelism" (1986);
//! since the consumer always takes the whole list, it knows no ABA problem.

#![allow(unsafe_code)]

use std::ptr::{NonNull, null_mut};
use std::time::Instant;

use crate::cell::Header;
use crate::shim::atomic::{AtomicBool, AtomicPtr, Ordering};
use crate::shim::{Arc, Parker};
use crate::side::Side;

const EMPTY: *mut () = null_mut();
const SIDE: usize = 1;
/// Never the address of an entry: those are aligned to 8 and tagged with [`SIDE`] at most.
const PARKED: usize = 2;

/// What a completing thread pushes.
pub(crate) enum Entry {
    /// The cell itself, linked through its `link`.
    Cell(NonNull<Header>),
    /// A side node, which the consumer frees.
    Side(NonNull<Side>),
}

/// Wakes a consumer from elsewhere.
#[derive(Clone, Debug)]
pub struct Notifier(Arc<Bell>);

#[derive(Debug)]
struct Bell {
    parker: Parker,
    rung: AtomicBool,
}

impl Notifier {
    fn new() -> Self {
        Self(Arc::new(Bell {
            parker: Parker::new(),
            rung: AtomicBool::new(false),
        }))
    }

    /// Makes the consumer's current or next wait return at once.
    pub fn notify(&self) {
        // ORDERING: Release: what was done before is seen by the consumer that takes the flag.
        self.0.rung.store(true, Ordering::Release);
        self.0.parker.unpark();
    }

    /// Wakes the consumer so that it looks at its list again.
    pub(crate) fn unpark(&self) {
        self.0.parker.unpark();
    }

    fn take(&self) -> bool {
        // ORDERING: Acquire pairs with the Release in `notify`; the first load avoids a write
        // in the common case.
        self.0.rung.load(Ordering::Relaxed) && self.0.rung.swap(false, Ordering::Acquire)
    }
}

/// The list and its consumer's bell.
#[derive(Debug)]
pub(crate) struct Watch {
    head: AtomicPtr<()>,
    bell: Notifier,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            head: AtomicPtr::new(EMPTY),
            bell: Notifier::new(),
        }
    }

    pub(crate) fn notifier(&self) -> &Notifier {
        &self.bell
    }

    /// A first guess for an exchange; in a model the newest value, see `Word::guess`.
    fn guess(&self) -> *mut () {
        // ORDERING: the exchange synchronises.
        #[cfg(not(cf_loom))]
        return self.head.load(Ordering::Relaxed);
        #[cfg(cf_loom)]
        return self
            .head
            .compare_exchange(EMPTY, EMPTY, Ordering::Relaxed, Ordering::Relaxed)
            .unwrap_or_else(|now| now);
    }

    /// Adds `entry` and wakes the consumer when it sleeps.
    ///
    /// # Safety
    /// `watch` lives until its consumer has seen `entry`, which is the caller's alone.
    pub(crate) unsafe fn push(watch: NonNull<Watch>, entry: Entry) {
        // SAFETY: live until the exchange below succeeds, and not touched after it.
        let this = unsafe { watch.as_ref() };
        let raw = match entry {
            Entry::Cell(cell) => cell.as_ptr().cast::<()>(),
            Entry::Side(side) => side.as_ptr().cast::<()>().map_addr(|a| a | SIDE),
        };
        let mut head = this.guess();
        loop {
            let parked = head.addr() == PARKED;
            let next = if parked { EMPTY } else { head };
            match entry {
                // SAFETY: the entry is ours until it is published.
                Entry::Cell(cell) => unsafe {
                    cell.as_ref().link.with_mut(|link| *link = next);
                },
                // SAFETY: as above.
                Entry::Side(side) => unsafe { (*side.as_ptr()).set_next(next) },
            }
            // Taken before publishing: afterwards the consumer may free the watch.
            let bell = parked.then(|| this.bell.clone());
            // ORDERING: Release publishes the entry's link and the outcome behind it.
            match this
                .head
                .compare_exchange_weak(head, raw, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => {
                    if let Some(bell) = bell {
                        bell.unpark();
                    }
                    return;
                }
                Err(seen) => head = seen,
            }
        }
    }

    /// Takes the whole list and appends its tokens, last completed first. For the consumer.
    pub(crate) fn take(&self, tokens: &mut Vec<u32>) {
        if self.guess() == EMPTY {
            return;
        }
        // ORDERING: Acquire pairs with the Release of `push`, of every push through the
        // release sequence of exchanges on `head`.
        let mut at = self.head.swap(EMPTY, Ordering::Acquire);
        debug_assert!(at.addr() != PARKED);
        while at != EMPTY {
            // SAFETY: entries in the list are the consumer's; its registrations keep the cells
            // alive until their tokens are handed out.
            unsafe {
                if at.addr() & SIDE == 0 {
                    let cell = at.cast::<Header>();
                    tokens.push((*cell).token.with(|t| *t));
                    at = (*cell).link.with(|link| *link);
                } else {
                    let side = Box::from_raw(at.map_addr(|a| a & !SIDE).cast::<Side>());
                    tokens.push(side.token);
                    at = side.next();
                }
            }
        }
    }

    /// Sleeps until there is an entry, the bell is rung or `deadline` passes. False when the
    /// time is up. May return early. For the consumer.
    pub(crate) fn park(&self, deadline: Option<Instant>) -> bool {
        let parked = std::ptr::without_provenance_mut(PARKED);
        // ORDERING: no data is passed; the Acquire is in `take`.
        if self
            .head
            .compare_exchange(EMPTY, parked, Ordering::Relaxed, Ordering::Relaxed)
            .is_err()
        {
            return true;
        }
        let woken = self.bell.0.parker.park(deadline);
        // Nobody pushed: nobody will unpark for this PARKED either. Somebody pushed: the token
        // may come late and make a later park return early, which is harmless.
        // ORDERING: as above.
        let _ = self
            .head
            .compare_exchange(parked, EMPTY, Ordering::Relaxed, Ordering::Relaxed);
        woken
    }

    /// Whether somebody rang since the last call.
    pub(crate) fn rung(&self) -> bool {
        self.bell.take()
    }
}
