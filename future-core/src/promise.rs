//! The other end of a future that no executor runs.

#![allow(unsafe_code)]

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::cell::{self, Body, Header};
use crate::error::{BrokenExecutor, InvalidStateError, TaskError, TaskFailed};
use crate::{AsFuture, Future, FutureHandle, State};

struct Nothing<T>(PhantomData<fn() -> T>);

impl<T> Body for Nothing<T> {
    type Output = T;

    fn run(self) -> Result<T, TaskError> {
        Err(BrokenExecutor::new("a promise has no job to run").into())
    }

    fn name() -> &'static str {
        "a promise"
    }
}

/// Makes a promise and the future that it fulfils.
///
/// ```
/// use future_core::promise;
///
/// let (mut promise, future) = promise();
/// promise.set_result(42)?;
/// assert_eq!(future.result()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The value may be made in one thread and used in another, so it has to be `Send`:
///
/// ```compile_fail,E0277
/// let _ = future_core::promise::<std::rc::Rc<u32>>();
/// ```
pub fn promise<T: Send>() -> (Promise<T>, Future<T>) {
    let cell = cell::new_cell(Nothing::<T>(PhantomData), 0, 2);
    let promise = Promise {
        handle: FutureHandle::from_cell(cell),
        value: PhantomData,
    };
    (promise, Future::from_cell(cell))
}

/// The writing end of a future: what an executor holds of a task.
///
/// Dropping it before there is an outcome resolves the future as
/// [`Broken`](TaskError::Broken).
pub struct Promise<T> {
    handle: FutureHandle,
    value: PhantomData<fn(T)>,
}

impl<T> Promise<T> {
    /// Says that work starts. False when the future was cancelled: then nothing is to be done.
    ///
    /// Python's `set_running_or_notify_cancel`. It may be left out: a value can be set on a
    /// pending future.
    ///
    /// # Errors
    ///
    /// [`InvalidStateError`] when the future is running or finished already.
    pub fn set_running_or_notify_cancel(&mut self) -> Result<bool, InvalidStateError> {
        if self.handle.header().word.start() {
            return Ok(true);
        }
        match self.handle.state() {
            State::Cancelled => Ok(false),
            state => Err(self.refuse("set_running_or_notify_cancel", state, ())),
        }
    }

    /// Fulfils the future; its callbacks run here before this returns.
    ///
    /// # Errors
    ///
    /// [`InvalidStateError`], with the value, when the future is finished or cancelled.
    pub fn set_result(&mut self, value: T) -> Result<(), InvalidStateError<T>> {
        match self.claim() {
            // SAFETY: claimed: the slot is this promise's, and empty.
            Ok(cell) => unsafe {
                let failed = cell::write_outcome(cell, Ok(value));
                cell::complete_written(cell, failed);
                Ok(())
            },
            Err(state) => Err(self.refuse("set_result", state, value)),
        }
    }

    /// Fails the future; its callbacks run here before this returns.
    ///
    /// # Errors
    ///
    /// [`InvalidStateError`], with the error, when the future is finished or cancelled.
    pub fn set_exception<E>(
        &mut self,
        error: E,
    ) -> Result<(), InvalidStateError<Box<dyn Error + Send + Sync>>>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let error = error.into();
        match self.claim() {
            Ok(cell) => {
                let error = TaskFailed::new(None, error).into();
                // SAFETY: as in `set_result`.
                unsafe {
                    let failed = cell::write_outcome::<T>(cell, Err(error));
                    cell::complete_written(cell, failed);
                }
                Ok(())
            }
            Err(state) => Err(self.refuse("set_exception", state, error)),
        }
    }

    /// Makes the slot this promise's. Only the promise starts its cell, so RUNNING means that it
    /// did.
    fn claim(&self) -> Result<NonNull<Header>, State> {
        let header = self.handle.header();
        if header.word.start() || header.word.read().is_running() {
            Ok(self.handle.cell())
        } else {
            Err(self.handle.state())
        }
    }

    fn refuse<V>(&self, verb: &'static str, state: State, value: V) -> InvalidStateError<V> {
        InvalidStateError::new(verb, state, self.handle.id(), value)
    }

    /// Whether the future was cancelled.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.handle.cancelled()
    }

    /// A handle to the future, without its type.
    #[must_use]
    pub fn handle(&self) -> FutureHandle {
        self.handle.clone()
    }
}

impl<T> AsFuture for Promise<T> {
    fn as_future(&self) -> &FutureHandle {
        &self.handle
    }
}

impl<T> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<Promise at {} state={}>",
            self.handle.id(),
            self.handle.state()
        )
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        if let Ok(cell) = self.claim() {
            let error = BrokenExecutor::new(
                "the promise was dropped before it was given a value; \
                 set a result or an exception on every path",
            );
            // SAFETY: as in `set_result`.
            unsafe {
                let failed = cell::write_outcome::<T>(cell, Err(error.into()));
                cell::complete_written(cell, failed);
            }
        }
    }
}
