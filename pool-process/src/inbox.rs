//! What user threads have for the supervisor's thread.

use std::io;
use std::sync::mpsc::Sender;

use future_core::shim::Mutex;
use future_core::{FutureId, SubmitErrorKind};

use crate::ground::Bell;
use crate::supervisor::WorkerId;
use crate::wire::Ticket;

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
pub struct Inbox<W, C, B> {
    queue: Mutex<Queue<W, C>>,
    bell: B,
}

#[derive(Debug)]
struct Queue<W, C> {
    works: Vec<W>,
    commands: Vec<C>,
    /// Why no more tasks are taken.
    closed: Option<SubmitErrorKind>,
    asleep: bool,
}

impl<W, C, B: Bell> Inbox<W, C, B> {
    /// An empty one, whose `bell` wakes whoever polls.
    pub fn new(bell: B) -> Self {
        Self {
            queue: Mutex::new(Queue {
                works: Vec::new(),
                commands: Vec::new(),
                closed: None,
                asleep: false,
            }),
            bell,
        }
    }

    /// What the sleeper is woken by.
    pub fn bell(&self) -> &B {
        &self.bell
    }

    /// Takes a task. True: the supervisor's thread sleeps, and the caller is to see to it that the
    /// task is found, by [`ring`](Self::ring) or by doing the supervisor's work.
    ///
    /// # Errors
    ///
    /// The task, and why it is not taken.
    pub fn submit(&self, work: W) -> Result<bool, (W, SubmitErrorKind)> {
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
    pub(crate) fn submit_all(&self, works: Vec<W>) -> Result<bool, (Vec<W>, SubmitErrorKind)> {
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

    /// Takes a command.
    pub fn command(&self, command: C) {
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
    pub(crate) fn ask(&self, command: C) -> bool {
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
    pub fn close(&self, why: SubmitErrorKind) {
        let mut queue = self.queue.lock();
        let says_more = matches!(why, SubmitErrorKind::Broken(_))
            && matches!(queue.closed, Some(SubmitErrorKind::Shutdown));
        if queue.closed.is_none() || says_more {
            queue.closed = Some(why);
        }
    }

    /// Why no more tasks are taken.
    pub fn closed(&self) -> Option<SubmitErrorKind> {
        self.queue.lock_soon().closed.clone()
    }

    /// Moves everything out, into places that are empty.
    pub fn take(&self, works: &mut Vec<W>, commands: &mut Vec<C>) {
        let mut queue = self.queue.lock_soon();
        std::mem::swap(&mut queue.works, works);
        std::mem::swap(&mut queue.commands, commands);
    }

    /// Whether the supervisor's thread may sleep (on): nothing is here, and whoever puts something
    /// in will see to it.
    pub fn may_sleep(&self) -> bool {
        let mut queue = self.queue.lock_soon();
        queue.asleep = queue.works.is_empty() && queue.commands.is_empty();
        queue.asleep
    }

    /// The sleeper is awake; `rung`: and the bell is to be read.
    pub fn awake(&self, rung: bool) {
        self.queue.lock_soon().asleep = false;
        if rung {
            self.bell.silence();
        }
    }

    /// Wakes the sleeper.
    pub fn ring(&self) {
        self.bell.ring();
    }
}
