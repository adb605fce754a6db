//! A pool of threads that hands back futures: the thread layer of
//! [`concurrent-futures`](https://docs.rs/concurrent-futures). Most programs use that crate.
//!
//! ```
//! use pool_thread::ThreadPoolExecutor;
//!
//! let pool = ThreadPoolExecutor::new(4)?;
//! let future = pool.submit(|| "a task")?;
//! assert_eq!(future.result()?, "a task");
//!
//! let lengths: Result<Vec<_>, _> = pool.map(|word: &str| word.len(), ["one", "three"]).collect();
//! assert_eq!(lengths?, [3, 5]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the pool promises:
//!
//! * **Every future resolves**: with a value, a failure, cancelled, or broken; whatever panics, is
//!   shut down, is dropped, or is refused by the system. What a task did is visible to whoever saw
//!   its future done.
//! * **Threads come when they are needed.** A task that finds no idle worker gets a new one, up to
//!   `max_workers`. A worker is counted as idle before the waiters of its last task go on, so one
//!   task after the other uses one thread; a worker inside a callback is busy. Workers stay
//!   until shutdown, unless there is a [`keep_alive`](Builder::keep_alive).
//! * **Fair start.** First in, first out with one worker; with several, a task is overtaken by at
//!   most 32 × workers later ones. A worker with nothing to do takes what a blocked one has set
//!   aside. Tasks that waiting workers run in place start out of turn.
//! * **A task that waits for its own pool does not deadlock it.** Its worker runs what it waits
//!   for in place, when the wait has no time limit; a wait with one only waits. A cycle of tasks
//!   that wait for each other's futures, without time limits, ends in an error for at least one.
//!   The search knows of waits for futures only: not of locks and channels, nor of a task that
//!   shuts another pool down, drops it or joins a thread. Give those a time limit.
//! * **No code of yours runs under a lock of the pool.** Tasks, callbacks, initializers and
//!   `Drop`s may call everything: submit, cancel, shut down, wait. Wakers too, but they must not
//!   block: the worker may be counted as idle while it calls them, and whoever else waits for the
//!   same future may be released after them.
//! * **The end can be bounded.** [`shutdown_with`](ThreadPoolExecutor::shutdown_with) takes a time
//!   limit and says what is unfinished; with a limit it does not join the threads of workers that
//!   are gone, so the `Drop`s of their thread-local values may still run. Without a limit,
//!   dropping the pool, leaving a scope and [`for_each`](ThreadPoolExecutor::for_each) wait as long
//!   as it takes; [`DropPolicy`] chooses otherwise for the pool. When `main` returns, Rust ends all threads: a pool that is to finish
//!   its work must be dropped or shut down before.
//!
//! After a `fork` without `exec` the child has none of the pool's threads and must not use the
//! pool.
//!
//! Features: `serde` for jobs that can also run in other processes, `tracing` for spans that follow
//! tasks into their workers.

#![deny(unsafe_code)]

mod board;
mod builder;
mod closing;
mod config;
mod counters;
mod error;
mod executor;
mod gather;
mod inbox;
mod jobs;
mod limits;
mod offer;
mod pool_core;
mod queue;
mod ring;
mod scope;
mod shared;
mod shutdown;
mod state;
mod stats;
mod tally;
mod verbs;
mod worker;

pub use builder::Builder;
pub use error::BuildError;
pub use executor::{ThreadPoolExecutor, ThreadPoolHandle};
pub use future_core::{
    Call, DropPolicy, Executor, ForEachError, Future, Job, Map, MapOptions, ShutdownOptions,
    SubmitError, SubmitErrorKind, TaskError,
};
pub use scope::Scope;
pub use shutdown::ShutdownError;
pub use stats::Stats;

/// For this crate's own models and tests.
#[doc(hidden)]
pub mod parts {
    pub use crate::ring::Ring;
}
