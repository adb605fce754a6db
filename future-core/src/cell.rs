//! The cell: one block of memory per task that holds the state word, the job and, in the same
//! bytes, the outcome. Small cells come from slabs (`slab.rs`).
//!
//! ```text
//!   Header  word 8 | vtable 8 | link 8 | token 4 | pool 4     (32 bytes on a 64-bit machine)
//!   slot    union { job, value, boxed error }
//!   guard   only in the cells of a scope
//! ```
//!
//! Rules by number: see `state.rs`.

#![allow(unsafe_code)]

use std::alloc::Layout;
use std::mem::{ManuallyDrop, offset_of};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{NonNull, null_mut};

use crate::context;
use crate::error::{TaskError, TaskPanicked};
use crate::lender::{self, Asked, Lendable, Proxy};
use crate::panic_hook;
use crate::scope::ScopeGuard;
use crate::shim::UnsafeCell;
use crate::side;
use crate::slab;
use crate::state::{Cancel, Left, Word};

/// What every cell starts with, whatever its job and value are.
#[repr(C)]
pub(crate) struct Header {
    pub(crate) word: Word,
    vtable: &'static VTable,
    /// Registered callbacks, wakers and watchers; after settling, the next cell in a completion
    /// list. Rule 2.
    pub(crate) link: UnsafeCell<*mut ()>,
    /// The number under which a directly linked watcher knows this cell. Rule 2.
    pub(crate) token: UnsafeCell<u32>,
    /// The pool that will run this cell, 0 for none.
    pub(crate) pool: u32,
    /// Stands for the slot, whose type is not known here, so that loom can watch it.
    #[cfg(cf_loom)]
    slot_watch: UnsafeCell<()>,
    #[cfg(cf_loom)]
    leak_watch: loom::alloc::Track<()>,
}

struct VTable {
    /// Takes the job out of the slot, runs it and writes the outcome; whether it failed.
    run: unsafe fn(NonNull<Header>) -> bool,
    drop_job: unsafe fn(NonNull<Header>),
    drop_value: unsafe fn(NonNull<Header>),
    dealloc: unsafe fn(NonNull<Header>),
    guard: Option<unsafe fn(NonNull<Header>) -> Option<ScopeGuard>>,
    /// Of a job that can be lent.
    ask: Option<unsafe fn(NonNull<Header>, Asked<'_>) -> bool>,
    slot: usize,
    name: fn() -> &'static str,
}

/// What a cell runs: a job whose failures are already `TaskError`s.
pub(crate) trait Body {
    type Output;
    fn run(self) -> Result<Self::Output, TaskError>;
    fn name() -> &'static str;
}

union Slot<B, T> {
    job: ManuallyDrop<B>,
    value: ManuallyDrop<T>,
    error: ManuallyDrop<Box<TaskError>>,
}

#[repr(C)]
struct Plain<B, T> {
    header: Header,
    slot: std::cell::UnsafeCell<Slot<B, T>>,
}

#[repr(C)]
struct Guarded<B, T> {
    plain: Plain<B, T>,
    guard: UnsafeCell<Option<ScopeGuard>>,
}

/// Steps of the completing thread that belong to its executor.
pub(crate) trait Hook {
    /// The outcome is written. Comes once.
    fn ended(&mut self, failed: bool);
    /// The outcome is written and its callbacks have run; waiters will be released next.
    fn before_release(&mut self);
    /// There is more to do for this task after all; `before_release` will come again.
    fn busy_again(&mut self);
}

/// For threads that are no workers.
pub(crate) struct NoHook;

impl Hook for NoHook {
    fn ended(&mut self, _failed: bool) {}
    fn before_release(&mut self) {}
    fn busy_again(&mut self) {}
}

impl<B: Body> Plain<B, B::Output> {
    const VTABLE: VTable = VTable {
        run: Self::run,
        drop_job: Self::drop_job,
        drop_value: Self::drop_value,
        dealloc: Self::dealloc,
        guard: None,
        ask: None,
        slot: offset_of!(Self, slot),
        name: B::name,
    };

