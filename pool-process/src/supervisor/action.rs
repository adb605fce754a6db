//! What a supervisor wants done.

use super::ids::{Key, WorkerId};

/// Something to be done, in the order given.
#[derive(Clone, Debug)]
pub enum Action<T, A, R> {
    /// Start a process; then [`Launched`](super::Event::Launched) or
    /// [`LaunchRefused`](super::Event::LaunchRefused).
    Launch {
        /// What it will be called.
        worker: WorkerId,
    },
    /// Send the task, which stays with the supervisor: [`task`](super::Supervisor::task). If it is
    /// not there any more, a later action has it, and there is nothing to send.
    Send {
        /// The worker.
        worker: WorkerId,
        /// The task.
        key: Key,
    },
    /// The task is done.
    Deliver {
        /// The task.
        key: Key,
        /// What was submitted.
        task: T,
        /// What came of it.
        answer: A,
    },
    /// The task has failed.
    Fail {
        /// The task.
        key: Key,
        /// What was submitted.
        task: T,
        /// Why.
        why: Why<R>,
    },
    /// The pool cancels the task: it is closing.
    Cancel {
        /// The task.
        key: Key,
        /// What was submitted.
        task: T,
    },
    /// The task that its owner had cancelled, back.
    Forget {
        /// The task.
        key: Key,
        /// What was submitted.
        task: T,
    },
    /// The task was at a worker and is queued again. (By the time that this is carried out, it may
    /// have been given back: a later action has it.)
    Requeued {
        /// The task.
        key: Key,
    },
    /// Take the task back if it has not started, then [`Revoked`](super::Event::Revoked).
    Revoke {
        /// The worker.
        worker: WorkerId,
        /// The task.
        key: Key,
    },
    /// See whether the task has started: then [`Started`](super::Event::Started), for it or for a
    /// later one; else nothing.
    Look {
        /// The worker.
        worker: WorkerId,
        /// The task.
        key: Key,
    },
    /// Signal the worker's process.
    Signal {
        /// The worker.
        worker: WorkerId,
        /// What to send.
        signal: Signal,
        /// What for.
        because: Because,
    },
    /// Close the worker's channel: it has nothing more to do, and is to exit.
    Retire {
        /// The worker.
        worker: WorkerId,
    },
    /// The pool is of no more use. Told once.
    Broken {
        /// Why.
        cause: Break<R>,
    },
    /// Closed, without a task and without a worker. Told once; nothing follows but the failure of
    /// tasks that come later still.
    Over,
}

/// A signal to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It is to end.
    Terminate,
    /// It ends.
    Kill,
}

/// Why a worker is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// Its task was killed through its future.
    Killed,
    /// Its task ran for longer than it may.
    Deadline,
    /// It does not keep to the protocol.
    Protocol,
    /// The pool is broken.
    Broken,
    /// It was not ready in time.
    StartLimit,
    /// It did not exit in time.
    ExitLimit,
    /// All workers are to end.
    Shutdown,
}

/// Why a task has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why<R> {
    /// Its worker died while it ran.
    Died {
        /// The worker.
        worker: WorkerId,
        /// How it died.
        report: R,
    },
    /// It was killed: through its future, or with all workers.
    Killed {
        /// Where it ran and how the worker died; none when it had not started.
        ran: Option<(WorkerId, R)>,
    },
    /// It ran for longer than it may.
    Deadline {
        /// The worker.
        worker: WorkerId,
        /// How long it might run, in nanoseconds.
        limit: u64,
        /// How the worker died.
        report: R,
    },
    /// The pool is broken.
    Broken(Break<R>),
    /// It came after the close.
    Closed,
}

/// Why a pool is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Break<R> {
    /// A worker died, and the pool is one that breaks.
    Crash {
        /// The worker.
        worker: WorkerId,
        /// How it died.
        report: R,
    },
    /// An initializer failed.
    Initializer {
        /// The worker.
        worker: WorkerId,
        /// How.
        report: R,
    },
    /// A worker was not ready in time.
    StartLimit {
        /// The worker.
        worker: WorkerId,
    },
    /// No worker could be had.
    Launch {
        /// The last refusal, or how the last worker died before it did anything.
        report: R,
    },
}
