//! Numbers of the design in one place.

/// Chunks of a `map` that are submitted ahead, for each worker.
pub(crate) const CHUNKS_AHEAD: usize = 4;

/// The same where the program has said how many items a chunk has: they may be a worker's work of
/// microseconds, and so many keep it busy.
pub(crate) const GIVEN_CHUNKS_AHEAD: usize = 32;

/// So long a worker is to be busy with a chunk, in nanoseconds.
pub(crate) const CHUNK_NANOS: u64 = 200_000;

/// A buffer that has grown beyond this, in bytes, is not kept by whoever used it.
pub(crate) const KEPT: usize = 1 << 20;

/// The most items of a chunk.
pub(crate) const CHUNK_MAX: u64 = 4096;
