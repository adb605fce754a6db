//! This library.

use concurrent_futures::{Future, ReturnWhen, ThreadPoolExecutor, as_completed, wait};

use crate::pool::{Cancels, Pool};

/// Leaked, so that tasks can name it, as they can name the pool in a program's static.
pub(crate) struct Ours(&'static ThreadPoolExecutor);

const REFUSED: &str = "the pool is open and got its threads";

impl Pool for Ours {
    const NAME: &'static str = "concurrent-futures";
    const CANCELS: Cancels = Cancels::Drops;
    type Handle<T: Send + 'static> = Future<T>;
    type Inside = &'static ThreadPoolExecutor;

    fn start(workers: usize) -> Self {
        let pool = ThreadPoolExecutor::new(workers).expect("a number of workers in the limits");
        Self(Box::leak(Box::new(pool)))
    }

    #[inline]
    fn submit<T, F>(&self, job: F) -> Future<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.0.submit(job).expect(REFUSED)
    }

    #[inline]
    fn take<T: Send + 'static>(handle: Future<T>) -> T {
        handle.result().expect("the task does not panic")
    }

    fn inside(&self) -> &'static ThreadPoolExecutor {
        self.0
    }

    #[inline]
    fn spawn_inside<F>(inside: &&'static ThreadPoolExecutor, job: F)
    where
        F: FnOnce() + Send + 'static,
    {
        drop(inside.submit(job).expect(REFUSED));
    }

    fn as_completed<T, F, I, S>(&self, jobs: I, mut seen: S)
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
        I: Iterator<Item = F>,
        S: FnMut(T),
    {
        let futures: Vec<_> = jobs.map(|job| self.submit(job)).collect();
        for future in as_completed(futures) {
            seen(Self::take(future));
        }
    }

    fn wait_all<T: Send + 'static>(&self, handles: Vec<Future<T>>) {
        let sets = wait(handles, ReturnWhen::AllCompleted).expect("no task waits for another");
        assert!(sets.not_done.is_empty());
    }

    fn cancel<T: Send + 'static>(handle: Future<T>) {
        assert!(handle.cancel());
    }

    fn stop(self) {
        self.0.shutdown();
    }
}