    /// Where its memory comes from: a size class of slabs, or the allocator. In a model always
    /// the allocator, so that each use of a freed cell is found; slabs have a model of their own.
    const CLASS: Option<usize> = if cfg!(cf_loom) {
        None
    } else {
        slab::class_of(Layout::new::<Self>())
    };

    fn new(job: B, pool: u32, refs: usize, vtable: &'static VTable) -> Self {
        Self {
            header: Header {
                word: Word::new(refs),
                vtable,
                link: UnsafeCell::new(null_mut()),
                token: UnsafeCell::new(0),
                pool,
                #[cfg(cf_loom)]
                slot_watch: UnsafeCell::new(()),
                #[cfg(cf_loom)]
                leak_watch: loom::alloc::Track::new(()),
            },
            slot: std::cell::UnsafeCell::new(Slot {
                job: ManuallyDrop::new(job),
            }),
        }
    }

    /// # Safety
    /// `cell` heads a live cell of this type.
    unsafe fn slot(cell: NonNull<Header>) -> *mut Slot<B, B::Output> {
        // SAFETY: the caller's promise; the header is the first field.
        unsafe { (*cell.cast::<Self>().as_ptr()).slot.get() }
    }

    /// # Safety
    /// `cell` heads a live cell of this type and the caller won `start`.
    unsafe fn run(cell: NonNull<Header>) -> bool {
        // SAFETY: RUNNING: the slot holds the job and is this thread's alone.
        let slot = unsafe { Self::slot(cell) };
        // SAFETY: as above; the job is moved out once, since `start` is won once.
        let job = unsafe { ManuallyDrop::take(&mut (*slot).job) };
        let error = match catch_unwind(AssertUnwindSafe(move || job.run())) {
            Ok(Ok(value)) => {
                // SAFETY: the slot is empty and this thread's alone.
                unsafe { (*slot).value = ManuallyDrop::new(value) };
                return false;
            }
            Ok(Err(error)) => error,
            Err(payload) => TaskPanicked::new(B::name(), payload, panic_hook::take_last()).into(),
        };
        // SAFETY: as above.
        unsafe { (*slot).error = ManuallyDrop::new(Box::new(error)) };
        true
    }

    /// # Safety
    /// The slot holds the job and is the caller's alone.
    unsafe fn drop_job(cell: NonNull<Header>) {
        // SAFETY: the caller's promise.
        unsafe { ManuallyDrop::drop(&mut (*Self::slot(cell)).job) }
    }

    /// # Safety
    /// The slot holds a value and is the caller's alone.
    unsafe fn drop_value(cell: NonNull<Header>) {
        // SAFETY: the caller's promise.
        unsafe { ManuallyDrop::drop(&mut (*Self::slot(cell)).value) }
    }

    /// # Safety
    /// The caller gave up the last reference; the slot is empty.
    unsafe fn dealloc(cell: NonNull<Header>) {
        let cell = cell.cast::<Self>();
        // SAFETY: the caller's promise; made by `new_cell`.
        unsafe {
            if const { Self::CLASS.is_some() } {
                cell.drop_in_place();
                slab::give_back(cell.cast());
            } else {
                drop(Box::from_raw(cell.as_ptr()));
            }
        }
    }
}

impl<B: Body> Guarded<B, B::Output> {
    const VTABLE: VTable = VTable {
        dealloc: Self::dealloc,
        guard: Some(Self::guard),
        ..Plain::<B, B::Output>::VTABLE
    };

    /// # Safety
    /// As for `Plain`.
    unsafe fn dealloc(cell: NonNull<Header>) {
        // SAFETY: made by `Box::new` of this type in `new_guarded`.
        drop(unsafe { Box::from_raw(cell.cast::<Self>().as_ptr()) });
    }

