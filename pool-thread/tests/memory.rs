//! Memory follows ownership. Alone in this binary, since it counts the process's allocations.
#![cfg(not(cf_loom))]

mod common;

use common::occupy;
use pool_thread::{MapOptions, ThreadPoolExecutor};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

fn held() -> usize {
    let stats = HEAP.stats();
    // Both counts have reallocations in them.
    stats.bytes_allocated - stats.bytes_deallocated
}

fn allocations() -> usize {
    HEAP.stats().allocations
}

// P6, D-31, D-10
#[test]
fn memory_follows_ownership() {
    const TASKS: usize = 100_000;
    let before = held();
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let (gates, running) = occupy(&pool, 2);
    let mut futures = Vec::with_capacity(TASKS);
    let empty = held();
    let calls = allocations();
    for n in 0..TASKS as u64 {
        futures.push(pool.submit(move || n).unwrap());
    }
    // One allocation for 32 tasks, and those of a queue that doubles.
    assert!(allocations() - calls < TASKS / 32 + 60);
    let each = (held() - empty) as f64 / TASKS as f64;
    assert!(each <= 64.0, "{each} bytes for each pending task");
    drop(gates);
    for (n, future) in futures.drain(..).enumerate() {
        assert_eq!(future.result().unwrap(), n as u64);
    }
    drop(futures);
    for future in running {
        future.result().unwrap();
    }
    // The burst is over and its memory gone, while the pool lives.
    pool.submit(|| ()).unwrap().result().unwrap();
    assert!(
        held() - before < 100_000,
        "{} bytes are kept",
        held() - before
    );

    // A long map holds its window.
    let idle = held();
    let options = MapOptions::new().buffersize(8.try_into().unwrap());
    for (n, item) in pool
        .map_with(options, |n| vec![n; 100], 0..5000)
        .enumerate()
    {
        assert_eq!(item.unwrap()[0], n);
        assert!(held() - idle < 50_000);
    }
    drop(pool);
    // Thread-locals and names of the system's, and this thread's slabs, of which it keeps up to
    // three for each size of cells, are all that may be left.
    let slabs = 2 * 3 * 2048;
    assert!(
        held() - before < 4096 + slabs,
        "{} bytes leak",
        held() - before
    );
}
