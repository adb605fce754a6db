//! What user threads have for the supervisor's thread.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use std::sync::mpsc::Sender;

use future_core::shim::Mutex;
use future_core::{FutureId, SubmitErrorKind};
use rustix::event::{EventfdFlags, eventfd};

use crate::supervisor::WorkerId;
use crate::wire::Ticket;
use crate::work::Work;

/// Something other than a task.
#[derive(Debug)]
pub(crate) enum Command {
    /// The owner of this task has taken it back from the worker, and cancelled it.
    Revoked { worker: WorkerId, ticket: Ticket },
    /// This task is to end, even if it runs.
    Kill { id: FutureId, grace: u64 },
    /// There are to be so many workers; the answer is wanted.
    Prestart {
        workers: u32,
        answer: Sender<io::Result<usize>>,
    },
    /// No task is to come.
    Close { cancel: bool },
    /// The workers are to end whatever they do.
    KillAll { grace: u64 },
}

/// Takes tasks and commands from any thread. Nobody waits longer here than it takes to put
/// something in, and the system is called only when the supervisor's thread sleeps.
#[derive(Debug)]
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    bell: OwnedFd,
}

#[derive(Debug, Default)]
struct Queue {
    works: Vec<Work>,
    commands: Vec<Command>,
    /// Why no more tasks are taken.
    closed: Option<SubmitErrorKind>,
    asleep: bool,
}

impl Inbox {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            queue: Mutex::new(Queue::default()),
            bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// Readable when the sleeper is to wake.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Takes a task. True: the supervisor's thread sleeps, and the caller is to see to it that the
    /// task is found, by [`ring`](Self::ring) or by doing the supervisor's work.
    ///
    /// # Errors
    ///
    /// The task, and why it is not taken.
    pub(crate) fn submit(&self, work: Work) -> Result<bool, (Work, SubmitErrorKind)> {
        let mut queue = self.queue.lock_soon();
        if let Some(why) = &queue.closed {
            return Err((work, why.clone()));
        }
        queue.works.push(work);
        Ok(std::mem::take(&mut queue.asleep))
    }

    /// Takes many tasks, or none. True as of [`submit`](Self::submit).
    ///
    /// # Errors
    ///
    /// The tasks, and why they are not taken.
    pub(crate) fn submit_all(
        &self,
        works: Vec<Work>,
    ) -> Result<bool, (Vec<Work>, SubmitErrorKind)> {
        let mut queue = self.queue.lock_soon();
        if let Some(why) = &queue.closed {
            return Err((works, why.clone()));
        }
        if works.is_empty() {
            return Ok(false);
        }
        if queue.works.is_empty() {
            queue.works = works;
        } else {
            queue.works.extend(works);
        }
        Ok(std::mem::take(&mut queue.asleep))
    }

    pub(crate) fn command(&self, command: Command) {
        let asleep = {
            let mut queue = self.queue.lock_soon();
            queue.commands.push(command);
            std::mem::take(&mut queue.asleep)
        };
        if asleep {
            self.ring();
        }
    }

    /// As [`command`](Self::command), unless no more tasks are taken; whether it was taken.
    pub(crate) fn ask(&self, command: Command) -> bool {
        let asleep = {
            let mut queue = self.queue.lock_soon();
            if queue.closed.is_some() {
                return false;
            }
            queue.commands.push(command);
            std::mem::take(&mut queue.asleep)
        };
        if asleep {
            self.ring();
        }
        true
    }

    /// Takes no more tasks. The first reason stays, but that a pool is broken says more than that
    /// it was shut down.
    pub(crate) fn close(&self, why: SubmitErrorKind) {
        let mut queue = self.queue.lock();
        let says_more = matches!(why, SubmitErrorKind::Broken(_))
            && matches!(queue.closed, Some(SubmitErrorKind::Shutdown));
        if queue.closed.is_none() || says_more {
            queue.closed = Some(why);
        }
    }

    /// Why no more tasks are taken.
    pub(crate) fn closed(&self) -> Option<SubmitErrorKind> {
        self.queue.lock_soon().closed.clone()
    }

    /// Moves everything out, into places that are empty.
    pub(crate) fn take(&self, works: &mut Vec<Work>, commands: &mut Vec<Command>) {
        let mut queue = self.queue.lock_soon();
        std::mem::swap(&mut queue.works, works);
        std::mem::swap(&mut queue.commands, commands);
    }

    /// Whether the supervisor's thread may sleep (on): nothing is here, and whoever puts something
    /// in will see to it.
    pub(crate) fn may_sleep(&self) -> bool {
        let mut queue = self.queue.lock_soon();
        queue.asleep = queue.works.is_empty() && queue.commands.is_empty();
        queue.asleep
    }

    /// The sleeper is awake; `rung`: and the bell is to be read.
    pub(crate) fn awake(&self, rung: bool) {
        self.queue.lock_soon().asleep = false;
        if rung {
            let _ = rustix::io::read(&self.bell, &mut [0_u8; 8]);
        }
    }

    /// Wakes the sleeper. The counter cannot overflow: it is read at each awakening.
    pub(crate) fn ring(&self) {
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }
}