    /// # Safety
    /// `cell` heads a live cell of this type and the caller is about to settle it, or cancelled
    /// it: the guard is its alone.
    unsafe fn guard(cell: NonNull<Header>) -> Option<ScopeGuard> {
        // SAFETY: the caller's promise.
        let this = unsafe { cell.cast::<Self>().as_ref() };
        // SAFETY: the caller's promise.
        this.guard.with_mut(|guard| unsafe { (*guard).take() })
    }
}

/// A cell with `refs` references, holding `job`.
#[inline]
pub(crate) fn new_cell<B: Body>(job: B, pool: u32, refs: usize) -> NonNull<Header> {
    place(Plain::new(
        job,
        pool,
        refs,
        const { &Plain::<B, B::Output>::VTABLE },
    ))
}

/// Memory for `cell`, as `Plain::dealloc` gives it back.
#[inline]
fn place<B: Body>(cell: Plain<B, B::Output>) -> NonNull<Header> {
    match const { Plain::<B, B::Output>::CLASS } {
        Some(class) => {
            let memory = slab::take(class).cast();
            // SAFETY: a block of this class has room for the cell and is aligned for it.
            unsafe { memory.write(cell) };
            memory.cast()
        }
        None => NonNull::from(Box::leak(Box::new(cell))).cast(),
    }
}

/// The same for a scope, which is left only after `guard` was dropped.
pub(crate) fn new_guarded<B: Body>(
    job: B,
    pool: u32,
    refs: usize,
    guard: ScopeGuard,
) -> NonNull<Header> {
    let plain = Plain::new(job, pool, refs, const { &Guarded::<B, B::Output>::VTABLE });
    let cell = Box::new(Guarded {
        plain,
        guard: UnsafeCell::new(Some(guard)),
    });
    NonNull::from(Box::leak(cell)).cast()
}

impl<P: Proxy> Plain<Lendable<P>, P::Output> {
    const LENDABLE: VTable = VTable {
        ask: Some(Self::ask),
        ..Self::VTABLE
    };

    /// # Safety
    /// `cell` heads a live cell of this type, whose slot holds the job, and as [`Lendable::ask`].
    unsafe fn ask(cell: NonNull<Header>, asked: Asked<'_>) -> bool {
        // SAFETY: the caller's promise; the job is only ever shared, its place guards itself.
        unsafe { (*Self::slot(cell)).job.ask(asked) }
    }
}

/// The same for a job that can be lent.
pub(crate) fn new_lendable<P: Proxy>(proxy: P, refs: usize) -> NonNull<Header> {
    place(Plain::new(
        Lendable::new(proxy),
        0,
        refs,
        const { &Plain::<Lendable<P>, P::Output>::LENDABLE },
    ))
}

/// Bytes of heap that a pending cell of this job takes.
#[must_use]
pub(crate) fn heap_bytes<B: Body>() -> usize {
    match const { Plain::<B, B::Output>::CLASS } {
        Some(class) => slab::stride(class),
        None => size_of::<Plain<B, B::Output>>(),
    }
}

impl Header {
    /// The name of the job's type; of a closure, the function that it stands in.
    pub(crate) fn name(&self) -> &'static str {
        crate::error::short_name((self.vtable.name)())
    }

    pub(crate) fn name_fn(&self) -> fn() -> &'static str {
        self.vtable.name
    }

    /// Asks the job of a cell that can be lent; false when it cannot.
    ///
    /// # Safety
    /// As `Plain::ask` says.
    pub(crate) unsafe fn ask(&self, asked: Asked<'_>) -> bool {
        let Some(ask) = self.vtable.ask else {
            return false;
        };
        self.watch_slot(false);
        // SAFETY: the caller's promise; the cell is live.
        unsafe { ask(NonNull::from(self), asked) }
    }

    #[inline]
    fn watch_slot(&self, write: bool) {
        #[cfg(cf_loom)]
        if write {
            self.slot_watch.with_mut(|_| {});
        } else {
            self.slot_watch.with(|_| {});
        }
        #[cfg(not(cf_loom))]
        let _ = write;
    }
}

