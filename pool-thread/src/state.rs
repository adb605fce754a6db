//! What each worker's initializer made, for the tasks that it runs.

use std::any::{Any, type_name};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

use future_core::Job;
use future_core::shim::thread_local_cell;

thread_local_cell!(static STATE: RefCell<Option<Rc<dyn Any>>> = RefCell::new(None));

/// Gives this worker its state.
pub(crate) fn set(state: Rc<dyn Any>) {
    STATE.with(|place| *place.borrow_mut() = Some(state));
}

/// Drops this worker's state.
pub(crate) fn clear() {
    let state = STATE.with(|place| place.borrow_mut().take());
    drop(state);
}

/// A job that borrows its worker's state.
pub(crate) struct WithState<F, S>(F, PhantomData<fn(&S)>);

impl<F, S> WithState<F, S> {
    pub(crate) fn new<R>(job: F) -> Self
    where
        F: FnOnce(&S) -> R,
    {
        Self(job, PhantomData)
    }

    pub(crate) fn into_inner(self) -> F {
        self.0
    }
}

impl<F, S, R> Job for WithState<F, S>
where
    F: FnOnce(&S) -> R,
    S: 'static,
{
    type Output = R;

    fn run(self) -> R {
        let state = STATE.with(|place| place.borrow().clone());
        match state.map(Rc::downcast::<S>) {
            Some(Ok(state)) => (self.0)(&state),
            // A pool without an initializer: its state has no data.
            _ => match (&() as &dyn Any).downcast_ref::<S>() {
                Some(unit) => (self.0)(unit),
                None => panic!("this worker's initializer failed, so it has no state"),
            },
        }
    }

    fn name() -> &'static str {
        type_name::<F>()
    }
}
