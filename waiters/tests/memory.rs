//! Repeated waits keep nothing. The only test of its process: it counts the process's bytes.
#![cfg(not(cf_loom))]

use std::alloc::System;
use std::time::Duration;

use future_core::promise;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use waiters::ReturnWhen::{AllCompleted, FirstCompleted, FirstException};
use waiters::{as_completed, as_completed_timeout, future_set, wait_timeout};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const WAITS: usize = 100_000;
/// What the test's own harness may keep meanwhile.
const SLACK: usize = 16 * 1024;

fn kept(region: &Region<'_, System>) -> usize {
    let stats = region.change();
    stats
        .bytes_allocated
        .saturating_sub(stats.bytes_deallocated)
}

// C-055, C-068, D-31, P6
#[test]
fn a_hundred_thousand_waits_keep_nothing() {
    let (mut promise, future) = promise::<u32>();
    let region = Region::new(ALLOCATOR);
    for at in 0..WAITS {
        let when = [AllCompleted, FirstCompleted, FirstException][at % 3];
        let seen = wait_timeout([&future], when, Duration::ZERO);
        assert_eq!(seen.not_done.len(), 1);
    }
    for _ in 0..WAITS {
        let mut completed = as_completed_timeout([&future], Duration::ZERO);
        assert!(completed.next().unwrap().is_err());
        drop(as_completed([&future]));
    }
    assert!(kept(&region) < SLACK, "{} bytes kept", kept(&region));

    // A growing set through which many futures pass.
    let region = Region::new(ALLOCATOR);
    let (adder, mut set) = future_set();
    for round in 0..WAITS {
        let (mut promise, future) = self::promise();
        adder.add(future).unwrap();
        if round % 2 == 0 {
            promise.set_result(round).unwrap();
        } else {
            assert!(set.next_timeout(Duration::ZERO).is_err());
            promise.set_result(round).unwrap();
        }
        assert_eq!(set.next().unwrap().result().unwrap(), round);
    }
    assert!(kept(&region) < SLACK, "{} bytes kept", kept(&region));
    drop((adder, set));

    promise.set_result(1).unwrap();
    assert_eq!(future.result().unwrap(), 1);
}
