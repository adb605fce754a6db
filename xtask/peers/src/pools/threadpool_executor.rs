//! threadpool-executor, the closest in its interface.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use threadpool_executor::{Expectation, ThreadPool};

use crate::pool::{Cancels, Pool};

pub(crate) struct ThreadpoolExecutor(Arc<ThreadPool>);

fn execute<T, F>(pool: &ThreadPool, job: F) -> Expectation<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let job = AssertUnwindSafe(job);
    let called = pool.execute(move || {
        let job = job;
        (job.0)()
    });
    called.unwrap_or_else(|error| panic!("the pool is open: {error}"))
}

impl Pool for ThreadpoolExecutor {
    const NAME: &'static str = "threadpool-executor";
    const SLOWER: u64 = 4;
    const CANCELS: Cancels = Cancels::Lazily;
    const JOINS: bool = false;
    type Handle<T: Send + 'static> = Expectation<T>;
    type Inside = Arc<ThreadPool>;

    fn start(workers: usize) -> Self {
        Self(Arc::new(ThreadPool::new(workers)))
    }

    fn submit<T, F>(&self, job: F) -> Expectation<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        execute(&self.0, job)
    }

    fn take<T: Send + 'static>(mut handle: Expectation<T>) -> T {
        let result = handle.get_result();
        result.unwrap_or_else(|error| panic!("the task runs and does not panic: {error}"))
    }

    fn inside(&self) -> Arc<ThreadPool> {
        self.0.clone()
    }

    fn spawn_inside<F>(inside: &Arc<ThreadPool>, job: F)
    where
        F: FnOnce() + Send + 'static,
    {
        drop(execute(inside, job));
    }

    fn cancel<T: Send + 'static>(mut handle: Expectation<T>) {
        let cancelled = handle.cancel();
        cancelled.unwrap_or_else(|error| panic!("the task has not started: {error}"));
    }

    fn stop(self) {}
}
