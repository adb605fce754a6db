//! How a pool is to be.

use std::any::Any;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use future_core::BrokenExecutor;
use future_core::executor::max_workers;
use future_core::shim::Arc;

use crate::config::{Config, Initializer, SpawnGate};
use crate::error::{BuildError, Wrong};
use crate::shared::Shared;
use crate::worker::forget_panic;
use crate::{DropPolicy, ThreadPoolExecutor};

/// How a pool is to be; made by [`ThreadPoolExecutor::builder`].
///
/// ```
/// use pool_thread::ThreadPoolExecutor;
/// use std::time::Duration;
///
/// let pool = ThreadPoolExecutor::builder()
///     .max_workers(4)
///     .thread_name_prefix("fetch")
///     .keep_alive(Duration::from_secs(30))
///     .build()?;
/// let name = pool.submit(|| std::thread::current().name().map(str::to_owned))?.result()?;
/// assert_eq!(name.as_deref(), Some("fetch_0"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder makes no pool until `build` is called"]
pub struct Builder<S = ()> {
    max_workers: Option<usize>,
    min_workers: usize,
    prefix: Option<String>,
    stack_size: Option<usize>,
    keep_alive: Option<Duration>,
    drop_policy: DropPolicy,
    initializer: Option<Initializer>,
    spawn_gate: Option<SpawnGate>,
    #[cfg(feature = "tracing")]
    propagate_context: bool,
    state: PhantomData<fn() -> S>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            max_workers: None,
            min_workers: 0,
            prefix: None,
            stack_size: None,
            keep_alive: None,
            drop_policy: DropPolicy::default(),
            initializer: None,
            spawn_gate: None,
            #[cfg(feature = "tracing")]
            propagate_context: true,
            state: PhantomData,
        }
    }
}

