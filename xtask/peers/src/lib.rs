//! Thread pools with results, measured side by side in one process: this library, its peers, and
//! programs of other languages. `cargo xtask bench` runs it and writes the report.

#![forbid(unsafe_code)]
#![expect(
    missing_docs,
    reason = "a program in two parts, not a library for others"
)]
#![allow(missing_debug_implementations, reason = "nobody prints a pool")]

pub mod contestant;
mod foreign;
pub mod measure;
pub mod plan;
pub mod pool;
mod pools;
pub mod record;
pub mod sample;
pub mod work;
pub mod workload;
