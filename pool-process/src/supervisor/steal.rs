//! Taking tasks back from workers that do not get to them (rule 4).

use super::Supervisor;
use super::action::Action;
use super::census::Census;
use super::slot::Stage;

/// A worker that has not started its first task for so long, in nanoseconds, loses it.
pub(super) const STALLED: u64 = 10_000_000;

impl<T, R: Clone> Supervisor<T, R> {
    /// Asks for tasks back that another worker could start now.
    pub(super) fn steal_back<A>(&mut self, census: &Census, out: &mut Vec<Action<T, A, R>>) {
        if self.broken.is_some() || !(self.queue.is_empty() || self.blocked) {
            return;
        }
        // If some are asked back already, what comes may be enough.
        if census.idle > 0 && census.deep && !census.revoking {
            self.steal_half(census.idle, out);
        }
        match census.stalled_at {
            Some(at) if census.idle > 0 || self.has_place(census.occupied) => {
                if at <= self.now {
                    for slot in 0..self.places() {
                        self.revoke_stalled(slot, out);
                    }
                } else {
                    self.wake(at);
                }
            }
            _ => {}
        }
    }

    /// Takes from the worker that has most waiting.
    fn steal_half<A>(&mut self, idle: usize, out: &mut Vec<Action<T, A, R>>) {
        let mut most = (0, 0);
        for slot in 0..self.places() {
            let worker = &self.slots[slot as usize];
            if worker.stage != Stage::Live || worker.doom.is_some() || worker.list.len() < 2 {
                continue;
            }
            let movable_at = worker.window.movable_at();
            if movable_at > self.now {
                self.wake(movable_at);
                continue;
            }
            let spare = self.spare(slot).count();
            if spare > most.0 {
                most = (spare, slot);
            }
        }
        let (spare, slot) = most;
        let share = (spare * idle).div_ceil(idle + 1);
        let mut taken = std::mem::take(&mut self.scratch);
        taken.clear();
        taken.extend(self.spare(slot).take(share));
        // Last one first: see `revoke_all`.
        for &index in taken.iter().rev() {
            self.revoke(slot, index, out);
        }
        self.scratch = taken;
    }

    /// The tasks that a worker has waiting behind the one that it is at, the next one first.
    fn spare(&self, slot: u32) -> impl Iterator<Item = u32> + '_ {
        let list = self.slots.get(slot as usize).map(|slot| &slot.list);
        let first = list.and_then(|list| list.first());
        std::iter::successors(first, |&index| self.tasks.next(index))
            .skip(1)
            .filter(|&index| self.tasks[index].revocable())
    }

    fn revoke_stalled<A>(&mut self, slot: u32, out: &mut Vec<Action<T, A, R>>) {
        let worker = &self.slots[slot as usize];
        if worker.stage != Stage::Live || worker.doom.is_some() {
            return;
        }
        let at = worker.front_since.saturating_add(STALLED);
        match worker.list.first() {
            Some(index) if self.tasks[index].revocable() => {
                if at <= self.now {
                    self.revoke(slot, index, out);
                } else {
                    self.wake(at);
                }
            }
            _ => {}
        }
    }

    /// A worker that lost the task it should have been running is not believed to be alive.
    pub(super) fn suspect_if_stalled(&mut self, slot: u32, index: u32) {
        let now = self.now;
        let worker = self.slot_mut(slot);
        if worker.stage == Stage::Live
            && worker.doom.is_none()
            && worker.list.first() == Some(index)
            && worker.front_since.saturating_add(STALLED) <= now
        {
            worker.suspect = true;
        }
    }
}
