//! Names of tasks and workers.

/// A task of a supervisor: never used twice, so that a late event about a task that is gone names
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub(super) seq: u64,
    pub(super) index: u32,
}

/// One incarnation of a worker: the process that replaces it has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkerId {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

impl WorkerId {
    /// The place of this worker: less than `max_workers`, free again when the worker has died.
    #[must_use]
    pub fn slot(self) -> usize {
        self.slot as usize
    }
}
