use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::failed::short_name;
use crate::panic_hook::{Seen, text_of};

/// Where a panic happened. Known only when [`install_panic_hook`](crate::install_panic_hook)
/// was called.
#[derive(Clone, Debug)]
pub struct PanicLocation {
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) backtrace: Option<Arc<str>>,
}

impl PanicLocation {
    /// For authors of executors: the place of a panic in another process.
    #[must_use]
    pub fn new(file: String, line: u32, column: u32, backtrace: Option<Arc<str>>) -> Self {
        Self {
            file,
            line,
            column,
            backtrace,
        }
    }

    /// The source file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The column, from 1.
    #[must_use]
    pub fn column(&self) -> u32 {
        self.column
    }

    /// The backtrace, when `RUST_BACKTRACE` asked for one.
    #[must_use]
    pub fn backtrace(&self) -> Option<&str> {
        self.backtrace.as_deref()
    }
}

impl fmt::Display for PanicLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The task panicked; its worker lives on.
///
/// Clones share the payload: whoever calls [`into_panic`](Self::into_panic) first gets it.
#[derive(Clone)]
pub struct TaskPanicked(Arc<Inner>);

struct Inner {
    task: &'static str,
    message: String,
    location: Option<PanicLocation>,
    payload: Mutex<Option<Box<dyn Any + Send>>>,
}

impl TaskPanicked {
    pub(crate) fn new(
        task: &'static str,
        payload: Box<dyn Any + Send>,
        seen: Option<Seen>,
    ) -> Self {
        let text = text_of(&*payload);
        let location = seen.and_then(|seen| seen.location_of(text));
        let message = text.unwrap_or("a value that is not text").to_owned();
        Self(Arc::new(Inner {
            task,
            message,
            location,
            payload: Mutex::new(Some(payload)),
        }))
    }

    /// For authors of executors: `task` panicked in another process. Its payload is the message.
    #[must_use]
    pub fn remote(task: &'static str, message: String, location: Option<PanicLocation>) -> Self {
        Self(Arc::new(Inner {
            task,
            message,
            location,
            payload: Mutex::new(None),
        }))
    }

    /// The panic's message, or a remark when the payload was not text.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The name of the job's type; of a closure, the function that it stands in.
    #[must_use]
    pub fn task(&self) -> &str {
        short_name(self.0.task)
    }

    /// Where it happened, when the panic hook is installed.
    #[must_use]
    pub fn location(&self) -> Option<&PanicLocation> {
        self.0.location.as_ref()
    }

    /// The payload, for [`std::panic::resume_unwind`]. When another clone took it before, or it
    /// stayed in another process, the message as a `String`.
    #[must_use]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        self.0
            .payload
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .unwrap_or_else(|| Box::new(self.0.message.clone()))
    }
}

impl fmt::Display for TaskPanicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task `{}` panicked", self.task())?;
        if let Some(location) = &self.0.location {
            write!(f, " at {location}")?;
        }
        write!(f, ": {}", self.0.message)
    }
}

impl fmt::Debug for TaskPanicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskPanicked")
            .field("task", &self.0.task)
            .field("message", &self.0.message)
            .field("location", &self.0.location)
            .finish_non_exhaustive()
    }
}

impl Error for TaskPanicked {}
