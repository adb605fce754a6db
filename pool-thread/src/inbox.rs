//! Where tasks are put. Its lock is held for a few instructions at a time: submitters meet the
//! workers here only when these take everything at once, and never at the pool's lock, as long as
//! nobody has to be called.
//!
//! A worker that submits to its own pool puts its tasks on a tray of its own, and all trays are
//! put into the inbox before anything else is: when one is full, when a worker looks for tasks,
//! when another thread submits. So a task on a tray is overtaken by what is on the other trays at
//! most.

use std::collections::VecDeque;
use std::mem;

use future_core::executor::Task;
use future_core::shim::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use future_core::shim::{CachePadded, Mutex, MutexGuard};

use crate::board::Board;
use crate::limits::{BATCH, KEEP};

/// Tasks in the order they came, until the workers take them.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    line: CachePadded<Line>,
    signs: CachePadded<Signs>,
}

/// What each submit writes.
#[derive(Debug, Default)]
struct Line {
    arrived: Mutex<Arrived>,
    /// How many have arrived.
    queued: AtomicUsize,
}

/// What each submit reads, and is seldom written.
#[derive(Debug, Default)]
struct Signs {
    /// Nobody needs to be called when a task comes. Written under the pool's lock and the inbox's.
    calm: AtomicBool,
    /// The pool takes no more tasks. Written under both locks too.
    closed: AtomicBool,
    /// The workers that have something on their tray, a bit each. Written under the tray's lock.
    trays: AtomicU64,
}

/// Workers that have a tray: those that have a bit.
pub(crate) const TRAYS: usize = 64;

/// Under the inbox's lock.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    tasks: VecDeque<Task>,
}

/// What one worker has submitted to its own pool.
#[derive(Debug, Default)]
pub(crate) struct Tray(CachePadded<Mutex<Vec<Task>>>);

/// What became of tasks that were put.
pub(crate) enum Put<T> {
    /// They are queued, and nobody needs to be called.
    Calm,
    /// They are queued, and perhaps a worker has to be called.
    Call,
    /// The pool is closed.
    Closed(T),
}

impl Inbox {
    /// Adds a task. The trays were flushed before.
    #[inline]
    pub(crate) fn put(&self, task: Task) -> Put<Task> {
        let mut arrived = self.lock();
        if self.is_closed() {
            return Put::Closed(task);
        }
        arrived.tasks.push_back(task);
        self.note(&arrived);
        if self.is_calm() { Put::Calm } else { Put::Call }
    }

    /// Adds all of `tasks`, or none.
    pub(crate) fn put_all(&self, tasks: Vec<Task>) -> Put<Vec<Task>> {
        let mut arrived = self.lock();
        if self.is_closed() {
            return Put::Closed(tasks);
        }
        arrived.tasks.extend(tasks);
        self.note(&arrived);
        if self.is_calm() { Put::Calm } else { Put::Call }
    }

    /// Puts a task on the tray of `worker`, which is this thread; what is to be called may be
    /// that the tray is full.
    #[inline]
    pub(crate) fn put_on(&self, tray: &Tray, worker: usize, task: Task) -> Put<Task> {
        let mut tasks = tray.0.lock_soon();
        if self.is_closed() {
            return Put::Closed(task);
        }
        if tasks.is_empty() {
            tasks.reserve(BATCH);
            // ORDERING: the fence orders this before `is_calm` below: when that does not see
            // what `alert` wrote, `alert`'s caller sees the bit.
            self.signs.trays.fetch_or(1 << worker, Ordering::Relaxed);
            fence(Ordering::SeqCst);
        }
        tasks.push(task);
        if self.is_calm() && tasks.len() < BATCH {
            Put::Calm
        } else {
            Put::Call
        }
    }

    /// Whether a worker has something on its tray.
    #[inline]
    pub(crate) fn has_trays(&self) -> bool {
        self.trays() != 0
    }

