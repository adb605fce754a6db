//! Tasks that run elsewhere: in another process, on another machine.
//!
//! Such a task is *lent*. Its cell is then neither pending nor running as far as this process can
//! tell; the truth stands where the task was sent, and the executor's [`Proxy`] can ask for it.
//! It is asked under the cell's lock, so that of "cancel it", "send it elsewhere" and "it was
//! begun" exactly one is true, and each asker learns which.

#![allow(unsafe_code)]

use std::sync::Arc;

use crate::cell::{Body, Header};
use crate::driver::{Driver, Found};
use crate::error::TaskError;
use crate::shim::UnsafeCell;
use crate::state::{Cancel, State};

/// Where a task is lent to, in the executor's own terms.
pub type Place = [u64; 2];

/// What stands here for a job that is run elsewhere.
///
/// [`revoke`](Self::revoke) and [`started`](Self::started) are called in any thread, under a lock
/// that is held for a few instructions: they must be short, must not wait, and must neither
/// panic nor touch this or another future.
pub trait Proxy: Send + 'static {
    /// What the job gives.
    type Output: Send + 'static;

    /// The answer came: makes the outcome of it, in the thread that calls
    /// [`Task::run_lent`](crate::executor::Task::run_lent).
    ///
    /// # Errors
    ///
    /// Why there is no value.
    fn receive(self) -> Result<Self::Output, TaskError>;

    /// The future is about to be cancelled: takes the task back from `place`, the one it was last
    /// lent to. True when it will never be begun there, and then the future is cancelled; false
    /// when it was begun, or has ended.
    fn revoke(&self, place: Place) -> bool;

    /// Whether the task was begun at `place`, the one it was last lent to.
    fn started(&self, place: Place) -> bool;

    /// Who may be driven by a thread that waits for the task at `place`, the one it was last lent
    /// to; by default nobody. Asked like the others.
    fn driver(&self, _place: Place) -> Option<Arc<dyn Driver>> {
        None
    }

    /// What messages call the job.
    fn name() -> &'static str
    where
        Self: Sized;
}

/// What came of an attempt to take a lent task back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Unlent {
    /// It is pending again.
    Pending,
    /// It was begun, or has ended there.
    Started,
    /// It was not lent: it was cancelled, or never lent.
    NotLent,
}

/// What a cell asks its proxy.
pub(crate) enum Asked<'a> {
    /// To note where the task is lent to.
    Place(Place),
    /// [`Proxy::revoke`].
    Revoke,
    /// [`Proxy::started`].
    Started,
    /// [`Proxy::driver`], and where.
    Driver(&'a mut Found),
}

/// A proxy in its cell.
pub(crate) struct Lendable<P> {
    /// Written while the cell is pending, read while it is lent, both under LOCKED.
    place: UnsafeCell<Place>,
    proxy: P,
}

impl<P: Proxy> Lendable<P> {
    pub(crate) fn new(proxy: P) -> Self {
        Self {
            place: UnsafeCell::new([0; 2]),
            proxy,
        }
    }

    /// # Safety
    /// The caller holds LOCKED, and the cell is pending ([`Asked::Place`]) or lent (the others).
    pub(crate) unsafe fn ask(&self, asked: Asked<'_>) -> bool {
        // SAFETY: the caller's promise (rule 6).
        let place = || self.place.with(|place| unsafe { *place });
        match asked {
            Asked::Place(place) => {
                // SAFETY: the caller's promise (rule 6).
                self.place.with_mut(|to| unsafe { *to = place });
                true
            }
            Asked::Revoke => self.proxy.revoke(place()),
            Asked::Started => self.proxy.started(place()),
            Asked::Driver(found) => {
                let place = place();
                *found = self.proxy.driver(place).map(|driver| (place, driver));
                found.is_some()
            }
        }
    }
}

impl<P: Proxy> Body for Lendable<P> {
    type Output = P::Output;

    fn run(self) -> Result<P::Output, TaskError> {
        self.proxy.receive()
    }

    fn name() -> &'static str {
        P::name()
    }
}

/// What a cell's task is doing, wherever it is.
pub(crate) fn state(header: &Header) -> State {
    let seen = header.word.read();
    if !seen.is_lent() {
        return seen.state();
    }
    let seen = header.word.lock();
    // SAFETY: lent, and this thread holds LOCKED.
    let begun = seen.is_lent() && unsafe { header.ask(Asked::Started) };
    header.word.unlock(seen.has_side(), 0);
    if begun { State::Running } else { seen.state() }
}

/// Who may be driven by a thread that waits for a cell, when it is lent.
pub(crate) fn driver(header: &Header) -> Found {
    let mut found = None;
    let seen = header.word.lock();
    if seen.is_lent() {
        // SAFETY: lent, and this thread holds LOCKED.
        unsafe { header.ask(Asked::Driver(&mut found)) };
    }
    header.word.unlock(seen.has_side(), 0);
    found
}

/// Lends a pending cell to `place`. False when it is not pending, or cannot be lent. Called by the
/// holder of its task, the only one who could start it.
pub(crate) fn lend(header: &Header, place: Place) -> bool {
    let seen = header.word.lock();
    // SAFETY: pending, and this thread holds LOCKED, and the right to start it.
    if seen.is_pending() && unsafe { header.ask(Asked::Place(place)) } {
        header.word.unlock_lent();
        true
    } else {
        header.word.unlock(seen.has_side(), 0);
        false
    }
}

/// Cancels a cell that was found lent, unless it was begun. [`Cancel::Lent`] when it was taken
/// back and lent again meanwhile.
pub(crate) fn cancel(header: &Header) -> Cancel {
    let seen = header.word.lock();
    if !seen.is_lent() {
        header.word.unlock(seen.has_side(), 0);
        return header.word.cancel();
    }
    // SAFETY: lent, and this thread holds LOCKED.
    if unsafe { header.ask(Asked::Revoke) } {
        header.word.cancel_locked(seen)
    } else {
        header.word.unlock(seen.has_side(), 0);
        Cancel::Lost
    }
}

/// Makes a lent cell pending again, when `revoke` says that it can be had back.
pub(crate) fn unlend(header: &Header, revoke: impl FnOnce() -> bool) -> Unlent {
    let seen = header.word.lock();
    if !seen.is_lent() {
        header.word.unlock(seen.has_side(), 0);
        return Unlent::NotLent;
    }
    if revoke() {
        header.word.unlock_unlent();
        Unlent::Pending
    } else {
        header.word.unlock(seen.has_side(), 0);
        Unlent::Started
    }
}
