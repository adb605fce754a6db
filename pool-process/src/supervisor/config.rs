//! What a supervisor is told at its start.

use std::num::NonZeroU32;

/// What the death of a worker means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnCrash {
    /// The task that it was running fails, once it was tried `retries` times more; the others run
    /// elsewhere.
    FailTask {
        /// How often a task is started again after its worker has died.
        retries: u32,
    },
    /// Every task fails, every worker is ended and the pool is of no more use.
    BreakPool,
}

/// The settings of a supervisor. Times are nanoseconds.
#[derive(Clone, Debug)]
pub struct Config {
    /// At most so many worker processes at any time, those that are about to exit included.
    pub max_workers: NonZeroU32,
    /// After so many tasks a worker is replaced.
    pub max_tasks_per_child: Option<NonZeroU32>,
    /// What the death of a worker means.
    pub on_crash: OnCrash,
    /// From the request to terminate until the kill, where the event does not say.
    pub grace: u64,
    /// From its launch until a worker is ready; one that takes longer breaks the pool.
    pub start_limit: Option<u64>,
    /// From the close of its channel until the death of a worker; then it is killed.
    pub exit_limit: Option<u64>,
    /// So many launches in a row that fail while there is no worker break the pool.
    pub launch_attempts: NonZeroU32,
    /// A worker is sent at most so many tasks ahead, when it is the pool's only one. Where there
    /// may be several, fairness bounds it further.
    pub window_max: NonZeroU32,
}

impl Config {
    /// The defaults for a pool of `max_workers`: a crash fails its task, without another try; a
    /// grace of 1 s; 5 s for an exit; 8 launches; a window of at most 1024.
    #[must_use]
    pub fn new(max_workers: NonZeroU32) -> Self {
        Self {
            max_workers,
            max_tasks_per_child: None,
            on_crash: OnCrash::FailTask { retries: 0 },
            grace: 1_000_000_000,
            start_limit: None,
            exit_limit: Some(5_000_000_000),
            launch_attempts: const { NonZeroU32::new(8).unwrap() },
            window_max: const { NonZeroU32::new(1024).unwrap() },
        }
    }
}