    #[inline]
    fn trays(&self) -> u64 {
        // ORDERING: a bit that matters was ordered by the fences of `put_on` and `alert`, or by
        // whatever told this thread of the task.
        self.signs.trays.load(Ordering::Relaxed)
    }

    /// Adds what is on the trays. Under the pool's lock.
    #[inline]
    pub(crate) fn flush(&self, board: &Board) {
        if self.has_trays() {
            self.flush_into(&mut self.lock(), board);
        }
    }

    /// The same when the inbox is locked already.
    pub(crate) fn flush_into(&self, arrived: &mut Arrived, board: &Board) {
        let mut trays = self.trays();
        while trays != 0 {
            let worker = trays.trailing_zeros() as usize;
            trays &= trays - 1;
            let mut tasks = board.slot(worker).tray.0.lock_soon();
            arrived.tasks.extend(tasks.drain(..));
            // ORDERING: written under the tray's lock.
            self.signs
                .trays
                .fetch_and(!(1 << worker), Ordering::Relaxed);
        }
        self.note(arrived);
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.line.arrived.lock_soon()
    }

    #[inline]
    fn note(&self, arrived: &Arrived) {
        // ORDERING: written under the inbox's lock; see `queued`.
        self.line
            .queued
            .store(arrived.tasks.len(), Ordering::Relaxed);
    }

    /// Exchanges what has arrived for `empty`, an empty queue whose memory is used on.
    pub(crate) fn swap(&self, arrived: &mut Arrived, empty: &mut VecDeque<Task>) {
        debug_assert!(empty.is_empty());
        mem::swap(&mut arrived.tasks, empty);
        self.note(arrived);
    }

    /// How many tasks have arrived. Whoever has told the inbox under its lock that it is not
    /// calm sees the tasks of all submitters that were not told so.
    #[inline]
    pub(crate) fn queued(&self) -> usize {
        // ORDERING: the lock, in which `calm` was written, orders it after those submitters'.
        self.line.queued.load(Ordering::Relaxed)
    }

    /// Whether nobody needs to be called when a task comes; a hint for those without a lock.
    #[inline]
    pub(crate) fn is_calm(&self) -> bool {
        // ORDERING: under the inbox's lock, where it is written; or after the fence of `put_on`
        // or under a tray's lock, which whoever looks for tasks after it wrote takes.
        self.signs.calm.load(Ordering::Relaxed)
    }

    /// Tells submitters that somebody must be called for the next task. Who then sees neither a
    /// task in the inbox nor a tray knows that there is none.
    pub(crate) fn alert(&self, _arrived: &mut Arrived) {
        // ORDERING: written under the inbox's lock for those who put there; for trays see
        // `put_on`.
        self.signs.calm.store(false, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Tells submitters that nobody needs to be called.
    pub(crate) fn calm(&self, _arrived: &mut Arrived) {
        // ORDERING: who does not see it yet looks at the pool's lock in vain.
        self.signs.calm.store(true, Ordering::Relaxed);
    }

    /// Takes no more tasks. Under the pool's lock.
    pub(crate) fn close(&self) {
        let _arrived = self.lock();
        // ORDERING: the lock orders it for those who put there. A worker that does not see it
        // yet puts on its tray, and looks once more before it leaves.
        self.signs.closed.store(true, Ordering::Relaxed);
    }

    #[inline]
    fn is_closed(&self) -> bool {
        // ORDERING: see `close`.
        self.signs.closed.load(Ordering::Relaxed)
    }
}

impl Arrived {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter()
    }

    /// After a burst: the empty queue's memory, to be freed without a lock.
    pub(crate) fn excess(&mut self) -> Option<VecDeque<Task>> {
        excess(&mut self.tasks)
    }
}

/// The memory of an empty queue that has too much of it.
#[inline]
pub(crate) fn excess(tasks: &mut VecDeque<Task>) -> Option<VecDeque<Task>> {
    (tasks.is_empty() && tasks.capacity() > KEEP).then(|| mem::take(tasks))
}
