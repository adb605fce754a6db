//! What the threads of a pool sleep on. In a model it is not the system's.

use std::time::Instant;

use crate::reactor::Source;

/// A set of these: the system's, or a model's.
pub trait Ground: Send + Sync + 'static {
    /// Wakes whoever polls.
    type Bell: Bell;
    /// What that thread sleeps on.
    type Reactor: Poll;
    /// What the supervisor's thread sleeps on meanwhile.
    type Watch: Watch;
    /// What a thread sleeps on that attends to a worker.
    type Stool: Stool;

    /// A clock that never goes back, in nanoseconds.
    fn now() -> u64;
}

/// Wakes a sleeper, who finds it rung until it is silenced.
pub trait Bell: Send + Sync {
    /// Wakes the sleeper.
    fn ring(&self);
    /// It was heard.
    fn silence(&self);
}

/// What the thread sleeps on that polls.
pub trait Poll: Send + Sync {
    /// Waits for at most `limit` nanoseconds, and adds what is ready.
    fn wait(&self, limit: Option<u64>, ready: &mut Vec<Source>);
}

/// What the supervisor's thread sleeps on while another one polls.
pub trait Watch: Send + Sync {
    /// Wakes the sleeper at once.
    fn ring(&self);
    /// Wakes the sleeper soon.
    fn arm(&self);
    /// Sleeps until it is woken.
    fn wait(&self);
}

/// What a thread sleeps on that attends to a worker.
pub trait Stool: Send + Sync + 'static {
    /// Sleeps until the worker says something, the bell is rung or `deadline` passes.
    fn wait(&self, deadline: Option<Instant>) -> Woken;
    /// Rings the bell.
    fn ring(&self);
}

/// What ended the sleep of a thread that attends to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The worker has said something, or is gone.
    Channel,
    /// The bell was rung, or there is no reason.
    Early,
    /// Time was up.
    Late,
}
