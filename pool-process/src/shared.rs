//! What the pool, its handles and its threads have in common.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use future_core::executor::Proxy;
use future_core::shim::{Condvar, Mutex};
use future_core::{BrokenExecutor, Future, Portable, SubmitError, SubmitErrorKind};

use crate::delivery::{self, Deliveries};
use crate::inbox::{Command, Inbox};
use crate::options::Deadline;
use crate::reactor::{Reactor, Source};
use crate::shell::{Shell, Workers, now};
use crate::shutdown::ShutdownError;
use crate::stats::{Phase, Stats};
use crate::supervisor::Config;
use crate::work::{self, Made};

/// A pool without its owner.
pub(crate) struct Shared {
    name: String,
    max_workers: usize,
    /// How long a task may run that does not say.
    limit: Option<Duration>,
    grace: Duration,
    inbox: Arc<Inbox>,
    reactor: Arc<Reactor>,
    deliveries: Arc<Deliveries>,
    /// `None` once the supervisor's thread has failed, which it does not.
    shell: StdMutex<Option<Shell>>,
    /// What is left of it then.
    wreck: Mutex<Option<Shell>>,
    life: Mutex<Life>,
    ended: Condvar,
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
        limit: Option<Duration>,
        grace: Duration,
    ) -> io::Result<Arc<Self>> {
        let inbox = Arc::new(Inbox::new()?);
        let reactor = Arc::new(Reactor::new()?);
        reactor.add(Source::Inbox, inbox.bell())?;
        let max_workers = config.max_workers.get() as usize;
        let shell = Shell::new(config, workers, inbox.clone(), reactor.clone());
        let shared = Arc::new(Self {
            deliveries: Deliveries::new(name.clone())?,
            name,
            max_workers,
            limit,
            grace,
            inbox,
            reactor,
            shell: StdMutex::new(Some(shell)),
            wreck: Mutex::new(None),
            life: Mutex::new(Life::default()),
            ended: Condvar::new(),
        });
        let own = shared.clone();
        let thread = Builder::new()
            .name(format!("{}-sup", shared.name))
            .spawn(move || own.supervise());
        match thread {
            Ok(thread) => shared.life.lock().thread = Some(thread),
            Err(error) => {
                shared.deliveries.close();
                return Err(error);
            }
        }
        Ok(shared)
    }

    pub(crate) fn max_workers(&self) -> usize {
        self.max_workers
    }

    pub(crate) fn grace(&self) -> Duration {
        self.grace
    }

    /// Queues a job.
    pub(crate) fn submit<J: Portable, P: Proxy>(
        &self,
        job: J,
        proxy: P,
        deadline: Deadline,
    ) -> Result<Future<P::Output>, SubmitError<J>> {
        let (made, future) = work::make(&job, proxy, deadline.or(self.limit));
        let refused = match made {
            Made::Work(work) => match self.inbox.submit(work) {
                Ok(false) => Ok(()),
                Ok(true) => {
                    self.work_or_ring();
                    Ok(())
                }
                Err((work, why)) => {
                    // It was never anybody's but ours.
                    work.task.cancel();
                    Err(why)
                }
            },
            Made::Failed(task, error) => match self.inbox.closed() {
                Some(why) => Err(why),
                None => {
                    task.fail(error);
                    Ok(())
                }
            },
        };
        match refused {
            Ok(()) => Ok(future),
            Err(why) => Err(SubmitError::new(why, self.stats().to_string(), job)),
        }
    }

    /// The supervisor's thread sleeps, and there is a task: if it is the only one, sends it to a
    /// worker here and now, else wakes that thread.
    fn work_or_ring(&self) {
        if let Ok(mut place) = self.shell.try_lock() {
            let idle = place.as_ref().is_some_and(Shell::is_idle);
            if idle {
                let mut ended = Vec::new();
                let rings = self.turned(&mut place, |shell| shell.turn_as_guest(&mut ended));
                drop(place);
                self.deliveries.push(&mut ended);
                if rings == Some(false) && self.inbox.may_sleep() {
                    return;
                }
            }
        }
        self.inbox.ring();
    }

    fn shell(&self) -> MutexGuard<'_, Option<Shell>> {
        self.shell.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `turn`. Should it panic, all that was with the shell breaks.
    fn turned<R>(
        &self,
        place: &mut Option<Shell>,
        turn: impl FnOnce(&mut Shell) -> R,
    ) -> Option<R> {
        let shell = place.as_mut()?;
        let turned = catch_unwind(AssertUnwindSafe(|| turn(shell)));
        if turned.is_err() {
            let error = BrokenExecutor::new(
                "the process pool is broken: its supervisor panicked, which is a defect of the \
                 library",
            );
            self.inbox.close(SubmitErrorKind::Broken(error));
            // Its tasks' callbacks are not to run under the lock.
            *self.wreck.lock() = place.take();
            self.inbox.ring();
        }
        turned.ok()
    }

    /// Queues a chunk of `len` items, which may run as long as all of them may.
    pub(crate) fn submit_chunk<J: Portable, P: Proxy>(
        &self,
        job: J,
        proxy: P,
        len: usize,
    ) -> Result<Future<P::Output>, SubmitError<J>> {
        let items = u32::try_from(len).unwrap_or(u32::MAX);
        let limit = self.limit.map(|limit| limit.saturating_mul(items));
        self.submit(job, proxy, limit.map_or(Deadline::None, Deadline::After))
    }

    pub(crate) fn command(&self, command: Command) {
        self.inbox.command(command);
    }

    /// Takes no more tasks; `cancel`: and runs none that it has.
    pub(crate) fn close(&self, cancel: bool) {
        self.inbox.close(SubmitErrorKind::Shutdown);
        self.inbox.command(Command::Close { cancel });
    }

    /// Waits until all tasks are done, and all processes and threads have ended.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Result<(), ShutdownError> {
        if self.deliveries.is_current() {
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
        if self.deliveries.wait(deadline) {
            Ok(())
        } else {
            Err(late())
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let closed = self.inbox.closed();
        let shell = self.shell();
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
            completing: self.deliveries.waiting(),
        }
    }

    /// The supervisor's thread. It starts the workers, which end with it.
    fn supervise(&self) {
        let mut ready = Vec::new();
        let mut ended = Vec::new();
        let mut growth = Growth::default();
        loop {
            let next = self.turned(&mut self.shell(), |shell| {
                shell.turn(&ready, &mut ended);
                (!shell.is_over()).then(|| shell.before_sleep())
            });
            ready.clear();
            self.deliveries.push(&mut ended);
            let Some(Some(next)) = next else { break };
            let now = now();
            let until = match (next, growth.look(&self.deliveries, now)) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            let sleeps = self.inbox.may_sleep();
            let limit = if sleeps {
                until.map(|at| at.saturating_sub(now))
            } else {
                Some(0)
            };
            self.reactor.wait(limit, &mut ready);
            if sleeps {
                self.inbox.awake(ready.contains(&Source::Inbox));
            }
        }
        let wreck = self.wreck.lock().take();
        drop(wreck);
        self.deliveries.close();
        self.life.lock().over = true;
        self.ended.notify_all();
    }
}

/// Sees to it that there is a thread for deliveries that is not held up.
#[derive(Default)]
struct Growth {
    /// How many were taken, and when that was seen first.
    seen: Option<(u64, u64)>,
}

impl Growth {
    /// Starts another thread if nothing was taken for a while; when to look again.
    fn look(&mut self, deliveries: &Arc<Deliveries>, now: u64) -> Option<u64> {
        let Some(taken) = deliveries.held_up() else {
            self.seen = None;
            return None;
        };
        let since = match self.seen {
            Some((before, since)) if before == taken => since,
            _ => now,
        };
        self.seen = Some((taken, since));
        let at = since.saturating_add(delivery::STALLED);
        if now < at {
            return Some(at);
        }
        // One that the system refuses is asked for again.
        let _ = Deliveries::grow(deliveries);
        self.seen = Some((taken, now));
        Some(now.saturating_add(delivery::STALLED))
    }
}
