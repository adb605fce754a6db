//! Getting workers (rules 2 and 6).

use super::action::{Action, Because, Break};
use super::census::Census;
use super::slot::{Slot, Stage};
use super::{SHARED_WINDOW, Supervisor};

impl<T, R: Clone> Supervisor<T, R> {
    /// Launches a worker for every task that would wait though there may be more workers, and
    /// those that were asked for.
    pub(super) fn launch<A>(&mut self, census: &Census, out: &mut Vec<Action<T, A, R>>) {
        let (mut occupied, mut coming) = (census.occupied, census.coming);
        let asked_for = if self.closed {
            0
        } else {
            self.prestart as usize
        };
        self.prestart = 0;
        while self.has_place(occupied) {
            if occupied < asked_for {
                // Whoever asks learns whether it works.
                self.launch_one(out);
                occupied += 1;
                coming += 1;
                continue;
            }
            if census.waiting <= coming + census.idle {
                return;
            }
            if self.now < self.launches.not_before() {
                return self.wake(self.launches.not_before());
            }
            if self.launches.failing() && coming > 0 {
                // One shows whether it works again.
                return;
            }
            self.launch_one(out);
            occupied += 1;
            coming += 1;
        }
    }

    fn launch_one<A>(&mut self, out: &mut Vec<Action<T, A, R>>) {
        let window_max = self.config.window_max.get();
        let window_max = match self.config.max_workers.get() {
            1 => window_max,
            _ => window_max.min(SHARED_WINDOW),
        };
        let budget = self.config.max_tasks_per_child.map(|tasks| tasks.get());
        let slot = self.vacant();
        self.slot_mut(slot).occupy(window_max, budget);
        let worker = self.id(slot);
        out.push(Action::Launch { worker });
    }

    /// Breaks the pool when there are tasks, no workers, and no prospect of one.
    pub(super) fn give_up_launching<A>(&mut self, out: &mut Vec<Action<T, A, R>>) {
        let attempts = self.config.launch_attempts.get();
        let Some(report) = self.launches.hopeless(attempts) else {
            return;
        };
        let hope = |slot: &Slot| slot.coming() || slot.stage == Stage::Live;
        if self.slots.iter().any(hope) {
            return;
        }
        if self.queue.is_empty() {
            // Nobody needs a worker now; who does later has the tries again.
            self.launches.succeeded();
        } else {
            let report = report.clone();
            self.break_pool(Break::Launch { report }, out);
        }
    }

    fn vacant(&mut self) -> u32 {
        let vacant = (0..).zip(&self.slots).find_map(|(index, slot)| {
            let vacant = slot.stage == Stage::Vacant;
            vacant.then_some(index)
        });
        vacant.unwrap_or_else(|| {
            self.slots.push(Slot::new());
            self.places() - 1
        })
    }

    pub(super) fn launched<A>(&mut self, slot: u32, pid: u32, out: &mut Vec<Action<T, A, R>>) {
        if self.slot_mut(slot).stage != Stage::Launching {
            return;
        }
        self.counts.launched += 1;
        let limit = self.config.start_limit;
        let by = limit.map(|limit| self.now.saturating_add(limit));
        let worker = self.slot_mut(slot);
        worker.pid = Some(pid);
        worker.stage = Stage::Starting { by };
        if self.broken.is_some() {
            let grace = self.killing.unwrap_or(self.config.grace);
            self.condemn(slot, Because::Broken, grace, out);
        } else if let Some(grace) = self.killing {
            self.condemn(slot, Because::Shutdown, grace, out);
        }
    }

    pub(super) fn refused(&mut self, slot: u32, report: R, lasting: bool) {
        if self.slot_mut(slot).stage == Stage::Launching {
            self.slot_mut(slot).stage = Stage::Vacant;
            self.launches.failed(self.now, report, lasting);
        }
    }

    pub(super) fn ready<A>(&mut self, slot: u32, out: &mut Vec<Action<T, A, R>>) {
        match self.slot_mut(slot).stage {
            Stage::Starting { .. } => self.slot_mut(slot).stage = Stage::Live,
            Stage::Live => self.misbehaved(slot, out),
            _ => {}
        }
    }

    pub(super) fn initializer_failed<A>(
        &mut self,
        slot: u32,
        report: R,
        out: &mut Vec<Action<T, A, R>>,
    ) {
        match self.slot_mut(slot).stage {
            Stage::Starting { .. } => {
                let worker = self.id(slot);
                self.break_pool(Break::Initializer { worker, report }, out);
            }
            Stage::Live => self.misbehaved(slot, out),
            _ => {}
        }
    }
}
