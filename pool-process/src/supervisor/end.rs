//! The ends of tasks and workers (rules 5 and 6).

use super::Supervisor;
use super::action::{Action, Because, Break, Why};
use super::config::OnCrash;
use super::ids::Key;
use super::slot::Stage;
use super::tasks::{Doomed, Place};

impl<T, R: Clone> Supervisor<T, R> {
    pub(super) fn kill<A>(&mut self, key: Key, grace: u64, out: &mut Vec<Action<T, A, R>>) {
        let Some(index) = self.tasks.find(key) else {
            return;
        };
        let Place::At(slot) = self.tasks[index].place else {
            self.detach(index);
            return self.fail(index, Why::Killed { ran: None }, out);
        };
        if self.tasks[index].doomed == Doomed::No {
            self.slot_mut(slot).doomed += 1;
        }
        self.tasks[index].doomed = Doomed::Killed;
        match self.slot_mut(slot).stage {
            Stage::Live => self.doom(slot, Because::Killed, grace, out),
            _ => self.condemn(slot, Because::Killed, grace, out),
        }
    }

    /// What the worker in `slot` did, it must not do.
    pub(super) fn misbehaved<A>(&mut self, slot: u32, out: &mut Vec<Action<T, A, R>>) {
        match self.slot_mut(slot).stage {
            Stage::Starting { .. } | Stage::Live | Stage::Retiring { .. } => {
                self.condemn(slot, Because::Protocol, 0, out);
            }
            Stage::Vacant | Stage::Launching | Stage::Ending { .. } => {}
        }
    }

    pub(super) fn died<A>(
        &mut self,
        slot: u32,
        report: R,
        started: &[Key],
        out: &mut Vec<Action<T, A, R>>,
    ) {
        for &key in started {
            if let Some(index) = self.find_at(slot, key) {
                self.tasks[index].started = true;
            }
        }
        let stage = self.slot_mut(slot).stage;
        let ran = self.give_up_tasks(slot, stage, &report, out);
        let own_fault = matches!(
            stage,
            Stage::Live
                | Stage::Ending {
                    because: Because::Protocol,
                    ..
                }
        );
        let worker = self.id(slot);
        let useless = !ran && !self.slot_mut(slot).worked;
        self.slot_mut(slot).stage = Stage::Vacant;
        self.slot_mut(slot).pid = None;
        if ran {
            self.launches.succeeded();
        } else if matches!(stage, Stage::Launching | Stage::Starting { .. })
            || (own_fault && useless)
        {
            self.launches.failed(self.now, report.clone(), false);
        }
        if own_fault || matches!(stage, Stage::Starting { .. }) {
            self.counts.crashed += 1;
        }
        if own_fault && self.config.on_crash == OnCrash::BreakPool {
            self.break_pool(Break::Crash { worker, report }, out);
        }
    }

    /// Resolves or queues what a dead worker had. Returns whether it was running something.
    fn give_up_tasks<A>(
        &mut self,
        slot: u32,
        stage: Stage,
        report: &R,
        out: &mut Vec<Action<T, A, R>>,
    ) -> bool {
        let worker = self.id(slot);
        let all_killed = matches!(
            stage,
            Stage::Ending {
                because: Because::Shutdown,
                ..
            }
        );
        let retries = match self.config.on_crash {
            OnCrash::FailTask { retries } if !self.cancelling => retries,
            _ => 0,
        };
        let mut ran = false;
        // Last one first: see `revoke_all`.
        while let Some(index) = self.slots[slot as usize].list.last() {
            let entry = &self.tasks[index];
            let (started, doomed, limit) = (entry.started, entry.doomed, entry.limit);
            ran |= started;
            self.detach(index);
            let report = report.clone();
            match doomed {
                Doomed::Killed => {
                    let ran = started.then_some((worker, report));
                    self.fail(index, Why::Killed { ran }, out);
                }
                _ if !started => self.requeue(index, out),
                Doomed::Deadline => {
                    let why = Why::Deadline {
                        worker,
                        limit: limit.unwrap_or_default(),
                        report,
                    };
                    self.fail(index, why, out);
                }
                Doomed::No if all_killed => {
                    let ran = Some((worker, report));
                    self.fail(index, Why::Killed { ran }, out);
                }
                Doomed::No if self.tasks[index].crashes < retries => {
                    self.tasks[index].crashes += 1;
                    self.requeue(index, out);
                }
                Doomed::No => self.fail(index, Why::Died { worker, report }, out),
            }
        }
        ran
    }
}
