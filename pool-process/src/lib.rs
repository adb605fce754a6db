//! A pool of processes that hands back futures: the process layer of
//! [`concurrent-futures`](https://docs.rs/concurrent-futures). Most programs use that crate.
//!
//! ```
//! use pool_process::ProcessPoolExecutor;
//!
//! fn letters(word: String) -> usize {
//!     word.chars().filter(|letter| letter.is_alphabetic()).count()
//! }
//!
//! let pool = ProcessPoolExecutor::new(2)?;
//! let future = pool.call(letters, ("a task!".to_owned(),))?;
//! assert_eq!(future.result()?, 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What can be sent
//!
//! A worker is this very executable, started anew; it never reaches `main`, and there is nothing
//! to register. What is sent is a function, or a closure without captures, and its arguments
//! ([`call`](ProcessPoolExecutor::call), [`map`](ProcessPoolExecutor::map)), or a job type of
//! one's own ([`submit`](ProcessPoolExecutor::submit)); whatever travels implements serde's
//! `Serialize` and `Deserialize`. Code that was written for any [`Executor`] runs here unchanged.
//!
//! A `Vec<u8>` is serialised byte by byte, as serde does it. Many bytes are to be [`Bytes`], which
//! are copied as a whole, or [`SharedBytes`], which workers read in place: copied once, when they
//! are made, for however many tasks.
//!
//! A closure without captures is made again in the worker from its type alone, so it must not rely
//! on the existence of a zero-sized value that it captured: a token that proves something of this
//! process proves nothing of the other.
//!
//! # What the pool promises
//!
//! * **Every future resolves**, whatever crashes, hangs, is killed, is shut down, or cannot be
//!   serialised or started.
//! * **A worker's death costs only the task that it was running.** What was only queued to it runs
//!   elsewhere, another worker takes its place, and the task's error ([`WorkerDied`]) says who died
//!   of what. [`OnCrash`] offers another try, and Python's way, a pool that breaks.
//! * **A running task can be ended**: by a deadline ([`TaskOptions`], [`Builder::deadline`]), by
//!   [`kill`](ProcessPoolExecutor::kill), and all of them by
//!   [`terminate_workers`](ProcessPoolExecutor::terminate_workers).
//! * **`cancel` and `running` are exact.** A task runs when its worker has begun it, not when it
//!   was sent, and until then it can be cancelled.
//! * **Workers come when they are needed**, up to `max_workers`, and idle ones are used first: one
//!   task after the other uses one process. [`prestart`](ProcessPoolExecutor::prestart) has some
//!   come before.
//! * **Fair start.** First in, first out with one worker; with several, a task is overtaken by at
//!   most 32 × workers later ones. What waits behind a task that takes its time is taken back for
//!   a worker that is idle.
//! * **No code of yours runs where others need progress.** Serialising is done in the submitting
//!   thread; reading outputs, callbacks and wakers have threads of their own, and another one
//!   whenever all of these are held up for a millisecond or two. From each of them every call is allowed:
//!   submit, cancel, shut down, wait.
//! * **Nothing is left behind.** Workers, and what they have started in their process group, end
//!   with the pool, and also when this process is killed. A grandchild that leaves its group (a
//!   daemon) escapes.
//!
//! Workers ignore SIGINT: after Ctrl-C this process decides. They share nothing but this
//! executable and the standard output; their standard error is passed on.
//!
//! The number of workers is bounded by memory and by descriptors: a worker takes four of this
//! process. After a `fork` without `exec` the child must not use the pool.
//!
//! Feature: `tracing` for a span for each task, here and in workers that listen
//! (`Builder::propagate_context`).

#![deny(unsafe_code)]

mod arena;
mod build_id;
mod builder;
mod bytes;
mod channel;
mod chunk;
mod claims;
mod constructor;
mod control;
mod deliveries;
mod delivery;
mod doors;
mod engine;
mod entry;
mod error;
mod executor;
mod ground;
mod inbox;
mod launcher;
mod limits;
mod link;
mod linux_ground;
mod linux_image;
mod linux_memory;
mod linux_pidfd;
mod linux_region;
mod linux_spawn;
mod member;
mod obituary;
mod options;
mod out_of_band;
mod process;
mod reactor;
mod receive;
mod seat;
mod shared;
mod shared_bytes;
mod shell;
mod shutdown;
mod socket;
#[cfg_attr(not(feature = "tracing"), path = "no_spans.rs")]
mod spans;
mod stats;
mod stderr;
mod supervisor;
mod turns;
mod verbs;
mod watch;
mod wire;
mod work;
mod worker;

pub use builder::Builder;
pub use bytes::Bytes;
pub use error::BuildError;
pub use executor::{ProcessPoolExecutor, ProcessPoolHandle};
pub use future_core::{
    Call, Executor, ForEachError, Future, Job, Map, MapOptions, Portable, PortableError,
    RemoteCause, RemoteError, ShutdownOptions, State, SubmitError, SubmitErrorKind, TaskError,
    WorkerDied, WorkerEnd,
};
pub use options::TaskOptions;
pub use shared_bytes::SharedBytes;
pub use shutdown::{DropPolicy, ShutdownError};
pub use stats::Stats;
pub use supervisor::OnCrash;
pub use worker::{is_worker, worker_state};

/// Becomes a worker, and does not return, if this process was started as one.
///
/// With the crate `concurrent-futures` it is `concurrent_futures::process::init`. A program needs
/// this call only where the linker leaves out the code that does it before `main`; the error of a
/// pool says so. It then has to come first in `main`.
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
        control::{Control, Large, Output, WithBuffers},
        entry::{Entry, EntryError, EntryId, NoEntry},
        launcher::{LaunchError, LaunchSpec, Launched, Launcher},
        link::{Link, LinkError, Lost, NotQueued, Received, Report, TaskToSend},
        linux_spawn::LocalLauncher,
        out_of_band::{Attached, collect},
        process::{Exit, Process, Signal},
        worker::{Initializer, InitializerError},
    };

    pub mod engine {
        pub use crate::{
            deliveries::Deliveries,
            engine::{Engine, InboxOf},
            ground::*,
            inbox::Inbox,
            reactor::Source,
            seat::Seat,
            turns::*,
        };
    }

    pub mod wire {
        pub use crate::wire::*;
    }

    pub mod supervisor {
        pub use crate::supervisor::*;
    }
}
