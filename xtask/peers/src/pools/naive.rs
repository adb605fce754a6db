//! What one writes in an afternoon: a locked queue of boxed closures, a condition variable, and an
//! `Arc` for each result.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use crate::pool::{Cancels, Pool};

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub(crate) struct Queue {
    jobs: Mutex<(VecDeque<Job>, bool)>,
    changed: Condvar,
}

pub(crate) struct Slot<T> {
    result: Mutex<Option<T>>,
    done: Condvar,
    cancelled: AtomicBool,
}

pub(crate) struct Naive {
    queue: &'static Queue,
    threads: Vec<JoinHandle<()>>,
}

const POISONED: &str = "no task panics";

impl Queue {
    fn push(&self, job: Job) {
        self.jobs.lock().expect(POISONED).0.push_back(job);
        self.changed.notify_one();
    }

    fn pop(&self) -> Option<Job> {
        let mut jobs = self.jobs.lock().expect(POISONED);
        loop {
            if let Some(job) = jobs.0.pop_front() {
                return Some(job);
            }
            if jobs.1 {
                return None;
            }
            jobs = self.changed.wait(jobs).expect(POISONED);
        }
    }

    fn close(&self) {
        self.jobs.lock().expect(POISONED).1 = true;
        self.changed.notify_all();
    }
}

impl Pool for Naive {
    const NAME: &'static str = "naive port";
    const CANCELS: Cancels = Cancels::FlagOnly;
    type Handle<T: Send + 'static> = Arc<Slot<T>>;
    type Inside = &'static Queue;

    fn start(workers: usize) -> Self {
        let queue: &Queue = Box::leak(Box::default());
        let worker = |_| {
            thread::spawn(|| {
                while let Some(job) = queue.pop() {
                    job();
                }
            })
        };
        Self {
            queue,
            threads: (0..workers).map(worker).collect(),
        }
    }

    fn submit<T, F>(&self, job: F) -> Arc<Slot<T>>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let slot = Arc::new(Slot {
            result: Mutex::new(None),
            done: Condvar::new(),
            cancelled: AtomicBool::new(false),
        });
        let filled = slot.clone();
        self.queue.push(Box::new(move || {
            // ORDERING: a wish; whoever comes too late runs the task.
            if !filled.cancelled.load(Ordering::Relaxed) {
                *filled.result.lock().expect(POISONED) = Some(job());
                filled.done.notify_one();
            }
        }));
        slot
    }

    fn take<T: Send + 'static>(handle: Arc<Slot<T>>) -> T {
        let mut result = handle.result.lock().expect(POISONED);
        loop {
            match result.take() {
                Some(value) => return value,
                None => result = handle.done.wait(result).expect(POISONED),
            }
        }
    }

    fn inside(&self) -> &'static Queue {
        self.queue
    }

    fn spawn_inside<F>(inside: &&'static Queue, job: F)
    where
        F: FnOnce() + Send + 'static,
    {
        inside.push(Box::new(job));
    }

    fn cancel<T: Send + 'static>(handle: Arc<Slot<T>>) {
        // ORDERING: a wish, see above.
        handle.cancelled.store(true, Ordering::Relaxed);
    }

    fn stop(self) {
        self.queue.close();
        for thread in self.threads {
            thread.join().expect(POISONED);
        }
    }
}
