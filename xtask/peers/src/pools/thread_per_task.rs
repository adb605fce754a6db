//! A thread of its own for each task.

use std::thread::{self, JoinHandle};

use crate::pool::Pool;

pub(crate) struct ThreadPerTask;

impl Pool for ThreadPerTask {
    const NAME: &'static str = "a thread per task";
    const SLOWER: u64 = 100;
    const QUEUES: bool = false;
    type Handle<T: Send + 'static> = JoinHandle<T>;
    type Inside = ();

    fn start(_: usize) -> Self {
        Self
    }

    fn submit<T, F>(&self, job: F) -> JoinHandle<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        thread::spawn(job)
    }

    fn take<T: Send + 'static>(handle: JoinHandle<T>) -> T {
        handle.join().expect("the task does not panic")
    }

    fn inside(&self) {}

    fn spawn_inside<F>((): &(), job: F)
    where
        F: FnOnce() + Send + 'static,
    {
        thread::spawn(job);
    }

    fn stop(self) {}
}
