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

/// For authors of executors: wraps `job` when somebody listens, else gives it back.
///
/// With a subscriber, the job runs in a span `runtime.spawn` (the name that tokio-console
/// lists), made here as a child of the current span. When that span is filtered out, the job
/// runs in the current span, so that context still follows it. Without a subscriber this is one
/// load, and nothing is stored.
///
/// # Errors
///
/// The job, when nobody listens.
pub fn instrument<J: Job>(
    job: J,
    kind: &'static str,
    location: &Location<'_>,
) -> Result<Instrumented<J>, J> {
    if !dispatcher::has_been_set() {
        return Err(job);
    }
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let span = span!(
        target: "concurrent_futures",
        Level::TRACE,
        "runtime.spawn",
        kind,
        // ORDERING: only the numbers' being different matters.
        task.id = NEXT.fetch_add(1, Ordering::Relaxed),
        task.name = J::name(),
        loc.file = location.file(),
        loc.line = location.line(),
        loc.col = location.column(),
    );
    let span = if span.is_disabled() {
        Span::current()
    } else {
        span
    };
    if span.is_disabled() {
        return Err(job);
    }
    Ok(Instrumented { job, span })
}
