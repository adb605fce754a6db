use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The executor can no longer run the task, or a promise was dropped without an outcome.
///
/// Python's `BrokenExecutor`. Clones share the cause.
#[derive(Clone, Debug)]
pub struct BrokenExecutor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl BrokenExecutor {
    /// For authors of executors: what broke.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            message: message.into(),
            source: None,
        }))
    }

    /// The same with the error that caused it.
    #[must_use]
    pub fn with_source(
        message: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Inner {
            message: message.into(),
            source: Some(source.into()),
        }))
    }
}

impl fmt::Display for BrokenExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for BrokenExecutor {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}
