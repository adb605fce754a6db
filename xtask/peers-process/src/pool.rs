//! What pools of this language have in common.

use std::num::NonZeroUsize;

use anyhow::Result;

use crate::task::{Task, Travels};

/// A pool of processes.
pub(crate) trait Pool: Sized {
    /// What a submit returns.
    type Handle<T: Travels>;
    /// Many bytes, in the form that is best for this pool.
    type Payload: Travels;

    /// More tasks at once it does not bear; then they are submitted and taken in parts.
    const MOST_PENDING: usize = usize::MAX;

    fn new(workers: usize) -> Result<Self>;

    fn submit<T: Task>(&self, input: T::In) -> Result<Self::Handle<T::Out>>;

    fn result<T: Travels>(handle: Self::Handle<T>) -> Result<T>;

    /// The payload's way there and back.
    fn echo(&self, payload: Self::Payload) -> Result<Self::Payload>;

    /// From bytes that a program has. They may be taken.
    fn payload(bytes: &mut Vec<u8>) -> Self::Payload;

    /// How long what came back is, and its last byte; bytes that were taken are put back.
    fn check(payload: Self::Payload, bytes: &mut Vec<u8>) -> (usize, u8);

    /// The sum of a no-op's results for `0..items`. None: the pool has no map.
    fn map(&self, items: u64, chunk: Option<NonZeroUsize>) -> Option<Result<u64>> {
        let _ = (items, chunk);
        None
    }
}