/// Where the value or the error stands.
///
/// # Safety
/// `cell` is live and its value type is `T`.
#[inline]
unsafe fn slot_at<T>(cell: NonNull<Header>) -> NonNull<T> {
    // SAFETY: the vtable's offset lies inside the cell.
    unsafe { cell.byte_add(cell.as_ref().vtable.slot).cast() }
}

/// The outcome in place.
///
/// # Safety
/// `cell` is live and holds an outcome of type `T` that nobody moves or drops during `'a`.
pub(crate) unsafe fn outcome_ref<'a, T>(
    cell: NonNull<Header>,
    failed: bool,
) -> Result<&'a T, &'a TaskError> {
    // SAFETY: the caller's promise.
    unsafe {
        cell.as_ref().watch_slot(false);
        if failed {
            Err(&**slot_at::<Box<TaskError>>(cell).as_ref())
        } else {
            Ok(slot_at::<T>(cell).as_ref())
        }
    }
}

/// Moves the outcome out.
///
/// # Safety
/// `cell` is RELEASED, live, holds an outcome of type `T`, and the caller is its owner and does
/// this once.
#[inline]
pub(crate) unsafe fn take_outcome<T>(cell: NonNull<Header>, failed: bool) -> Result<T, TaskError> {
    // SAFETY: the caller's promise.
    unsafe {
        cell.as_ref().watch_slot(true);
        if failed {
            Err(*slot_at::<Box<TaskError>>(cell).read())
        } else {
            Ok(slot_at::<T>(cell).read())
        }
    }
}

/// Writes a value or an error into an empty slot.
///
/// # Safety
/// The caller won `start`, has emptied the slot, and `T` is the cell's value type.
pub(crate) unsafe fn write_outcome<T>(
    cell: NonNull<Header>,
    outcome: Result<T, TaskError>,
) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        cell.as_ref().watch_slot(true);
        match outcome {
            Ok(value) => {
                slot_at::<T>(cell).write(value);
                false
            }
            Err(error) => {
                slot_at::<Box<TaskError>>(cell).write(Box::new(error));
                true
            }
        }
    }
}

/// Drops the outcome. A panic of its `Drop` ends here; the panic hook has reported it.
///
/// # Safety
/// As for [`take_outcome`], or the caller completes the cell and its owner left (rule 3).
pub(crate) unsafe fn drop_outcome(cell: NonNull<Header>, failed: bool) {
    // SAFETY: the caller's promise.
    let dropped = catch_unwind(AssertUnwindSafe(|| unsafe {
        cell.as_ref().watch_slot(true);
        if failed {
            drop(slot_at::<Box<TaskError>>(cell).read());
        } else {
            (cell.as_ref().vtable.drop_value)(cell);
        }
    }));
    forget_panic(dropped);
}

/// Drops a panic's payload, whose own `Drop` may panic too.
pub(crate) fn forget_panic<T>(result: std::thread::Result<T>) {
    if let Err(payload) = result {
        // A payload that panics while it is dropped is leaked with the second payload.
        if let Err(second) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
            std::mem::forget(second);
        }
    }
}

/// Gives a reference up and frees the cell when it was the last.
///
/// # Safety
/// The reference is the caller's, and not used again.
#[inline]
pub(crate) unsafe fn drop_ref(cell: NonNull<Header>) {
    // SAFETY: the caller's promise; the last holder frees (rule 4).
    unsafe {
        if cell.as_ref().word.drop_ref() == Left::Last {
            (cell.as_ref().vtable.dealloc)(cell);
        }
    }
}

/// Runs a cell that this thread started, and completes it, giving `refs` references up.
/// Whether it failed.
///
/// # Safety
/// The caller won `start` and holds `refs` references (or, for 0, a borrowed one).
#[inline]
pub(crate) unsafe fn run_started(cell: NonNull<Header>, refs: usize, hook: &mut impl Hook) -> bool {
    // SAFETY: the caller's promise.
    context::running(cell, || unsafe {
        cell.as_ref().watch_slot(true);
        let failed = (cell.as_ref().vtable.run)(cell);
        complete(cell, failed, refs, hook);
        failed
    })
}

