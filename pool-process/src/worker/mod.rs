//! The worker: what a copy of the program does instead of its `main`.
//!
//! Its first thread sets everything up, starts a second one for the tasks, and from then on only
//! watches: it ends the process when the parent is gone, however busy the tasks' thread is, and
//! it sends answers that would otherwise wait for a long task. The other thread reads orders, runs
//! tasks and collects answers.

mod answers;
pub(crate) mod linux_fork;
mod linux_overflow;
mod linux_signals;
pub(crate) mod panic_hook;
mod runner;
mod startup;
mod state;
mod watcher;

pub use state::{Initializer, InitializerError, worker_state};

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use answers::Answers;

use crate::linux_memory::Memory;

/// The variable by which a worker knows that it is one; its value is the parent's process number.
pub(crate) const VARIABLE: &str = "CONCURRENT_FUTURES_WORKER";

static IS_WORKER: AtomicBool = AtomicBool::new(false);

/// What the two threads share. It lives as long as the process.
struct Shared {
    channel: OwnedFd,
    memory: Memory,
    answers: Answers,
}

/// Becomes a worker if the process was started as one, and then does not return. `before_all` is
/// called before any code of a user.
pub(crate) fn enter_if_worker(before_all: impl FnOnce()) {
    if let Some(parent) = startup::invitation() {
        // ORDERING: there is only this thread, or `init` was called before others ask.
        IS_WORKER.store(true, Ordering::Relaxed);
        startup::run(parent, before_all)
    }
}

/// Whether this process is a worker of a pool.
///
/// ```
/// assert!(!pool_process::is_worker());
/// ```
#[must_use]
pub fn is_worker() -> bool {
    // ORDERING: set before any other thread of a worker was started.
    IS_WORKER.load(Ordering::Relaxed)
}
