//! How a pool is to be.

use std::ffi::OsString;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use future_core::executor::max_workers;
use future_core::{Captureless, Function};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{BuildError, Wrong};
use crate::launcher::{LaunchSpec, Launcher};
use crate::linux_spawn::LocalLauncher;
use crate::shared::{Shared, TaskSettings};
use crate::shell::Workers;
use crate::supervisor::{Config, OnCrash};
use crate::work::nanos;
use crate::worker::{Initializer, InitializerError};
use crate::{DropPolicy, ProcessPoolExecutor};

/// From the request to terminate until the kill, when nothing else is said.
const GRACE: Duration = Duration::from_secs(1);

/// How a pool is to be; made by [`ProcessPoolExecutor::builder`].
///
/// ```
/// use pool_process::ProcessPoolExecutor;
/// use std::num::NonZeroU32;
/// use std::time::Duration;
///
/// let pool = ProcessPoolExecutor::builder()
///     .max_workers(2)
///     .max_tasks_per_child(NonZeroU32::new(100).unwrap())
///     .deadline(Duration::from_secs(60))
///     .build()?;
/// assert_eq!(pool.call(u32::count_ones, (7,))?.result()?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder makes no pool until `build` is called"]
pub struct Builder {
    max_workers: Option<usize>,
    name: Option<String>,
    initializer: Option<Result<Initializer, InitializerError>>,
    max_tasks_per_child: Option<NonZeroU32>,
    on_crash: OnCrash,
    deadline: Option<Duration>,
    grace: Duration,
    start_limit: Option<Duration>,
    program: Option<PathBuf>,
    env: Vec<(OsString, Option<OsString>)>,
    pass_stderr_on: bool,
    drop_policy: DropPolicy,
    propagate_context: bool,
    launcher: Option<Box<dyn Launcher>>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            max_workers: None,
            name: None,
            initializer: None,
            max_tasks_per_child: None,
            on_crash: OnCrash::FailTask { retries: 0 },
            deadline: None,
            grace: GRACE,
            start_limit: None,
            program: None,
            env: Vec::new(),
            pass_stderr_on: true,
            drop_policy: DropPolicy::default(),
            propagate_context: true,
            launcher: None,
        }
    }

    /// At most so many worker processes. Without it, the number is taken from the environment
    /// variable `CONCURRENT_FUTURES_MAX_WORKERS`, or else is the number of processors that this
    /// process may use.
    pub fn max_workers(mut self, workers: usize) -> Self {
        self.max_workers = Some(workers);
        self
    }

    /// What messages, threads and tools call the pool. By default `procs-<k>`, k unique in this
    /// process. Systems show 15 bytes of a worker's name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Runs in each worker before its first task. What it returns is the worker's state, which
    /// tasks reach by [`worker_state`](crate::worker_state), and which is dropped in the worker
    /// when it retires.
    ///
    /// `f` is a function, or a closure without captures; `args`, a tuple, travel to each worker.
    /// When it fails or panics, the pool is broken: all tasks fail with
    /// [`TaskError::Broken`](crate::TaskError::Broken), and later submits are refused.
    ///
    /// ```
    /// use pool_process::{ProcessPoolExecutor, worker_state};
    ///
    /// fn open(path: String) -> Result<String, std::io::Error> {
    ///     std::fs::read_to_string(path)
    /// }
    ///
    /// fn length(_: ()) -> usize {
    ///     worker_state::<String>().expect("the initializer has run").len()
    /// }
    ///
    /// let pool = ProcessPoolExecutor::builder()
    ///     .max_workers(1)
    ///     .initializer(open, ("Cargo.toml".to_owned(),))
    ///     .build()?;
    /// assert!(pool.call(length, ((),))?.result()? > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn initializer<F, A, S, E>(mut self, f: F, args: A) -> Self
    where
        F: Function<A, Output = Result<S, E>> + Captureless,
        A: Serialize + DeserializeOwned + Send + 'static,
        S: 'static,
        E: fmt::Display + 'static,
    {
        const { F::CHECK };
        self.initializer = Some(Initializer::new(f, args));
        self
    }

    /// As [`initializer`](Self::initializer) for a state that cannot fail to be made.
    pub fn worker_state<F, A, S>(mut self, f: F, args: A) -> Self
    where
        F: Function<A, Output = S> + Captureless,
        A: Serialize + DeserializeOwned + Send + 'static,
        S: 'static,
    {
        const { F::CHECK };
        self.initializer = Some(Initializer::infallible(f, args));
        self
    }

    /// A worker ends after so many tasks, and another takes its place: for code that leaks. By
    /// default workers stay until shutdown.
    pub fn max_tasks_per_child(mut self, tasks: NonZeroU32) -> Self {
        self.max_tasks_per_child = Some(tasks);
        self
    }

    /// What the death of a worker means. By default the task that it was running fails with
    /// [`TaskError::Died`](crate::TaskError::Died), and everything else goes on.
    pub fn on_crash(mut self, on_crash: OnCrash) -> Self {
        self.on_crash = on_crash;
        self
    }

    /// How long a task may run that does not say for itself
    /// ([`TaskOptions::deadline`](crate::TaskOptions::deadline)). By default as long as it likes.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// How long a worker that is told to end (SIGTERM), because of a deadline or a kill, has
    /// until it is killed (SIGKILL). 1 s by default; zero kills at once.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long a worker may take until it is ready, its initializer included; one that takes
    /// longer breaks the pool. By default as long as it likes.
    pub fn start_limit(mut self, limit: Duration) -> Self {
        self.start_limit = Some(limit);
        self
    }

    /// The program that workers are: a copy of this very executable. Only for programs that are
    /// run in a way in which they cannot be started again from `/proc/self/exe`.
    pub fn worker_program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// Sets an environment variable for the workers.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), Some(value.into())));
        self
    }

    /// Removes an environment variable for the workers.
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.env.push((name.into(), None));
        self
    }

    /// Whether what workers write to their standard error appears on this process's own, as it
    /// does by default. The last of it is in the errors of dead workers either way.
    pub fn pass_stderr_on(mut self, pass_on: bool) -> Self {
        self.pass_stderr_on = pass_on;
        self
    }

    /// What dropping the pool does; by default it waits for all that was submitted.
    /// It takes this pool's own [`DropPolicy`], and the one that all pools have.
    pub fn drop_policy(mut self, policy: impl Into<DropPolicy>) -> Self {
        self.drop_policy = policy.into();
        self
    }

    /// Whether each task has a span that is a child of the submitter's current one. They do by
    /// default; without a subscriber it costs nothing.
    ///
    /// The span `runtime.spawn` lives in this process, from the submit until the outcome is there,
    /// and is entered while the outcome is read. A chunk of a `map` has one. Spans do not cross
    /// processes; but where a worker has a subscriber of its own, which the
    /// [`initializer`](Self::initializer) can set, the task runs inside a span there, too, whose
    /// fields `task.id`, `parent.pid` and `parent.span` say which one it belongs to.
    ///
    /// ```
    /// use pool_process::ProcessPoolExecutor;
    /// use tracing_subscriber::prelude::*;
    ///
    /// fn listen() {
    ///     // Layers that write, to standard error for example, go here.
    ///     tracing_subscriber::registry().init();
    /// }
    ///
    /// fn work(n: u32) -> (u32, bool) {
    ///     let span = tracing::Span::current();
    ///     (n * 2, span.metadata().is_some_and(|span| span.name() == "runtime.spawn"))
    /// }
    ///
    /// tracing_subscriber::registry().init();
    /// let pool = ProcessPoolExecutor::builder().worker_state(listen, ()).build()?;
    /// assert_eq!(pool.call(work, (4,))?.result()?, (8, true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "tracing")]
    pub fn propagate_context(mut self, propagate: bool) -> Self {
        self.propagate_context = propagate;
        self
    }

    /// For tests: what starts the workers.
    #[doc(hidden)]
    pub fn launcher(mut self, launcher: impl Launcher + 'static) -> Self {
        self.launcher = Some(Box::new(launcher));
        self
    }

    /// Makes the pool. Its threads run, no worker is started yet.
    ///
    /// # Errors
    ///
    /// [`BuildError`] when a setting is impossible, when no worker can be started from this
    /// program (the message says what to do), or when the system refuses a thread or a
    /// descriptor.
    pub fn build(self) -> Result<ProcessPoolExecutor, BuildError> {
        // Python's default.
        let workers = max_workers(self.max_workers, |cpus| cpus)?;
        let launcher = match (self.launcher, self.program) {
            (Some(launcher), _) => launcher,
            (None, Some(path)) => {
                Box::new(LocalLauncher::with_program(path).map_err(Wrong::Launcher)?)
            }
            (None, None) => Box::new(LocalLauncher::new().map_err(Wrong::Launcher)?),
        };
        let initializer = self.initializer.transpose().map_err(Wrong::Initializer)?;
        let name = self.name.unwrap_or_else(default_name);
        let mut config = Config::new(workers);
        config.max_tasks_per_child = self.max_tasks_per_child;
        config.on_crash = self.on_crash;
        config.grace = nanos(self.grace);
        config.start_limit = self.start_limit.map(nanos);
        let workers = Workers {
            launcher,
            spec: LaunchSpec {
                name: name.clone(),
                env: self.env,
            },
            initializer,
            pass_stderr_on: self.pass_stderr_on,
        };
        let tasks = TaskSettings {
            limit: self.deadline,
            grace: self.grace,
            propagate_context: self.propagate_context,
        };
        let shared = Shared::start(name, config, workers, tasks).map_err(Wrong::Refused)?;
        Ok(ProcessPoolExecutor::from_shared(shared, self.drop_policy))
    }
}

fn default_name() -> String {
    static POOLS: AtomicUsize = AtomicUsize::new(0);
    // ORDERING: only the numbers' being different matters.
    format!("procs-{}", POOLS.fetch_add(1, Ordering::Relaxed))
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("max_workers", &self.max_workers)
            .field("name", &self.name)
            .field("initializer", &self.initializer.is_some())
            .field("max_tasks_per_child", &self.max_tasks_per_child)
            .field("on_crash", &self.on_crash)
            .field("deadline", &self.deadline)
            .field("grace", &self.grace)
            .field("program", &self.program)
            .field("drop_policy", &self.drop_policy)
            .finish_non_exhaustive()
    }
}
