//! threadpool, with std's channels for the results.

use std::sync::mpsc::{Receiver, channel};

use threadpool::ThreadPool;

use crate::pool::Pool;

pub(crate) struct Threadpool(ThreadPool);

impl Pool for Threadpool {
    const NAME: &'static str = "threadpool";
    const JOINS: bool = false;
    type Handle<T: Send + 'static> = Receiver<T>;
    type Inside = ThreadPool;

    fn start(workers: usize) -> Self {
        Self(ThreadPool::new(workers))
    }

    fn submit<T, F>(&self, job: F) -> Receiver<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (sender, receiver) = channel();
        self.0.execute(move || {
            // Nobody may want the result.
            let _ = sender.send(job());
        });
        receiver
    }

    fn take<T: Send + 'static>(handle: Receiver<T>) -> T {
        handle.recv().expect("the task runs")
    }

    fn inside(&self) -> ThreadPool {
        self.0.clone()
    }

    fn spawn_inside<F>(inside: &ThreadPool, job: F)
    where
        F: FnOnce() + Send + 'static,
    {
        inside.execute(job);
    }

    fn wait_all<T: Send + 'static>(&self, handles: Vec<Receiver<T>>) {
        self.0.join();
        drop(handles);
    }

    fn stop(self) {}
}
