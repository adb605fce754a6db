//! What a pool is doing.

use std::fmt;

use crate::supervisor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    ShutDown,
    Broken,
}

/// What a pool was doing at one moment. Its `Display` is the pool's status line.
///
/// ```
/// use pool_process::ProcessPoolExecutor;
///
/// let pool = ProcessPoolExecutor::builder().max_workers(4).name("web").build()?;
/// pool.call(u32::count_ones, (7,))?.result()?;
/// let stats = pool.stats();
/// assert_eq!((stats.workers(), stats.busy(), stats.finished()), (1, 0, 1));
/// assert_eq!(stats.pids().len(), 1);
/// assert_eq!(
///     stats.to_string(),
///     r#"ProcessPoolExecutor { "web": running, workers 1 (0 busy), queued 0, done 1, restarts 0 }"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    pub(crate) name: String,
    pub(crate) phase: Phase,
    pub(crate) max_workers: usize,
    pub(crate) pids: Vec<u32>,
    pub(crate) numbers: supervisor::Stats,
    pub(crate) completing: usize,
}

impl Stats {
    /// The pool's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the pool was shut down.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.phase == Phase::ShutDown
    }

    /// Whether the pool is broken: an initializer failed, no worker could be started, or a worker
    /// died and the pool is one that breaks.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.phase == Phase::Broken
    }

    /// How many workers the pool may have.
    #[must_use]
    pub fn max_workers(&self) -> usize {
        self.max_workers
    }

    /// How many worker processes live, those that are just starting or about to end included.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.pids.len()
    }

    /// Their process numbers.
    #[must_use]
    pub fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// How many workers have a task.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.numbers.running
    }

    /// How many tasks are being run, or about to: one for each worker that has any.
    #[must_use]
    pub fn running(&self) -> usize {
        self.numbers.running
    }

    /// How many tasks wait to be run, those that were sent ahead to a worker included. A
    /// cancelled one is counted until its turn comes.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.numbers.queued
    }

    /// How many tasks have ended, and their futures are about to be completed.
    #[must_use]
    pub fn completing(&self) -> usize {
        self.completing
    }

    /// How many tasks were answered by a worker: with a value, an error or a panic.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.numbers.delivered
    }

    /// How many tasks failed without an answer: their worker died, or the pool broke.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.numbers.failed
    }

    /// How many tasks were found cancelled when their turn came, or cancelled by a shutdown.
    #[must_use]
    pub fn cancelled(&self) -> u64 {
        self.numbers.cancelled
    }

    /// How many tasks ended with an answer or a failure.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.numbers.delivered + self.numbers.failed
    }

    /// How many worker processes were started, ever.
    #[must_use]
    pub fn launched(&self) -> u64 {
        self.numbers.launched
    }

    /// How many workers died or were ended because of a task, and could be replaced.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.numbers.crashed + self.numbers.ended
    }

    /// How many workers ended in good order after their last task.
    #[must_use]
    pub fn retired(&self) -> u64 {
        self.numbers.retired
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Running => "running",
            Phase::ShutDown => "shut down",
            Phase::Broken => "broken",
        };
        write!(
            f,
            "ProcessPoolExecutor {{ {:?}: {phase}, workers {} ({} busy), queued {}, done {}, \
             restarts {} }}",
            self.name,
            self.workers(),
            self.busy(),
            self.queued(),
            self.done(),
            self.restarts(),
        )
    }
}
