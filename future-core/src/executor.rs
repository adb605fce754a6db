//! For authors of executors: tasks, and a pool's place among the waiting.
//!
//! An executor makes a [`Task`] and its [`Future`] with [`Task::new`], queues the task wherever
//! it likes and hands the future out. One of its threads calls [`Task::run`]. A task that is
//! dropped instead resolves its future as broken, so nothing is ever lost.
//!
//! ```
//! use future_core::executor::{PoolToken, Task};
//!
//! let pool = PoolToken::new(1);
//! let (task, future) = Task::new(|| 6 * 7, &pool);
//! std::thread::spawn(move || task.run(|| {})).join().unwrap();
//! assert_eq!(future.result()?, 42);
//! # Ok::<(), future_core::TaskError>(())
//! ```

#![allow(unsafe_code)]

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use crate::cell::{self, Body, Header, Hook, drop_ref, run_started};
use crate::error::{BrokenExecutor, TaskError, TaskFailed};
use crate::job::Job;
use crate::shim::Arc;
use crate::{
    AsFuture, Deadlock, Future, FutureHandle, FutureId, blocking, context, deadlock, lender,
};

pub use crate::driver::{Awaited, Driver, Registered};
pub use crate::lender::{Place, Proxy, Unlent};
pub use crate::scope::ScopeLatch;
pub use crate::spin::Spin;
pub use crate::workers::{WorkersError, max_workers};

/// What came of running a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ran {
    /// It gave a value.
    Finished,
    /// It failed.
    Failed,
    /// It was cancelled before.
    Cancelled,
    /// It was run by a waiter in place, or is being run so.
    NotRun,
}

/// A pool that wants to know of tasks that its own workers ran in place while they waited.
pub trait Helped {
    /// A worker, in its own thread, ran a task in place: [`Ran::Finished`] or [`Ran::Failed`].
    fn helped(&self, ran: Ran);
}

/// The executor's steps between a task's end and the release of those who wait for it.
pub trait Release {
    /// The outcome is there; `failed` says of which kind. Comes once for each task that is run,
    /// before [`before_release`](Self::before_release), so that a pool's counts are right when
    /// waiters go on.
    fn ended(&mut self, _failed: bool) {}
    /// The outcome is there and its callbacks have run; waiters are released next. A pool marks
    /// its worker idle here, when nothing else is queued.
    fn before_release(&mut self);
    /// A callback came at the last moment: the worker is busy again, and
    /// [`before_release`](Self::before_release) will come again.
    fn busy_again(&mut self) {}
}

impl<F: FnMut()> Release for F {
    fn before_release(&mut self) {
        self();
    }
}

struct AsHook<'a, R>(&'a mut R);

/// A step that panics must not keep a future from its end; the panic hook has reported it.
#[inline]
fn contain(step: impl FnOnce()) {
    cell::forget_panic(catch_unwind(AssertUnwindSafe(step)));
}

impl<R: Release> Hook for AsHook<'_, R> {
    #[inline]
    fn ended(&mut self, failed: bool) {
        contain(|| self.0.ended(failed));
    }

    #[inline]
    fn before_release(&mut self) {
        contain(|| self.0.before_release());
    }

    #[inline]
    fn busy_again(&mut self) {
        contain(|| self.0.busy_again());
    }
}

/// A pool's place in the graph of those who wait, by which own tasks are told from others' and
/// cycles are found.
#[derive(Debug)]
pub struct PoolToken(u32);

impl PoolToken {
    /// A pool of at most `workers` threads that wait.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self(deadlock::add_pool(workers))
    }

    /// Until further notice the pool can have at most `workers` workers: the system refused it
    /// more, or gave again.
    pub fn set_workers(&self, workers: usize) {
        deadlock::set_capacity(self.0, workers);
    }

    /// Calls `f`, the work of one of the pool's threads. Untimed waits in it run pending tasks
    /// of the same pool in place, nested at most `depth` deep, and tell `helped`.
    pub fn work<R>(&self, depth: usize, helped: &dyn Helped, f: impl FnOnce() -> R) -> R {
        context::as_worker(self.0, depth, helped, f)
    }

    /// Whether this thread works for the pool.
    #[inline]
    #[must_use]
    pub fn is_current(&self) -> bool {
        context::pool() == self.0
    }
}

