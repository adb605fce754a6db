//! How a pool ends: broken, closed, waited for.

use std::time::{Duration, Instant};

use future_core::BrokenExecutor;

use crate::shared::Shared;
use crate::shutdown::ShutdownError;
use crate::worker;

impl Shared {
    /// A worker could not be initialised: nothing will run any more but what runs.
    pub(crate) fn break_down(&self, worker: usize, broken: BrokenExecutor) {
        let mut core = self.core.lock_soon();
        core.counters.initialized(worker);
        core.closing = true;
        self.inbox.close();
        let broken = core.broken.get_or_insert(broken).clone();
        let tasks = core.drain(&self.board, &self.inbox);
        let claimed = core.counters.claim_all();
        drop(core);
        self.wake_all(claimed);
        self.fail_all(tasks, &broken.into());
    }

    fn wake_all(&self, claimed: Vec<usize>) {
        for worker in claimed {
            self.board.slot(worker).parker.unpark();
        }
    }

    /// Takes no more tasks, and cancels those that wait when `cancel` says so.
    pub(crate) fn close(&self, cancel: bool) {
        let mut core = self.core.lock_soon();
        core.closing = true;
        self.inbox.close();
        let tasks = if cancel {
            core.drain(&self.board, &self.inbox)
        } else {
            Vec::new()
        };
        let claimed = core.counters.claim_all();
        drop(core);
        self.wake_all(claimed);
        for task in tasks {
            self.core.lock_soon().cancelled += 1;
            if !task.cancel() {
                let mut core = self.core.lock_soon();
                core.cancelled -= 1;
                core.husks += 1;
            }
        }
    }

    /// Waits until all workers are gone and, without a limit, their threads joined: a join may
    /// last as long as a thread-local's `Drop`, and `is_finished` says nothing of that.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Result<(), ShutdownError> {
        // A thread-local's `Drop` may run in the very thread that somebody joins.
        if worker::was(self) {
            return Err(ShutdownError::from_worker(self.exact_stats()));
        }
        // A limit beyond the clock's end is none.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut core = self.core.lock_soon();
        loop {
            let over = core.is_over(&self.board, &self.inbox);
            if over && (limit.is_some() || !core.joining) {
                if limit.is_some() || core.threads.is_empty() {
                    return Ok(());
                }
                core.joining = true;
                let threads = std::mem::take(&mut core.threads);
                drop(core);
                for thread in threads {
                    // Workers catch every panic of their users'.
                    let _ = thread.join();
                }
                core = self.core.lock_soon();
                core.joining = false;
                self.gone.notify_all();
                continue;
            }
            let expired;
            (core, expired) = self.gone.wait(core, deadline);
            if expired && !core.is_over(&self.board, &self.inbox) {
                drop(core);
                let limit = limit.unwrap_or_default();
                return Err(ShutdownError::timed_out(limit, self.exact_stats()));
            }
        }
    }
}
