use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The task returned an error.
///
/// The error itself can be had back: [`downcast_ref`](Self::downcast_ref) by reference,
/// [`downcast`](Self::downcast) by value, [`into_inner`](Self::into_inner) without its type.
#[derive(Clone, Debug)]
pub struct TaskFailed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    task: Option<&'static str>,
    error: Box<dyn Error + Send + Sync>,
}

impl TaskFailed {
    pub(crate) fn new(task: Option<&'static str>, error: Box<dyn Error + Send + Sync>) -> Self {
        Self(Arc::new(Inner { task, error }))
    }

    /// For authors of executors: `task`, a job's name, returned `error`.
    #[must_use]
    pub fn of(task: &'static str, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Some(task), error.into())
    }

    /// The error, when it is an `E`.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.error.downcast_ref()
    }

    /// The error by value, when it is an `E`.
    ///
    /// # Errors
    ///
    /// Itself, when the error is of another type or a clone of it is alive.
    pub fn downcast<E: Error + 'static>(self) -> Result<E, Self> {
        if !self.0.error.is::<E>() {
            return Err(self);
        }
        let task = self.0.task;
        self.into_inner().and_then(|error| match error.downcast() {
            Ok(error) => Ok(*error),
            Err(error) => Err(Self::new(task, error)),
        })
    }

    /// The error by value.
    ///
    /// # Errors
    ///
    /// Itself, when a clone of it is alive.
    pub fn into_inner(self) -> Result<Box<dyn Error + Send + Sync>, Self> {
        Arc::try_unwrap(self.0)
            .map(|inner| inner.error)
            .map_err(Self)
    }
}

impl fmt::Display for TaskFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.task {
            Some(task) => write!(f, "task `{}` failed: {}", short_name(task), self.0.error),
            None => write!(f, "{}", self.0.error),
        }
    }
}

impl Error for TaskFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0.error)
    }
}

/// A job's type name without the closures at its end, which say nothing to its author.
pub(crate) fn short_name(mut name: &str) -> &str {
    while let Some(shorter) = name.strip_suffix("::{{closure}}") {
        name = shorter;
    }
    name
}
