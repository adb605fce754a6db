//! Retirement, the close, and the break.

use super::Supervisor;
use super::action::{Action, Because, Break, Why};
use super::census::Census;
use super::slot::Stage;

impl<T, R: Clone> Supervisor<T, R> {
    /// Lets workers go that have had their last task.
    pub(super) fn retire<A>(&mut self, census: &Census, out: &mut Vec<Action<T, A, R>>) {
        let done = self.closed && self.tasks.len() == 0;
        if !done && !census.spent {
            return;
        }
        for slot in 0..self.places() {
            let worker = &self.slots[slot as usize];
            let leaves = match worker.stage {
                Stage::Live => worker.list.is_empty() && (done || worker.budget == Some(0)),
                Stage::Starting { .. } => done,
                _ => false,
            };
            if leaves {
                let limit = self.config.exit_limit;
                let by = limit.map(|limit| self.now.saturating_add(limit));
                self.slot_mut(slot).stage = Stage::Retiring { by };
                self.counts.retired += 1;
                if let Some(by) = by {
                    self.wake(by);
                }
                let worker = self.id(slot);
                out.push(Action::Retire { worker });
            }
        }
    }

    pub(super) fn close<A>(&mut self, cancel: bool, out: &mut Vec<Action<T, A, R>>) {
        self.closed = true;
        if cancel && !self.cancelling {
            self.cancelling = true;
            while let Some(index) = self.queue.first() {
                self.detach(index);
                self.cancel(index, out);
            }
            for slot in 0..self.places() {
                self.revoke_all(slot, out);
            }
        }
    }

    pub(super) fn kill_all<A>(&mut self, grace: u64, out: &mut Vec<Action<T, A, R>>) {
        self.close(true, out);
        let grace = self.killing.map_or(grace, |before| before.min(grace));
        self.killing = Some(grace);
        for slot in 0..self.places() {
            self.condemn(slot, Because::Shutdown, grace, out);
        }
    }

    /// Every task fails and every worker is ended.
    pub(super) fn break_pool<A>(&mut self, cause: Break<R>, out: &mut Vec<Action<T, A, R>>) {
        if self.broken.is_some() {
            return;
        }
        self.broken = Some(cause.clone());
        out.push(Action::Broken {
            cause: cause.clone(),
        });
        for slot in 0..self.places() {
            while let Some(index) = self.slots[slot as usize].list.first() {
                // What fails without having started must not start afterwards.
                self.revoke(slot, index, out);
                self.detach(index);
                self.fail(index, Why::Broken(cause.clone()), out);
            }
            self.condemn(slot, Because::Broken, self.config.grace, out);
        }
        while let Some(index) = self.queue.first() {
            self.detach(index);
            self.fail(index, Why::Broken(cause.clone()), out);
        }
    }
}
