//! Why a pool could not be made.

use std::error::Error;
use std::fmt;
use std::io;

use future_core::executor::WorkersError;

use crate::launcher::LaunchError;
use crate::worker::InitializerError;

/// A pool cannot be made as asked for. The message says what is wrong and what to do.
#[derive(Debug)]
pub struct BuildError(Wrong);

#[derive(Debug)]
pub(crate) enum Wrong {
    Workers(WorkersError),
    Launcher(LaunchError),
    Initializer(InitializerError),
    Refused(io::Error),
}

impl From<WorkersError> for BuildError {
    fn from(error: WorkersError) -> Self {
        Self(Wrong::Workers(error))
    }
}

impl From<Wrong> for BuildError {
    fn from(wrong: Wrong) -> Self {
        Self(wrong)
    }
}

impl BuildError {
    /// The environment variable that is wrong, and its value, when it is one.
    #[must_use]
    pub fn variable(&self) -> Option<(&str, &str)> {
        match &self.0 {
            Wrong::Workers(error) => error.variable(),
            _ => None,
        }
    }

    /// Whether no worker can be started from this program, whatever the settings are.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self.0, Wrong::Launcher(LaunchError::Unsupported(_)))
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Wrong::Workers(error) => error.fmt(f),
            Wrong::Launcher(error) => error.fmt(f),
            Wrong::Initializer(error) => {
                write!(f, "the initializer cannot be sent to workers: {error}")
            }
            Wrong::Refused(error) => write!(
                f,
                "the system refused a thread or a descriptor for the pool: {error}; raise the \
                 limit, or use fewer pools"
            ),
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Wrong::Launcher(error) => error.source(),
            Wrong::Initializer(error) => Some(error),
            Wrong::Refused(error) => Some(error),
            _ => None,
        }
    }
}
