//! A job on its way: encoded in the thread that submits it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use future_core::executor::Task;
use future_core::{Future, Portable, PortableError, TaskError, TaskPanicked};

use crate::entry::{EntryError, EntryId, Of};
use crate::out_of_band::{self, Attached};
use crate::receive::Receiver;
use crate::spans::{Origin, TaskSpan};
use crate::wire::{Ticket, text_of};

/// A task, and what a worker needs to run it.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) task: Task,
    pub(crate) entry: EntryId,
    pub(crate) payload: Vec<u8>,
    /// What that refers to.
    pub(crate) attached: Vec<Attached>,
    /// How long it may run, in nanoseconds.
    pub(crate) limit: Option<u64>,
    /// Its name at the worker that it was last sent to.
    pub(crate) ticket: Option<Ticket>,
    /// How many workers have begun it.
    pub(crate) attempts: u32,
}

/// A job as it travels.
pub(crate) struct Encoded {
    pub(crate) entry: EntryId,
    pub(crate) payload: Vec<u8>,
    pub(crate) attached: Vec<Attached>,
}

/// A job as work for a worker, or as a task that has failed because it cannot travel.
pub(crate) enum Made {
    Work(Work),
    Failed(Task, TaskError),
}

/// Encodes `job`, whose future gets what `receiver` makes of the answer.
pub(crate) fn make<J: Portable, R: Receiver>(
    job: &J,
    receiver: R,
    limit: Option<Duration>,
    origin: Origin,
) -> (Made, Future<R::Output>) {
    let span = TaskSpan::open(J::name(), origin);
    prepare(payload(job, &span), receiver, limit, span)
}

/// The same for what is encoded already.
pub(crate) fn prepare<R: Receiver>(
    encoded: Result<Encoded, TaskError>,
    receiver: R,
    limit: Option<Duration>,
    span: TaskSpan,
) -> (Made, Future<R::Output>) {
    let (task, future) = span.task(receiver);
    let made = match encoded {
        Ok(Encoded {
            entry,
            payload,
            attached,
        }) => Made::Work(Work {
            task,
            entry,
            payload,
            attached,
            limit: limit.map(nanos),
            ticket: None,
            attempts: 0,
        }),
        Err(error) => Made::Failed(task, error),
    };
    (made, future)
}

/// Nanoseconds, at most as many as fit.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn payload<J: Portable>(job: &J, span: &TaskSpan) -> Result<Encoded, TaskError> {
    let entry = span.entry::<Of<J>>();
    let entry = entry.map_err(|error| refused(J::name(), error))?;
    let mut payload = Vec::new();
    span.begin(&mut payload);
    let (encoded, attached) = out_of_band::collect(|| encode(job, &mut payload));
    encoded?;
    Ok(Encoded {
        entry,
        payload,
        attached,
    })
}

/// The error of a job whose code workers cannot find.
pub(crate) fn refused(job: &'static str, error: EntryError) -> TaskError {
    PortableError::writing(job, error).into()
}

/// Encodes a job, whose `Serialize` may fail in every way.
pub(crate) fn encode<J: Portable>(job: &J, to: &mut Vec<u8>) -> Result<(), TaskError> {
    match catch_unwind(AssertUnwindSafe(|| job.encode(to))) {
        Ok(encoded) => Ok(encoded?),
        Err(panic) => Err(panicked(J::name(), panic)),
    }
}

/// The error of a task that panicked on this side.
pub(crate) fn panicked(task: &'static str, panic: Box<dyn Any + Send>) -> TaskError {
    let message = text_of(&*panic)
        .unwrap_or("a value that is not text")
        .to_owned();
    // Its `Drop` may panic, too.
    if let Err(second) = catch_unwind(AssertUnwindSafe(move || drop(panic))) {
        std::mem::forget(second);
    }
    TaskPanicked::remote(task, message, None).into()
}
