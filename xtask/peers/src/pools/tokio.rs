//! tokio's tasks and its blocking tasks, awaited from outside.

use futures_executor::block_on;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{JoinHandle, JoinSet};

use crate::pool::{Cancels, Pool};

pub(crate) struct TokioSpawn(Runtime);
pub(crate) struct TokioBlocking(Runtime);

fn join<T>(handle: JoinHandle<T>) -> T {
    block_on(handle).expect("the task runs and does not panic")
}

fn take_set<T: 'static>(mut set: JoinSet<T>, mut seen: impl FnMut(T)) {
    block_on(async {
        while let Some(result) = set.join_next().await {
            seen(result.expect("the task runs and does not panic"));
        }
    });
}

impl Pool for TokioSpawn {
    const NAME: &'static str = "tokio spawn";
    const CANCELS: Cancels = Cancels::Lazily;
    type Handle<T: Send + 'static> = JoinHandle<T>;
    type Inside = ();

    fn start(workers: usize) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(workers).build();
        Self(runtime.expect("the threads start"))
    }

    fn submit<T, F>(&self, job: F) -> JoinHandle<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.0.spawn(async move { job() })
    }

    fn take<T: Send + 'static>(handle: JoinHandle<T>) -> T {
        join(handle)
    }

    fn inside(&self) {}

    fn spawn_inside<F>((): &(), job: F)
    where
        F: FnOnce() + Send + 'static,
    {
        tokio::spawn(async move { job() });
    }

    fn as_completed<T, F, I, S>(&self, jobs: I, seen: S)
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
        I: Iterator<Item = F>,
        S: FnMut(T),
    {
        let mut set = JoinSet::new();
        for job in jobs {
            set.spawn_on(async move { job() }, self.0.handle());
        }
        take_set(set, seen);
    }

    fn cancel<T: Send + 'static>(handle: JoinHandle<T>) {
        handle.abort();
    }

    fn stop(self) {}
}

impl Pool for TokioBlocking {
    const NAME: &'static str = "tokio spawn_blocking";
    const CANCELS: Cancels = Cancels::Lazily;
    type Handle<T: Send + 'static> = JoinHandle<T>;
    type Inside = Handle;

    fn start(workers: usize) -> Self {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(workers)
            .build();
        Self(runtime.expect("the runtime starts"))
    }

    fn submit<T, F>(&self, job: F) -> JoinHandle<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.0.spawn_blocking(job)
    }

    fn take<T: Send + 'static>(handle: JoinHandle<T>) -> T {
        join(handle)
    }

    fn inside(&self) -> Handle {
        self.0.handle().clone()
    }

    fn spawn_inside<F>(inside: &Handle, job: F)
    where
        F: FnOnce() + Send + 'static,
    {
        inside.spawn_blocking(job);
    }

    fn as_completed<T, F, I, S>(&self, jobs: I, seen: S)
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
        I: Iterator<Item = F>,
        S: FnMut(T),
    {
        let mut set = JoinSet::new();
        for job in jobs {
            set.spawn_blocking_on(job, self.0.handle());
        }
        take_set(set, seen);
    }

    fn cancel<T: Send + 'static>(handle: JoinHandle<T>) {
        handle.abort();
    }

    fn stop(self) {}
}
