//! Where a user's thread sleeps that waits for what one worker says.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::task::Wake;
use std::time::Instant;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// What ended a sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The worker has said something, or is gone.
    Channel,
    /// The waker was woken, or a signal came.
    Early,
    /// Time was up.
    Late,
}

/// One worker's channel, and a bell by which the sleeper is woken for another reason. One thread at
/// a time sits here.
#[derive(Debug)]
pub(crate) struct Seat {
    channel: OwnedFd,
    bell: OwnedFd,
    asleep: AtomicBool,
}

impl Seat {
    /// A seat at this channel.
    ///
    /// # Errors
    ///
    /// When the system refuses a descriptor.
    pub(crate) fn new(channel: impl AsFd) -> io::Result<Self> {
        Ok(Self {
            channel: channel.as_fd().try_clone_to_owned()?,
            bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            asleep: AtomicBool::new(false),
        })
    }

    /// Sleeps until the worker says something, the waker is woken or `deadline` passes; not at all
    /// when `settled`, which becomes true before the waker is woken.
    pub(crate) fn sleep(&self, deadline: Option<Instant>, settled: impl Fn() -> bool) -> Woken {
        // ORDERING: the fence pairs with the one in `wake`: either this sees that it is settled,
        // or the waker sees that somebody sleeps.
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let woken = if settled() {
            Woken::Early
        } else {
            self.poll(deadline)
        };
        // ORDERING: a waker that still finds it set rings for nothing, and the next sleep ends
        // early.
        self.asleep.store(false, Ordering::Relaxed);
        woken
    }

    fn poll(&self, deadline: Option<Instant>) -> Woken {
        let limit = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        // Longer than any clock counts is for ever.
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
            let _ = rustix::io::read(&self.bell, &mut [0_u8; 8]);
        }
        if fds[0].revents().is_empty() {
            Woken::Early
        } else {
            Woken::Channel
        }
    }
}

impl Wake for Seat {
    fn wake(self: Arc<Self>) {
        // ORDERING: see `sleep`. Most often it is the sleeper itself that settles what it waits
        // for, and nobody is asleep.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) {
            let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        }
    }
}
