//! From a job to a queued task, and back when the pool refuses it.
//!
//! A task does not know its job's type, and a refused job is given back by it. So the two are
//! made together, here.

#![allow(unsafe_code)]

use std::error::Error;

use future_core::executor::{ScopeLatch, Task};
use future_core::shim::Arc;
use future_core::{Future, Job, SubmitError};

use crate::pool_core::Refused;
use crate::shared::Shared;

/// A task, its future, and the way back to the job.
pub(crate) struct Made<J, T> {
    task: Task,
    future: Future<T>,
    /// Fits `task` and no other.
    take_back: unsafe fn(Task) -> Option<J>,
}

impl<J: Job> Made<J, J::Output> {
    /// A task of `job`.
    #[inline]
    #[track_caller]
    pub(crate) fn new(shared: &Shared, job: J) -> Self
    where
        J: Job<Output: Send + 'static> + Send + 'static,
    {
        #[cfg(feature = "tracing")]
        let job = match spans::wrap(shared, job) {
            Ok(job) => {
                let (task, future) = Task::new(job, &shared.token);
                return Self::of(task, future, spans::take_back::<J>);
            }
            Err(job) => job,
        };
        let (task, future) = Task::new(job, &shared.token);
        Self::of(task, future, take_back::<J>)
    }

    /// A task of `job`, which may borrow.
    ///
    /// # Safety
    ///
    /// As [`Task::new_scoped`].
    #[track_caller]
    pub(crate) unsafe fn scoped(shared: &Shared, job: J, latch: &Arc<ScopeLatch>) -> Self
    where
        J: Job<Output: Send> + Send,
    {
        // SAFETY: the caller's promise.
        unsafe {
            #[cfg(feature = "tracing")]
            let job = match spans::wrap(shared, job) {
                Ok(job) => {
                    let (task, future) = Task::new_scoped(job, &shared.token, latch);
                    return Self::of(task, future, spans::take_back::<J>);
                }
                Err(job) => job,
            };
            let (task, future) = Task::new_scoped(job, &shared.token, latch);
            Self::of(task, future, take_back::<J>)
        }
    }
}

impl<J, T> Made<J, T> {
    #[inline]
    fn of(task: Task, future: Future<T>, take_back: unsafe fn(Task) -> Option<J>) -> Self {
        Self {
            task,
            future,
            take_back,
        }
    }

    /// A task of `job`, whose error is the future's failure.
    #[track_caller]
    pub(crate) fn fallible<E>(shared: &Shared, job: J) -> Self
    where
        J: Job<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        #[cfg(feature = "tracing")]
        let job = match spans::wrap(shared, job) {
            Ok(job) => {
                let (task, future) = Task::new_fallible(job, &shared.token);
                return Self::of(task, future, spans::take_back_fallible::<J, T, E>);
            }
            Err(job) => job,
        };
        let (task, future) = Task::new_fallible(job, &shared.token);
        Self::of(task, future, take_back_fallible::<J, T, E>)
    }

    /// The same for a job that may borrow.
    ///
    /// # Safety
    ///
    /// As [`Task::new_scoped`].
    #[track_caller]
    pub(crate) unsafe fn scoped_fallible<E>(
        shared: &Shared,
        job: J,
        latch: &Arc<ScopeLatch>,
    ) -> Self
    where
        J: Job<Output = Result<T, E>> + Send,
        T: Send,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        // SAFETY: the caller's promise.
        unsafe {
            #[cfg(feature = "tracing")]
            let job = match spans::wrap(shared, job) {
                Ok(job) => {
                    let (task, future) = Task::new_scoped_fallible(job, &shared.token, latch);
                    return Self::of(task, future, spans::take_back_fallible::<J, T, E>);
                }
                Err(job) => job,
            };
            let (task, future) = Task::new_scoped_fallible(job, &shared.token, latch);
            Self::of(task, future, take_back_fallible::<J, T, E>)
        }
    }

    /// The task's future, before it is submitted.
    pub(crate) fn future(&self) -> &Future<T> {
        &self.future
    }

    /// Submits the task.
    #[inline]
    pub(crate) fn submit(self, shared: &Arc<Shared>) -> Result<Future<T>, SubmitError<J>> {
        let Self {
            task,
            future,
            take_back,
        } = self;
        match Shared::submit(shared, task, &future) {
            Ok(()) => Ok(future),
            Err(refused) => refused_one(shared, refused, future, take_back),
        }
    }
}

