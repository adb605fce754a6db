//! What carries the frames of one worker.

use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};

/// A stream of bytes in both directions that never blocks.
pub trait Channel: AsFd + Send + fmt::Debug {
    /// Sends as much as there is room for, and returns how many bytes that was.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is no room. `BrokenPipe` or `ConnectionReset` when the other end
    /// is gone.
    fn send(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize>;

    /// The same, and passes descriptors along, at least one and at most
    /// [`ATTACHED_MAX`](crate::wire::ATTACHED_MAX): with the first of the bytes, so none are passed
    /// if no byte is sent.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    fn send_with(&mut self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize>;

    /// Appends what has come to the spare room of `into`, and returns how many bytes that was: 0
    /// when nothing more will come.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nothing is there.
    fn receive(&mut self, into: &mut Vec<u8>) -> io::Result<usize>;
}
