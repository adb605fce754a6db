//! What a supervisor is told.

use super::ids::{Key, WorkerId};

/// Something that has happened. Events about tasks and workers that are gone are ignored.
#[derive(Clone, Debug)]
pub enum Event<T, A, R> {
    /// A task to run.
    Submit {
        /// The task.
        task: T,
        /// How long it may run from its start, in nanoseconds.
        limit: Option<u64>,
    },
    /// The task's owner cancelled it: while it was queued here, or by revoking its claim.
    Cancelled {
        /// The task.
        key: Key,
    },
    /// The task is to end, even if it runs.
    Kill {
        /// The task.
        key: Key,
        /// From the request to terminate until the kill of its worker, in nanoseconds; 0 kills at
        /// once.
        grace: u64,
    },
    /// There are to be so many workers, as far as that is allowed, though no task needs them.
    /// Launches them once: those that come to nothing are not tried again.
    Prestart {
        /// How many.
        workers: u32,
    },
    /// The worker's process exists.
    Launched {
        /// The worker.
        worker: WorkerId,
        /// Its process.
        pid: u32,
    },
    /// The worker's process could not be had.
    LaunchRefused {
        /// The worker.
        worker: WorkerId,
        /// Why.
        report: R,
        /// Whether it is of no use to try again.
        lasting: bool,
    },
    /// The worker has run its initializer.
    Ready {
        /// The worker.
        worker: WorkerId,
    },
    /// The worker's initializer failed.
    InitializerFailed {
        /// The worker.
        worker: WorkerId,
        /// How.
        report: R,
    },
    /// The worker has run a task, whatever came of it.
    Answered {
        /// The worker.
        worker: WorkerId,
        /// The task.
        key: Key,
        /// What came of it.
        answer: A,
    },
    /// The worker came to a task that had been revoked: a sign of life.
    Skipped {
        /// The worker.
        worker: WorkerId,
    },
    /// The reply to [`Look`](super::Action::Look): this task has started, and with it all that
    /// were sent to the worker before.
    Started {
        /// The worker.
        worker: WorkerId,
        /// The task.
        key: Key,
        /// When it started, if that is known; else now.
        at: u64,
    },
    /// The reply to [`Revoke`](super::Action::Revoke).
    Revoked {
        /// The worker.
        worker: WorkerId,
        /// The task.
        key: Key,
        /// Whether it is certain that it will never start there.
        revoked: bool,
    },
    /// What the worker sends makes no sense.
    ProtocolError {
        /// The worker.
        worker: WorkerId,
    },
    /// The worker is gone. All that it had answered has been told before, and no task of it can
    /// start any more.
    Died {
        /// The worker.
        worker: WorkerId,
        /// How it died.
        report: R,
        /// Those of its tasks that had started.
        started: Vec<Key>,
    },
    /// No task is to come.
    Close {
        /// Whether those that have not started are cancelled.
        cancel: bool,
    },
    /// Close, cancel, and end the workers whatever they do.
    KillAll {
        /// From the request to terminate until the kill, in nanoseconds; 0 kills at once.
        grace: u64,
    },
}
