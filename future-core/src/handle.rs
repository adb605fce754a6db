//! The erased handle, and what carries a future.

#![allow(unsafe_code)]

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use crate::State;
use crate::blocking;
use crate::cell::{self, Header, drop_ref};
use crate::error::Deadlock;
use crate::lender;

/// What tells one future from another: unique among living futures, like Python's `id()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FutureId(usize);

impl FutureId {
    pub(crate) fn of(cell: NonNull<Header>) -> Self {
        Self(cell.addr().get())
    }
}

impl fmt::Display for FutureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for FutureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FutureId({self})")
    }
}

/// A future without its type: to cancel it, ask for its state and wait for it from anywhere,
/// also when the future itself was moved elsewhere.
///
/// It does not keep the value alive, only the bytes that it stood in.
///
/// ```
/// use future_core::{FutureHandle, State, promise};
///
/// let (_promise, future) = promise::<u32>();
/// let handle: FutureHandle = future.handle();
/// drop(future);
/// assert!(handle.cancel());
/// assert_eq!(handle.state(), State::Cancelled);
/// ```
pub struct FutureHandle {
    cell: NonNull<Header>,
}

// SAFETY: a handle reaches the state word, the registrations and, by cancelling, the job and the
// callbacks, which are `Send`; never the value.
unsafe impl Send for FutureHandle {}
// SAFETY: as above; all of it is synchronised.
unsafe impl Sync for FutureHandle {}

impl FutureHandle {
    /// A handle that owns one reference of `cell`.
    pub(crate) fn from_cell(cell: NonNull<Header>) -> Self {
        Self { cell }
    }

    #[inline]
    pub(crate) fn cell(&self) -> NonNull<Header> {
        self.cell
    }

    #[inline]
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the handle holds a reference.
        unsafe { self.cell.as_ref() }
    }

    /// What tells this future from others.
    #[must_use]
    pub fn id(&self) -> FutureId {
        FutureId::of(self.cell)
    }

    /// What the future is doing, read at once.
    #[must_use]
    pub fn state(&self) -> State {
        lender::state(self.header())
    }

    /// Whether it is being run now.
    #[must_use]
    pub fn running(&self) -> bool {
        self.state() == State::Running
    }

    /// Whether it is finished or cancelled.
    #[must_use]
    pub fn done(&self) -> bool {
        self.header().word.read().is_done()
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.header().word.read().is_cancelled()
    }

    /// Whether it finished with a failure; a cancelled future has not failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        let seen = self.header().word.read();
        seen.is_done() && seen.is_failed()
    }

    /// Whether waiters are released: it was cancelled, or it is finished and its callbacks have
    /// run (or this is one of them).
    #[must_use]
    pub fn settled(&self) -> bool {
        blocking::is_settled_here(self.header())
    }

    /// Cancels the task when it has not started. True when it is cancelled, by this call or
    /// before.
    ///
    /// Who waits for it hears of it at once. Its closure is dropped and its callbacks run in
    /// this thread, before this returns.
    pub fn cancel(&self) -> bool {
        // SAFETY: the handle's reference lasts for the call.
        unsafe { cell::cancel(self.cell) }
    }

    /// Waits until it is done.
    ///
    /// # Errors
    ///
    /// [`Deadlock`] when it could never be.
    pub fn wait(&self) -> Result<(), Deadlock> {
        blocking::wait_one(self, None).map(|_| ())
    }

    /// Waits until it is done, for at most `limit`. Whether it is.
    #[must_use]
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.wait_deadline(after(limit))
    }

    /// Waits until it is done, until `deadline` at most. Whether it is.
    #[must_use]
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        // A timed wait is never a deadlock.
        blocking::wait_one(self, Some(deadline)).unwrap_or(false)
    }
}

impl Clone for FutureHandle {
    fn clone(&self) -> Self {
        self.header().word.add_ref();
        Self { cell: self.cell }
    }
}

impl Drop for FutureHandle {
    fn drop(&mut self) {
        // SAFETY: the handle's own reference.
        unsafe { drop_ref(self.cell) };
    }
}

impl PartialEq for FutureHandle {
    fn eq(&self, other: &Self) -> bool {
        self.cell == other.cell
    }
}

impl Eq for FutureHandle {}

impl Hash for FutureHandle {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl fmt::Debug for FutureHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raised = if self.failed() { " raised" } else { "" };
        write!(
            f,
            "<Future at {} state={}{raised}>",
            self.id(),
            self.state()
        )
    }
}

/// The moment when a wait that begins now and lasts for `limit` ends. One beyond the end of the
/// clock is a wait of thirty years: still with a limit, so it never helps and is no deadlock.
pub(crate) fn after(limit: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);
    let now = Instant::now();
    now.checked_add(limit).unwrap_or_else(|| now + FAR)
}

/// Something that carries a future: a future of any kind, or a pair of a key and one.
///
/// ```
/// use future_core::{AsFuture, promise};
///
/// let (_promise, future) = promise::<u32>();
/// let keyed = ("https://example.org", future);
/// assert!(!keyed.as_future().done());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a future",
    label = "a `Future`, a `SharedFuture`, a `FutureHandle`, a reference to one, or a pair of a key and one",
    note = "a pair is `(key, future)`, in this order; from a map by future: `.map(|(future, key)| (key, future))`"
)]
pub trait AsFuture {
    /// The future's erased handle.
    fn as_future(&self) -> &FutureHandle;

    /// Whether no other value of this type can carry the same future, so that a set of them has
    /// no duplicates to look for. The same for all values of a type.
    #[doc(hidden)]
    fn is_sole(&self) -> bool {
        false
    }
}

impl AsFuture for FutureHandle {
    fn as_future(&self) -> &FutureHandle {
        self
    }
}

impl<F: AsFuture + ?Sized> AsFuture for &F {
    fn as_future(&self) -> &FutureHandle {
        (**self).as_future()
    }
}

impl<F: AsFuture + ?Sized> AsFuture for Box<F> {
    fn as_future(&self) -> &FutureHandle {
        (**self).as_future()
    }
}

impl<K, F: AsFuture> AsFuture for (K, F) {
    fn as_future(&self) -> &FutureHandle {
        self.1.as_future()
    }

    fn is_sole(&self) -> bool {
        self.1.is_sole()
    }
}
