//! Where tasks are put. Its lock is held for a few instructions at a time: submitters meet the
//! workers here only when these take everything at once, and never at the pool's lock, as long as
//! nobody has to be called.

use std::collections::VecDeque;
use std::mem;

use future_core::executor::Task;
use future_core::shim::atomic::{AtomicUsize, Ordering};
use future_core::shim::{CachePadded, Mutex, MutexGuard};

use crate::limits::KEEP;

/// Tasks in the order they came, until the workers take them.
#[derive(Debug, Default)]
pub(crate) struct Inbox(CachePadded<Inner>);

#[derive(Debug, Default)]
struct Inner {
    arrived: Mutex<Arrived>,
    /// How many have arrived; in the lock's cache line.
    queued: AtomicUsize,
}

/// Under the inbox's lock.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    tasks: VecDeque<Task>,
    /// The pool takes no more tasks.
    closed: bool,
    /// Nobody needs to be called when a task comes. Written under the pool's lock too.
    pub(crate) calm: bool,
}

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
    /// Adds a task.
    #[inline]
    pub(crate) fn put(&self, task: Task) -> Put<Task> {
        let mut arrived = self.lock();
        if arrived.closed {
            return Put::Closed(task);
        }
        arrived.tasks.push_back(task);
        self.note(&arrived);
        if arrived.calm { Put::Calm } else { Put::Call }
    }

    /// Adds all of `tasks`, or none.
    pub(crate) fn put_all(&self, tasks: Vec<Task>) -> Put<Vec<Task>> {
        let mut arrived = self.lock();
        if arrived.closed {
            return Put::Closed(tasks);
        }
        arrived.tasks.extend(tasks);
        self.note(&arrived);
        if arrived.calm { Put::Calm } else { Put::Call }
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.0.arrived.lock_soon()
    }

    #[inline]
    fn note(&self, arrived: &Arrived) {
        // ORDERING: written under the inbox's lock; see `queued`.
        self.0.queued.store(arrived.tasks.len(), Ordering::Relaxed);
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
        self.0.queued.load(Ordering::Relaxed)
    }

    /// Takes no more tasks.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }
}

impl Arrived {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

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
