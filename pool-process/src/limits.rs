//! Numbers of the design in one place.

/// More workers than any machine has processes for.
pub(crate) const MAX_WORKERS: usize = 1 << 16;

/// Items that a `map` submits ahead, for each worker.
pub(crate) const AHEAD: usize = 64;
