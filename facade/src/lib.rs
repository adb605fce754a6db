//! Python's `concurrent.futures` for Rust: submit work, get futures, wait for any of them, without
//! an async runtime.
//!
//! Everything here comes from the crates `future_core`, `pool_thread`, `pool_process` and `waiters`,
//! which the examples of its items `use`: write `concurrent_futures::X`, it is the same item.
//!
//! <table><tr><th>Python</th><th>Rust</th></tr><tr><td>
//!
//! ```python
//! with ThreadPoolExecutor(8) as pool:
//!     futures = {
//!         pool.submit(fetch, url): url
//!         for url in urls
//!     }
//!     for future in as_completed(futures):
//!         url = futures[future]
//!         try:
//!             page = future.result()
//!             print(url, len(page))
//!         except Exception as error:
//!             print(url, error)
//! ```
//!
//! </td><td>
//!
//! ```rust
//! # use concurrent_futures::{ThreadPoolExecutor, as_completed};
//! # fn fetch(url: &'static str) -> std::io::Result<String> {
//! #     match url {
//! #         "http://nowhere.invalid/" => Err(std::io::Error::other("no such host")),
//! #         _ => Ok(format!("<html>{url}</html>")),
//! #     }
//! # }
//! # let urls = ["http://example.org/", "http://nowhere.invalid/"];
//! let pool = ThreadPoolExecutor::new(8)?;
//! let mut futures = Vec::new();
//! for url in urls {
//!     let job = move || fetch(url);
//!     futures.push((url, pool.submit_fallible(job)?));
//! }
//! for (url, future) in as_completed(futures) {
//!     match future.result() {
//!         Ok(page) => println!("{url} {}", page.len()),
//!         Err(error) => println!("{url} {error}"),
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! </td></tr></table>
//!
//! Both print, in the order in which the pages arrive:
//!
//! ```text
//! http://example.org/ 32
//! http://nowhere.invalid/ …no such host
//! ```
//!
//! What differs from Python: a future has one owner and `result()` moves the value out; failures
//! are values; threads compute in parallel; a cancelled future is done at once; a task may wait for
//! its own pool, with `result()` and its like, without deadlocking it; the pool that goes out of
//! scope waits, as `with` does.
//! [`doc::from_python`] says more, with every name.
//!
//! # Chapters
//!
//! * [`doc::tutorial`]: ten minutes, one program from a plain loop to a pool.
//! * [`doc::howto`]: one task a section.
//! * [`doc::processes`]: when to use processes, how, and what they cost.
//! * [`doc::from_python`]: what differs, a cheat sheet, every name of `concurrent.futures`.
//! * [`doc::troubleshooting`]: the messages and what to do.
//! * [`doc::design`]: how it is built, what it promises, what it costs.
//! * [`doc::alternatives`]: when to use something else.
//!
//! The repository's folder `facade/examples` has small programs to copy, one for each pattern.
//!
//! # What is here
//!
//! * [`ThreadPoolExecutor`]: starts threads when they are needed and hands back futures; `submit`,
//!   `map`, `starmap`, `for_each`, scopes for borrowed data, a state for each worker.
//! * `ProcessPoolExecutor` (feature `process`): the same for code that crashes, leaks, hangs or has to
//!   be ended; [`doc::processes`].
//! * [`Future`], its clonable form [`SharedFuture`], its small handle [`FutureHandle`], and
//!   [`Promise`], with which anything can resolve one. All can be awaited.
//! * [`wait()`] and [`as_completed()`], for any mixture of futures, with keys and time limits.
//! * [`Executor`], with which a program is written for any pool, and [`AnyExecutor`], which is one
//!   or the other.
//!
//! # Features
//!
//! None is on by default; each only adds.
//!
//! | feature | what it adds | costs |
//! |---|---|---|
//! | `process` | `ProcessPoolExecutor` and the module `process`, on Linux; includes `serde` | the crates `pool-process`, `rustix` and `libc` |
//! | `serde` | jobs that may travel: functions with serialisable arguments can be given to any [`Executor`] | the crates `serde` and `postcard` |
//! | `tracing` | a span for each task, a child of the span where it was submitted, in the pool's workers too | the crate `tracing`; next to nothing at run time while nobody subscribes |
//!
//! # Panics
//!
//! A panic fails its task and nothing else. With `panic = "abort"` it ends the process, as every
//! panic does then.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod any_executor;
pub mod doc;
#[cfg(all(feature = "process", target_os = "linux"))]
pub mod process;

pub use any_executor::AnyExecutor;
pub use future_core::{
    AsFuture, BrokenExecutor, Call, CancelledError, Captureless, Deadlock, Executor, ForEachError,
    Function, Future, FutureHandle, FutureId, InvalidStateError, Job, Map, MapOptions,
    PanicLocation, Portable, PortableError, Promise, SharedAwait, SharedFuture, State, SubmitError,
    SubmitErrorKind, TaskError, TaskFailed, TaskPanicked, TimeoutError, WorkerDied, WorkerEnd,
    install_panic_hook, promise,
};
#[cfg(feature = "serde")]
pub use future_core::{RemoteCause, RemoteError};
#[cfg(all(feature = "process", target_os = "linux"))]
pub use pool_process::{ProcessPoolExecutor, ProcessPoolHandle};
pub use pool_thread::{
    BuildError, Builder, DropPolicy, Scope, ShutdownError, ShutdownOptions, Stats,
    ThreadPoolExecutor, ThreadPoolHandle,
};
pub use waiters::{
    AddError, AddErrorKind, AsCompleted, AsCompletedTimeout, DoneAndNotDone, FutureAdder,
    FutureSet, ReturnWhen, WaitError, as_completed, as_completed_timeout, bounded_future_set,
    future_set, wait, wait_timeout,
};
