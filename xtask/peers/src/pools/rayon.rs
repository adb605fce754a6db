//! rayon's spawn, with a oneshot channel for each result.

use oneshot::Receiver;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::pool::Pool;

pub(crate) struct Rayon(ThreadPool);

/// A rayon pool of its own.
pub(crate) fn rayon_pool(workers: usize) -> ThreadPool {
    ThreadPoolBuilder::new()
        .num_threads(workers)
        .build()
        .expect("the threads start")
}

impl Pool for Rayon {
    const NAME: &'static str = "rayon spawn";
    const JOINS: bool = false;
    type Handle<T: Send + 'static> = Receiver<T>;
    type Inside = ();

    fn start(workers: usize) -> Self {
        Self(rayon_pool(workers))
    }

    fn submit<T, F>(&self, job: F) -> Receiver<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        self.0.spawn(move || {
            // Nobody may want the result.
            let _ = sender.send(job());
        });
        receiver
    }

    fn take<T: Send + 'static>(handle: Receiver<T>) -> T {
        handle.recv().expect("the task runs")
    }

    fn inside(&self) {}

    fn spawn_inside<F>((): &(), job: F)
    where
        F: FnOnce() + Send + 'static,
    {
        // In a task this is the task's own pool.
        rayon::spawn(job);
    }

    fn as_completed<T, F, I, S>(&self, jobs: I, mut seen: S)
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
        I: Iterator<Item = F>,
        S: FnMut(T),
    {
        let (sender, results) = crossbeam_channel::unbounded();
        for job in jobs {
            let sender = sender.clone();
            self.0.spawn(move || {
                // The receiver stays until it has all.
                let _ = sender.send(job());
            });
        }
        drop(sender);
        results.iter().for_each(&mut seen);
    }

    fn stop(self) {}
}
