//! What a pool is doing.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    ShutDown,
    Broken,
}

/// What a pool was doing at one moment. Its `Display` is the pool's status line.
///
/// ```
/// use pool_thread::ThreadPoolExecutor;
///
/// let pool = ThreadPoolExecutor::builder()
///     .max_workers(4)
///     .thread_name_prefix("web")
///     .build()?;
/// pool.submit(|| 1)?.result()?;
/// let stats = pool.stats();
/// assert_eq!(stats.workers(), 1);
/// assert_eq!(stats.idle(), 1);
/// assert_eq!(stats.finished(), 1);
/// assert_eq!(
///     stats.to_string(),
///     r#"ThreadPoolExecutor { "web": running, workers 1 (0 busy), queued 0, done 1 }"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    pub(crate) name: String,
    pub(crate) phase: Phase,
    pub(crate) max_workers: usize,
    pub(crate) workers: usize,
    pub(crate) idle: usize,
    pub(crate) running: usize,
    pub(crate) queued: usize,
    pub(crate) finished: u64,
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
}

impl Stats {
    /// The prefix of the workers' names.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the pool was shut down.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.phase == Phase::ShutDown
    }

    /// Whether the pool is broken: an initializer failed.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.phase == Phase::Broken
    }

    /// How many workers the pool may have.
    #[must_use]
    pub fn max_workers(&self) -> usize {
        self.max_workers
    }

    /// How many workers live, those that are just being started included.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// How many workers have something to do: a task, its callbacks, the initializer, or a call
    /// to look for tasks.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.workers - self.idle
    }

    /// How many tasks are being run, or about to be, callbacks included.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    /// How many workers have nothing to do.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.idle
    }

    /// How many tasks wait for a worker. A cancelled one is counted until its turn comes; one
    /// that a waiting worker runs in place, until it has ended.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// How many tasks gave a value.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.finished
    }

    /// How many tasks failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// How many tasks were found cancelled when their turn came, or cancelled by a shutdown. Not
    /// those that are cancelled while they wait, until their turn comes.
    #[must_use]
    pub fn cancelled(&self) -> u64 {
        self.cancelled
    }

    /// How many tasks ended with a value or a failure.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.finished + self.failed
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
            "ThreadPoolExecutor {{ {:?}: {phase}, workers {} ({} busy), queued {}, done {} }}",
            self.name,
            self.workers,
            self.busy(),
            self.queued,
            self.done(),
        )
    }
}