impl Drop for PoolToken {
    fn drop(&mut self) {
        deadlock::remove_pool(self.0);
    }
}

struct Infallible<J>(J);

impl<J: Job> Body for Infallible<J> {
    type Output = J::Output;

    #[inline]
    fn run(self) -> Result<J::Output, TaskError> {
        Ok(self.0.run())
    }

    fn name() -> &'static str {
        J::name()
    }
}

struct Fallible<J, E>(J, PhantomData<fn() -> E>);

impl<J, T, E> Body for Fallible<J, E>
where
    J: Job<Output = Result<T, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = T;

    fn run(self) -> Result<T, TaskError> {
        self.0
            .run()
            .map_err(|error| TaskFailed::new(Some(Self::name()), error.into()).into())
    }

    fn name() -> &'static str {
        J::name()
    }
}

/// A task in an executor's queue: the one right to run it.
#[must_use = "a task that is dropped resolves its future as broken"]
pub struct Task {
    cell: NonNull<Header>,
}

// SAFETY: the constructors ask for a `Send` job and output; everything else in the cell is
// synchronised.
unsafe impl Send for Task {}
// SAFETY: `&Task` reaches the state word only.
unsafe impl Sync for Task {}

impl Task {
    /// A task that runs `job`, and the future of its value.
    #[inline]
    pub fn new<J>(job: J, pool: &PoolToken) -> (Self, Future<J::Output>)
    where
        J: Job<Output: Send + 'static> + Send + 'static,
    {
        Self::from_cell(cell::new_cell(Infallible(job), pool.0, 2))
    }

