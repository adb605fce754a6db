//! What waiting allocates. The only test of its process: it counts the process's allocations.
#![cfg(not(cf_loom))]

mod support;

use std::alloc::System;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use support::promises;
use waiters::ReturnWhen::{AllCompleted, FirstCompleted};
use waiters::{as_completed, wait, wait_timeout};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Allocations of `f`.
fn counted<R>(f: impl FnOnce() -> R) -> (usize, R) {
    let region = Region::new(ALLOCATOR);
    let value = f();
    let stats = region.change();
    (stats.allocations + stats.reallocations, value)
}

// D-30
#[test]
fn waiting_allocates_its_tables_and_nothing_for_each_future() {
    for n in [1_000, 64_000] {
        // Registering: the tables at once. Completing: the list of tokens, doubling.
        let (mut promises, futures) = promises::<u32>(n);
        let (made, completed) = counted(|| as_completed(futures));
        assert!(made <= 8, "{made} allocations to register {n} futures");
        promises.iter_mut().for_each(|p| p.set_result(1).unwrap());
        let (iterated, count) = counted(|| completed.map(|f| f.result().unwrap()).sum::<u32>());
        assert_eq!(count as usize, n);
        assert!(
            iterated <= 24,
            "{iterated} allocations to iterate {n} futures"
        );

        // Nothing is registered for futures that are done.
        let (mut promises, futures) = self::promises::<u32>(n);
        promises.iter_mut().for_each(|p| p.set_result(1).unwrap());
        let (made, completed) = counted(|| as_completed(futures));
        assert!(made <= 24, "{made} allocations for {n} done futures");
        let futures = completed.into_unfinished();
        let (waited, seen) = counted(|| wait(futures, AllCompleted).unwrap());
        assert!(
            waited <= 1,
            "{waited} allocations to wait for {n} done futures"
        );
        assert_eq!(seen.done.len(), n);

        // References are searched for duplicates: one more table.
        let (_promises, futures) = self::promises::<u32>(n);
        for when in [AllCompleted, FirstCompleted] {
            let (waited, seen) = counted(|| wait_timeout(&futures, when, Duration::ZERO));
            assert!(
                waited <= 16,
                "{waited} allocations to wait for {n} references"
            );
            assert_eq!(seen.not_done.len(), n);
        }
    }
}
