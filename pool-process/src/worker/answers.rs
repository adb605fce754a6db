//! Answers on their way to the parent.
//!
//! They are collected in the outbox, which lies in the memory that is shared with the parent. So
//! a task that has finished is not lost when the next one crashes: the parent takes what was not
//! sent out of the outbox of a dead worker. They are sent when there is nothing else to do, when
//! they are many, and at the latest 50 µs after the first of them, by the watching thread if the
//! other one is busy with a long task.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::net::SendFlags;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use super::{Shared, watcher};
use crate::linux_memory::{OUTBOX, Page};
use crate::socket::send;

/// As many bytes are sent at once, even when more answers are about to come.
const MANY: u64 = 32 * 1024;

/// How long, in nanoseconds, an answer waits for others.
const DELAY: i64 = 50_000;

pub(super) struct Answers {
    outbox: Mutex<Outbox>,
    timer: OwnedFd,
}

struct Outbox {
    /// The stream's bytes up to here are with the kernel.
    sent: u64,
    /// The stream's bytes up to here are in the outbox.
    end: u64,
    /// Whether the timer is set.
    armed: bool,
}

impl Answers {
    /// Answers that follow the first `sent` bytes of the stream.
    pub(super) fn new(sent: u64) -> io::Result<Self> {
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )?;
        Ok(Self {
            outbox: Mutex::new(Outbox {
                sent,
                end: sent,
                armed: false,
            }),
            timer,
        })
    }

    /// Readable when answers have waited long enough.
    pub(super) fn timer(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }

    fn lock(&self) -> MutexGuard<'_, Outbox> {
        // No code of a user runs under it.
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Adds an answer. `more`: others are about to come, so it may wait for them.
    pub(super) fn answer(&self, frame: &[u8], more: bool) {
        let mut outbox = self.answers.lock();
        if frame.len() as u64 > OUTBOX as u64 - (outbox.end - outbox.sent) {
            or_end(self.flush(&mut outbox));
        }
        let page = self.memory.page();
        if frame.len() > OUTBOX {
            or_end(send_all(self.channel.as_fd(), &mut [frame].into_iter()));
            outbox.end += frame.len() as u64;
            outbox.sent = outbox.end;
            publish(page, outbox.end);
            return;
        }
        page.put(outbox.end, frame);
        outbox.end += frame.len() as u64;
        publish(page, outbox.end);
        let waits = more && outbox.end - outbox.sent < MANY;
        if waits && !outbox.armed {
            outbox.armed = self.set_timer();
        }
        // Nor does it wait when a task has closed the timer.
        if !waits || !outbox.armed {
            or_end(self.flush(&mut outbox));
        }
    }

    /// Sends what there is.
    pub(super) fn flush_answers(&self) {
        or_end(self.flush(&mut self.answers.lock()));
    }

    /// Sends what has waited long enough. False when a task has closed the channel.
    pub(super) fn flush_waiting(&self) -> bool {
        let mut expirations = [0; 8];
        // It is readable, or somebody else has closed it; either way the answers go out.
        let _ = rustix::io::read(&self.answers.timer, &mut expirations);
        let mut outbox = self.answers.lock();
        outbox.armed = false;
        match self.flush(&mut outbox) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EBADF | libc::ENOTSOCK)) => {
                false
            }
            flushed => {
                or_end(flushed);
                true
            }
        }
    }

    fn flush(&self, outbox: &mut Outbox) -> io::Result<()> {
        if outbox.sent == outbox.end {
            return Ok(());
        }
        let len = (outbox.end - outbox.sent) as usize;
        let parts = self.memory.page().filled(outbox.sent, len);
        send_all(self.channel.as_fd(), &mut parts.into_iter())?;
        outbox.sent = outbox.end;
        Ok(())
    }

    /// Whether it could be set.
    fn set_timer(&self) -> bool {
        let at = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: Timespec {
                tv_sec: 0,
                tv_nsec: DELAY,
            },
        };
        timerfd_settime(&self.answers.timer, TimerfdTimerFlags::empty(), &at).is_ok()
    }
}

fn publish(page: &Page, end: u64) {
    // ORDERING: Release, pairs with the parent's Acquire: the bytes before it are there.
    page.outbox_end.store(end, Ordering::Release);
}

/// Without a channel it is no worker.
fn or_end(sent: io::Result<()>) {
    if sent.is_err() {
        watcher::end();
    }
}

fn send_all(channel: BorrowedFd<'_>, parts: &mut dyn Iterator<Item = &[u8]>) -> io::Result<()> {
    for mut part in parts {
        while !part.is_empty() {
            let sent = send(channel, &[IoSlice::new(part)], SendFlags::empty())?;
            part = &part[sent..];
        }
    }
    Ok(())
}
