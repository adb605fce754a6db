//! Waiting for one future or for all of a set, by a thread that has nothing else to do.

#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::time::Instant;

use crate::cell::{Header, NoHook, run_started};
use crate::context;
use crate::deadlock::{self, Wanted};
use crate::driver;
use crate::error::Deadlock;
use crate::executor::Ran;
use crate::handle::FutureHandle;
use crate::queue::CompletionQueue;
use crate::shim::thread_local_cell;
use crate::spin::{Spin, give_way};

#[cfg(not(cf_loom))]
thread_local_cell!(static SPIN: Spin = Spin::new());
#[cfg(cf_loom)]
thread_local_cell!(static SPIN: Spin = Spin::new());

/// Whether this thread may use the outcome: it is settled, or this thread runs its callbacks.
#[inline]
pub(crate) fn is_settled_here(header: &Header) -> bool {
    let seen = header.word.read();
    seen.is_settled() || (seen.is_telling() && context::is_running(header))
}

/// Runs a pending cell of this worker's own pool in place. Whether it did.
///
/// # Safety
/// `cell` is live, and stays so during the call.
pub(crate) unsafe fn help(cell: NonNull<Header>) -> bool {
    // SAFETY: the caller's promise; winning `start` is checked.
    unsafe { context::may_help(cell.as_ref().pool) && run_in_place(cell) }
}

/// # Safety
/// As for [`help`], and this thread works for the cell's pool.
unsafe fn run_in_place(cell: NonNull<Header>) -> bool {
    // SAFETY: the caller's promise; winning `start` is checked.
    unsafe {
        context::help(|| {
            cell.as_ref().word.start().then(|| {
                if run_started(cell, 0, &mut NoHook) {
                    Ran::Failed
                } else {
                    Ran::Finished
                }
            })
        })
    }
}

/// Runs a pending cell of this worker's own pool in place, however deep, when no other worker of
/// the pool is left to run it. Whether it did.
///
/// # Safety
/// As for [`help`].
unsafe fn help_deeply(cell: NonNull<Header>) -> bool {
    // SAFETY: the caller's promise.
    let header = unsafe { cell.as_ref() };
    if header.pool == 0 || header.pool != context::pool() || !deadlock::is_last_of(header.pool) {
        return false;
    }
    // SAFETY: the caller's promise.
    unsafe { run_in_place(cell) }
}

/// Waits for one cell; false when `deadline` passed first.
///
/// # Safety
/// `handle`'s cell is live during the call, which its reference sees to.
pub(crate) fn wait_one(handle: &FutureHandle, deadline: Option<Instant>) -> Result<bool, Deadlock> {
    let cell = handle.cell();
    // SAFETY: the handle's reference.
    let header = unsafe { cell.as_ref() };
    if is_settled_here(header) {
        return Ok(true);
    }
    // SAFETY: as above.
    if deadline.is_none() && header.word.read().is_pending() && unsafe { help(cell) } {
        // It may be telling another thread's callbacks only if we did not run it: it is done.
        return Ok(true);
    }
    if header.word.read().is_lent() {
        // Its executor knows better what is worth doing meanwhile than to spin or to give way.
        driver::drive(handle, deadline);
        if is_settled_here(header) {
            return Ok(true);
        }
        return watch_one(handle, deadline);
    }
    // Spinning pays for the task that this thread has just submitted. While it waits for an older
    // one there are others, whose workers need the processor: they get it at once. And a worker
    // that our own submit had to wake runs here as soon as we sleep.
    let is_settled = || header.word.read().is_settled();
    let done = match context::last_woke(header) {
        Some(true) => false,
        None if header.pool != 0 => give_way(deadline) && is_settled(),
        _ => SPIN.with(|spin| spin.until(is_settled)),
    };
    if done {
        return Ok(true);
    }
    watch_one(handle, deadline)
}

fn watch_one(handle: &FutureHandle, deadline: Option<Instant>) -> Result<bool, Deadlock> {
    let mut queue = CompletionQueue::new();
    if !queue.watch(0, handle) {
        return Ok(true);
    }
    sleep_until_popped(&mut queue, Wanted::One(handle.cell()), deadline, true)
}

fn sleep_until_popped(
    queue: &mut CompletionQueue,
    wanted: Wanted,
    deadline: Option<Instant>,
    refusable: bool,
) -> Result<bool, Deadlock> {
    loop {
        if queue.pop().is_some() {
            return Ok(true);
        }
        if !queue.sleep_for(wanted, deadline, refusable)? {
            return Ok(queue.pop().is_some());
        }
    }
}

/// Waits until all of `futures` are done: true; or until `deadline`: false.
///
/// At any moment one of them is registered for, the last of the unfinished ones: by then the
/// others are mostly done. A worker that waits without a deadline first runs the pending ones
/// of its own pool in place.
///
/// # Errors
///
/// [`Deadlock`] when, without a deadline, they could never all complete.
///
/// ```
/// use future_core::{AsFuture, promise, wait_all};
///
/// let (mut promise, future) = promise::<u32>();
/// promise.set_result(1)?;
/// assert!(wait_all(&[future.as_future()], None)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait_all(futures: &[&FutureHandle], deadline: Option<Instant>) -> Result<bool, Deadlock> {
    wait_all_as(futures, deadline, true)
}

/// The same for a caller that cannot do anything but wait: on a deadlock, another thread of the
/// cycle gets the error.
pub(crate) fn wait_all_as(
    futures: &[&FutureHandle],
    deadline: Option<Instant>,
    refusable: bool,
) -> Result<bool, Deadlock> {
    if deadline.is_none() && context::pool() != 0 {
        for future in futures {
            let cell = future.cell();
            // SAFETY: the handle's reference.
            unsafe {
                if cell.as_ref().word.read().is_pending() {
                    help(cell);
                }
            }
        }
    }
    let mut cells = Vec::new();
    for future in futures.iter().rev() {
        let cell = future.cell();
        // SAFETY: the handle's reference.
        if is_settled_here(unsafe { cell.as_ref() }) {
            continue;
        }
        // Submitted since, or given up by another worker's depth limit. A scope cannot give up,
        // so when nobody else is free it goes as deep as it must.
        // SAFETY: as above.
        if deadline.is_none() && unsafe { help(cell) || (!refusable && help_deeply(cell)) } {
            continue;
        }
        let mut queue = CompletionQueue::new();
        if !queue.watch(0, future) {
            continue;
        }
        let wanted = if deadline.is_none() && context::pool() != 0 {
            if cells.is_empty() {
                cells = deadlock::cells_of(futures);
            }
            Wanted::All(NonNull::from(cells.as_slice()))
        } else {
            Wanted::One(cell)
        };
        if !sleep_until_popped(&mut queue, wanted, deadline, refusable)? {
            return Ok(false);
        }
    }
    Ok(true)
}