#[cold]
fn refused_one<J, T>(
    shared: &Shared,
    mut refused: Refused,
    future: Future<T>,
    take_back: unsafe fn(Task) -> Option<J>,
) -> Result<Future<T>, SubmitError<J>> {
    let own = refused.tasks.pop().filter(|task| task.is_of(&future));
    // SAFETY: it is the task that `take_back` was made with, since its future is the same.
    let job = own.and_then(|task| unsafe { take_back(task) });
    match job {
        Some(job) => Err(SubmitError::new(
            refused.kind,
            shared.stats().to_string(),
            job,
        )),
        // It ended while it was queued, and its future tells how.
        None => Ok(future),
    }
}

/// Submits all of `made` at once, or none.
pub(crate) fn submit_all<J, T>(
    shared: &Arc<Shared>,
    made: impl Iterator<Item = Made<J, T>>,
) -> Result<Vec<Future<T>>, SubmitError<Vec<J>>> {
    let (least, _) = made.size_hint();
    let mut tasks = Vec::with_capacity(least);
    let mut futures = Vec::with_capacity(least);
    let mut ways_back = Vec::with_capacity(least);
    for one in made {
        tasks.push(one.task);
        futures.push(one.future);
        ways_back.push(one.take_back);
    }
    let Err(refused) = Shared::submit_all(shared, tasks, &futures) else {
        return Ok(futures);
    };
    let mut jobs = Vec::with_capacity(refused.tasks.len());
    let mut each = futures.iter().zip(ways_back);
    for task in refused.tasks {
        let of_task = each.find(|(future, _)| task.is_of(*future));
        // SAFETY: as in `refused_one`.
        jobs.extend(of_task.and_then(|(_, take_back)| unsafe { take_back(task) }));
    }
    Err(SubmitError::new(
        refused.kind,
        shared.stats().to_string(),
        jobs,
    ))
}

unsafe fn take_back<J: Job>(task: Task) -> Option<J> {
    // SAFETY: the caller gives the task that was made with this function.
    unsafe { task.take_back() }
}

unsafe fn take_back_fallible<J, T, E>(task: Task) -> Option<J>
where
    J: Job<Output = Result<T, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    // SAFETY: as above.
    unsafe { task.take_back_fallible() }
}

/// Jobs that run inside a span.
#[cfg(feature = "tracing")]
mod spans {
    use std::panic::Location;

    use future_core::{Instrumented, instrument};

    use super::{Error, Job, Shared, Task};

    /// The job in a span, when the pool is to carry context along and somebody listens.
    #[inline]
    #[track_caller]
    pub(super) fn wrap<J: Job>(shared: &Shared, job: J) -> Result<Instrumented<J>, J> {
        if !shared.config.propagate_context {
            return Err(job);
        }
        instrument(job, "blocking", Location::caller())
    }

    pub(super) unsafe fn take_back<J: Job>(task: Task) -> Option<J> {
        // SAFETY: the caller gives the task that was made with this function.
        let job = unsafe { task.take_back::<Instrumented<J>>() };
        job.map(Instrumented::into_inner)
    }

    pub(super) unsafe fn take_back_fallible<J, T, E>(task: Task) -> Option<J>
    where
        J: Job<Output = Result<T, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        // SAFETY: as above.
        let job = unsafe { task.take_back_fallible::<Instrumented<J>, T, E>() };
        job.map(Instrumented::into_inner)
    }
}
