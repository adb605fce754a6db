//! What the pool, its handles and its threads have in common.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use future_core::shim::{Condvar, Mutex};
use future_core::{Future, Portable, SubmitError, SubmitErrorKind, TaskError};

use crate::engine::Engine;
use crate::inbox::Command;
use crate::linux_region::Lease;
use crate::options::Deadline;
use crate::receive::Receiver;
use crate::shell::{Shell, Workers};
use crate::shutdown::ShutdownError;
use crate::spans::{Origin, TaskSpan};
use crate::stats::{Phase, Stats};
use crate::supervisor::Config;
use crate::work::{self, Encoded, Made};

/// A pool without its owner.
pub(crate) struct Shared {
    name: String,
    max_workers: usize,
    tasks: TaskSettings,
    engine: Arc<Engine<Shell>>,
    life: Mutex<Life>,
    ended: Condvar,
    _memory: Lease,
}

/// What the builder says of tasks.
pub(crate) struct TaskSettings {
    /// How long one may run that does not say.
    pub(crate) limit: Option<Duration>,
    /// From the request to end until the kill.
    pub(crate) grace: Duration,
    /// Whether each has a span.
    pub(crate) propagate_context: bool,
}

/// The supervisor's thread.
#[derive(Default)]
struct Life {
    thread: Option<JoinHandle<()>>,
    over: bool,
}

impl Shared {
    /// A pool whose threads run.
    ///
    /// # Errors
    ///
    /// When the system refuses a thread or a descriptor.
    pub(crate) fn start(
        name: String,
        config: Config,
        workers: Workers,
        tasks: TaskSettings,
    ) -> io::Result<Arc<Self>> {
        let max_workers = config.max_workers.get() as usize;
        let engine = Engine::of_processes(name.clone(), config, workers)?;
        let shared = Arc::new(Self {
            name,
            max_workers,
            tasks,
            engine,
            life: Mutex::new(Life::default()),
            ended: Condvar::new(),
            _memory: Lease::new(),
        });
        let own = shared.clone();
        let thread = Builder::new()
            .name(format!("{}-sup", shared.name))
            .spawn(move || {
                Engine::supervise(&own.engine);
                own.life.lock().over = true;
                own.ended.notify_all();
            });
        shared.life.lock().thread = Some(thread?);
        if let Err(error) = Engine::grow(&shared.engine) {
            shared.close(true);
            return Err(error);
        }
        Ok(shared)
    }

    pub(crate) fn max_workers(&self) -> usize {
        self.max_workers
    }

    pub(crate) fn grace(&self) -> Duration {
        self.tasks.grace
    }

    /// The origin of a task, or none where tasks are to have no spans.
    pub(crate) fn wanted(&self, origin: Origin) -> Origin {
        origin.if_wanted(self.tasks.propagate_context)
    }

    /// Queues a job.
    pub(crate) fn submit<J: Portable, R: Receiver>(
        &self,
        job: J,
        receiver: R,
        deadline: Deadline,
        origin: Origin,
    ) -> Result<Future<R::Output>, SubmitError<J>> {
        let limit = deadline.or(self.tasks.limit);
        let (made, future) = work::make(&job, receiver, limit, self.wanted(origin));
        match self.queue(made) {
            Ok(()) => Ok(future),
            Err(why) => Err(SubmitError::new(why, self.stats().to_string(), job)),
        }
    }

    fn queue(&self, made: Made) -> Result<(), SubmitErrorKind> {
        match made {
            Made::Work(work) => match self.engine.inbox.submit(work) {
                Ok(false) => Ok(()),
                Ok(true) => {
                    self.engine.work_or_ring();
                    Ok(())
                }
                Err((work, why)) => {
                    // It was never anybody's but ours.
                    work.task.cancel();
                    Err(why)
                }
            },
            Made::Failed(task, error) => match self.engine.inbox.closed() {
                Some(why) => Err(why),
                None => {
                    task.fail(error);
                    Ok(())
                }
            },
        }
    }

