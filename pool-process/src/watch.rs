//! What the supervisor's thread sleeps on while another one polls.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use crate::ground::{self, Bell as _};
use crate::linux_ground::Bell;

/// How long nobody may poll, in nanoseconds.
const UNWATCHED: i64 = 500_000;

/// A bell and a timer.
#[derive(Debug)]
pub(crate) struct Watch {
    bell: Bell,
    timer: OwnedFd,
    armed: AtomicBool,
}

impl Watch {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            bell: Bell::new()?,
            timer: timerfd_create(
                TimerfdClockId::Monotonic,
                TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
            )?,
            armed: AtomicBool::new(false),
        })
    }
}

impl ground::Watch for Watch {
    fn ring(&self) {
        self.bell.ring();
    }

    fn arm(&self) {
        // ORDERING: AcqRel pairs with itself in `wait`: one that is found armed has a sleeper that
        // will look again, and see what was done before this.
        if self.armed.swap(true, Ordering::AcqRel) {
            return;
        }
        let soon = Itimerspec {
            it_interval: time(0),
            it_value: time(UNWATCHED),
        };
        if timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &soon).is_err() {
            self.ring();
        }
    }

    fn wait(&self) {
        let mut fds = [
            PollFd::new(&self.bell, PollFlags::IN),
            PollFd::new(&self.timer, PollFlags::IN),
        ];
        // When it is interrupted, it is woken too early.
        let _ = poll(&mut fds, None);
        self.bell.silence();
        let _ = rustix::io::read(&self.timer, &mut [0_u8; 8]);
        // ORDERING: AcqRel: whoever found it armed before this did what it did before, and the
        // caller looks for that after this.
        self.armed.swap(false, Ordering::AcqRel);
    }
}

fn time(nanos: i64) -> Timespec {
    Timespec {
        tv_sec: 0,
        tv_nsec: nanos as _,
    }
}
