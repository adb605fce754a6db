//! rayon's scope: no handles, the results go where the tasks can borrow.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Result;
use rayon::{Scope, ThreadPool};

use super::rayon::rayon_pool;
use crate::contestant::{Contestant, Kind};
use crate::sample::Sample;
use crate::work::{ideal, steps, steps_in};
use crate::workload::{Work, Workload};

pub(crate) struct RayonScope;

impl Contestant for RayonScope {
    fn name(&self) -> &'static str {
        "rayon scope (no handles)"
    }

    fn kind(&self) -> Kind {
        Kind::Peer
    }

    fn run(&mut self, workload: Workload) -> Result<Option<Sample>> {
        let workers = workload.workers;
        let pool = rayon_pool(workers);
        pool.scope(|_| ());
        let value = match workload.work {
            Work::Burst { tasks } | Work::WaitAll { tasks } => fill(&pool, tasks),
            Work::Tree { depth } => tree(&pool, depth),
            Work::Effort { tasks, each } => {
                let steps_each = steps_in(each);
                let ideal = ideal(tasks, steps_each, workers);
                let start = Instant::now();
                pool.in_place_scope(|scope| {
                    for _ in 0..tasks {
                        scope.spawn(move |_| {
                            black_box(steps(steps_each));
                        });
                    }
                });
                ideal.as_secs_f64() / start.elapsed().as_secs_f64()
            }
            _ => return Ok(None),
        };
        Ok(Some(value.into()))
    }
}

/// Each task writes its result into its slot.
fn fill(pool: &ThreadPool, tasks: u64) -> f64 {
    let start = Instant::now();
    let mut slots = vec![0; tasks as usize];
    pool.in_place_scope(|scope| {
        for (n, slot) in slots.iter_mut().enumerate() {
            scope.spawn(move |_| *slot = n as u64 * 2);
        }
    });
    assert_eq!(slots.iter().sum::<u64>(), tasks * (tasks - 1));
    start.elapsed().as_nanos() as f64 / tasks as f64
}

fn tree(pool: &ThreadPool, depth: u32) -> f64 {
    fn grow<'s>(scope: &Scope<'s>, leaves: &'s AtomicU64, depth: u32) {
        if depth == 0 {
            // ORDERING: a count; the scope orders the rest.
            leaves.fetch_add(1, Ordering::Relaxed);
            return;
        }
        scope.spawn(move |scope| grow(scope, leaves, depth - 1));
        scope.spawn(move |scope| grow(scope, leaves, depth - 1));
    }
    let leaves = AtomicU64::new(0);
    let start = Instant::now();
    pool.in_place_scope(|scope| grow(scope, &leaves, depth));
    let elapsed = start.elapsed();
    assert_eq!(leaves.into_inner(), 1 << depth);
    elapsed.as_nanos() as f64 / ((2_u64 << depth) - 1) as f64
}
