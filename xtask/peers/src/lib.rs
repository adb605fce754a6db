//! Thread pools with results, measured side by side in one process: this library, its peers, and
//! programs of other languages. `cargo xtask bench` runs it and writes the report.

#![forbid(unsafe_code)]
#![expect(
    missing_docs,
    reason = "a program in two parts, not a library for others"
)]
#![allow(missing_debug_implementations, reason = "nobody prints a pool")]

pub mod cli;
mod contestant;
mod foreign;
pub mod heap;
mod measure;
mod plan;
mod pool;
mod pools;
mod record;
mod sample;
mod work;
mod workload;
