//! async-task over a crossbeam channel: the usual way to build an executor of one's own.

use std::thread::{self, JoinHandle};

use async_task::{Runnable, Task};
use crossbeam_channel::{Receiver, Sender, unbounded};
use futures_executor::block_on;

use super::in_any_order;
use crate::pool::{Cancels, Pool};

/// `None` ends a worker.
type Queue = Sender<Option<Runnable>>;

pub(crate) struct AsyncTask {
    queue: &'static Queue,
    threads: Vec<JoinHandle<()>>,
}

fn spawn<T, F>(queue: &'static Queue, job: F) -> Task<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let schedule = move |runnable| queue.send(Some(runnable)).expect("a worker listens");
    let (runnable, task) = async_task::spawn(async move { job() }, schedule);
    runnable.schedule();
    task
}

fn work(queue: &Receiver<Option<Runnable>>) {
    while let Ok(Some(runnable)) = queue.recv() {
        runnable.run();
    }
}

impl Pool for AsyncTask {
    const NAME: &'static str = "async-task + channel";
    const CANCELS: Cancels = Cancels::Lazily;
    type Handle<T: Send + 'static> = Task<T>;
    type Inside = &'static Queue;

    fn start(workers: usize) -> Self {
        let (sender, receiver) = unbounded();
        let worker = |_| {
            let receiver = receiver.clone();
            thread::spawn(move || work(&receiver))
        };
        Self {
            queue: Box::leak(Box::new(sender)),
            threads: (0..workers).map(worker).collect(),
        }
    }

    fn submit<T, F>(&self, job: F) -> Task<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        spawn(self.queue, job)
    }

    fn take<T: Send + 'static>(handle: Task<T>) -> T {
        block_on(handle)
    }

    fn inside(&self) -> &'static Queue {
        self.queue
    }

    fn spawn_inside<F>(inside: &&'static Queue, job: F)
    where
        F: FnOnce() + Send + 'static,
    {
        spawn(inside, job).detach();
    }

    fn as_completed<T, F, I, S>(&self, jobs: I, seen: S)
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
        I: Iterator<Item = F>,
        S: FnMut(T),
    {
        in_any_order(jobs.map(|job| self.submit(job)), seen);
    }

    fn stop(self) {
        for _ in &self.threads {
            self.queue.send(None).expect("a worker listens");
        }
        for thread in self.threads {
            thread.join().expect("no task panics");
        }
    }
}