/// Starts and fails a pending or lent cell without running its job. False when it had started.
///
/// # Safety
/// The caller holds `refs` references (or, for 0, a borrowed one).
pub(crate) unsafe fn fail_pending(cell: NonNull<Header>, error: TaskError, refs: usize) -> bool {
    // SAFETY: the caller's promise; RUNNING makes the slot this thread's.
    unsafe {
        if !cell.as_ref().word.start() && !cell.as_ref().word.start_lent() {
            return false;
        }
        context::running(cell, || {
            drop_job(cell);
            // The error's place does not depend on the value's type.
            write_outcome::<()>(cell, Err(error));
            complete(cell, true, refs, &mut NoHook);
        });
    }
    true
}

/// # Safety
/// The slot holds the job and is the caller's alone.
pub(crate) unsafe fn drop_job(cell: NonNull<Header>) {
    // SAFETY: the caller's promise.
    forget_panic(catch_unwind(AssertUnwindSafe(|| unsafe {
        cell.as_ref().watch_slot(true);
        (cell.as_ref().vtable.drop_job)(cell);
    })));
}

/// Moves the job out of a pending cell, which is then cancelled.
///
/// # Safety
/// `cell` is live and was made for a `B`.
pub(crate) unsafe fn take_job<B: Body>(cell: NonNull<Header>) -> Option<B> {
    // SAFETY: winning `cancel` makes the slot this thread's (state.rs, CANCELLED).
    unsafe {
        let won = cell.as_ref().word.cancel();
        if !matches!(won, Cancel::Won | Cancel::WonLocked) {
            return None;
        }
        let job = ManuallyDrop::take(&mut (*Plain::<B, B::Output>::slot(cell)).job);
        finish_cancel(cell, won);
        Some(job)
    }
}

/// Cancels a pending cell, or a lent one that was not begun: waiters are released at once, then
/// the job is dropped, then callbacks run here. False when it runs or has run.
///
/// # Safety
/// `cell` is live, and stays so during the call.
pub(crate) unsafe fn cancel(cell: NonNull<Header>) -> bool {
    // SAFETY: the caller's promise.
    let header = unsafe { cell.as_ref() };
    let mut won = header.word.cancel();
    while won == Cancel::Lent {
        won = lender::cancel(header);
    }
    match won {
        Cancel::Already => return true,
        Cancel::Lost | Cancel::Lent => return false,
        Cancel::Won => {
            // SAFETY: CANCELLED by this thread: the job is its to drop.
            unsafe {
                drop_job(cell);
                finish_cancel(cell, won);
            }
        }
        Cancel::WonLocked => {
            let link = side::take_all(header);
            header.word.unlock(false, 0);
            let callbacks = side::release(cell, link);
            // SAFETY: as above.
            unsafe {
                drop_job(cell);
                let guard = header.vtable.guard.and_then(|take| take(cell));
                side::run_callbacks(cell, callbacks);
                drop(guard);
            }
        }
    }
    true
}

/// # Safety
/// This thread won `cancel` as `won` says, and the slot is empty.
unsafe fn finish_cancel(cell: NonNull<Header>, won: Cancel) {
    // SAFETY: the caller's promise.
    let header = unsafe { cell.as_ref() };
    let callbacks = if won == Cancel::WonLocked {
        let link = side::take_all(header);
        header.word.unlock(false, 0);
        side::release(cell, link)
    } else {
        side::Callbacks::NONE
    };
    // SAFETY: the canceller has the guard (see `Guarded::guard`).
    let guard = header.vtable.guard.and_then(|take| unsafe { take(cell) });
    // SAFETY: the cell is live during the call.
    unsafe { side::run_callbacks(cell, callbacks) };
    drop(guard);
}

