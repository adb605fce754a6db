//! The pools that take part.

pub(crate) mod affinity;
pub(crate) mod async_task;
pub(crate) mod executors;
pub(crate) mod naive;
pub(crate) mod ours;
pub(crate) mod rayon;
pub(crate) mod rayon_scope;
pub(crate) mod thread_per_task;
pub(crate) mod threadpool;
pub(crate) mod threadpool_executor;
pub(crate) mod tokio;

use futures_executor::block_on;
use futures_util::stream::{FuturesUnordered, StreamExt};

/// Awaits the futures as they come; how asynchronous handles are collected.
pub(crate) fn in_any_order<F: Future>(
    futures: impl Iterator<Item = F>,
    mut seen: impl FnMut(F::Output),
) {
    let mut futures: FuturesUnordered<F> = futures.collect();
    block_on(async {
        while let Some(value) = futures.next().await {
            seen(value);
        }
    });
}
