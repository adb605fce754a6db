//! How an executor ends: what all of them have in common.

use std::time::Duration;

/// How to shut a pool down: Python's `shutdown(wait, cancel_futures)`, and a time limit.
///
/// ```
/// use future_core::ShutdownOptions;
/// use std::time::Duration;
///
/// let options = ShutdownOptions::new()
///     .cancel_futures(true)
///     .timeout(Duration::from_secs(5));
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ShutdownOptions {
    wait: bool,
    cancel_futures: bool,
    timeout: Option<Duration>,
}

impl Default for ShutdownOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl ShutdownOptions {
    /// Waits, without a limit, for all that was submitted.
    #[must_use]
    pub fn new() -> Self {
        Self {
            wait: true,
            cancel_futures: false,
            timeout: None,
        }
    }

    /// Whether to wait until all workers are gone. Without it they go on in the background:
    /// what was submitted is run, and each worker ends when nothing is left.
    #[must_use]
    pub fn wait(mut self, wait: bool) -> Self {
        self.wait = wait;
        self
    }

    /// Whether to cancel the tasks that have not started. Never cancels one that runs.
    #[must_use]
    pub fn cancel_futures(mut self, cancel: bool) -> Self {
        self.cancel_futures = cancel;
        self
    }

    /// How long to wait at most.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Whether to wait.
    #[must_use]
    pub fn get_wait(&self) -> bool {
        self.wait
    }

    /// Whether to cancel what has not started.
    #[must_use]
    pub fn get_cancel_futures(&self) -> bool {
        self.cancel_futures
    }

    /// The time limit, where one was chosen.
    #[must_use]
    pub fn get_timeout(&self) -> Option<Duration> {
        self.timeout
    }
}

/// What dropping a pool does. A pool of processes also takes one of its own, which can kill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropPolicy {
    /// Waits until all that was submitted is done, as leaving Python's `with` block does.
    #[default]
    Wait,
    /// Cancels what has not started, and waits for what runs.
    Cancel,
    /// Waits for nothing: what was submitted is run in the background, unless the program ends
    /// before.
    Detach,
}
