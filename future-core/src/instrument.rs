//! Spans that follow tasks into their workers.

use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{Level, Span, dispatcher, span};

use crate::Job;

/// A job that runs inside a span.
#[derive(Debug)]
pub struct Instrumented<J> {
    job: J,
    span: Span,
}

impl<J> Instrumented<J> {
    /// The job alone.
    pub fn into_inner(self) -> J {
        self.job
    }
}

impl<J: Job> Job for Instrumented<J> {
    type Output = J::Output;

    fn run(self) -> J::Output {
        let Self { job, span } = self;
        span.in_scope(|| job.run())
    }

    fn name() -> &'static str {
        J::name()
    }
}

/// The span of a task that is about to be submitted.
#[derive(Clone, Debug)]
pub struct TaskSpan {
    /// The span: the task's own, or the submitter's where its own is filtered out.
    pub span: Span,
    /// The number that the span has as its field `task.id`.
    pub id: u64,
}

/// For authors of executors: the span of the task `name` that the current thread submits, to be
/// entered where the task runs; `None` when nobody listens.
///
/// It is called `runtime.spawn` (the name that tokio-console lists), and is a child of the current
/// span. When it is filtered out, this is the current span, so that context still follows the
/// task. Without a subscriber this is one load.
#[must_use]
pub fn task_span(
    name: &'static str,
    kind: &'static str,
    location: &Location<'_>,
) -> Option<TaskSpan> {
    if !dispatcher::has_been_set() {
        return None;
    }
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // ORDERING: only the numbers' being different matters.
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let span = span!(
        target: "concurrent_futures",
        Level::TRACE,
        "runtime.spawn",
        kind,
        task.id = id,
        task.name = name,
        loc.file = location.file(),
        loc.line = location.line(),
        loc.col = location.column(),
    );
    let span = if span.is_disabled() {
        Span::current()
    } else {
        span
    };
    (!span.is_disabled()).then_some(TaskSpan { span, id })
}

/// For authors of executors: wraps `job` in its [`task_span`] when somebody listens, else gives it
/// back, and stores nothing.
///
/// # Errors
///
/// The job, when nobody listens.
pub fn instrument<J: Job>(
    job: J,
    kind: &'static str,
    location: &Location<'_>,
) -> Result<Instrumented<J>, J> {
    match task_span(J::name(), kind, location) {
        Some(TaskSpan { span, .. }) => Ok(Instrumented { job, span }),
        None => Err(job),
    }
}
