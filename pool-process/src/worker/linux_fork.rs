//! Copies of a worker that a task makes by `fork`.

#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering};

use super::linux_signals;

static IS_COPY: AtomicBool = AtomicBool::new(false);

/// Has copies know that they are.
pub(super) fn mark_copies() {
    // SAFETY: the handler only stores an atomic.
    // Without memory for it copies are not known, which harms only tasks that return in one.
    let _ = unsafe { libc::pthread_atfork(None, None, Some(is_made)) };
}

extern "C" fn is_made() {
    // ORDERING: the copy has one thread.
    IS_COPY.store(true, Ordering::Relaxed);
}

/// To be called when a task returns, and before anything of its output is written where others see
/// it. In a copy nobody is to do what comes next: the answer is the
/// worker's to give, and so are the tasks behind it.
pub(crate) fn end_if_copy() {
    // ORDERING: as above.
    if IS_COPY.load(Ordering::Relaxed) {
        linux_signals::exit_now(0);
    }
}
