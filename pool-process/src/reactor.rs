//! What the supervisor's thread sleeps on.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use crate::ground;
use crate::linux_region;
use crate::work::nanos;

/// Which descriptor of which worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// User threads have something.
    Inbox,
    /// The time has come that a user thread has set.
    Alarm,
    /// A worker's channel.
    Channel(u64),
    /// A worker's process.
    Process(u64),
    /// A worker's standard error.
    Stderr(u64),
}

const INBOX: u64 = 0;
const ALARM: u64 = 4;

impl Source {
    fn pack(self) -> EventData {
        EventData::new_u64(match self {
            Self::Inbox => INBOX,
            Self::Alarm => ALARM,
            Self::Channel(serial) => serial << 2 | 1,
            Self::Process(serial) => serial << 2 | 2,
            Self::Stderr(serial) => serial << 2 | 3,
        })
    }

    fn unpack(data: EventData) -> Self {
        let data = data.u64();
        match data & 3 {
            0 if data == INBOX => Self::Inbox,
            0 => Self::Alarm,
            1 => Self::Channel(data >> 2),
            2 => Self::Process(data >> 2),
            _ => Self::Stderr(data >> 2),
        }
    }
}

/// A level-triggered poll, and an alarm that others can set while somebody sleeps in it.
#[derive(Debug)]
pub(crate) struct Reactor {
    epoll: OwnedFd,
    alarm: OwnedFd,
}

impl Reactor {
    pub(crate) fn new() -> io::Result<Self> {
        let this = Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            alarm: timerfd_create(
                TimerfdClockId::Monotonic,
                TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
            )?,
        };
        this.add(Source::Alarm, &this.alarm)?;
        Ok(this)
    }

    /// Wakes the sleeper at this time of the monotonic clock, in nanoseconds.
    pub(crate) fn wake_at(&self, nanos: u64) -> io::Result<()> {
        let none = timespec(0);
        let at = Itimerspec {
            it_interval: none,
            // Zero would be never.
            it_value: timespec(nanos.max(1)),
        };
        timerfd_settime(&self.alarm, TimerfdTimerFlags::ABSTIME, &at)?;
        Ok(())
    }

    /// Wakes the sleeper when there is something to read.
    pub(crate) fn add(&self, source: Source, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, source.pack(), EventFlags::IN)?)
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
        Ok(epoll::modify(&self.epoll, fd, source.pack(), flags)?)
    }

    pub(crate) fn remove(&self, fd: impl AsFd) {
        // One that is not in it need not be taken out.
        let _ = epoll::delete(&self.epoll, fd);
    }
}

impl ground::Poll for Reactor {
    fn wait(&self, limit: Option<u64>, ready: &mut Vec<Source>) {
        let mut events = [const {
            Event {
                flags: EventFlags::empty(),
                data: EventData::new_u64(0),
            }
        }; 64];
        // Who is about to sleep gives back memory that was not used for a while.
        let kept = match limit {
            Some(0) => None,
            _ => linux_region::give_back(),
        };
        let limit = limit.into_iter().chain(kept.map(nanos)).min();
        let limit = limit.map(timespec);
        // An interrupted wait is one that found nothing.
        let count = epoll::wait(&self.epoll, &mut events, limit.as_ref()).unwrap_or(0);
        for event in &events[..count] {
            let source = Source::unpack(event.data);
            if source == Source::Alarm {
                let _ = rustix::io::read(&self.alarm, &mut [0_u8; 8]);
            }
            ready.push(source);
        }
    }
}

fn timespec(nanos: u64) -> Timespec {
    Timespec {
        tv_sec: (nanos / 1_000_000_000) as i64,
        tv_nsec: (nanos % 1_000_000_000) as _,
    }
}
