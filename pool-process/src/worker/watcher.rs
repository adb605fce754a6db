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
        if channel.contains(PollFlags::NVAL) || timer.contains(PollFlags::NVAL) {
            leave_it();
        }
        if !channel.is_empty() {
            end();
        }
        if !timer.is_empty() && !shared.flush_waiting() {
            leave_it();
        }
    }
}

/// A task has closed descriptors that are not its own. The other thread may be in the middle of
/// another task by now, which is not to blame: it ends the process when it has something to send.
/// That its parent has ended, the worker then learns by the signal.
fn leave_it() -> ! {
    loop {
        std::thread::park();
    }
}

/// Ends the process and what it has started.
pub(super) fn end() -> ! {
    linux_signals::end_group()
}
