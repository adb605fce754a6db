use std::error::Error;
use std::fmt;

use super::Exclusive;
use crate::{FutureId, State};

/// A promise was asked for a step that its future's state does not allow.
///
/// Python's `InvalidStateError`. What was to be set is given back by
/// [`into_value`](Self::into_value).
pub struct InvalidStateError<T = ()> {
    verb: &'static str,
    state: State,
    id: FutureId,
    value: Exclusive<T>,
}

impl<T> InvalidStateError<T> {
    pub(crate) fn new(verb: &'static str, state: State, id: FutureId, value: T) -> Self {
        Self {
            verb,
            state,
            id,
            value: Exclusive::new(value),
        }
    }

    /// The state the future was in, and still is.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// What was to be set.
    pub fn into_value(self) -> T {
        self.value.into_inner()
    }
}

impl<T> fmt::Display for InvalidStateError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} refused: the future at {} is {}; what it holds is unchanged",
            self.verb, self.id, self.state
        )
    }
}

impl<T> fmt::Debug for InvalidStateError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidStateError")
            .field("verb", &self.verb)
            .field("state", &self.state)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl<T> Error for InvalidStateError<T> {}
