//! The worker's first thread, once the worker runs.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::{Shared, linux_signals};

/// Ends the process when the parent closes its end of the channel, by dying for example, and sends
/// answers that wait.
pub(super) fn run(shared: &Shared) -> ! {
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(shared.channel.as_fd(), PollFlags::RDHUP),
            PollFd::from_borrowed_fd(shared.answers.timer(), PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => end(),
        }
        let [channel, timer] = fds.map(|fd| fd.revents());
        // Also when a task has closed it.
        if !channel.is_empty() {
            end();
        }
        if timer.contains(PollFlags::NVAL) {
            end();
        }
        if !timer.is_empty() {
            shared.flush_waiting();
        }
    }
}

/// Ends the process and what it has started.
pub(super) fn end() -> ! {
    linux_signals::end_group()
}
