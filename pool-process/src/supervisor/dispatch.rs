//! Sending tasks to workers (rules 1 to 3).

use super::action::Action;
use super::slot::Stage;
use super::tasks::Place;
use super::window::MOVED;
use super::{OVERTAKING, Supervisor};

impl<T, R: Clone> Supervisor<T, R> {
    /// Sends what can be sent: in order, to the workers with the fewest.
    pub(super) fn dispatch<A>(&mut self, out: &mut Vec<Action<T, A, R>>) {
        self.blocked = false;
        if self.queue.is_empty() {
            return;
        }
        let mut open = std::mem::take(&mut self.scratch);
        open.clear();
        let last_resort = self.only_suspects();
        let mut level = u32::MAX;
        for (index, slot) in (0..).zip(&self.slots) {
            if slot.takes_tasks() && (last_resort || !slot.suspect) && slot.room() > 0 {
                level = level.min(slot.list.len());
                open.push(index);
            }
        }
        if !open.is_empty() {
            let latest = self.latest_allowed();
            self.fill(&open, level, latest, out);
        }
        self.scratch = open;
    }

    /// Gives each worker at `level` a task, then each at the level above, and so on.
    fn fill<A>(
        &mut self,
        open: &[u32],
        mut level: u32,
        latest: Option<u64>,
        out: &mut Vec<Action<T, A, R>>,
    ) {
        // The first task sent now is the oldest of those sent now.
        let mut latest = latest;
        loop {
            let mut above = u32::MAX;
            for &slot in open {
                let worker = &self.slots[slot as usize];
                let len = worker.list.len();
                if worker.room() == 0 {
                    continue;
                }
                if len > level {
                    above = above.min(len);
                    continue;
                }
                let Some(index) = self.queue.first() else {
                    return;
                };
                if let Some(last) = latest {
                    let seq = self.tasks[index].seq();
                    if seq > last {
                        self.blocked = true;
                        return self.look_at_the_oldest(seq, out);
                    }
                    latest = Some(last.min(seq.saturating_add(self.horizon())));
                }
                self.send(slot, index, out);
                if self.slots[slot as usize].room() > 0 {
                    above = above.min(len + 1);
                }
            }
            if above == u32::MAX {
                return;
            }
            level = above;
        }
    }

    fn send<A>(&mut self, slot: u32, index: u32, out: &mut Vec<Action<T, A, R>>) {
        self.tasks.unlink(&mut self.queue, index);
        let worker = &mut self.slots[slot as usize];
        let late = worker
            .list
            .last()
            .is_some_and(|last| self.tasks[last].seq() > self.tasks[index].seq());
        let entry = &mut self.tasks[index];
        entry.place = Place::At(slot);
        entry.late = late;
        worker.late += u32::from(late);
        worker.window.sent(self.now, worker.list.len());
        if let Some(budget) = &mut worker.budget {
            *budget = budget.saturating_sub(1);
        }
        if worker.list.is_empty() {
            worker.front_since = self.now;
            worker.look_at = None;
        }
        self.tasks.push_back(&mut worker.list, index);
        let worker = worker.id(slot);
        let key = self.tasks.key(index);
        out.push(Action::Send { worker, key });
    }

    /// Whether there is no worker but those that do not seem to be alive, and none to come.
    fn only_suspects(&self) -> bool {
        let others = self
            .slots
            .iter()
            .any(|slot| slot.coming() || (slot.stage == Stage::Live && !slot.suspect));
        if others {
            return false;
        }
        let occupied = self.slots.iter();
        let occupied = occupied.filter(|slot| slot.stage != Stage::Vacant).count();
        let may_launch = self.has_place(occupied) && self.now >= self.launches.not_before();
        !may_launch
    }

    fn horizon(&self) -> u64 {
        OVERTAKING * u64::from(self.config.max_workers.get())
    }

    /// The number of the last task that may be sent now, if there is a bound.
    fn latest_allowed(&self) -> Option<u64> {
        if self.config.max_workers.get() == 1 {
            return None;
        }
        let oldest = (0..self.places()).filter_map(|slot| self.oldest_waiting(slot));
        let oldest = oldest.min().map_or(u64::MAX, |(seq, _)| seq);
        Some(oldest.saturating_add(self.horizon()))
    }

    /// The oldest task of a worker that is not known to have started: its number and its place.
    fn oldest_waiting(&self, slot: u32) -> Option<(u64, u32)> {
        let slot = &self.slots[slot as usize];
        let mut oldest = None;
        let mut next = slot.list.first();
        while let Some(index) = next {
            let entry = &self.tasks[index];
            if !entry.started {
                let this = (entry.seq(), index);
                oldest = Some(oldest.map_or(this, |before: (u64, u32)| before.min(this)));
                if slot.late == 0 {
                    break;
                }
            }
            next = self.tasks.next(index);
        }
        oldest
    }

    /// The task `seq` must wait. It may be that those it waits for have started: see.
    fn look_at_the_oldest<A>(&mut self, seq: u64, out: &mut Vec<Action<T, A, R>>) {
        for slot in 0..self.places() {
            let Some((oldest, _)) = self.oldest_waiting(slot) else {
                continue;
            };
            if oldest.saturating_add(self.horizon()) < seq {
                let due = self.slots[slot as usize].look_at.unwrap_or(0);
                self.look(slot, due, MOVED, out);
            }
        }
    }

    /// Looks whether the first task of a worker that is not known to have started has; not before
    /// `due`, and again after `again`.
    fn look<A>(&mut self, slot: u32, due: u64, again: u64, out: &mut Vec<Action<T, A, R>>) {
        let mut next = self.slots[slot as usize].list.first();
        while let Some(index) = next {
            if !self.tasks[index].started {
                return self.look_at(slot, index, due, again, out);
            }
            next = self.tasks.next(index);
        }
    }

    /// The same for this task of the worker.
    pub(super) fn look_at<A>(
        &mut self,
        slot: u32,
        index: u32,
        due: u64,
        again: u64,
        out: &mut Vec<Action<T, A, R>>,
    ) {
        if self.now < due {
            return self.wake(due);
        }
        let worker = self.id(slot);
        let key = self.tasks.key(index);
        out.push(Action::Look { worker, key });
        let at = self.now.saturating_add(again);
        self.slot_mut(slot).look_at = Some(at);
        self.wake(at);
    }
}
