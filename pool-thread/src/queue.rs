//! The queue, and who has taken what from it. All of it under the pool's lock.
//!
//! Each task has a position by the order in which the queue hands tasks out. A worker takes a
//! batch: it runs the first task and puts the others in its ring, where anybody who has nothing
//! else to do finds them. Batches are noted here in the order they were taken, so the first that
//! is not empty holds the oldest task that nobody has started.

use std::collections::VecDeque;

use future_core::executor::Task;

use crate::board::Board;
use crate::limits::{BATCH, FAIR, KEEP};

/// The part of a batch that went into a ring.
#[derive(Debug)]
struct Batch {
    worker: usize,
    /// The position of the task that the ring will pop when its head is at `end - 1`.
    last: u64,
    /// The ring's head when all of the batch is gone.
    end: usize,
}

impl Batch {
    fn left(&self, board: &Board) -> usize {
        let head = board.slot(self.worker).ring.head();
        let left = self.end.wrapping_sub(head);
        // The ring may be filled again, many times: then the head is past the end.
        if left > BATCH { 0 } else { left }
    }
}

/// Tasks that nobody has started.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Queue {
    waiting: VecDeque<Task>,
    /// Tasks handed out: the next one's position.
    taken: u64,
    batches: VecDeque<Batch>,
}

impl Queue {
    #[inline]
    pub(crate) fn push(&mut self, task: Task, board: &Board) {
        self.waiting.push_back(task);
        board.set_queued(self.waiting.len());
    }

    pub(crate) fn extend(&mut self, tasks: Vec<Task>, board: &Board) {
        self.waiting.extend(tasks);
        board.set_queued(self.waiting.len());
    }

    /// Whether no task waits, in the queue or in a ring.
    #[inline]
    pub(crate) fn is_empty(&mut self, board: &Board) -> bool {
        self.waiting.is_empty() && self.oldest(board).is_none()
    }

    /// How many tasks wait, in the queue and in the rings, and what is left of those that were
    /// cancelled or run in place.
    pub(crate) fn len(&self, board: &Board) -> usize {
        self.waiting.len() + self.in_rings(board)
    }

    /// The same without those in the queue, but not in the rings, that will not run. Looks at
    /// each.
    pub(crate) fn pending(&self, board: &Board) -> usize {
        let waiting = self.waiting.iter().filter(|task| task.is_pending());
        waiting.count() + self.in_rings(board)
    }

    fn in_rings(&self, board: &Board) -> usize {
        self.batches.iter().map(|batch| batch.left(board)).sum()
    }

    /// The worker whose ring has the oldest task, and that task's position.
    fn oldest(&mut self, board: &Board) -> Option<(usize, u64)> {
        while let Some(batch) = self.batches.front() {
            let left = batch.left(board) as u64;
            if left > 0 {
                return Some((batch.worker, batch.last + 1 - left));
            }
            self.batches.pop_front();
        }
        None
    }

    /// The next task for `worker`, whose ring is empty and may be filled, and how many tasks the
    /// queue had. Only in `worker`'s thread.
    pub(crate) fn take(
        &mut self,
        worker: usize,
        workers: usize,
        board: &Board,
    ) -> (Option<Task>, usize) {
        let found = self.waiting.len();
        while let Some((other, position)) = self.oldest(board) {
            if found > 0 && self.taken - position < FAIR {
                break;
            }
            if let Some(task) = board.slot(other).ring.pop() {
                return (Some(task), found);
            }
        }
        let Some(task) = self.waiting.pop_front() else {
            return (None, found);
        };
        self.taken += 1;
        // Its fair share. What it cannot run soon is stolen from it.
        let more = (found / workers).clamp(1, BATCH) - 1;
        if more > 0 {
            // SAFETY: `more` is less than a batch. Only `worker` fills its ring, in its own
            // thread and when it has found it empty; others only take out.
            #[allow(unsafe_code)]
            let end = unsafe { board.slot(worker).ring.fill(self.waiting.drain(..more)) };
            self.taken += more as u64;
            let last = self.taken - 1;
            self.batches.push_back(Batch { worker, last, end });
        }
        board.set_queued(self.waiting.len());
        (Some(task), found)
    }

    /// Takes everything out.
    pub(crate) fn drain(&mut self, board: &Board) -> Vec<Task> {
        let mut tasks = Vec::new();
        while let Some((worker, _)) = self.oldest(board) {
            tasks.extend(board.slot(worker).ring.pop());
        }
        tasks.extend(std::mem::take(&mut self.waiting));
        board.set_queued(0);
        tasks
    }

    /// After a burst: the empty queue's memory, to be freed without the lock.
    #[inline]
    pub(crate) fn excess(&mut self) -> Option<VecDeque<Task>> {
        (self.waiting.is_empty() && self.waiting.capacity() > KEEP)
            .then(|| std::mem::take(&mut self.waiting))
    }
}
