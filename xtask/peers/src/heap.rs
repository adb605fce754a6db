//! What the allocator counted, in the program that has one that counts.

use std::sync::OnceLock;

/// What the process has asked of the allocator.
#[derive(Clone, Copy, Debug)]
pub struct Heap {
    pub bytes_held: usize,
    pub allocations: usize,
}

static COUNTER: OnceLock<fn() -> Heap> = OnceLock::new();

/// From now on counts are to be had. Counting slows every allocation down, so that a program that
/// counts measures no times.
pub fn count_with(counter: fn() -> Heap) {
    COUNTER.get_or_init(|| counter);
}

/// Whether this program counts.
pub fn is_counted() -> bool {
    COUNTER.get().is_some()
}

/// None: this program does not count.
pub(crate) fn heap() -> Option<Heap> {
    COUNTER.get().map(|counter| counter())
}
