//! A process behind a pidfd: no signal handler, no polling, and no mistaking of a number that the
//! system has given to another process meanwhile.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal as Number, WaitId, WaitIdOptions, WaitIdStatus, getpgid,
    kill_process_group, pidfd_open, pidfd_send_signal, waitid,
};

use crate::process::{Exit, Process, Signal};

/// A child of this process.
#[derive(Debug)]
pub(crate) struct Pidfd {
    pid: Pid,
    fd: OwnedFd,
    exit: Option<Exit>,
}

impl Pidfd {
    /// A child that was started as the leader of a process group of its own, and that nobody else
    /// waits for.
    pub(crate) fn open(id: u32) -> io::Result<Self> {
        let pid = i32::try_from(id)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let fd = pidfd_open(pid, PidfdFlags::empty())?;
        Ok(Self {
            pid,
            fd,
            exit: None,
        })
    }

    /// Signals the group. Its number is the worker's, which belongs to it until it is waited for.
    fn signal_group(&self, number: Number) {
        let _ = kill_process_group(self.pid, number);
    }

    fn wait(&mut self, options: WaitIdOptions) -> io::Result<Option<Exit>> {
        if self.exit.is_some() {
            return Ok(self.exit);
        }
        let waited = |options| loop {
            match waitid(
                WaitId::PidFd(self.fd.as_fd()),
                options | WaitIdOptions::EXITED,
            ) {
                Err(Errno::INTR) => {}
                other => return other,
            }
        };
        let found = match waited(options | WaitIdOptions::NOWAIT) {
            Ok(None) => return Ok(None),
            Ok(Some(status)) => {
                // While the worker is a zombie nobody else can have its number, nor its group's.
                self.signal_group(Number::KILL);
                waited(WaitIdOptions::NOHANG)
                    .ok()
                    .flatten()
                    .map_or_else(|| exit_of(&status), |status| exit_of(&status))
            }
            Err(Errno::CHILD) => Exit::Unknown,
            Err(error) => return Err(error.into()),
        };
        self.exit = Some(found);
        Ok(self.exit)
    }
}

fn exit_of(status: &WaitIdStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(number)) => Exit::Signal {
            number,
            core_dumped: status.dumped(),
        },
        (None, None) => Exit::Unknown,
    }
}

impl Process for Pidfd {
    fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        if self.exit.is_some() {
            return Ok(());
        }
        let number = match signal {
            Signal::Terminate => Number::TERM,
            Signal::Kill => Number::KILL,
        };
        self.signal_group(number);
        // A worker that has left its group is still a worker; one that has not gets it once.
        if signal == Signal::Terminate && getpgid(Some(self.pid)) == Ok(self.pid) {
            return Ok(());
        }
        match pidfd_send_signal(&self.fd, number) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn try_wait(&mut self) -> io::Result<Option<Exit>> {
        self.wait(WaitIdOptions::NOHANG)
    }
}

impl Drop for Pidfd {
    fn drop(&mut self) {
        if self.exit.is_none() {
            let _ = self.signal(Signal::Kill);
            let _ = self.wait(WaitIdOptions::empty());
        }
    }
}
