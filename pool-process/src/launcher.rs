//! How workers are started.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::channel::Channel;
use crate::control::Control;
use crate::process::Process;

/// Starts workers. To be used from one thread that lives as long as they.
pub trait Launcher: Send {
    /// Starts one, and does not wait until it speaks.
    ///
    /// # Errors
    ///
    /// When there is no worker; then nothing is left of it.
    fn launch(&mut self, spec: &LaunchSpec) -> Result<Launched, LaunchError>;
}

/// What is particular to a worker.
#[derive(Clone, Debug, Default)]
pub struct LaunchSpec {
    /// What tools that list threads show: 15 bytes at most.
    pub name: String,
    /// Changes of its environment; `None` removes a variable.
    pub env: Vec<(OsString, Option<OsString>)>,
}

/// A worker that was started.
#[derive(Debug)]
pub struct Launched {
    /// Carries its frames. The launcher has sent the first one.
    pub channel: Box<dyn Channel>,
    /// Ends with the worker.
    pub process: Box<dyn Process>,
    /// Shared with it.
    pub control: Arc<Control>,
    /// The end of a pipe that never blocks, with what the worker writes to its standard error.
    pub stderr: Option<OwnedFd>,
}

/// There is no worker.
#[derive(Debug)]
#[non_exhaustive]
pub enum LaunchError {
    /// The system refused. Perhaps not the next time.
    Refused {
        /// What was to be done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// No worker can be started from this program. Says what to do.
    Unsupported(String),
}

impl LaunchError {
    /// A copy of this program would run its `main`.
    #[must_use]
    pub fn not_entered() -> Self {
        // Most users know this crate by the name of the one that re-exports it.
        Self::Unsupported(
            "this program was linked in a way that leaves out the code by which a copy of it \
             becomes a worker; call `concurrent_futures::process::init()` first in `main` \
             (`pool_process::init()` in a program that uses that crate by itself)"
                .to_owned(),
        )
    }

    pub(crate) fn refused(step: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Refused { step, source }
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { step, source } => {
                write!(f, "cannot start a worker process: {step}: {source}")
            }
            Self::Unsupported(why) => write!(f, "workers cannot be started: {why}"),
        }
    }
}

impl Error for LaunchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused { source, .. } => Some(source),
            Self::Unsupported(_) => None,
        }
    }
}
