//! How a single task is to be run.

use std::time::Duration;

/// How a single task is to be run.
///
/// ```
/// use pool_process::{ProcessPoolExecutor, TaskOptions};
/// use std::time::Duration;
///
/// fn hang(forever: bool) -> u32 {
///     while forever {
///         std::thread::park();
///     }
///     5
/// }
///
/// let pool = ProcessPoolExecutor::new(1)?;
/// let quick = TaskOptions::new().deadline(Duration::from_millis(50));
/// let hung = pool.call_with(quick, hang, (true,))?;
/// let error = hung.result().unwrap_err();
/// assert!(error.to_string().contains("was ended at the deadline of 50ms"));
/// assert_eq!(pool.call(hang, (false,))?.result()?, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskOptions {
    pub(crate) deadline: Deadline,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// As the pool has it.
    #[default]
    Default,
    None,
    After(Duration),
}

impl Deadline {
    pub(crate) fn or(self, default: Option<Duration>) -> Option<Duration> {
        match self {
            Self::Default => default,
            Self::None => None,
            Self::After(limit) => Some(limit),
        }
    }
}

impl TaskOptions {
    /// As the pool's builder has it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the task may run, counted from its start. Then its worker is told to end
    /// (SIGTERM), and killed after the pool's [`grace`](crate::Builder::grace); the future fails
    /// with [`TaskError::Died`](crate::TaskError::Died), and other tasks go on.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Deadline::After(limit);
        self
    }

    /// The task may run for as long as it likes, whatever the pool's default is.
    #[must_use]
    pub fn no_deadline(mut self) -> Self {
        self.deadline = Deadline::None;
        self
    }
}
