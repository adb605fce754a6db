//! One-shot futures with an owner: the base layer of
//! [`concurrent-futures`](https://docs.rs/concurrent-futures). Most programs use that crate;
//! this one is for authors of executors and for those who need only a future and its promise.

#![deny(unsafe_code)]

mod blocking;
mod cell;
#[cfg(feature = "serde")]
mod conjure;
mod context;
mod deadlock;
mod error;
pub mod executor;
mod executor_trait;
mod future;
mod handle;
#[cfg(feature = "tracing")]
mod instrument;
mod job;
mod map;
mod panic_hook;
mod portable;
mod promise;
mod queue;
mod scope;
mod shared;
#[doc(hidden)]
pub mod shim;
mod side;
mod spin;
mod state;
mod watch;

pub use blocking::wait_all;
pub use error::{
    BrokenExecutor, CancelledError, Deadlock, InvalidStateError, PanicLocation, SubmitError,
    SubmitErrorKind, TaskError, TaskFailed, TaskPanicked, TimeoutError,
};
pub use executor_trait::Executor;
pub use future::Future;
pub use handle::{AsFuture, FutureHandle, FutureId};
#[cfg(feature = "tracing")]
pub use instrument::{Instrumented, instrument};
pub use job::{Call, Function, Job};
pub use map::{ForEachError, Map, MapOptions};
pub use panic_hook::install_panic_hook;
pub use portable::{Portable, PortableError};
pub use promise::{Promise, promise};
pub use queue::CompletionQueue;
pub use shared::{SharedAwait, SharedFuture};
pub use state::State;
pub use watch::Notifier;
