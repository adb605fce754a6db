//! One-shot futures with an owner: the base layer of `concurrent-futures`. Most programs use that
//! crate; this one is for authors of executors, and for those who need a future and its promise
//! and nothing else.
//!
//! ```
//! use future_core::promise;
//!
//! let (mut promise, future) = promise();
//! let thread = std::thread::spawn(move || promise.set_result(6 * 7));
//! assert_eq!(future.result()?, 42);
//! thread.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The states
//!
//! ```text
//!   pending ──▶ running ──▶ finished        a value or a failure
//!      └──────▶ cancelled
//! ```
//!
//! Each step is taken once, by one thread; whoever comes too late learns it from the return
//! value.
//!
//! # The order of an end
//!
//! The closure and what it captured are dropped; the value is written and
//! [`done`](Future::done) is true; the callbacks added so far run, in order and alone; the
//! executor's worker counts as idle; those who wait are released. So when
//! [`result`](Future::result) returns, those callbacks have run. A cancellation has no value: it
//! is published, those who wait are released at once, the closure is dropped and the callbacks
//! run in the cancelling thread.
//!
//! # Visibility
//!
//! Whatever a task did happens before the return of `result`, `wait` and `await` on its future,
//! and before its callbacks. Whatever a thread did before it submitted a task happens before the
//! task runs.
//!
//! # What a future costs
//!
//! One block of memory holds the state, the job and later, in the same bytes, the result: 32 bytes
//! and the larger of job and result. Blocks of up to 128 bytes, 8 of them for their own keeping, are
//! cut from allocations of up to 32, each of which is freed when all its blocks are. The first watcher
//! of a completion queue costs nothing more; callbacks, wakers and further watchers allocate a node
//! each.
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | what it adds |
//! |---|---|
//! | `serde` | implementations of [`Portable`]: jobs that may run in another process |
//! | `tracing` | `task_span`: a span for each task, a child of the one where it was submitted |

#![deny(unsafe_code)]

mod blocking;
mod cell;
#[cfg(feature = "serde")]
mod conjure;
mod context;
mod deadlock;
mod driver;
mod error;
pub mod executor;
mod executor_trait;
mod future;
mod handle;
#[cfg(feature = "tracing")]
mod instrument;
mod job;
mod lender;
mod map;
mod panic_hook;
mod portable;
mod promise;
mod queue;
mod scope;
mod shared;
#[doc(hidden)]
pub mod shim;
mod shutdown;
mod side;
mod slab;
mod spin;
mod state;
mod waker_place;
mod watch;
mod workers;

/// For this crate's own models.
#[doc(hidden)]
pub mod parts {
    pub use crate::slab::{class_of, give_back, take};
}

pub use blocking::wait_all;
pub use error::{
    BrokenExecutor, CancelledError, Deadlock, InvalidStateError, PanicLocation, SubmitError,
    SubmitErrorKind, TaskError, TaskFailed, TaskPanicked, TimeoutError, WorkerDied, WorkerEnd,
};
#[cfg(feature = "serde")]
pub use error::{RemoteCause, RemoteError};
pub use executor_trait::Executor;
pub use future::Future;
pub use handle::{AsFuture, FutureHandle, FutureId};
#[cfg(feature = "tracing")]
pub use instrument::{Instrumented, TaskSpan, instrument, task_span};
pub use job::{Call, Function, Job};
pub use map::{ForEachError, Map, MapOptions};
pub use panic_hook::install_panic_hook;
pub use portable::{Captureless, Portable, PortableError};
pub use promise::{Promise, promise};
pub use queue::CompletionQueue;
pub use shared::{SharedAwait, SharedFuture};
pub use shutdown::{DropPolicy, ShutdownOptions};
pub use state::State;
pub use watch::Notifier;
