//! Numbers of the design in one place.

/// More workers than any machine has processes for.
pub(crate) const MAX_WORKERS: usize = 1 << 16;

/// Chunks of a `map` that are submitted ahead, for each worker.
pub(crate) const CHUNKS_AHEAD: usize = 4;

/// So long a worker is to be busy with a chunk, in nanoseconds.
pub(crate) const CHUNK_NANOS: u64 = 200_000;

/// The most items of a chunk.
pub(crate) const CHUNK_MAX: u64 = 4096;