/// Completes a cell whose outcome this thread wrote, giving no reference up.
///
/// # Safety
/// As for [`write_outcome`], which was called.
pub(crate) unsafe fn complete_written(cell: NonNull<Header>, failed: bool) {
    // SAFETY: the caller's promise.
    context::running(cell, || unsafe { complete(cell, failed, 0, &mut NoHook) });
}

/// RUNNING, with the outcome written, to RELEASED: callbacks, the executor's step, the release.
///
/// # Safety
/// The caller won `start`, wrote the outcome, holds `refs` references (or, for 0, a borrowed
/// one), and does not touch the cell afterwards unless it holds another.
#[inline]
unsafe fn complete(cell: NonNull<Header>, failed: bool, refs: usize, hook: &mut impl Hook) {
    // SAFETY: live until the release below.
    let header = unsafe { cell.as_ref() };
    hook.ended(failed);
    let seen = header.word.read();
    if seen.is_plain() && !seen.is_unwanted() && header.vtable.guard.is_none() {
        hook.before_release();
        if let Ok(left) = header.word.release(seen, failed, refs) {
            if left == Left::Last {
                // The owner is alive, so this is the promise's side giving nothing up.
                // SAFETY: the last reference was ours.
                unsafe { (header.vtable.dealloc)(cell) };
            }
            return;
        }
        // SAFETY: as for this function.
        unsafe { complete_slowly(cell, failed, refs, hook, true) };
    } else {
        // SAFETY: as for this function.
        unsafe { complete_slowly(cell, failed, refs, hook, false) };
    }
}

/// # Safety
/// As for [`complete`]. `told` says that `before_release` was called.
#[cold]
#[inline(never)]
unsafe fn complete_slowly(
    cell: NonNull<Header>,
    failed: bool,
    refs: usize,
    hook: &mut impl Hook,
    mut told: bool,
) {
    // SAFETY: live until the release below.
    let header = unsafe { cell.as_ref() };
    let word = &header.word;
    // SAFETY: this thread will settle the cell.
    let guard = header.vtable.guard.and_then(|take| unsafe { take(cell) });
    let mut dropped = false;
    let (left, link) = loop {
        let seen = word.read();
        if seen.has_callbacks() {
            word.lock();
            let callbacks = side::take_callbacks(header);
            word.unlock_finished(failed, side::in_use(header));
            if told {
                hook.busy_again();
                told = false;
            }
            // SAFETY: the cell is live and FINISHED, this thread completes it.
            unsafe { side::run_callbacks(cell, callbacks) };
            continue;
        }
        // The owner left before this reading, so its callbacks were all run above.
        if seen.is_unwanted() && !dropped {
            if told {
                hook.busy_again();
                told = false;
            }
            // SAFETY: rule 3.
            unsafe { drop_outcome(cell, failed) };
            dropped = true;
        }
        if !told {
            hook.before_release();
            told = true;
        }
        let now = word.read();
        if now.is_unwanted() && !dropped {
            continue;
        }
        if now.is_plain() {
            match word.release(now, failed, refs) {
                Ok(left) => break (left, null_mut()),
                Err(()) => continue,
            }
        }
        if word.lock().has_callbacks() {
            word.unlock(true, 0);
            continue;
        }
        let link = side::take_all(header);
        match word.settle_locked(failed, dropped, refs) {
            Ok(left) => break (left, link),
            Err(()) => {
                side::put_back(header, link);
                word.unlock(!link.is_null(), 0);
            }
        }
    };
    context::settled();
    // Watchers hold references of their own, so the cell outlives this even when `left` says
    // that ours was the last.
    let callbacks = side::release(cell, link);
    debug_assert!(callbacks.is_empty());
    if left == Left::Last {
        // SAFETY: the last reference was ours and nothing was registered.
        unsafe { (header.vtable.dealloc)(cell) };
    }
    drop(guard);
}
