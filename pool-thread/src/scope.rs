//! Jobs that borrow.
//!
//! A job's lifetime is erased in two places here, the only ones of this crate. What makes it
//! sound: [`enter`] does not return before the last touch of every cell that was made in the
//! scope, whatever way its body ends.

#![allow(unsafe_code)]

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use future_core::executor::{ScopeLatch, leave_scope};
use future_core::shim::{Arc, Mutex};
use future_core::{Future, FutureHandle, Job, SubmitError};

use crate::offer::Made;
use crate::shared::Shared;
use crate::state::WithState;

/// Submits jobs that borrow what outlives the scope; made by
/// [`ThreadPoolExecutor::scope`](crate::ThreadPoolExecutor::scope).
pub struct Scope<'scope, 'env: 'scope, S = ()> {
    shared: Arc<Shared>,
    latch: Arc<ScopeLatch>,
    tasks: Mutex<Tasks>,
    /// Neither may be shortened or lengthened, as in `std::thread::Scope`.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
    state: PhantomData<fn(&S)>,
}

/// The tasks of the scope that may be unfinished.
#[derive(Default)]
struct Tasks {
    handles: Vec<FutureHandle>,
    /// The length at which the settled ones are let go.
    limit: usize,
}

impl Tasks {
    fn add(&mut self, handle: FutureHandle) {
        if self.handles.len() >= self.limit {
            self.handles.retain(|handle| !handle.settled());
            self.limit = (self.handles.len() * 2).max(64);
        }
        self.handles.push(handle);
    }
}

impl<'scope, S: 'static> Scope<'scope, '_, S> {
    /// Queues `job`, which may borrow.
    ///
    /// # Errors
    ///
    /// As [`ThreadPoolExecutor::submit`](crate::ThreadPoolExecutor::submit), without the job: an
    /// error that borrows could not leave the scope, and so could not be passed on with `?`.
    #[track_caller]
    pub fn submit<J>(&'scope self, job: J) -> Result<Future<J::Output>, SubmitError>
    where
        J: Job<Output: Send + 'scope> + Send + 'scope,
    {
        // SAFETY: `'scope` contains the call of `enter`, which leaves the scope by this latch
        // and the handle noted below. The future's value may not outlive what it borrows, by its
        // own type.
        let made = unsafe { Made::scoped(&self.shared, job, &self.latch) };
        self.note(made.future().handle());
        made.submit(&self.shared).map_err(SubmitError::without_job)
    }

    /// The same for a job that may return an error, which then is the future's failure.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    #[track_caller]
    pub fn submit_fallible<J, T, E>(&'scope self, job: J) -> Result<Future<T>, SubmitError>
    where
        J: Job<Output = Result<T, E>> + Send + 'scope,
        T: Send + 'scope,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        // SAFETY: as in `submit`.
        let made = unsafe { Made::scoped_fallible(&self.shared, job, &self.latch) };
        self.note(made.future().handle());
        made.submit(&self.shared).map_err(SubmitError::without_job)
    }

    /// Queues a job that is lent its worker's state, and may borrow.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    ///
    /// ```
    /// use pool_thread::ThreadPoolExecutor;
    /// use std::cell::RefCell;
    ///
    /// let pool = ThreadPoolExecutor::builder()
    ///     .max_workers(2)
    ///     .worker_state(|| RefCell::new(String::new()))
    ///     .build()?;
    /// let words = ["a".to_owned(), "b".to_owned()];
    /// let lengths = pool.scope(|scope| {
    ///     let futures: Vec<_> = words
    ///         .iter()
    ///         .map(|word| {
    ///             scope.submit_with(move |buffer| {
    ///                 let mut buffer = buffer.borrow_mut();
    ///                 buffer.clear();
    ///                 buffer.push_str(word);
    ///                 buffer.len()
    ///             })
    ///         })
    ///         .collect();
    ///     let mut sum = 0;
    ///     for future in futures {
    ///         sum += future?.result()?;
    ///     }
    ///     Ok::<_, Box<dyn std::error::Error>>(sum)
    /// })?;
    /// assert_eq!(lengths, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn submit_with<F, R>(&'scope self, job: F) -> Result<Future<R>, SubmitError>
    where
        F: FnOnce(&S) -> R + Send + 'scope,
        R: Send + 'scope,
    {
        self.submit(WithState::new(job))
    }

    /// The same for a job that may return an error, which then is the future's failure.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    #[track_caller]
    pub fn submit_with_fallible<F, T, E>(&'scope self, job: F) -> Result<Future<T>, SubmitError>
    where
        F: FnOnce(&S) -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.submit_fallible(WithState::new(job))
    }

    fn cancel(&self) {
        let handles = self.tasks.lock().handles.clone();
        // From the back: what is queued last is least likely to have started.
        for handle in handles.iter().rev() {
            handle.cancel();
        }
    }

    /// Notes a task, for `cancel` and `leave` to find.
    fn note(&self, handle: FutureHandle) {
        self.tasks.lock().add(handle);
        self.latch.note();
    }

    fn leave(&self) {
        // Jobs, callbacks and drops submit into their scope too; each time they are waited for.
        leave_scope(&self.latch, || {
            std::mem::take(&mut self.tasks.lock().handles)
        });
    }
}

/// Calls `body` with a scope and leaves it. When `body` panics or what it returns is not `good`,
/// what has not started is cancelled.
pub(crate) fn enter<'env, F, R, S>(shared: &'env Arc<Shared>, body: F, good: fn(&R) -> bool) -> R
where
    S: 'static,
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, S>) -> R,
{
    let scope = Scope {
        shared: shared.clone(),
        latch: ScopeLatch::new(),
        tasks: Mutex::new(Tasks::default()),
        scope: PhantomData,
        env: PhantomData,
        state: PhantomData,
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| body(&scope)));
    if !outcome.as_ref().is_ok_and(good) {
        scope.cancel();
    }
    scope.leave();
    outcome.unwrap_or_else(|payload| resume_unwind(payload))
}

impl<S> fmt::Debug for Scope<'_, '_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("pool", &self.shared.stats().to_string())
            .field("unfinished", &self.tasks.lock().handles.len())
            .finish_non_exhaustive()
    }
}
