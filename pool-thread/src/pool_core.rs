//! All that is decided under the pool's lock: what is queued, who is called for it, who rests.

use std::collections::VecDeque;

use future_core::executor::Task;
use future_core::shim::thread::JoinHandle;
use future_core::{BrokenExecutor, SubmitErrorKind};

use crate::board::Board;
use crate::counters::{Counters, Next};
use crate::inbox::Inbox;
use crate::queue::Queue;

/// Under the pool's lock, which is taken before the inbox's when both are. What a single task
/// touches comes first, to be in the lock's cache lines.
#[repr(C)]
pub(crate) struct Core {
    /// Shut down or broken: no task is taken, and workers end when none is left.
    pub(crate) closing: bool,
    /// What the inbox was told.
    pub(crate) calm: bool,
    pub(crate) counters: Counters,
    pub(crate) queue: Queue,
    /// What the inbox needs no longer, to be freed without a lock.
    pub(crate) excess: Option<VecDeque<Task>>,
    pub(crate) broken: Option<BrokenExecutor>,
    pub(crate) threads: Vec<JoinHandle<()>>,
    /// Somebody without a time limit joins threads that are no longer in `threads`.
    pub(crate) joining: bool,
    /// The system refused a thread last time.
    pub(crate) short: bool,
    /// Tasks that ended without a worker.
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
    /// Taken from the queue without a worker after they were run in place.
    pub(crate) husks: u64,
}

impl Core {
    pub(crate) fn new(max_workers: usize) -> Self {
        Self {
            closing: false,
            calm: false,
            counters: Counters::new(max_workers),
            queue: Queue::default(),
            excess: None,
            broken: None,
            threads: Vec::new(),
            joining: false,
            short: false,
            failed: 0,
            cancelled: 0,
            husks: 0,
        }
    }

    #[inline]
    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    #[cold]
    pub(crate) fn refuse(&self, tasks: Vec<Task>) -> Refused {
        let kind = match &self.broken {
            Some(broken) => SubmitErrorKind::Broken(broken.clone()),
            None => SubmitErrorKind::Shutdown,
        };
        Refused { kind, tasks }
    }

    /// Threads that ran to their end while the pool goes on, to be let go without the lock.
    #[cfg(not(cf_loom))]
    pub(crate) fn ended_threads(&mut self) -> Vec<JoinHandle<()>> {
        if self.threads.len() <= self.counters.live() {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.threads);
        let (ended, going) = all.into_iter().partition(JoinHandle::is_finished);
        self.threads = going;
        ended
    }

    /// In a model every thread is kept and joined.
    #[cfg(cf_loom)]
    pub(crate) fn ended_threads(&mut self) -> Vec<JoinHandle<()>> {
        Vec::new()
    }

    /// Whether a task waits, asked when somebody has to be called for one. Submitters are told
    /// first, and then looked for: those that came before have left their task, those that come
    /// later call.
    #[inline]
    pub(crate) fn waits(&mut self, board: &Board, inbox: &Inbox) -> bool {
        if self.calm {
            self.calm = false;
            inbox.alert(&mut inbox.lock());
        }
        inbox.flush(board);
        inbox.queued() > 0 || !self.queue.is_empty(board)
    }

    /// Claims a worker when a task waits and nobody is on the way.
    #[inline]
    pub(crate) fn next(&mut self, board: &Board, inbox: &Inbox) -> Next {
        if self.counters.is_settled() || !self.waits(board, inbox) {
            return Next::Nobody;
        }
        let queue = &self.queue;
        let next = self.counters.next(|| inbox.queued() + queue.len(board));
        if let Next::Spawn(worker) = next {
            board.prepare(worker);
        }
        next
    }

    /// The same without a spawn, since one was just refused.
    pub(crate) fn next_idle(&mut self, board: &Board, inbox: &Inbox) -> Next {
        if self.waits(board, inbox) {
            self.counters.next_idle()
        } else {
            Next::Nobody
        }
    }

    /// The same as [`next`](Self::next) after a submit, which found the inbox not calm.
    #[inline]
    pub(crate) fn next_after_put(&mut self, board: &Board, inbox: &Inbox) -> Next {
        if self.counters.is_settled() {
            if !self.calm {
                self.calm = true;
                inbox.calm(&mut inbox.lock());
            }
            return Next::Nobody;
        }
        self.next(board, inbox)
    }

    /// Whether there is nothing in the inbox either, nor on a tray, and submitters know that
    /// this was looked for.
    #[inline]
    pub(crate) fn finds_nothing(&mut self, board: &Board, inbox: &Inbox) -> bool {
        if self.calm {
            self.calm = false;
            let mut arrived = inbox.lock();
            inbox.alert(&mut arrived);
            self.excess = arrived.excess();
        }
        inbox.flush(board);
        inbox.queued() == 0
    }

    /// Counts a worker as idle that [found nothing](Self::finds_nothing).
    #[inline]
    pub(crate) fn rest(&mut self, worker: usize) -> [Option<VecDeque<Task>>; 2] {
        self.counters.rest(worker);
        [self.queue.excess(), self.excess.take()]
    }

    /// Whether nobody is left and nobody will come: a submitter that has left its task may be
    /// about to call for a worker.
    pub(crate) fn is_over(&mut self, board: &Board, inbox: &Inbox) -> bool {
        self.counters.nobody() && inbox.queued() == 0 && self.queue.is_empty(board)
    }

    /// Takes every task out.
    pub(crate) fn drain(&mut self, board: &Board, inbox: &Inbox) -> Vec<Task> {
        inbox.flush(board);
        let mut tasks = self.queue.drain(board);
        let mut arrived = VecDeque::new();
        inbox.swap(&mut inbox.lock(), &mut arrived);
        tasks.extend(arrived);
        tasks
    }
}

/// Tasks that the pool does not take, in the order they came.
pub(crate) struct Refused {
    pub(crate) kind: SubmitErrorKind,
    pub(crate) tasks: Vec<Task>,
}
