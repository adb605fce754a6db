//! Workers on this machine: the same executable, started anew.
//!
//! std's `Command` uses posix_spawn as long as nothing has to run between fork and exec, and that
//! takes the same short time however much memory this process has. What else a worker needs it
//! does itself when it has started. Without such code only the standard streams can be passed on
//! without a moment in which another thread's child would inherit the descriptor too; so the
//! channel travels as the standard input, which the worker moves away first, and the shared
//! memory follows through the channel.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustix::fs::OFlags;

use crate::build_id::BuildId;
use crate::constructor;
use crate::control::Control;
use crate::entry::EntryId;
use crate::launcher::{LaunchError, LaunchSpec, Launched, Launcher};
use crate::linux_pidfd::Pidfd;
use crate::socket::Socket;
use crate::wire::{Encoder, Hello};
use crate::worker::VARIABLE;

/// The executable of this process, even when its file was replaced or deleted since.
const SELF: &str = "/proc/self/exe";

/// Starts workers on this machine.
#[derive(Debug)]
pub struct LocalLauncher {
    program: PathBuf,
    name: OsString,
    build: BuildId,
}

impl LocalLauncher {
    /// Workers are this program.
    ///
    /// # Errors
    ///
    /// [`LaunchError::Unsupported`] when a copy of this program would not become a worker.
    pub fn new() -> Result<Self, LaunchError> {
        if !constructor::will_be_entered() {
            return Err(LaunchError::not_entered());
        }
        Self::of(SELF.into())
    }

    /// Workers are this program: another copy of the same build, at this path.
    ///
    /// # Errors
    ///
    /// [`LaunchError::Unsupported`] when jobs cannot be sent from this program.
    pub fn with_program(program: impl Into<PathBuf>) -> Result<Self, LaunchError> {
        Self::of(program.into())
    }

    fn of(program: PathBuf) -> Result<Self, LaunchError> {
        // A job's code in a shared library is one reason, and this crate's is there then, too.
        EntryId::sentinel().map_err(|error| LaunchError::Unsupported(error.to_string()))?;
        Ok(Self {
            program,
            name: std::env::args_os().next().unwrap_or_else(|| SELF.into()),
            build: BuildId::own(),
        })
    }

    fn spawn(&self, spec: &LaunchSpec, channel: OwnedFd) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command
            .arg0(&self.name)
            .stdin(Stdio::from(channel))
            .stdout(Stdio::inherit())
            .stderr(Stdio::piped())
            // So that a signal ends the worker and whatever it has started.
            .process_group(0);
        for (name, value) in &spec.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env(VARIABLE, std::process::id().to_string());
        command.spawn()
    }
}

impl Launcher for LocalLauncher {
    fn launch(&mut self, spec: &LaunchSpec) -> Result<Launched, LaunchError> {
        let refused = LaunchError::refused;
        let control = Control::create().map_err(refused("shared memory"))?;
        let (mut channel, theirs) = Socket::pair().map_err(refused("a pair of sockets"))?;
        let mut hello = Vec::new();
        Encoder(&mut hello).hello(&Hello {
            build: self.build.clone(),
            // No thread can be called otherwise.
            name: spec.name.replace('\0', ""),
        });
        // It is there before the worker looks for it.
        channel
            .begin_with(&hello, rustix::fd::AsFd::as_fd(control.memory()))
            .map_err(refused("sending the shared memory"))?;
        let mut child = self
            .spawn(spec, theirs)
            .map_err(refused("starting the program"))?;
        let process = Pidfd::open(child.id()).map_err(|error| {
            abandon(&mut child);
            refused("pidfd_open")(error)
        })?;
        let stderr = child.stderr.take().map(OwnedFd::from);
        if let Some(stderr) = &stderr {
            rustix::fs::fcntl_getfl(stderr)
                .and_then(|flags| rustix::fs::fcntl_setfl(stderr, flags | OFlags::NONBLOCK))
                .map_err(|error| refused("the pipe for its standard error")(error.into()))?;
        }
        Ok(Launched {
            channel: Box::new(channel),
            process: Box::new(process),
            control: Arc::new(control),
            stderr,
        })
    }
}

/// Ends a child that cannot be watched.
fn abandon(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(all(test, not(cf_loom)))]
mod tests {
    use super::*;
    use crate::link::{Link, Received, Report};
    use crate::process::Exit;

    /// Unit tests are a program, too, and each worker is one that runs no test.
    #[test]
    fn a_unit_test_has_workers() {
        let mut launcher = LocalLauncher::new().unwrap();
        let spec = LaunchSpec {
            name: "a\0b".to_owned(),
            ..LaunchSpec::default()
        };
        let mut link = Link::new(launcher.launch(&spec).unwrap());
        link.begin(None);
        link.retire();
        assert!(link.flush().unwrap());
        let mut reports = Vec::new();
        while link.receive(&mut |r| reports.push(r)).unwrap() != Received::Closed {
            std::thread::yield_now();
        }
        assert!(matches!(reports[..], [Report::Ready]), "{reports:?}");
        let exit = loop {
            match link.process.try_wait().unwrap() {
                Some(exit) => break exit,
                None => std::thread::yield_now(),
            }
        };
        assert_eq!(exit, Exit::Code(0));
    }
}
