use std::backtrace::{Backtrace, BacktraceStatus};
use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// An error that travels: a function that runs in another process returns it, and `?` makes it
/// of any error.
///
/// What arrives is a [`RemoteCause`], which keeps the type's name, the message, the sources and
/// the backtrace. To have the error itself back, return a type that can be serialised instead.
///
/// ```
/// use future_core::RemoteError;
///
/// fn parse(text: String) -> Result<u32, RemoteError> {
///     Ok(text.trim().parse()?)
/// }
///
/// let error = parse("seven".to_owned()).unwrap_err();
/// assert_eq!(error.to_string(), "invalid digit found in string");
/// assert_eq!(error.cause().type_name(), "core::num::error::ParseIntError");
/// ```
#[derive(Clone, Serialize, Deserialize)]
pub struct RemoteError(RemoteCause);

/// What a [`RemoteError`] was made of; an error itself, with sources.
///
/// ```
/// use future_core::{RemoteCause, RemoteError, promise};
///
/// let (mut promise, future) = promise::<u32>();
/// promise.set_exception(RemoteError::from("x".parse::<u32>().unwrap_err()))?;
/// let error = future.result().unwrap_err();
/// let cause: &RemoteCause = error.downcast_ref().unwrap();
/// assert!(cause.type_name().ends_with("ParseIntError"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
pub struct RemoteCause {
    type_name: String,
    message: String,
    source: Option<Box<RemoteCause>>,
    backtrace: Option<String>,
}

impl RemoteError {
    /// An error of a message alone.
    #[must_use]
    pub fn msg(message: impl fmt::Display) -> Self {
        Self(RemoteCause {
            type_name: String::new(),
            message: message.to_string(),
            source: None,
            backtrace: backtrace(),
        })
    }

    /// What it was made of.
    #[must_use]
    pub fn cause(&self) -> &RemoteCause {
        &self.0
    }

    /// The same, by value.
    #[must_use]
    pub fn into_cause(self) -> RemoteCause {
        self.0
    }
}

impl RemoteCause {
    /// The name of the error's type; empty for a message, and for sources, whose types are not
    /// known.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// Where the error was made a [`RemoteError`], when `RUST_BACKTRACE` asked for it there.
    #[must_use]
    pub fn backtrace(&self) -> Option<&str> {
        self.backtrace.as_deref()
    }

    fn of_source(error: &(dyn Error + 'static)) -> Box<Self> {
        Box::new(Self {
            type_name: String::new(),
            message: error.to_string(),
            source: error.source().map(Self::of_source),
            backtrace: None,
        })
    }
}

fn backtrace() -> Option<String> {
    let backtrace = Backtrace::capture();
    (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string())
}

// `RemoteError` itself is no `Error`, or this would overlap with `From<T> for T`.
impl<E: Error + 'static> From<E> for RemoteError {
    fn from(error: E) -> Self {
        Self(RemoteCause {
            type_name: std::any::type_name::<E>().to_owned(),
            message: error.to_string(),
            source: error.source().map(RemoteCause::of_source),
            backtrace: backtrace(),
        })
    }
}

impl From<RemoteError> for Box<dyn Error + Send + Sync> {
    fn from(error: RemoteError) -> Self {
        Box::new(error.0)
    }
}

impl From<RemoteError> for Box<dyn Error> {
    fn from(error: RemoteError) -> Self {
        Box::new(error.0)
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for RemoteCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for RemoteCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut source = self.source.as_deref();
        while let Some(cause) = source {
            write!(f, ", caused by: {}", cause.message)?;
            source = cause.source.as_deref();
        }
        Ok(())
    }
}

impl Error for RemoteCause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(all(test, not(cf_loom)))]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::num::ParseIntError);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no such page")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    // C-158, D-14
    #[test]
    fn an_error_keeps_its_sources_on_the_journey() {
        let inner = "x".parse::<u32>().unwrap_err();
        let error = RemoteError::from(Outer(inner));
        let bytes = postcard::to_stdvec(&error).unwrap();
        let arrived: RemoteError = postcard::from_bytes(&bytes).unwrap();
        assert!(arrived.cause().type_name().ends_with("::Outer"));
        assert_eq!(
            format!("{arrived:?}"),
            "no such page, caused by: invalid digit found in string"
        );
        let boxed: Box<dyn Error + Send + Sync> = arrived.into();
        assert_eq!(boxed.to_string(), "no such page");
        assert_eq!(
            boxed.source().unwrap().to_string(),
            "invalid digit found in string"
        );
        assert!(boxed.is::<RemoteCause>());
    }

    #[test]
    fn a_message_is_an_error() {
        let error = RemoteError::msg("out of paper");
        assert_eq!(error.to_string(), "out of paper");
        assert_eq!(error.into_cause().type_name(), "");
    }
}
