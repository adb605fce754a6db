//! The system's descriptors that the threads of a pool sleep on.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::time::{ClockId, clock_gettime};

use crate::ground::{self, Ground, Woken};
use crate::reactor::Reactor;
use crate::watch::Watch;

/// Linux.
#[derive(Debug)]
pub(crate) enum Linux {}

impl Ground for Linux {
    type Bell = Bell;
    type Reactor = Reactor;
    type Watch = Watch;
    type Stool = Stool;

    fn now() -> u64 {
        now()
    }
}

/// The system's monotonic clock, which workers read too, in nanoseconds.
pub(crate) fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// A descriptor that is readable once it was rung.
#[derive(Debug)]
pub(crate) struct Bell(OwnedFd);

impl Bell {
    /// A silent bell.
    ///
    /// # Errors
    ///
    /// When the system refuses a descriptor.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self(eventfd(0, flags)?))
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl ground::Bell for Bell {
    /// The counter cannot overflow: it is read at each awakening.
    fn ring(&self) {
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    fn silence(&self) {
        let _ = rustix::io::read(&self.0, &mut [0_u8; 8]);
    }
}

/// A worker's channel, and a bell.
#[derive(Debug)]
pub(crate) struct Stool {
    channel: OwnedFd,
    bell: Bell,
}

impl Stool {
    /// At this channel.
    ///
    /// # Errors
    ///
    /// When the system refuses a descriptor.
    pub(crate) fn new(channel: impl AsFd) -> io::Result<Self> {
        Ok(Self {
            channel: channel.as_fd().try_clone_to_owned()?,
            bell: Bell::new()?,
        })
    }
}

impl ground::Stool for Stool {
    fn wait(&self, deadline: Option<Instant>) -> Woken {
        let limit = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        // Longer than the system counts is for ever.
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let mut fds = [
            PollFd::new(&self.channel, PollFlags::IN),
            PollFd::new(&self.bell, PollFlags::IN),
        ];
        match poll(&mut fds, limit.as_ref()) {
            Ok(0) => return Woken::Late,
            Ok(_) => {}
            Err(_) => return Woken::Early,
        }
        if !fds[1].revents().is_empty() {
            ground::Bell::silence(&self.bell);
        }
        if fds[0].revents().is_empty() {
            Woken::Early
        } else {
            Woken::Channel
        }
    }

    fn ring(&self) {
        ground::Bell::ring(&self.bell);
    }
}
