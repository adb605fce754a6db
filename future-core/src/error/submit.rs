use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::{BrokenExecutor, Exclusive};

/// Why an executor took no task.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SubmitErrorKind {
    /// It was shut down.
    Shutdown,
    /// It is broken.
    Broken(BrokenExecutor),
    /// It has no worker and the system refused it a thread or a process.
    Spawn(Arc<io::Error>),
}

/// A task was refused. The job is inside: [`into_job`](Self::into_job).
///
/// The message ends with the executor's status line, so that it alone tells what state the
/// executor was in.
pub struct SubmitError<J = ()> {
    kind: SubmitErrorKind,
    status: Arc<str>,
    job: Exclusive<J>,
}

impl<J> SubmitError<J> {
    /// For authors of executors: `status` is the executor's status line.
    pub fn new(kind: SubmitErrorKind, status: impl Into<Arc<str>>, job: J) -> Self {
        Self {
            kind,
            status: status.into(),
            job: Exclusive::new(job),
        }
    }

    /// Why it was refused.
    pub fn kind(&self) -> &SubmitErrorKind {
        &self.kind
    }

    /// Whether the executor was shut down.
    #[must_use]
    pub fn is_shutdown(&self) -> bool {
        matches!(self.kind, SubmitErrorKind::Shutdown)
    }

    /// The job, unharmed.
    pub fn into_job(self) -> J {
        self.job.into_inner()
    }

    /// The error alone; the job is dropped.
    #[must_use]
    pub fn without_job(self) -> SubmitError {
        self.replace_job(|_| ())
    }

    /// The same error with another job inside.
    pub fn replace_job<K>(self, f: impl FnOnce(J) -> K) -> SubmitError<K> {
        SubmitError {
            kind: self.kind,
            status: self.status,
            job: Exclusive::new(f(self.job.into_inner())),
        }
    }
}

impl Clone for SubmitError {
    fn clone(&self) -> Self {
        Self::new(self.kind.clone(), self.status.clone(), ())
    }
}

impl<J> fmt::Display for SubmitError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            SubmitErrorKind::Shutdown => f.write_str(
                "cannot submit after shutdown: submit before it, or make a new executor",
            ),
            SubmitErrorKind::Broken(broken) => {
                write!(f, "cannot submit, the executor is broken: {broken}")
            }
            SubmitErrorKind::Spawn(error) => write!(
                f,
                "cannot submit, there is no worker and the system refused to start one: {error}; \
                 lower max_workers or stack_size, or raise the system's limit, then submit again"
            ),
        }?;
        write!(f, " [{}]", self.status)
    }
}

impl<J> fmt::Debug for SubmitError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmitError")
            .field("kind", &self.kind)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl<J> Error for SubmitError<J> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            SubmitErrorKind::Shutdown => None,
            SubmitErrorKind::Broken(broken) => Some(broken),
            SubmitErrorKind::Spawn(error) => Some(&**error),
        }
    }
}
