//! A worker thread, from its first look to its last.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use future_core::Job;
use future_core::executor::{Helped, Ran, Release, Spin, Task};
use future_core::shim::{Arc, thread_local_cell};

use crate::board::{Counts, Slot};
use crate::gather::Gather;
use crate::limits::DEPTH;
use crate::shared::{Look, Shared};
use crate::state;

thread_local_cell!(static NUMBER: Cell<usize> = Cell::new(usize::MAX));
thread_local_cell!(static POOL: Cell<u64> = Cell::new(0));
// True in a worker that is counted as idle, initializes or leaves.
thread_local_cell!(static MARKED: Cell<bool> = Cell::new(true));

/// Who submits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Submitter {
    /// A thread that is no worker of the pool.
    Outside,
    /// A worker at its task.
    Busy(usize),
    /// A worker that is counted otherwise, and whose submit changes that.
    Marked,
}

/// What this thread is to `shared` when it submits.
#[inline]
pub(crate) fn submitter(shared: &Shared) -> Submitter {
    if !shared.token.is_current() {
        Submitter::Outside
    } else if MARKED.with(Cell::get) {
        Submitter::Marked
    } else {
        Submitter::Busy(NUMBER.with(Cell::get))
    }
}

/// This thread's number among the workers of `shared`, when it is one.
#[inline]
pub(crate) fn current(shared: &Shared) -> Option<usize> {
    shared.token.is_current().then(|| NUMBER.with(Cell::get))
}

/// Notes that this worker is counted otherwise than busy, or is not.
#[inline]
pub(crate) fn set_marked(marked: bool) {
    MARKED.with(|m| m.set(marked));
}

/// Whether this thread is a worker of `shared`, or was one and is about to end.
pub(crate) fn was(shared: &Shared) -> bool {
    POOL.with(Cell::get) == shared.id
}

/// The whole life of a worker.
pub(crate) fn main(shared: &Arc<Shared>, number: usize) {
    NUMBER.with(|n| n.set(number));
    POOL.with(|pool| pool.set(shared.id));
    let slot = shared.board.slot(number);
    let in_place = InPlace(&slot.ran);
    // Without a state no task is run, in place neither.
    if shared
        .token
        .work(0, &in_place, || initialized(shared, number))
    {
        let worker = Worker {
            shared,
            slot,
            number,
            spin: Spin::new(),
            gather: Gather::new(),
            idle: Cell::new(false),
        };
        shared.token.work(DEPTH, &in_place, || worker.work());
    }
    shared.token.work(0, &in_place, || {
        let dropped = catch_unwind(state::clear);
        forget_panic(dropped);
        Shared::leave(shared, number);
    });
}

/// Makes the worker's state, if there is to be one; false when the pool is broken by it.
fn initialized(shared: &Arc<Shared>, number: usize) -> bool {
    if shared.config.initializer.is_none() {
        return true;
    }
    Shared::begin(shared, number);
    // As a task, so that the search for deadlocks knows of its waits.
    let (task, future) = Task::new(Initialize(shared.clone(), number), &shared.token);
    task.run(|| {});
    matches!(future.try_result(), Ok(Ok(true)))
}

struct Initialize(Arc<Shared>, usize);

impl Job for Initialize {
    type Output = bool;

    fn run(self) -> bool {
        initialize(&self.0, self.1)
    }

    fn name() -> &'static str {
        "initializer"
    }
}

fn initialize(shared: &Shared, number: usize) -> bool {
    let Some(initializer) = &shared.config.initializer else {
        return true;
    };
    match initializer() {
        Ok(made) => {
            state::set(made);
            shared.initialized(number);
            true
        }
        Err(broken) => {
            shared.break_down(number, broken);
            false
        }
    }
}

/// Drops a panic's payload, whose own `Drop` may panic too: then both are leaked.
pub(crate) fn forget_panic(result: Result<(), Box<dyn Any + Send>>) {
    if let Err(payload) = result {
        if let Err(second) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
            std::mem::forget(second);
        }
    }
}

/// Counts tasks that this worker ran in place while it waited.
struct InPlace<'a>(&'a Counts);

impl Helped for InPlace<'_> {
    fn helped(&self, ran: Ran) {
        self.0.helped.add();
        match ran {
            Ran::Failed => self.0.failed.add(),
            Ran::Finished => self.0.finished.add(),
            Ran::Cancelled | Ran::NotRun => {}
        }
    }
}

struct Worker<'a> {
    shared: &'a Arc<Shared>,
    slot: &'a Slot,
    number: usize,
    spin: Spin,
    gather: Gather,
    /// Counted as idle since the last task.
    idle: Cell<bool>,
}

impl Worker<'_> {
    fn work(&self) {
        loop {
            let mut rest = Rest::None;
            if self.idle.take() {
                rest = self.rest();
            } else if let Some(task) = self.slot.ring.pop() {
                self.run(task);
                continue;
            }
            self.gather
                .before_look(&self.shared.inbox, rest == Rest::Slept);
            match Shared::look(self.shared, self.number, rest == Rest::Expired) {
                Look::Run(task, found) => {
                    set_marked(false);
                    self.gather.after_look(found);
                    self.run(task);
                }
                Look::Rest => self.idle.set(true),
                Look::Leave => {
                    set_marked(true);
                    return;
                }
            }
        }
    }

    #[inline]
    fn run(&self, task: Task) {
        match task.run(Steps(self)) {
            Ran::Finished | Ran::Failed => {}
            Ran::Cancelled => self.slot.ran.cancelled.add(),
            Ran::NotRun => self.slot.ran.husks.add(),
        }
    }

    /// Waits to be called, or until the keep-alive time has passed.
    fn rest(&self) -> Rest {
        let parker = &self.slot.parker;
        if self.spin.until(|| parker.is_notified()) && parker.try_take() {
            return Rest::Spun;
        }
        let deadline = self
            .shared
            .config
            .keep_alive
            .and_then(|limit| Instant::now().checked_add(limit));
        if parker.park(deadline) {
            Rest::Slept
        } else {
            Rest::Expired
        }
    }
}

/// How a worker came to look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// From its last task.
    None,
    /// It was called while it spun.
    Spun,
    /// It was called out of its sleep.
    Slept,
    /// Its time as an idle worker is over.
    Expired,
}

/// The steps between a task's end and the release of those who wait for it.
struct Steps<'a>(&'a Worker<'a>);

impl Release for Steps<'_> {
    #[inline]
    fn ended(&mut self, failed: bool) {
        let ran = &self.0.slot.ran;
        if failed {
            ran.failed.add();
        } else {
            ran.finished.add();
        }
    }

    #[inline]
    fn before_release(&mut self) {
        let Self(worker) = self;
        if worker.slot.ring.is_empty() {
            let idle = worker.shared.settle(worker.number);
            worker.idle.set(idle);
            set_marked(idle);
        }
    }

    fn busy_again(&mut self) {
        let Self(worker) = self;
        if worker.idle.take() {
            Shared::unsettle(worker.shared, worker.number);
            set_marked(false);
        }
    }
}
