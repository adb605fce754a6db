//! Why a pool could not be made.

use std::error::Error;
use std::fmt;
use std::io;

use crate::launcher::LaunchError;
use crate::limits::MAX_WORKERS;
use crate::worker::InitializerError;

/// A pool cannot be made as asked for. The message says what is wrong and what to do.
#[derive(Debug)]
pub struct BuildError(Wrong);

#[derive(Debug)]
pub(crate) enum Wrong {
    NoWorkers,
    TooManyWorkers(usize),
    Variable { name: &'static str, value: String },
    Launcher(LaunchError),
    Initializer(InitializerError),
    Refused(io::Error),
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
            Wrong::Variable { name, value } => Some((name, value)),
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
            Wrong::NoWorkers => f.write_str("max_workers must be greater than 0"),
            Wrong::TooManyWorkers(given) => {
                write!(
                    f,
                    "max_workers must be at most {MAX_WORKERS}, and is {given}"
                )
            }
            Wrong::Variable { name, value } => write!(
                f,
                "the environment variable {name} must be a number from 1 to {MAX_WORKERS}, and \
                 is {value:?}"
            ),
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