impl<S: 'static> Builder<S> {
    /// At most so many workers. Without it, the number is taken from the environment variable
    /// `CONCURRENT_FUTURES_MAX_WORKERS`, or else is the number of processors that this process
    /// may use plus 4, and not more than 32.
    pub fn max_workers(mut self, workers: usize) -> Self {
        self.max_workers = Some(workers);
        self
    }

    /// With a [`keep_alive`](Self::keep_alive), so many idle workers stay all the same. None by
    /// default. They are not started early; [`prestart`](ThreadPoolExecutor::prestart) does that.
    pub fn min_workers(mut self, workers: usize) -> Self {
        self.min_workers = workers;
        self
    }

    /// Workers' threads are called `<prefix>_<n>`, n from 0. By default the prefix is `pool-<k>`,
    /// k unique in this process.
    ///
    /// Systems keep 15 bytes of a thread's name: a longer prefix is cut in the names, the number
    /// never is.
    pub fn thread_name_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// The size of the workers' stacks in bytes. By default that of the standard library: 2 MiB, or
    /// what the environment variable `RUST_MIN_STACK` says.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// A worker that was idle for so long ends. By default workers stay until shutdown.
    pub fn keep_alive(mut self, idle: Duration) -> Self {
        self.keep_alive = Some(idle);
        self
    }

    /// What dropping the pool does; by default it waits for all that was submitted.
    pub fn drop_policy(mut self, policy: DropPolicy) -> Self {
        self.drop_policy = policy;
        self
    }

    /// Runs in each worker before its first task. What it makes is the worker's state, which
    /// tasks of [`submit_with`](ThreadPoolExecutor::submit_with) are lent, and which is dropped in
    /// the worker when it ends. It need not be `Send`. Tasks get `&S`, not `&mut S`: a task that
    /// waits may have another one run meanwhile, by the same worker.
    ///
    /// It may submit to the pool, but should not wait for one of the pool's tasks, and neither
    /// should the state's `Drop`: such a wait runs no task in place, since the worker has no state
    /// then. It ends in an error when no other worker can come.
    ///
    /// When it fails or panics, the pool is broken: what is queued fails with
    /// [`TaskError::Broken`](future_core::TaskError::Broken), what runs goes on, and later submits
    /// are refused.
    ///
    /// ```
    /// use pool_thread::ThreadPoolExecutor;
    /// use std::fs::File;
    ///
    /// let pool = ThreadPoolExecutor::builder()
    ///     .max_workers(1)
    ///     .initializer(|| File::open("Cargo.toml"))
    ///     .build()?;
    /// let length = pool.submit_with_fallible(|file| file.metadata().map(|of| of.len()))?;
    /// assert!(length.result()? > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn initializer<N, E, F>(self, initializer: F) -> Builder<N>
    where
        F: Fn() -> Result<N, E> + Send + Sync + 'static,
        N: 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let initializer: Initializer =
            Box::new(move || match catch_unwind(AssertUnwindSafe(&initializer)) {
                Ok(Ok(made)) => Ok(Rc::new(made)),
                Ok(Err(error)) => {
                    let error = error.into();
                    let text = format!("a worker's initializer failed: {error}");
                    Err(BrokenExecutor::with_source(text, error))
                }
                Err(payload) => {
                    let message = message_of(&*payload);
                    forget_panic(Err(payload));
                    let text = format!("a worker's initializer panicked: {message}");
                    Err(BrokenExecutor::new(text))
                }
            });
        Builder {
            max_workers: self.max_workers,
            min_workers: self.min_workers,
            prefix: self.prefix,
            stack_size: self.stack_size,
            keep_alive: self.keep_alive,
            drop_policy: self.drop_policy,
            initializer: Some(initializer),
            spawn_gate: self.spawn_gate,
            #[cfg(feature = "tracing")]
            propagate_context: self.propagate_context,
            state: PhantomData,
        }
    }

    /// As [`initializer`](Self::initializer) for a state that cannot fail to be made.
    ///
    /// ```
    /// use pool_thread::ThreadPoolExecutor;
    /// use std::cell::Cell;
    ///
    /// let pool = ThreadPoolExecutor::builder().worker_state(|| Cell::new(1)).build()?;
    /// assert_eq!(pool.submit_with(|state| state.replace(2))?.result()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn worker_state<N: 'static>(
        self,
        make: impl Fn() -> N + Send + Sync + 'static,
    ) -> Builder<N> {
        self.initializer(move || Ok::<N, Infallible>(make()))
    }

    /// Whether tasks run inside a span that is a child of the submitter's current one. They do
    /// by default; without a subscriber it costs nothing.
    #[cfg(feature = "tracing")]
    pub fn propagate_context(mut self, propagate: bool) -> Self {
        self.propagate_context = propagate;
        self
    }

    /// For tests: asked before each thread is made; its error counts as the system's refusal.
    #[doc(hidden)]
    pub fn spawn_gate(mut self, gate: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> Self {
        self.spawn_gate = Some(Box::new(gate));
        self
    }

    /// Makes the pool. No thread is started yet.
    ///
    /// # Errors
    ///
    /// [`BuildError`] when a setting is impossible, or the environment variable is used and is
    /// no such number.
    pub fn build(self) -> Result<ThreadPoolExecutor<S>, BuildError> {
        // Python's default.
        let max_workers = max_workers(self.max_workers, |cpus| (cpus + 4).min(32))?;
        let max_workers = max_workers.get() as usize;
        if self.min_workers > max_workers {
            let (min, max) = (self.min_workers, max_workers);
            return Err(Wrong::MinAboveMax { min, max }.into());
        }
        let prefix = self.prefix.unwrap_or_else(default_prefix);
        if prefix.contains('\0') {
            return Err(Wrong::Prefix(prefix).into());
        }
        let shared = Shared::new(Config {
            max_workers,
            min_workers: self.min_workers,
            prefix,
            stack_size: self.stack_size,
            keep_alive: self.keep_alive,
            initializer: self.initializer,
            spawn_gate: self.spawn_gate,
            #[cfg(feature = "tracing")]
            propagate_context: self.propagate_context,
        });
        Ok(ThreadPoolExecutor::from_shared(
            Arc::new(shared),
            self.drop_policy,
        ))
    }
}

fn default_prefix() -> String {
    static POOLS: AtomicUsize = AtomicUsize::new(0);
    // ORDERING: only the numbers' being different matters.
    format!("pool-{}", POOLS.fetch_add(1, Ordering::Relaxed))
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a value that is not text".to_owned()
    }
}

impl<S> fmt::Debug for Builder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("max_workers", &self.max_workers)
            .field("min_workers", &self.min_workers)
            .field("thread_name_prefix", &self.prefix)
            .field("stack_size", &self.stack_size)
            .field("keep_alive", &self.keep_alive)
            .field("drop_policy", &self.drop_policy)
            .field("initializer", &self.initializer.is_some())
            .finish_non_exhaustive()
    }
}
