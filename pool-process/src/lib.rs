//! The process pool of [`concurrent-futures`](https://docs.rs/concurrent-futures).
//!
//! This crate is the pool's place in the workspace and holds nothing yet: its workers, channels
//! and supervision come with an issue of their own. What runs in another process has to be a
//! [`Portable`](future_core::Portable) job, and code written for any
//! [`Executor`](future_core::Executor) will run here unchanged.

#![deny(unsafe_code)]

mod arena;
mod build_id;
mod bytes;
mod channel;
mod claims;
mod constructor;
mod control;
mod entry;
mod launcher;
mod link;
mod linux_image;
mod linux_memory;
mod linux_pidfd;
mod linux_spawn;
mod process;
mod socket;
mod supervisor;
mod wire;
mod worker;

pub use bytes::Bytes;
pub use worker::{is_worker, worker_state};

/// Becomes a worker, and does not return, if this process was started as one.
///
/// A program needs this call only where the linker leaves out the code that does it before `main`;
/// the error of a pool says so. It then has to come first in `main`.
///
/// ```
/// pool_process::init();
/// ```
pub fn init() {
    constructor::init();
}

/// For this crate's own models and tests.
#[doc(hidden)]
pub mod parts {
    pub use crate::{
        build_id::BuildId,
        channel::Channel,
        control::{Control, Large, Output},
        entry::{Entry, EntryError, EntryId, NoEntry},
        launcher::{LaunchError, LaunchSpec, Launched, Launcher},
        link::{Link, LinkError, Lost, Received, Report, TaskToSend},
        linux_spawn::LocalLauncher,
        process::{Exit, Process, Signal},
        worker::{Initializer, InitializerError},
    };

    pub mod wire {
        pub use crate::wire::*;
    }

    pub mod supervisor {
        pub use crate::supervisor::*;
    }
}
