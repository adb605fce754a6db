//! What workers write to their standard error.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How many bytes of it are kept for messages.
const KEPT: usize = 4096;

/// How much is read at a time, so that one worker's flood does not keep the others waiting. Not
/// more than what a pipe takes at once.
const PIECE: usize = 4096;
const PIECES: usize = 16;

/// A worker's standard error: its end is kept, and all of it is passed on to this process's own.
#[derive(Debug)]
pub(crate) struct Stderr {
    from: Option<OwnedFd>,
    last: VecDeque<u8>,
    pass_on: bool,
}

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// There may be more, later or now.
    Open,
    /// It cannot be passed on now.
    Blocked,
    /// Nothing more will come.
    Closed,
}

impl Stderr {
    pub(crate) fn new(from: Option<OwnedFd>, pass_on: bool) -> Self {
        Self {
            from,
            last: VecDeque::new(),
            pass_on,
        }
    }

    pub(crate) fn fd(&self) -> Option<&OwnedFd> {
        self.from.as_ref()
    }

    /// Reads some of what is there, and never waits. `at_last`: of what cannot be passed on the
    /// end is kept all the same.
    pub(crate) fn read(&mut self, at_last: bool) -> Read {
        let Some(from) = &self.from else {
            return Read::Closed;
        };
        let mut piece = [0; PIECE];
        for _ in 0..PIECES {
            let pass_on = self.pass_on && can_write();
            if self.pass_on && !pass_on && !at_last {
                return Read::Blocked;
            }
            match rustix::io::read(from, &mut piece) {
                Ok(0) => {
                    self.from = None;
                    return Read::Closed;
                }
                Ok(read) => {
                    let piece = &piece[..read];
                    if pass_on {
                        // There is room for it; and who closed our standard error wants nothing.
                        let _ = rustix::io::write(io::stderr(), piece);
                    }
                    self.last.extend(piece);
                    let excess = self.last.len().saturating_sub(KEPT);
                    self.last.drain(..excess);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Read::Open,
                Err(_) => {
                    self.from = None;
                    return Read::Closed;
                }
            }
        }
        Read::Open
    }

    /// The end of it, from the first whole line on.
    pub(crate) fn tail(&self) -> String {
        let (a, b) = self.last.as_slices();
        let bytes = [a, b].concat();
        let start = if bytes.len() < KEPT {
            0
        } else {
            bytes
                .iter()
                .position(|&byte| byte == b'\n')
                .map_or(0, |at| at + 1)
        };
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }
}

/// Whether our standard error takes a piece without waiting.
fn can_write() -> bool {
    let stderr = io::stderr();
    let mut fds = [PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::OUT)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut fds, Some(&at_once)).is_ok_and(|ready| ready > 0)
}
