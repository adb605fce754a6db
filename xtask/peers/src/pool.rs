//! What a pool must be able to do to take part.

/// How a pool cancels a task that has not started.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cancels {
    /// Not at all.
    Never,
    /// The task will not run; its closure stays until a worker comes by.
    Lazily,
    /// A flag is set, which whoever waits does not hear of.
    FlagOnly,
    /// The closure is dropped at once.
    Drops,
}

/// A thread pool that hands back results, by its own means or with a channel.
pub(crate) trait Pool: Sync + Sized + 'static {
    /// As it stands in the report.
    const NAME: &'static str;
    /// It runs this many times fewer tasks, or it would hold up the others.
    const SLOWER: u64 = 1;
    const CANCELS: Cancels = Cancels::Never;
    /// Whether `stop` returns only when the threads are gone.
    const JOINS: bool = true;
    /// Whether there are threads that stay. Without, nothing can be pending.
    const QUEUES: bool = true;

    /// Stands for one result.
    type Handle<T: Send + 'static>: Send + 'static;
    /// With this a task submits tasks to its own pool.
    type Inside: Clone + Send + Sync + 'static;

    fn start(workers: usize) -> Self;

    fn submit<T, F>(&self, job: F) -> Self::Handle<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static;

    /// Blocks until the result is there.
    fn take<T: Send + 'static>(handle: Self::Handle<T>) -> T;

    fn inside(&self) -> Self::Inside;

    /// Submits from a task; nobody waits for it.
    fn spawn_inside<F>(inside: &Self::Inside, job: F)
    where
        F: FnOnce() + Send + 'static;

    /// Submits all and gives each result to `seen` as it comes. Who has no such thing sends the
    /// results through a channel.
    fn as_completed<T, F, I, S>(&self, jobs: I, mut seen: S)
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
        I: Iterator<Item = F>,
        S: FnMut(T),
    {
        let inside = self.inside();
        let (sender, results) = crossbeam_channel::unbounded();
        for job in jobs {
            let sender = sender.clone();
            Self::spawn_inside(&inside, move || {
                // The receiver stays until it has all.
                let _ = sender.send(job());
            });
        }
        drop(sender);
        results.iter().for_each(&mut seen);
    }

    /// Blocks until all are done, whatever their results.
    fn wait_all<T: Send + 'static>(&self, handles: Vec<Self::Handle<T>>) {
        for handle in handles {
            std::hint::black_box(Self::take(handle));
        }
    }

    /// Cancels a task that has not started, if `CANCELS` says that it can.
    fn cancel<T: Send + 'static>(handle: Self::Handle<T>) {
        drop(handle);
    }

    /// Ends the threads; everything submitted has run.
    fn stop(self);
}
