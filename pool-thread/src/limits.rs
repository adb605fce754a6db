//! Numbers of the design in one place; small under loom, so that models reach the edges.

/// Tasks that a worker takes at once, at most.
pub(crate) const BATCH: usize = if cfg!(cf_loom) { 2 } else { 32 };

/// A task in a worker's ring that this many younger ones have passed is run next by whoever looks.
pub(crate) const FAIR: u64 = BATCH as u64;

/// How deep tasks run in place may nest on one worker.
pub(crate) const DEPTH: usize = 256;

/// An empty queue keeps room for this many tasks, and gives back what is more.
pub(crate) const KEEP: usize = 4096;

/// A worker that found less than it could use this often in a row stands back for a moment.
pub(crate) const LOCKSTEP: u32 = 5;

/// What counts as less than it could use.
pub(crate) const FEW: usize = 128;

/// How long it stands back: 3 to 4 µs.
pub(crate) const PAUSES: u32 = 256;

/// A pause in which fewer tasks came than this was in vain.
pub(crate) const WORTH: usize = 8;

/// When it was in vain, it is not tried again for so many looks, and twice as many each time
/// until the most.
pub(crate) const SKIP: std::ops::RangeInclusive<u32> = 16..=512;
