//! The process pool of [`concurrent-futures`](https://docs.rs/concurrent-futures).
//!
//! This crate is the pool's place in the workspace and holds nothing yet: its workers, channels
//! and supervision come with an issue of their own. What runs in another process has to be a
//! [`Portable`](future_core::Portable) job, and code written for any
//! [`Executor`](future_core::Executor) will run here unchanged.

#![forbid(unsafe_code)]
