//! What tasks take of the heap, with an allocator that counts.

#![forbid(unsafe_code)]

use std::alloc::System;

use peers::heap::{Heap, count_with};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> anyhow::Result<()> {
    count_with(|| {
        let stats = ALLOCATOR.stats();
        Heap {
            // Both counts have reallocations in them.
            bytes_held: stats
                .bytes_allocated
                .saturating_sub(stats.bytes_deallocated),
            allocations: stats.allocations,
        }
    });
    peers::cli::run()
}
