//! Process pools side by side: `cargo xtask bench process`.
//!
//! Each figure is taken in a program of its own, a host, so that nobody inherits another's memory,
//! descriptors or place on the processors, and so that hosts can be killed. Rounds go round: in
//! each of them it is everybody's turn once.

#![forbid(unsafe_code)]

mod cli;
mod contestant;
mod host;
mod outside;
mod pool;
mod pools;
mod procfs;
mod report;
mod row;
mod session;
mod socketpair;
mod spread;
mod table;
mod task;
mod workload;

fn main() -> anyhow::Result<()> {
    // Its workers come in here; this library's never do.
    procspawn::init();
    cli::run()
}
