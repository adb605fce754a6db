//! What stands in this process for a job that runs in a worker.

use std::cell::Cell;
use std::error::Error;
use std::marker::PhantomData;
use std::sync::Arc;

use future_core::executor::{Driver, Place, Proxy, Ran, Task};
use future_core::{
    Job, PanicLocation, Portable, PortableError, TaskError, TaskFailed, TaskPanicked,
};

use crate::control::Output;
use crate::doors;
use crate::limits::KEPT;
use crate::linux_region;
use crate::wire::Failure;

/// What a worker made of a task.
pub(crate) type Answer = Result<Output, Failure>;

thread_local! {
    /// The answer that this thread is about to make a future's outcome of.
    static ANSWER: Cell<Option<Answer>> = const { Cell::new(None) };
    /// Where larger outputs are read, but not the largest: memory that is used again is faster.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Completes a task with an answer: runs code of the user's.
pub(crate) fn complete(task: Task, answer: Answer) -> Ran {
    ANSWER.set(Some(answer));
    let ran = task.run_lent(|| {});
    // One that was cancelled in spite of the answer has not taken it.
    drop(ANSWER.take());
    ran
}

fn output<J: Portable>() -> Result<J::Output, TaskError> {
    Ok(with_output::<J, _>(J::decode_output)??)
}

/// Calls `read` with the output that was answered, as the worker encoded it.
pub(crate) fn with_output<J: Portable, R>(read: impl FnOnce(&[u8]) -> R) -> Result<R, TaskError> {
    let output = match ANSWER.take() {
        Some(Ok(output)) => output,
        Some(Err(failure @ Failure::TooLarge { .. })) => {
            let output = std::any::type_name::<J::Output>();
            return Err(PortableError::writing(output, failure.to_string()).into());
        }
        Some(Err(failure)) => return Err(error_of(J::name(), failure)),
        None => unreachable!("only `complete` runs a lent task"),
    };
    // Out of its place while code of the user's runs, which may panic.
    let mut buffer = if output.is_long() {
        linux_region::take_buffer()
    } else {
        BUFFER.take()
    };
    let read = output.read_with(&mut buffer, read);
    if buffer.capacity() > KEPT {
        linux_region::keep_buffer(buffer);
    } else {
        BUFFER.set(buffer);
    }
    read.map_err(|error| PortableError::reading(std::any::type_name::<J::Output>(), error).into())
}

/// Gives back what this thread keeps for large outputs, and what has not been used for a while of
/// what all keep.
pub(crate) fn give_buffer_back() {
    drop(BUFFER.take());
    linux_region::give_back();
}

/// The outcome of a job that may return an error.
pub(crate) fn fallible<J, T, E>(output: Result<T, E>) -> Result<T, TaskError>
where
    J: Job<Output = Result<T, E>>,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    output.map_err(|error| TaskFailed::of(J::name(), error).into())
}

pub(crate) fn error_of(task: &'static str, failure: Failure) -> TaskError {
    match failure {
        Failure::Panicked {
            message,
            location,
            backtrace,
        } => {
            let message = message.unwrap_or_else(|| "a value that is not text".to_owned());
            let location = location.map(|at| {
                PanicLocation::new(at.file, at.line, at.column, backtrace.map(Into::into))
            });
            TaskPanicked::remote(task, message, location).into()
        }
        Failure::Undecodable { type_name, message } => {
            PortableError::reading(type_name, message).into()
        }
        Failure::Unencodable { type_name, message } => {
            PortableError::writing(type_name, message).into()
        }
        too_large @ Failure::TooLarge { .. } => {
            PortableError::writing(task, too_large.to_string()).into()
        }
        other => PortableError::reading(task, other.to_string()).into(),
    }
}

/// Makes a future's outcome of the answer to its task.
pub(crate) trait Receiver: Send + 'static {
    /// The future's value.
    type Output: Send + 'static;

    /// As [`Proxy::receive`].
    fn receive(self) -> Result<Self::Output, TaskError>;

    /// What messages call the job.
    fn name() -> &'static str;
}

/// The proxy of a task that is run by a worker.
pub(crate) struct AtWorker<R>(pub(crate) R);

impl<R: Receiver> Proxy for AtWorker<R> {
    type Output = R::Output;

    fn receive(self) -> Result<R::Output, TaskError> {
        self.0.receive()
    }

    fn revoke(&self, place: Place) -> bool {
        doors::revoke(place)
    }

    fn started(&self, place: Place) -> bool {
        doors::started(place)
    }

    fn driver(&self, place: Place) -> Option<Arc<dyn Driver>> {
        doors::driver(place)
    }

    fn name() -> &'static str {
        R::name()
    }
}

/// For a job whose output is the future's value.
pub(crate) struct Receive<J>(PhantomData<fn() -> J>);

impl<J> Receive<J> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<J: Portable> Receiver for Receive<J> {
    type Output = J::Output;

    fn receive(self) -> Result<J::Output, TaskError> {
        output::<J>()
    }

    fn name() -> &'static str {
        J::name()
    }
}

/// For a job whose output is a `Result`: its error is the future's failure.
pub(crate) struct ReceiveFallible<J>(PhantomData<fn() -> J>);

impl<J> ReceiveFallible<J> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<J, T, E> Receiver for ReceiveFallible<J>
where
    J: Portable + Job<Output = Result<T, E>>,
    T: Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    type Output = T;

    fn receive(self) -> Result<T, TaskError> {
        fallible::<J, T, E>(output::<J>()?)
    }

    fn name() -> &'static str {
        J::name()
    }
}
