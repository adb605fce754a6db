//! A pool of threads that hands back futures: the thread layer of
//! [`concurrent-futures`](https://docs.rs/concurrent-futures). Most programs use that crate.

#![deny(unsafe_code)]

mod board;
mod builder;
mod counters;
mod error;
mod executor;
mod jobs;
mod limits;
mod offer;
mod queue;
mod ring;
mod scope;
mod shared;
mod shutdown;
mod state;
mod stats;
mod verbs;
mod worker;

pub use builder::Builder;
pub use error::BuildError;
pub use executor::{ThreadPoolExecutor, ThreadPoolHandle};
pub use future_core::{
    Call, Executor, ForEachError, Future, Job, Map, MapOptions, SubmitError, SubmitErrorKind,
    TaskError,
};
pub use scope::Scope;
pub use shutdown::{DropPolicy, ShutdownError, ShutdownOptions};
pub use stats::Stats;

/// For this crate's own models and tests.
#[doc(hidden)]
pub mod parts {
    pub use crate::ring::Ring;
}
