//! A pool's numbers at one moment.

use crate::pool_core::Core;
use crate::shared::Shared;
use crate::stats::{Phase, Stats};

impl Shared {
    pub(crate) fn stats(&self) -> Stats {
        let core = self.core.lock_soon();
        self.inbox.flush(&self.board);
        self.stats_of(&core)
    }

    /// The same, without what was cancelled in the queue: asks each task.
    pub(crate) fn exact_stats(&self) -> Stats {
        let core = self.core.lock_soon();
        self.inbox.flush(&self.board);
        let mut stats = self.stats_of(&core);
        let arrived = self.inbox.lock();
        let arrived = arrived.iter().filter(|task| task.is_pending()).count();
        let pending = arrived + core.queue.pending(&self.board);
        stats.queued = stats.queued.min(pending);
        stats
    }

    fn stats_of(&self, core: &Core) -> Stats {
        let live = core.counters.live();
        let idle = core.counters.idle();
        let mut stats = Stats {
            name: self.config.prefix.clone(),
            phase: if core.broken.is_some() {
                Phase::Broken
            } else if core.closing {
                Phase::ShutDown
            } else {
                Phase::Running
            },
            max_workers: self.config.max_workers,
            workers: live,
            idle,
            running: core.counters.running(),
            queued: self.inbox.queued() + core.queue.len(&self.board),
            finished: 0,
            failed: core.failed,
            cancelled: core.cancelled,
        };
        let (mut helped, mut popped) = (0, core.husks);
        for slot in self.board.used() {
            stats.finished += slot.ran.finished.get();
            stats.failed += slot.ran.failed.get();
            stats.cancelled += slot.ran.cancelled.get();
            helped += slot.ran.helped.get();
            popped += slot.ran.husks.get();
        }
        // One that is being run in place may be popped before it is counted as helped.
        let husks = helped.saturating_sub(popped);
        stats.queued = stats.queued.saturating_sub(husks as usize);
        stats
    }
}