    /// A task whose job may return an error, which then is the future's failure.
    pub fn new_fallible<J, T, E>(job: J, pool: &PoolToken) -> (Self, Future<T>)
    where
        J: Job<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self::from_cell(cell::new_cell(Fallible(job, PhantomData), pool.0, 2))
    }

    /// A task that may borrow what outlives a scope.
    ///
    /// # Safety
    ///
    /// Whatever `job` and its output borrow must live until [`leave_scope`] on `latch` and on
    /// the task's handle has returned, and the future must not be used after that.
    pub unsafe fn new_scoped<J>(
        job: J,
        pool: &PoolToken,
        latch: &Arc<ScopeLatch>,
    ) -> (Self, Future<J::Output>)
    where
        J: Job<Output: Send> + Send,
    {
        Self::from_cell(cell::new_guarded(
            Infallible(job),
            pool.0,
            2,
            ScopeLatch::guard(latch),
        ))
    }

    /// As [`new_scoped`](Self::new_scoped), for a job that may return an error.
    ///
    /// # Safety
    ///
    /// As [`new_scoped`](Self::new_scoped).
    pub unsafe fn new_scoped_fallible<J, T, E>(
        job: J,
        pool: &PoolToken,
        latch: &Arc<ScopeLatch>,
    ) -> (Self, Future<T>)
    where
        J: Job<Output = Result<T, E>> + Send,
        T: Send,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let body = Fallible(job, PhantomData);
        Self::from_cell(cell::new_guarded(body, pool.0, 2, ScopeLatch::guard(latch)))
    }

    /// A task that is run elsewhere: it can be lent ([`lend`](Self::lend)) to a place, from where its
    /// outcome comes by [`run_lent`](Self::run_lent) or [`fail`](Self::fail).
    ///
    /// No waiter ever runs it in place, and the search for deadlocks takes it that it ends.
    pub fn new_lendable<P: Proxy>(proxy: P) -> (Self, Future<P::Output>) {
        Self::from_cell(cell::new_lendable(proxy, 2))
    }

    #[inline]
    fn from_cell<T>(cell: NonNull<Header>) -> (Self, Future<T>) {
        (Self { cell }, Future::from_cell(cell))
    }

    /// The task as a pointer, for queues made of atomics. It is lost unless
    /// [`from_raw`](Self::from_raw) makes a task of it again.
    #[inline]
    #[must_use]
    pub fn into_raw(self) -> NonNull<()> {
        let cell = self.cell;
        std::mem::forget(self);
        cell.cast()
    }

    /// The task that [`into_raw`](Self::into_raw) made a pointer of.
    ///
    /// # Safety
    ///
    /// `raw` came from `into_raw`, and this is called once for it.
    #[inline]
    pub unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Self { cell: raw.cast() }
    }

    /// Bytes of heap that a pending task with this job takes.
    #[must_use]
    pub fn size_of<J: Job>() -> usize {
        cell::heap_bytes::<Infallible<J>>()
    }

    /// Whether it was neither cancelled nor run in place.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        // SAFETY: the task holds a reference.
        unsafe { self.cell.as_ref().word.read().is_pending() }
    }

    /// What tells its future from others.
    #[must_use]
    pub fn id(&self) -> FutureId {
        FutureId::of(self.cell)
    }

    /// Whether callbacks were added to its future, which whoever completes it will run.
    #[must_use]
    pub fn has_callbacks(&self) -> bool {
        // SAFETY: the task holds a reference.
        unsafe { self.cell.as_ref().word.read().has_callbacks() }
    }

    /// A handle to its future.
    #[must_use]
    pub fn handle(&self) -> FutureHandle {
        // SAFETY: the task holds a reference; the handle gets one of its own.
        unsafe { self.cell.as_ref().word.add_ref() };
        FutureHandle::from_cell(self.cell)
    }

    /// The name of its job, as messages give it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        // SAFETY: the task holds a reference.
        unsafe { self.cell.as_ref().name() }
    }

    /// Lends a task of [`new_lendable`](Self::new_lendable) to `place`, before it is sent there.
    /// False when it was cancelled meanwhile: then it must not be sent.
    ///
    /// From now on the future is pending or running as the proxy says, and cancelling it asks
    /// the proxy.
    #[must_use]
    pub fn lend(&mut self, place: Place) -> bool {
        // SAFETY: the task holds a reference.
        lender::lend(unsafe { self.cell.as_ref() }, place)
    }

    /// Takes a lent task back, so that it can be lent elsewhere, when `revoke` says that it was
    /// not begun; that is asked under the lock under which a cancellation asks the proxy, and
    /// has to be as short. Not asked when the task is not lent.
    ///
    /// # Panics
    ///
    /// `revoke` must not: the future could never be waited for again.
    pub fn unlend(&mut self, revoke: impl FnOnce() -> bool) -> Unlent {
        // SAFETY: the task holds a reference.
        lender::unlend(unsafe { self.cell.as_ref() }, revoke)
    }

    /// Completes the future of a lent task with what its proxy makes of the answer. Panics of
    /// the proxy, the callbacks and an unread value end here. A task that is pending, so that there
    /// can be no answer to it, is broken by this: [`Ran::Failed`].
    pub fn run_lent(self, mut release: impl Release) -> Ran {
        let cell = self.cell;
        std::mem::forget(self);
        // SAFETY: the task's reference is given up by completing, or here.
        unsafe {
            if cell.as_ref().word.start_lent() {
                if run_started(cell, 1, &mut AsHook(&mut release)) {
                    Ran::Failed
                } else {
                    Ran::Finished
                }
            } else if cell.as_ref().word.read().is_pending() {
                drop(Self { cell });
                Ran::Failed
            } else {
                Self::not_started(cell)
            }
        }
    }

    /// # Safety
    /// The task's reference of `cell` is the caller's, and not used again.
    unsafe fn not_started(cell: NonNull<Header>) -> Ran {
        // SAFETY: the caller's promise.
        unsafe {
            let cancelled = cell.as_ref().word.read().is_cancelled();
            drop_ref(cell);
            if cancelled {
                Ran::Cancelled
            } else {
                Ran::NotRun
            }
        }
    }

    /// Whether `future` is this task's.
    #[must_use]
    pub fn is_of(&self, future: &impl AsFuture) -> bool {
        self.cell == future.as_future().cell()
    }

    /// Runs the job and completes the future, when it is still pending. Panics of the job, its
    /// captures, the callbacks and an unread value end here.
    #[inline]
    pub fn run(self, mut release: impl Release) -> Ran {
        let cell = self.cell;
        std::mem::forget(self);
        // SAFETY: the task's reference is given up by completing, or here.
        unsafe {
            if !cell.as_ref().word.start() {
                return Self::not_started(cell);
            }
            if run_started(cell, 1, &mut AsHook(&mut release)) {
                Ran::Failed
            } else {
                Ran::Finished
            }
        }
    }

    /// Cancels it; true when it is cancelled, by this call or before.
    pub fn cancel(self) -> bool {
        // SAFETY: the task's reference lasts for the call.
        unsafe { cell::cancel(self.cell) }
    }

    /// Resolves the future with `error` instead of running the job, which is dropped, also when
    /// it is lent. False when it was cancelled or run in place.
    pub fn fail(self, error: TaskError) -> bool {
        let cell = self.cell;
        std::mem::forget(self);
        // SAFETY: the task's reference is given up by failing, or here.
        unsafe {
            let failed = cell::fail_pending(cell, error, 1);
            if !failed {
                drop_ref(cell);
            }
            failed
        }
    }

    /// The job itself, of a task that could not be queued, which is cancelled by this. `None`
    /// when it was cancelled before, or run.
    ///
    /// # Safety
    ///
    /// The task was made by [`new`](Self::new) or [`new_scoped`](Self::new_scoped) with a `J`.
    pub unsafe fn take_back<J: Job>(self) -> Option<J> {
        // SAFETY: the caller's promise; the task's reference lasts for the call.
        unsafe { cell::take_job::<Infallible<J>>(self.cell).map(|job| job.0) }
    }

    /// The same for a task made by [`new_fallible`](Self::new_fallible) or
    /// [`new_scoped_fallible`](Self::new_scoped_fallible).
    ///
    /// # Safety
    ///
    /// The task was made by one of these with a `J` whose error is an `E`.
    pub unsafe fn take_back_fallible<J, T, E>(self) -> Option<J>
    where
        J: Job<Output = Result<T, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        // SAFETY: the caller's promise; the task's reference lasts for the call.
        unsafe { cell::take_job::<Fallible<J, E>>(self.cell).map(|job| job.0) }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the task holds a reference.
        let header = unsafe { self.cell.as_ref() };
        f.debug_struct("Task")
            .field("name", &header.name())
            .field("state", &lender::state(header))
            .finish()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // SAFETY: the task's reference.
        unsafe {
            let seen = self.cell.as_ref().word.read();
            if seen.is_pending() || seen.is_lent() {
                let error = BrokenExecutor::new("the executor dropped the task without running it");
                cell::fail_pending(self.cell, error.into(), 0);
            }
            drop_ref(self.cell);
        }
    }
}

/// Tells this thread that it has just submitted the task of `future`, and whether that woke a
/// sleeping worker with a system call. A wait for just this future that follows spins for a
/// moment before it sleeps, unless a worker was woken; for any other it sleeps at once, since
/// other tasks want the processor.
#[inline]
pub fn note_submit(future: &impl AsFuture, woke: bool) {
    context::set_last(future.as_future().cell().as_ptr(), woke);
}

/// Waits until no task of a scope can touch what the scope borrows. `noted` gives the handles of
/// the tasks that were submitted since its last call; whoever adds one calls
/// [`ScopeLatch::note`] afterwards.
///
/// Helps, and is counted in the search for deadlocks, as any other wait for all of a set; but it
/// cannot give way itself: another thread of the cycle gets the error.
pub fn leave_scope(latch: &ScopeLatch, mut noted: impl FnMut() -> Vec<FutureHandle>) {
    loop {
        let seen = latch.noted();
        let handles = noted();
        if !handles.is_empty() {
            let handles: Vec<&FutureHandle> = handles.iter().collect();
            // It is not refusable; a victim's error is another thread's.
            while let Err(Deadlock { .. }) = blocking::wait_all_as(&handles, None, false) {}
        } else if latch.wait(seen) {
            return;
        }
    }
}
