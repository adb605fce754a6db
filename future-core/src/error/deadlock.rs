use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A wait without a time limit that could never end.
///
/// Tasks of this process wait for each other in a cycle. The wait that closed the cycle gets
/// this error; the others go on once its task ends.
#[derive(Clone, Debug)]
pub struct Deadlock(Arc<str>);

impl Deadlock {
    pub(crate) fn new(cycle: impl Into<Arc<str>>) -> Self {
        Self(cycle.into())
    }

    /// The tasks that wait, one after the other, the one that got this error first.
    #[must_use]
    pub fn cycle(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "deadlock: this wait would never end: {}; \
             return the future from the task instead of waiting for it, or wait with a time limit",
            self.0
        )
    }
}

impl Error for Deadlock {}
