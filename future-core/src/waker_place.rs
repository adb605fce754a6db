//! The place of one await's waker among a future's registrations.

#![allow(unsafe_code)]

use std::ptr::{NonNull, null_mut};
use std::task::Waker;

use crate::blocking::is_settled_here;
use crate::handle::FutureHandle;
use crate::side::{self, Kind, Side};

/// Empty, or what one await has registered. It must be [left](Self::leave) before it is dropped.
#[derive(Debug, Default)]
pub(crate) struct WakerPlace(Option<NonNull<Side>>);

// SAFETY: the node is only touched under the future's lock, by the one who holds the place.
unsafe impl Send for WakerPlace {}
// SAFETY: `&WakerPlace` reaches nothing.
unsafe impl Sync for WakerPlace {}

impl WakerPlace {
    /// Registers `waker` instead of what stands here, unless the future is settled. Whether it is.
    pub(crate) fn register(&mut self, future: &FutureHandle, waker: &Waker) -> bool {
        let header = future.header();
        if is_settled_here(header) {
            return true;
        }
        // Cloning and dropping wakers is the runtime's code: not under the lock.
        let node = Side::new(Kind::Waker(waker.clone()), 0);
        let seen = header.word.lock();
        if seen.is_settled() {
            header.word.unlock(seen.has_side(), 0);
            side::free(node.as_ptr());
            return true;
        }
        let stale = self.0.replace(node);
        if let Some(stale) = stale {
            side::remove(header, stale);
        }
        side::push(header, node);
        header.word.unlock(true, 0);
        side::free(stale.map_or(null_mut(), NonNull::as_ptr));
        false
    }

    /// Takes out what stands here.
    pub(crate) fn leave(&mut self, future: &FutureHandle) {
        let Some(node) = self.0.take() else { return };
        let header = future.header();
        let seen = header.word.lock();
        if seen.is_settled() {
            // The completing thread has it.
            header.word.unlock(seen.has_side(), 0);
            return;
        }
        side::remove(header, node);
        header.word.unlock(side::in_use(header), 0);
        side::free(node.as_ptr());
    }
}
