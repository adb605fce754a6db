//! What the current thread is doing: which cells it runs, and for which pool.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ptr::{NonNull, null};

use crate::cell::Header;
use crate::executor::{Helped, Ran};
use crate::shim::thread_local_cell;

thread_local_cell!(static FRAMES: Cell<*const Frame> = Cell::new(null()));
thread_local_cell!(static WORKER: Cell<*const Worker<'static>> = Cell::new(null()));
// Never followed: the cell may be gone.
thread_local_cell!(static LAST: Cell<(*const Header, bool)> = Cell::new((null(), false)));

/// A cell that this thread runs and completes. Frames form a stack, for a task that waits may
/// run another in place.
struct Frame {
    /// Null once the cell is settled: nobody waits for this frame any more.
    cell: Cell<*const Header>,
    name: fn() -> &'static str,
    below: *const Frame,
}

struct PopFrame(*const Frame);

impl Drop for PopFrame {
    fn drop(&mut self) {
        FRAMES.with(|top| top.set(self.0));
    }
}

/// Calls `f` with a note that this thread runs `cell`.
#[inline]
pub(crate) fn running<R>(cell: NonNull<Header>, f: impl FnOnce() -> R) -> R {
    // SAFETY: the caller holds a reference.
    let name = unsafe { cell.as_ref() }.name_fn();
    FRAMES.with(|top| {
        let below = top.get();
        let frame = Frame {
            cell: Cell::new(cell.as_ptr()),
            name,
            below,
        };
        top.set(&raw const frame);
        let _pop = PopFrame(below);
        f()
    })
}

/// The innermost frame's cell is settled; what follows (wakers) is not part of it.
pub(crate) fn settled() {
    // SAFETY: frames in the list are on this thread's stack, below this call.
    if let Some(frame) = unsafe { FRAMES.with(Cell::get).as_ref() } {
        frame.cell.set(null());
    }
}

/// Whether this thread runs `cell`.
pub(crate) fn is_running(cell: &Header) -> bool {
    let mut found = false;
    each_frame(|frame, _| found |= std::ptr::eq(frame, cell));
    found
}

/// Calls `f` with the cell and the task name of each frame that somebody may wait for, the
/// innermost first.
pub(crate) fn each_frame(mut f: impl FnMut(*const Header, fn() -> &'static str)) {
    let mut at = FRAMES.with(Cell::get);
    // SAFETY: as in `settled`.
    while let Some(frame) = unsafe { at.as_ref() } {
        if !frame.cell.get().is_null() {
            f(frame.cell.get(), frame.name);
        }
        at = frame.below;
    }
}

/// A worker thread of a pool, while it works.
struct Worker<'a> {
    pool: u32,
    depth: Cell<usize>,
    limit: usize,
    helped: &'a dyn Helped,
}

/// Calls `f`, the work of a thread of `pool`: untimed waits in it run tasks of the same pool in
/// place, at most `limit` deep, and tell `helped`.
pub(crate) fn as_worker<R>(
    pool: u32,
    limit: usize,
    helped: &dyn Helped,
    f: impl FnOnce() -> R,
) -> R {
    struct Restore(*const Worker<'static>);
    impl Drop for Restore {
        fn drop(&mut self) {
            WORKER.with(|w| w.set(self.0));
        }
    }
    let worker = Worker {
        pool,
        depth: Cell::new(0),
        limit,
        helped,
    };
    let before = WORKER.with(Cell::get);
    WORKER.with(|w| w.set((&raw const worker).cast()));
    let _restore = Restore(before);
    f()
}

#[inline]
fn with_worker<R>(f: impl FnOnce(Option<&Worker<'_>>) -> R) -> R {
    // SAFETY: set only while the worker it points to is on this thread's stack.
    f(unsafe { WORKER.with(Cell::get).as_ref() })
}

/// The pool this thread works for, 0 for none.
#[inline]
pub(crate) fn pool() -> u32 {
    with_worker(|worker| worker.map_or(0, |w| w.pool))
}

/// Whether this thread may run a pending task of `pool` in place.
pub(crate) fn may_help(pool: u32) -> bool {
    with_worker(|worker| worker.is_some_and(|w| w.pool == pool && w.depth.get() < w.limit))
}

/// Calls `f`, which runs a task in place, one level deeper, and tells the pool what came of it.
pub(crate) fn help(f: impl FnOnce() -> Option<Ran>) -> bool {
    with_worker(|worker| {
        let Some(worker) = worker else { return false };
        worker.depth.set(worker.depth.get() + 1);
        let ran = f();
        worker.depth.set(worker.depth.get() - 1);
        if let Some(ran) = ran {
            worker.helped.helped(ran);
        }
        ran.is_some()
    })
}

/// Notes the cell of this thread's last submit, and whether a worker had to be woken for it.
#[inline]
pub(crate) fn set_last(cell: *const Header, woke: bool) {
    LAST.with(|last| last.set((cell, woke)));
}

/// Whether a worker had to be woken for `cell`, if this thread submitted it last.
pub(crate) fn last_woke(cell: &Header) -> Option<bool> {
    let (last, woke) = LAST.with(Cell::get);
    std::ptr::eq(last, cell).then_some(woke)
}
