//! What each worker's initializer made, for the tasks that it runs.

use std::any::Any;
use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use future_core::{Call, Captureless, Function, Portable, PortableError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entry::{EntryError, EntryId};
use crate::wire::{Failure, fits};

thread_local! {
    /// Of the thread that runs the tasks.
    static STATE: RefCell<Option<Rc<dyn Any>>> = const { RefCell::new(None) };
}

/// The state that this worker's initializer made.
///
/// `None` outside of workers, in threads that a task has started, when the pool has no
/// initializer, and when the state is of another type. It is dropped when the worker retires.
///
/// ```
/// assert!(pool_process::worker_state::<String>().is_none());
/// ```
#[must_use]
pub fn worker_state<S: 'static>() -> Option<Rc<S>> {
    let state = STATE.try_with(|state| state.borrow().clone()).ok()??;
    state.downcast().ok()
}

/// Runs in each worker before its first task.
#[derive(Clone, Debug)]
pub struct Initializer {
    entry: EntryId,
    payload: Vec<u8>,
}

impl Initializer {
    /// `f(args)` makes the state.
    ///
    /// # Errors
    ///
    /// When `f` or `args` cannot travel.
    pub fn new<F, A, S, E>(f: F, args: A) -> Result<Self, InitializerError>
    where
        F: Function<A, Output = Result<S, E>> + Captureless,
        A: Serialize + DeserializeOwned + Send + 'static,
        S: 'static,
        E: fmt::Display + 'static,
    {
        Self::of(&Call(Fallible(f, PhantomData::<fn() -> (S, E)>), args))
    }

    /// `f(args)` makes the state, and cannot fail.
    ///
    /// # Errors
    ///
    /// When `f` or `args` cannot travel.
    pub fn infallible<F, A, S>(f: F, args: A) -> Result<Self, InitializerError>
    where
        F: Function<A, Output = S> + Captureless,
        A: Serialize + DeserializeOwned + Send + 'static,
        S: 'static,
    {
        Self::of(&Call(Infallible(f, PhantomData::<fn() -> S>), args))
    }

    fn of<J: Portable>(job: &J) -> Result<Self, InitializerError> {
        let entry = EntryId::of::<J>().map_err(InitializerError::Entry)?;
        let mut payload = Vec::new();
        job.encode(&mut payload).map_err(InitializerError::Encode)?;
        if !fits(payload.len()) {
            let len = payload.len() as u64;
            let why = Failure::TooLarge { len }.to_string();
            let error = PortableError::writing(J::name(), why);
            return Err(InitializerError::Encode(error));
        }
        Ok(Self { entry, payload })
    }

    pub(crate) fn entry(&self) -> EntryId {
        self.entry
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// An initializer that cannot travel.
#[derive(Debug)]
#[non_exhaustive]
pub enum InitializerError {
    /// Its code is not where workers could find it.
    Entry(EntryError),
    /// Its arguments cannot be serialised.
    Encode(PortableError),
}

impl fmt::Display for InitializerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl Error for InitializerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Entry(error) => error.source(),
            Self::Encode(error) => error.source(),
        }
    }
}

/// Keeps what the function makes, and returns what there is to say about it.
struct Fallible<F, R>(F, PhantomData<R>);

struct Infallible<F, R>(F, PhantomData<R>);

impl<F: Copy, R> Clone for Fallible<F, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: Copy, R> Copy for Fallible<F, R> {}

impl<F: Copy, R> Clone for Infallible<F, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: Copy, R> Copy for Infallible<F, R> {}

impl<F, A, S, E> Function<A> for Fallible<F, fn() -> (S, E)>
where
    F: Function<A, Output = Result<S, E>>,
    S: 'static,
    E: fmt::Display,
{
    type Output = Result<(), String>;

    fn apply(&self, args: A) -> Self::Output {
        self.0
            .apply(args)
            .map(keep)
            .map_err(|error| error.to_string())
    }
}

impl<F, A, S> Function<A> for Infallible<F, fn() -> S>
where
    F: Function<A, Output = S>,
    S: 'static,
{
    type Output = Result<(), String>;

    fn apply(&self, args: A) -> Self::Output {
        keep(self.0.apply(args));
        Ok(())
    }
}

fn keep<S: 'static>(state: S) {
    STATE.with(|place| *place.borrow_mut() = Some(Rc::new(state)));
}

/// What an initializer's output says.
pub(super) fn initialized(output: &[u8]) -> Result<(), Failure> {
    match Call::<fn() -> Result<(), String>, ()>::decode_output(output) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(message)) => Err(Failure::Initializer { message }),
        Err(error) => Err(Failure::undecodable(&error)),
    }
}

/// Drops the state, in the thread that made it.
pub(super) fn drop_state() {
    let state = STATE.with(|place| place.borrow_mut().take());
    // The hook has printed it, and there is nothing after this that it could spoil.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(state)));
}
