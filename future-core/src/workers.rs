//! How many workers a pool has.

use std::error::Error;
use std::fmt;
use std::num::NonZeroU32;

/// More workers than any machine has threads or processes for.
const MAX_WORKERS: u32 = 1 << 16;

/// Says how many when the program does not.
const VARIABLE: &str = "CONCURRENT_FUTURES_MAX_WORKERS";

/// For authors of executors: how many workers a pool is to have. What the program says comes
/// first, then the environment variable `CONCURRENT_FUTURES_MAX_WORKERS`, then what `default` makes
/// of the number of processors that this process may use.
///
/// # Errors
///
/// When that is no number from 1 to 65536.
pub fn max_workers(
    given: Option<usize>,
    default: impl FnOnce(usize) -> usize,
) -> Result<NonZeroU32, WorkersError> {
    let wanted = match (given, std::env::var_os(VARIABLE)) {
        (Some(given), _) => given,
        (None, None) => default(std::thread::available_parallelism().map_or(1, Into::into)),
        (None, Some(value)) => {
            let number = value.to_str().and_then(|text| text.trim().parse().ok());
            return number
                .and_then(allowed)
                .ok_or_else(|| WorkersError::Variable(value.to_string_lossy().into_owned()));
        }
    };
    allowed(wanted).ok_or(match wanted {
        0 => WorkersError::None,
        more => WorkersError::TooMany(more),
    })
}

fn allowed(workers: usize) -> Option<NonZeroU32> {
    let workers = u32::try_from(workers).ok().and_then(NonZeroU32::new)?;
    (workers.get() <= MAX_WORKERS).then_some(workers)
}

/// No pool can have so many workers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkersError {
    /// Not one.
    None,
    /// So many.
    TooMany(usize),
    /// What the environment variable is.
    Variable(String),
}

impl WorkersError {
    /// The environment variable that is wrong, and its value, when it is one.
    #[must_use]
    pub fn variable(&self) -> Option<(&str, &str)> {
        match self {
            Self::Variable(value) => Some((VARIABLE, value)),
            _ => None,
        }
    }
}

impl fmt::Display for WorkersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("max_workers must be greater than 0"),
            Self::TooMany(given) => write!(
                f,
                "max_workers must be at most {MAX_WORKERS}, and is {given}"
            ),
            Self::Variable(value) => write!(
                f,
                "the environment variable {VARIABLE} must be a number from 1 to {MAX_WORKERS}, \
                 and is {value:?}"
            ),
        }
    }
}

impl Error for WorkersError {}

#[cfg(all(test, not(cf_loom)))]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        for (given, message) in [
            (0, "max_workers must be greater than 0"),
            (65_537, "max_workers must be at most 65536, and is 65537"),
        ] {
            let error = max_workers(Some(given), |_| 1).unwrap_err();
            assert_eq!(
                (error.to_string(), error.variable()),
                (message.to_owned(), None)
            );
        }
        assert!(max_workers(Some(usize::MAX), |_| 1).is_err());
        for given in [1, 65_536] {
            let workers = max_workers(Some(given), |_| 1).unwrap();
            assert_eq!(workers.get() as usize, given);
        }
    }
}
