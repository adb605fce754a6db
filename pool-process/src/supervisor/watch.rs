//! What time brings: limits, graces, patience (rules 5 and 7).

use super::Supervisor;
use super::action::{Action, Because, Break, Signal};
use super::slot::{Doom, Stage};
use super::tasks::Doomed;

/// How long a doomed task's worker is waited for to give the others back, in nanoseconds.
pub(super) const PATIENCE: u64 = 10_000_000;
/// The start of a task with a limit is looked for after this part of the limit,
const LOOKS: u64 = 16;
/// but not sooner and not later than this, in nanoseconds.
const SOONEST: u64 = 50_000;
const LATEST: u64 = 10_000_000;

/// A task, and how long it may run.
type Limited = (u32, u64);

impl<T, R: Clone> Supervisor<T, R> {
    /// What the time means for the worker in `slot`, whatever it is doing.
    pub(super) fn pass_time<A>(&mut self, slot: u32, out: &mut Vec<Action<T, A, R>>) {
        let now = self.now;
        match self.slot_mut(slot).stage {
            Stage::Vacant | Stage::Launching => {}
            Stage::Starting { by: None } | Stage::Retiring { by: None } => {}
            Stage::Starting { by: Some(by) } if by <= now => {
                let worker = self.id(slot);
                self.condemn(slot, Because::StartLimit, 0, out);
                self.break_pool(Break::StartLimit { worker }, out);
            }
            Stage::Retiring { by: Some(by) } if by <= now => {
                self.condemn(slot, Because::ExitLimit, 0, out);
            }
            Stage::Ending {
                because,
                kill_at: Some(at),
            } => {
                if at <= now {
                    self.kill_now(slot, because, out);
                } else {
                    self.wake(at);
                }
            }
            Stage::Ending { kill_at: None, .. } => {}
            Stage::Starting { by: Some(by) } | Stage::Retiring { by: Some(by) } => self.wake(by),
            Stage::Live => {
                self.slot_mut(slot).window.settle(now);
                self.carry_out_doom(slot, out);
            }
        }
    }

    /// Whether the task that a worker runs has done so for too long.
    pub(super) fn watch<A>(&mut self, slot: u32, out: &mut Vec<Action<T, A, R>>) {
        if self.slots[slot as usize].stage != Stage::Live {
            return;
        }
        let (running, waiting) = self.watched(slot);
        if let Some((index, limit)) = running {
            let end = self.tasks[index].started_at.saturating_add(limit);
            if end <= self.now {
                return self.overdue(slot, index, out);
            }
            self.wake(end);
        }
        if let Some((index, limit)) = waiting {
            let worker = &self.slots[slot as usize];
            let (pause, first) = if worker.list.first() == Some(index) {
                let pause = (limit / LOOKS).clamp(SOONEST, LATEST);
                (pause, pause)
            } else {
                // No sooner than it can be too late.
                ((limit / LOOKS).max(LATEST), limit)
            };
            let first = worker.front_since.saturating_add(first);
            let due = worker.look_at.unwrap_or(first);
            self.look_at(slot, index, due, pause, out);
        }
    }

    /// The task that the worker in `slot` runs, and the first that it is not known to have started
    /// and that has a limit, each with its limit, if it has one.
    ///
    /// What stands before a task that has started is over, though its answer has not come: it may
    /// lie with a worker that was stopped before it could send it.
    fn watched(&self, slot: u32) -> (Option<Limited>, Option<Limited>) {
        let mut running = None;
        let mut next = self.slots[slot as usize].list.first();
        while let Some(index) = next {
            let entry = &self.tasks[index];
            let limited = entry.limit.map(|limit| (index, limit));
            if entry.started {
                running = limited;
            } else if limited.is_some() {
                return (running, limited);
            }
            next = self.tasks.next(index);
        }
        (running, None)
    }

    /// The limit of a task that the worker in `slot` was last known to run has passed.
    fn overdue<A>(&mut self, slot: u32, index: u32, out: &mut Vec<Action<T, A, R>>) {
        let seq = Some(self.tasks[index].seq());
        if self.tasks[index].doomed != Doomed::No {
            return;
        }
        if let Some(behind) = self.tasks.next(index) {
            if self.slots[slot as usize].overdue != seq {
                // It is over if the one behind it has started.
                self.slot_mut(slot).overdue = seq;
                return self.look_at(slot, behind, self.now, 0, out);
            }
        }
        self.tasks[index].doomed = Doomed::Deadline;
        self.slot_mut(slot).doomed += 1;
        self.doom(slot, Because::Deadline, self.config.grace, out);
        self.carry_out_doom(slot, out);
    }

    /// The worker in `slot` has a task that is to be ended.
    pub(super) fn doom<A>(
        &mut self,
        slot: u32,
        because: Because,
        grace: u64,
        out: &mut Vec<Action<T, A, R>>,
    ) {
        let patience = self.now.saturating_add(PATIENCE);
        let worker = self.slot_mut(slot);
        match &mut worker.doom {
            Some(doom) => doom.grace = doom.grace.min(grace),
            None => {
                worker.doom = Some(Doom {
                    because,
                    grace,
                    patience,
                });
            }
        }
        self.revoke_all(slot, out);
    }

    /// Signals a worker with a doomed task when that is all that it has, and lets it be when it
    /// has none any more.
    fn carry_out_doom<A>(&mut self, slot: u32, out: &mut Vec<Action<T, A, R>>) {
        let now = self.now;
        let worker = self.slot_mut(slot);
        let Some(doom) = worker.doom else { return };
        if worker.doomed == 0 {
            worker.doom = None;
        } else if (worker.revoking == 0 && worker.doomed == worker.list.len())
            || doom.patience <= now
        {
            self.condemn(slot, doom.because, doom.grace, out);
        } else {
            self.wake(doom.patience);
        }
    }

    /// Ends the worker in `slot`: it is asked to, and killed after `grace`.
    pub(super) fn condemn<A>(
        &mut self,
        slot: u32,
        because: Because,
        grace: u64,
        out: &mut Vec<Action<T, A, R>>,
    ) {
        let at = self.now.saturating_add(grace);
        match self.slot_mut(slot).stage {
            Stage::Vacant | Stage::Launching => {}
            Stage::Ending { kill_at: None, .. } => {}
            Stage::Ending {
                because,
                kill_at: Some(before),
            } => {
                if grace == 0 {
                    self.kill_now(slot, because, out);
                } else {
                    let kill_at = Some(before.min(at));
                    self.slot_mut(slot).stage = Stage::Ending { because, kill_at };
                }
            }
            Stage::Starting { .. } | Stage::Live | Stage::Retiring { .. } => {
                match because {
                    Because::Killed | Because::Deadline | Because::Protocol => {
                        self.counts.ended += 1;
                    }
                    _ => {}
                }
                if grace == 0 {
                    self.kill_now(slot, because, out);
                } else {
                    let kill_at = Some(at);
                    self.slot_mut(slot).stage = Stage::Ending { because, kill_at };
                    let worker = self.id(slot);
                    out.push(Action::Signal {
                        worker,
                        signal: Signal::Terminate,
                        because,
                    });
                    self.wake(at);
                }
                self.revoke_all(slot, out);
            }
        }
    }

    fn kill_now<A>(&mut self, slot: u32, because: Because, out: &mut Vec<Action<T, A, R>>) {
        self.slot_mut(slot).stage = Stage::Ending {
            because,
            kill_at: None,
        };
        let worker = self.id(slot);
        out.push(Action::Signal {
            worker,
            signal: Signal::Kill,
            because,
        });
    }
}
