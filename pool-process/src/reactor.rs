//! What the supervisor's thread sleeps on.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

/// Which descriptor of which worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// User threads have something.
    Inbox,
    /// A worker's channel.
    Channel(u64),
    /// A worker's process.
    Process(u64),
    /// A worker's standard error.
    Stderr(u64),
}

impl Source {
    fn pack(self) -> EventData {
        EventData::new_u64(match self {
            Self::Inbox => 0,
            Self::Channel(serial) => serial << 2 | 1,
            Self::Process(serial) => serial << 2 | 2,
            Self::Stderr(serial) => serial << 2 | 3,
        })
    }

    fn unpack(data: EventData) -> Self {
        let data = data.u64();
        match data & 3 {
            0 => Self::Inbox,
            1 => Self::Channel(data >> 2),
            2 => Self::Process(data >> 2),
            _ => Self::Stderr(data >> 2),
        }
    }
}

/// A level-triggered poll.
#[derive(Debug)]
pub(crate) struct Reactor(OwnedFd);

impl Reactor {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Wakes the sleeper when there is something to read.
    pub(crate) fn add(&self, source: Source, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::add(&self.0, fd, source.pack(), EventFlags::IN)?)
    }

    /// Whether to wake the sleeper when there is something to read, and when there is room to
    /// write.
    pub(crate) fn set(
        &self,
        source: Source,
        fd: impl AsFd,
        read: bool,
        write: bool,
    ) -> io::Result<()> {
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, read);
        flags.set(EventFlags::OUT, write);
        Ok(epoll::modify(&self.0, fd, source.pack(), flags)?)
    }

    pub(crate) fn remove(&self, fd: impl AsFd) {
        // One that is not in it need not be taken out.
        let _ = epoll::delete(&self.0, fd);
    }

    /// Waits for at most `limit` nanoseconds, and adds what is ready.
    pub(crate) fn wait(&self, limit: Option<u64>, ready: &mut Vec<Source>) {
        let mut events = [const {
            Event {
                flags: EventFlags::empty(),
                data: EventData::new_u64(0),
            }
        }; 64];
        let limit = limit.map(|nanos| Timespec {
            tv_sec: (nanos / 1_000_000_000) as i64,
            tv_nsec: (nanos % 1_000_000_000) as _,
        });
        // An interrupted wait is one that found nothing.
        let count = epoll::wait(&self.0, &mut events, limit.as_ref()).unwrap_or(0);
        ready.extend(
            events[..count]
                .iter()
                .map(|event| Source::unpack(event.data)),
        );
    }
}
