//! The pools of the crate `executors`, with a oneshot channel for each result.

use executors::Executor;
use executors::crossbeam_channel_pool::ThreadPool as ChannelPool;
use executors::crossbeam_workstealing_pool::{ThreadPool as StealingPool, small_pool};
use executors::parker::{SmallThreadData, StaticParker};
use oneshot::Receiver;

use crate::pool::Pool;

type Stealing = StealingPool<StaticParker<SmallThreadData>>;

pub(crate) struct ExecutorsStealing(&'static Stealing);
pub(crate) struct ExecutorsChannel(&'static ChannelPool);

fn submit<E, T, F>(executor: &E, job: F) -> Receiver<T>
where
    E: Executor,
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    executor.execute(move || {
        // Nobody may want the result.
        let _ = sender.send(job());
    });
    receiver
}

macro_rules! pool_of_executors {
    ($pool:ident, $executor:ty, $name:literal, $start:expr) => {
        impl Pool for $pool {
            const NAME: &'static str = $name;
            // It waits until the workers say that they go.
            const JOINS: bool = false;
            type Handle<T: Send + 'static> = Receiver<T>;
            type Inside = &'static $executor;

            fn start(workers: usize) -> Self {
                Self(Box::leak(Box::new($start(workers))))
            }

            fn submit<T, F>(&self, job: F) -> Receiver<T>
            where
                T: Send + 'static,
                F: FnOnce() -> T + Send + 'static,
            {
                submit(self.0, job)
            }

            fn take<T: Send + 'static>(handle: Receiver<T>) -> T {
                handle.recv().expect("the task runs")
            }

            fn inside(&self) -> &'static $executor {
                self.0
            }

            fn spawn_inside<F>(inside: &&'static $executor, job: F)
            where
                F: FnOnce() + Send + 'static,
            {
                inside.execute(job);
            }

            fn stop(self) {
                self.0.shutdown_borrowed().expect("it was not shut down");
            }
        }
    };
}

pool_of_executors!(
    ExecutorsStealing,
    Stealing,
    "executors work-stealing",
    small_pool
);
pool_of_executors!(
    ExecutorsChannel,
    ChannelPool,
    "executors channel",
    ChannelPool::new
);
