//! Why a pool could not be made.

use std::error::Error;
use std::fmt;

use future_core::executor::WorkersError;

/// A pool cannot be made as asked for. The message names the setting, what was given and what
/// is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError(Wrong);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Workers(WorkersError),
    MinAboveMax { min: usize, max: usize },
    Prefix(String),
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
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Wrong::Workers(error) => error.fmt(f),
            Wrong::MinAboveMax { min, max } => write!(
                f,
                "min_workers must be at most max_workers ({max}), and is {min}"
            ),
            Wrong::Prefix(prefix) => write!(
                f,
                "thread_name_prefix must not contain a NUL character, and is {prefix:?}"
            ),
        }
    }
}

impl Error for BuildError {}