    /// Queues many jobs, or none.
    pub(crate) fn submit_all<J: Portable, R: Receiver>(
        &self,
        jobs: impl Iterator<Item = J>,
        receiver: impl Fn() -> R,
        deadline: Deadline,
        origin: Origin,
    ) -> Result<Vec<Future<R::Output>>, SubmitError<Vec<J>>> {
        let limit = deadline.or(self.tasks.limit);
        let origin = self.wanted(origin);
        let jobs: Vec<J> = jobs.collect();
        let mut futures = Vec::with_capacity(jobs.len());
        let mut works = Vec::with_capacity(jobs.len());
        let mut failed = Vec::new();
        for job in &jobs {
            let (made, future) = work::make(job, receiver(), limit, origin);
            futures.push(future);
            match made {
                Made::Work(work) => works.push(work),
                Made::Failed(task, error) => failed.push((task, error)),
            }
        }
        match self.engine.inbox.submit_all(works) {
            Ok(ring) => {
                if ring {
                    self.engine.work_or_ring();
                }
                for (task, error) in failed {
                    task.fail(error);
                }
                Ok(futures)
            }
            Err((works, why)) => {
                // They were never anybody's but ours.
                let tasks = works.into_iter().map(|work| work.task);
                for task in tasks.chain(failed.into_iter().map(|(task, _)| task)) {
                    task.cancel();
                }
                Err(SubmitError::new(why, self.stats().to_string(), jobs))
            }
        }
    }

    /// Queues a chunk of `len` items, which may run as long as all of them may.
    pub(crate) fn submit_chunk<R: Receiver>(
        &self,
        chunk: Result<Encoded, TaskError>,
        receiver: R,
        len: usize,
        span: TaskSpan,
    ) -> Result<Future<R::Output>, SubmitError> {
        let items = u32::try_from(len).unwrap_or(u32::MAX);
        let limit = self.tasks.limit.map(|limit| limit.saturating_mul(items));
        let (made, future) = work::prepare(chunk, receiver, limit, span);
        match self.queue(made) {
            Ok(()) => Ok(future),
            Err(why) => Err(SubmitError::new(why, self.stats().to_string(), ())),
        }
    }

    /// Has workers started until there are so many, or as many as may be; gives their number.
    pub(crate) fn prestart(&self, workers: usize) -> io::Result<usize> {
        let (answer, answered) = channel();
        let command = Command::Prestart {
            workers: u32::try_from(workers).unwrap_or(u32::MAX),
            answer,
        };
        let asked = self.engine.inbox.ask(command);
        match answered.recv() {
            Ok(answer) if asked => answer,
            // A pool that ends starts none.
            _ => Ok(self.stats().workers()),
        }
    }

    pub(crate) fn command(&self, command: Command) {
        self.engine.inbox.command(command);
    }

    /// Takes no more tasks; `cancel`: and runs none that it has.
    pub(crate) fn close(&self, cancel: bool) {
        self.engine.inbox.close(SubmitErrorKind::Shutdown);
        self.engine.inbox.command(Command::Close { cancel });
    }

    /// Waits until all tasks are done, and all processes and threads have ended.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Result<(), ShutdownError> {
        if self.engine.deliveries.is_current() {
            return Err(ShutdownError::from_callback(self.stats()));
        }
        // A limit beyond the end of the clock is none.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let late = || ShutdownError::timed_out(limit.unwrap_or_default(), self.stats());
        let mut life = self.life.lock();
        while !life.over {
            let expired;
            (life, expired) = self.ended.wait(life, deadline);
            if expired && !life.over {
                drop(life);
                return Err(late());
            }
        }
        let thread = life.thread.take();
        drop(life);
        if let Some(thread) = thread {
            // It catches its panics, and nothing of the user's keeps it from its end.
            let _ = thread.join();
        }
        if self.engine.deliveries.wait(deadline) {
            Ok(())
        } else {
            Err(late())
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let closed = self.engine.inbox.closed();
        let shell = self.engine.shell();
        let numbers = shell.as_ref().map(Shell::stats).unwrap_or_default();
        let pids = shell.as_ref().map(Shell::pids).unwrap_or_default();
        let broken = shell.as_ref().is_none_or(Shell::is_broken);
        drop(shell);
        let phase = match closed {
            _ if broken => Phase::Broken,
            None => Phase::Running,
            Some(SubmitErrorKind::Broken(_)) => Phase::Broken,
            Some(_) => Phase::ShutDown,
        };
        Stats {
            name: self.name.clone(),
            phase,
            max_workers: self.max_workers,
            pids,
            numbers,
            completing: self.engine.deliveries.waiting(),
        }
    }
}
