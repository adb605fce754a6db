//! affinitypool. Its future has no name, so that a handle is a boxed one.

use std::pin::Pin;
use std::sync::Arc;

use affinitypool::Threadpool;
use futures_executor::block_on;

use super::in_any_order;
use crate::pool::{Cancels, Pool};

pub(crate) struct Affinity(Arc<Threadpool>);

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Pool for Affinity {
    const NAME: &'static str = "affinitypool";
    const CANCELS: Cancels = Cancels::Lazily;
    type Handle<T: Send + 'static> = Boxed<T>;
    type Inside = Arc<Threadpool>;

    fn start(workers: usize) -> Self {
        Self(Arc::new(Threadpool::new(workers)))
    }

    fn submit<T, F>(&self, job: F) -> Boxed<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        Box::pin(self.0.spawn(job))
    }

    fn take<T: Send + 'static>(handle: Boxed<T>) -> T {
        block_on(handle)
    }

    fn inside(&self) -> Arc<Threadpool> {
        self.0.clone()
    }

    fn spawn_inside<F>(inside: &Arc<Threadpool>, job: F)
    where
        F: FnOnce() + Send + 'static,
    {
        // A drop would cancel, and there is no way to let go of a task.
        std::mem::forget(inside.spawn(job));
    }

    fn as_completed<T, F, I, S>(&self, jobs: I, seen: S)
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
        I: Iterator<Item = F>,
        S: FnMut(T),
    {
        in_any_order(jobs.map(|job| self.0.spawn(job)), seen);
    }

    fn stop(self) {}
}
