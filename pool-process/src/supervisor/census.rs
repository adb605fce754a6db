//! What there is of workers, counted in one go.

use super::Supervisor;
use super::slot::Stage;
use super::steal::STALLED;

/// The workers by what matters for launching, stealing and retiring.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// Places with a worker, whatever it does.
    pub(super) occupied: usize,
    /// Workers that are not ready yet.
    pub(super) coming: usize,
    /// Workers that would start a task at once.
    pub(super) idle: usize,
    /// Tasks that nobody is running, as far as is known.
    pub(super) waiting: usize,
    /// Whether tasks wait behind another at some worker.
    pub(super) deep: bool,
    /// Whether some are asked back.
    pub(super) revoking: bool,
    /// Whether some worker may run no more tasks.
    pub(super) spent: bool,
    /// When the first worker is found not to have started what it was sent.
    pub(super) stalled_at: Option<u64>,
}

impl<T, R: Clone> Supervisor<T, R> {
    pub(super) fn census(&self) -> Census {
        let mut census = Census {
            waiting: self.queue.len() as usize,
            ..Census::default()
        };
        for slot in &self.slots {
            if slot.stage == Stage::Vacant {
                continue;
            }
            census.occupied += 1;
            census.coming += usize::from(slot.coming());
            census.revoking |= slot.revoking > 0;
            if slot.stage != Stage::Live || slot.doom.is_some() {
                continue;
            }
            census.idle += usize::from(slot.idle());
            census.spent |= slot.budget == Some(0);
            let Some(first) = slot.list.first() else {
                continue;
            };
            census.waiting += slot.list.len() as usize - 1;
            census.deep |= slot.list.len() > 1;
            if self.tasks[first].revocable() {
                let at = slot.front_since.saturating_add(STALLED);
                census.stalled_at = Some(census.stalled_at.map_or(at, |first| first.min(at)));
            }
        }
        census
    }

    /// Whether a process more is allowed when there are `occupied`.
    pub(super) fn has_place(&self, occupied: usize) -> bool {
        self.broken.is_none()
            && self.killing.is_none()
            && occupied < self.config.max_workers.get() as usize
    }
}
