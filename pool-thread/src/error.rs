//! Why a pool could not be made.

use std::error::Error;
use std::fmt;

use crate::limits::MAX_WORKERS;

/// A pool cannot be made as asked for. The message names the setting, what was given and what
/// is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError(Wrong);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    NoWorkers,
    TooManyWorkers(usize),
    MinAboveMax { min: usize, max: usize },
    Variable { name: &'static str, value: String },
    Prefix(String),
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
            Wrong::MinAboveMax { min, max } => write!(
                f,
                "min_workers must be at most max_workers ({max}), and is {min}"
            ),
            Wrong::Variable { name, value } => write!(
                f,
                "the environment variable {name} must be a number from 1 to {MAX_WORKERS}, and \
                 is {value:?}"
            ),
            Wrong::Prefix(prefix) => write!(
                f,
                "thread_name_prefix must not contain a NUL character, and is {prefix:?}"
            ),
        }
    }
}

impl Error for BuildError {}
