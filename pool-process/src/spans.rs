//! Spans of tasks: one in this process, from the submit until the outcome is there, and one in the
//! worker around the run, when the worker has a subscriber too. Spans do not cross processes; the
//! numbers that both have tell which belong together.

#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::panic::Location;

use future_core::executor::Task;
use future_core::{Future, TaskError, task_span};
use tracing::{Level, Span, dispatcher, span};

use crate::entry::{self, Code, EntryError, EntryId};
use crate::receive::{AtWorker, Receiver};
use crate::wire::Failure;

/// The place in the user's code where a task was submitted; none, if its task is to have no span.
#[derive(Clone, Copy)]
pub(crate) struct Origin(Option<&'static Location<'static>>);

impl Origin {
    /// The caller's caller's.
    #[track_caller]
    pub(crate) fn here() -> Self {
        Self(Some(Location::caller()))
    }

    pub(crate) fn if_wanted(self, wanted: bool) -> Self {
        Self(self.0.filter(|_| wanted))
    }
}

/// The span of a task that is being submitted, if anybody listens.
pub(crate) struct TaskSpan(Option<future_core::TaskSpan>);

impl TaskSpan {
    pub(crate) fn open(task: &'static str, origin: Origin) -> Self {
        let place = origin.0;
        Self(place.and_then(|place| task_span(task, "process", place)))
    }

    /// The entry of the task's code, which is to run in a span.
    pub(crate) fn entry<C: Code>(&self) -> Result<EntryId, EntryError> {
        match self.0 {
            Some(_) => EntryId::of_code::<Traced<C>>(),
            None => EntryId::of_code::<C>(),
        }
    }

    /// Writes what goes before the data of the task's code.
    pub(crate) fn begin(&self, payload: &mut Vec<u8>) {
        if let Some(of) = &self.0 {
            let span = of.span.id().map_or(0, |id| id.into_u64());
            payload.extend_from_slice(&of.id.to_le_bytes());
            payload.extend_from_slice(&span.to_le_bytes());
        }
    }

    /// A task whose outcome is made inside the span.
    pub(crate) fn task<R: Receiver>(self, receiver: R) -> (Task, Future<R::Output>) {
        match self.0 {
            Some(of) => Task::new_lendable(AtWorker(Spanned {
                receiver,
                span: of.span,
            })),
            None => Task::new_lendable(AtWorker(receiver)),
        }
    }
}

/// Makes the outcome inside the task's span, which ends with it.
struct Spanned<R> {
    receiver: R,
    span: Span,
}

impl<R: Receiver> Receiver for Spanned<R> {
    type Output = R::Output;

    fn receive(self) -> Result<R::Output, TaskError> {
        let Self { receiver, span } = self;
        span.in_scope(|| receiver.receive())
    }

    fn name() -> &'static str {
        R::name()
    }
}

/// In the worker: code that runs inside a span, if anybody there listens. Before its data stand
/// the `task.id` of the task's span in the parent, and that span's own number, or 0.
struct Traced<C>(PhantomData<C>);

impl<C: Code> Code for Traced<C> {
    unsafe fn run(payload: &[u8], output: &mut Vec<u8>) -> Result<(), Failure> {
        let span = payload.split_first_chunk().and_then(|(task, rest)| {
            let (span, rest) = rest.split_first_chunk()?;
            Some((u64::from_le_bytes(*task), u64::from_le_bytes(*span), rest))
        });
        let Some((task, span, payload)) = span else {
            return Err(Failure::Undecodable {
                type_name: C::name().to_owned(),
                message: "its span is cut short".to_owned(),
            });
        };
        // SAFETY: the caller's promise: what follows was written for `C`.
        let mut run = || unsafe { C::run(payload, output) };
        if !dispatcher::has_been_set() {
            return run();
        }
        // The subscriber is code of the user's.
        entry::guarded(|| {
            let span = span!(
                target: "concurrent_futures",
                Level::TRACE,
                "runtime.spawn",
                kind = "worker",
                task.id = task,
                task.name = C::name(),
                parent.pid = std::os::unix::process::parent_id(),
                parent.span = span,
            );
            span.in_scope(run)
        })?
    }

    fn name() -> &'static str {
        C::name()
    }
}
