//! What does not change while a pool lives.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use future_core::BrokenExecutor;

/// Makes a worker's state, or says why the pool is broken.
pub(crate) type Initializer =
    Box<dyn Fn() -> Result<Rc<dyn std::any::Any>, BrokenExecutor> + Send + Sync>;

/// Asked before each spawn; an error is what the system would have said.
pub(crate) type SpawnGate = Box<dyn Fn() -> io::Result<()> + Send + Sync>;

/// The builder's choices.
pub(crate) struct Config {
    pub(crate) max_workers: usize,
    pub(crate) min_workers: usize,
    pub(crate) prefix: String,
    pub(crate) stack_size: Option<usize>,
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) initializer: Option<Initializer>,
    pub(crate) spawn_gate: Option<SpawnGate>,
    #[cfg(feature = "tracing")]
    pub(crate) propagate_context: bool,
}

impl Config {
    pub(crate) fn gate(&self) -> io::Result<()> {
        self.spawn_gate.as_ref().map_or(Ok(()), |gate| gate())
    }

    /// `<prefix>_<n>`, where the system's 15 bytes cut the prefix and never the number.
    pub(crate) fn thread_name(&self, worker: usize) -> String {
        const LONGEST: usize = 15;
        let number = format!("_{worker}");
        let room = LONGEST - number.len();
        let prefix = &self.prefix;
        let cut = (0..=room.min(prefix.len()))
            .rev()
            .find(|at| prefix.is_char_boundary(*at))
            .unwrap_or(0);
        format!("{}{number}", &prefix[..cut])
    }
}
