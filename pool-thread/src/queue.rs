//! What the workers took out of the inbox, and who has taken what of that. All of it under the
//! pool's lock.
//!
//! When nothing is left here, everything that has arrived is taken over at once. Each task has a position by the order in which the queue hands tasks out. A worker takes a
//! batch: it runs the first task and puts the others in its ring, where anybody who has nothing
//! else to do finds them. Batches are noted here in the order they were taken, so the first that
//! is not empty holds the oldest task that nobody has started.

use std::collections::VecDeque;

use future_core::executor::Task;

use crate::board::Board;
use crate::inbox::{self, Arrived, Inbox};
use crate::limits::{BATCH, FAIR};

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

/// Tasks that nobody has started and that are older than those in the inbox.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Queue {
    /// Older than those in `waiting`: a task that came alone, which so touches no other memory.
    first: Option<Task>,
    waiting: VecDeque<Task>,
    /// Tasks handed out: the next one's position.
    taken: u64,
    batches: VecDeque<Batch>,
}

impl Queue {
    /// Adds a task; there is none in the inbox.
    #[inline]
    pub(crate) fn push(&mut self, task: Task) {
        if self.is_used_up() {
            self.first = Some(task);
        } else {
            self.waiting.push_back(task);
        }
    }

    fn waiting(&self) -> usize {
        usize::from(self.first.is_some()) + self.waiting.len()
    }

    /// Takes over what has arrived, when nothing is left here; how many tasks that were.
    #[inline]
    pub(crate) fn take_over(&mut self, inbox: &Inbox, arrived: &mut Arrived) -> usize {
        inbox.swap(arrived, &mut self.waiting);
        self.waiting.len()
    }

    /// Whether nothing is left but what is in the rings.
    #[inline]
    pub(crate) fn is_used_up(&self) -> bool {
        self.first.is_none() && self.waiting.is_empty()
    }

    /// Whether no task waits, in the queue or in a ring.
    #[inline]
    pub(crate) fn is_empty(&mut self, board: &Board) -> bool {
        self.is_used_up() && self.oldest(board).is_none()
    }

    /// How many tasks wait here and in the rings, and what is left of those that were cancelled or
    /// run in place.
    pub(crate) fn len(&self, board: &Board) -> usize {
        self.waiting() + self.in_rings(board)
    }

    /// The same without those in the queue, but not in the rings, that will not run. Looks at
    /// each.
    pub(crate) fn pending(&self, board: &Board) -> usize {
        let waiting = self
            .first
            .iter()
            .chain(&self.waiting)
            .filter(|task| task.is_pending());
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

    /// The next task for `worker`, whose ring is empty and may be filled. Only in `worker`'s
    /// thread.
    pub(crate) fn take(
        &mut self,
        worker: usize,
        all_at_work: bool,
        max_workers: usize,
        board: &Board,
    ) -> Option<Task> {
        let found = self.waiting();
        while let Some((other, position)) = self.oldest(board) {
            if found > 0 && self.taken - position < FAIR {
                break;
            }
            if let Some(task) = board.slot(other).ring.pop() {
                return Some(task);
            }
        }
        let task = self.first.take().or_else(|| self.waiting.pop_front())?;
        self.taken += 1;
        // Its fair share. What it cannot run soon is stolen from it. As long as somebody is free,
        // or on the way, and there is no long backlog, each takes one: what goes into the ring of
        // a worker that then blocks would be overtaken by what the next one finds.
        let share = if all_at_work || found > BATCH * max_workers {
            (found / max_workers).clamp(1, BATCH)
        } else {
            1
        };
        let more = (share - 1).min(self.waiting.len());
        if more > 0 {
            // SAFETY: `more` is less than a batch. Only `worker` fills its ring, in its own
            // thread and when it has found it empty; others only take out.
            #[allow(unsafe_code)]
            let end = unsafe { board.slot(worker).ring.fill(self.waiting.drain(..more)) };
            self.taken += more as u64;
            let last = self.taken - 1;
            self.batches.push_back(Batch { worker, last, end });
        }
        Some(task)
    }

    /// Takes everything out.
    pub(crate) fn drain(&mut self, board: &Board) -> Vec<Task> {
        let mut tasks = Vec::new();
        while let Some((worker, _)) = self.oldest(board) {
            tasks.extend(board.slot(worker).ring.pop());
        }
        tasks.extend(self.first.take());
        tasks.extend(std::mem::take(&mut self.waiting));
        tasks
    }

    /// After a burst: the empty queue's memory, to be freed without the lock.
    #[inline]
    pub(crate) fn excess(&mut self) -> Option<VecDeque<Task>> {
        inbox::excess(&mut self.waiting)
    }
}
