//! What a supervisor counts.

/// The state of a pool in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Tasks that have not started, as far as is known: those sent ahead to a worker included.
    pub queued: usize,
    /// Workers that have a task: one of each is running or about to.
    pub running: usize,
    /// Workers that are ready.
    pub workers: usize,
    /// Workers that are not ready yet.
    pub starting: usize,
    /// Workers that are on their way out.
    pub leaving: usize,
    /// Tasks that were answered.
    pub delivered: u64,
    /// Tasks that failed without an answer.
    pub failed: u64,
    /// Tasks that were cancelled, by their owners or by the close.
    pub cancelled: u64,
    /// Processes that were launched.
    pub launched: u64,
    /// Workers that died without having been asked to.
    pub crashed: u64,
    /// Workers that were let go after their last task.
    pub retired: u64,
    /// Workers that were ended because of what they did: killed, at a deadline, for a breach of the
    /// protocol.
    pub ended: u64,
    /// How often a task was taken from a worker and queued again.
    pub requeued: u64,
}

/// What only ever grows.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) cancelled: u64,
    pub(super) launched: u64,
    pub(super) crashed: u64,
    pub(super) retired: u64,
    pub(super) ended: u64,
    pub(super) requeued: u64,
}
