//! Everything between the supervisor and one worker: what is on its way to it, and what its
//! answers mean.
//!
//! A worker's bytes are believed only as far as they concern tasks that are with it: an answer
//! must name a ticket that is in flight and that the worker has claimed. Anything else is a
//! [`LinkError::Wire`], after which the worker is to be killed.

mod in_flight;

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use in_flight::InFlight;

use crate::arena::{self, Arena};
use crate::build_id::BuildId;
use crate::channel::Channel;
use crate::claims::Claimed;
use crate::control::{Control, Large, Output};
use crate::entry::EntryId;
use crate::launcher::Launched;
use crate::limits::KEPT;
use crate::linux_memory::{OUTPUTS_AT, TASKS_AT};
use crate::out_of_band::Attached;
use crate::process::Process;
use crate::wire::{
    ATTACHED_MAX, Answer, Decoder, Encoder, Failure, FromWorker, Hello, LARGE, Payload, Placed,
    Task, Ticket, WireError, fits,
};
use crate::worker::Initializer;

/// How often one call of [`Link::receive`] reads from the channel.
const READS: usize = 16;

/// One worker, from launch to death.
#[derive(Debug)]
pub struct Link {
    /// Its process.
    pub process: Box<dyn Process>,
    /// What it writes to its standard error.
    pub stderr: Option<OwnedFd>,
    channel: Box<dyn Channel>,
    control: Arc<Control>,
    stage: Stage,
    decoder: Decoder<FromWorker>,
    /// How many bytes of answers have come.
    received: u64,
    out: Vec<u8>,
    sent: usize,
    tasks: InFlight,
    arena: Arena,
    /// How many tasks were taken back that the worker has not come to yet.
    skips: usize,
    /// Which places of the arena hold data of tasks in flight.
    taken: Vec<bool>,
    /// What is to be passed with tasks in `out`.
    passing: VecDeque<Passing>,
}

/// The regions that go with a task.
#[derive(Debug)]
struct Passing {
    /// Where in `out` the task begins.
    at: usize,
    ticket: Ticket,
    attached: Vec<Attached>,
}

/// What the worker has said so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Nothing.
    Launched,
    /// It is the same build.
    Met,
    /// It takes tasks.
    Ready,
    /// It will end.
    Over,
}

/// A task to be sent.
#[derive(Clone, Copy, Debug)]
pub struct TaskToSend<'a> {
    /// Its code.
    pub entry: EntryId,
    /// Its data, as its `Portable::encode` wrote it.
    pub payload: &'a [u8],
    /// What its data refers to: at most [`ATTACHED_MAX`].
    pub attached: &'a [Attached],
    /// Whether the worker notes when it begins it.
    pub timed: bool,
}

/// Why a task was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotQueued {
    /// [`WINDOW_MAX`](crate::wire::WINDOW_MAX) tasks are in flight.
    Full,
    /// There is no shared memory for its data, and no frame holds so much.
    TooLarge,
}

/// What a worker reports.
#[derive(Debug)]
pub enum Report {
    /// It is the same build, and its initializer has run.
    Ready,
    /// Its initializer has failed; it ends.
    InitializerFailed(Failure),
    /// It cannot work for this program; it ends. Says what to do.
    Refused(String),
    /// A task has run.
    Finished {
        /// Which.
        ticket: Ticket,
        /// What it gave.
        output: Output,
    },
    /// A task has no output.
    Failed {
        /// Which.
        ticket: Ticket,
        /// Why.
        failure: Failure,
    },
    /// The worker came to a task that was taken back, and went on: a sign of life. The task's
    /// slot may be another's by now.
    Skipped {
        /// Which.
        ticket: Ticket,
    },
}

/// Why [`Link::receive`] stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Nothing more is there now.
    Blocked,
    /// There may be more: it is time for the others.
    More,
    /// Nothing more will come.
    Closed,
}

/// A task that a dead worker leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Which.
    pub ticket: Ticket,
    /// Whether the worker had begun it. If not, it can run elsewhere.
    pub started: bool,
}

/// The link is of no more use.
#[derive(Debug)]
#[non_exhaustive]
pub enum LinkError {
    /// The channel failed.
    Io(io::Error),
    /// The worker broke the protocol, and is to be killed.
    Wire(WireError),
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<WireError> for LinkError {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the worker's channel failed: {error}"),
            Self::Wire(error) => write!(f, "the worker broke the protocol: {error}"),
        }
    }
}

impl Error for LinkError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Wire(error) => Some(error),
        }
    }
}

impl Link {
    /// The link to a worker that was just launched.
    #[must_use]
    pub fn new(launched: Launched) -> Self {
        Self {
            process: launched.process,
            stderr: launched.stderr,
            channel: launched.channel,
            control: launched.control,
            stage: Stage::Launched,
            decoder: Decoder::default(),
            received: 0,
            out: Vec::new(),
            sent: 0,
            tasks: InFlight::default(),
            arena: Arena::new(TASKS_AT, OUTPUTS_AT),
            skips: 0,
            taken: Vec::new(),
            passing: VecDeque::new(),
        }
    }

    /// Makes the worker ready: to be called once, before any task is pushed.
    pub fn begin(&mut self, initializer: Option<&Initializer>) {
        let initializer = initializer.map(|i| (i.entry().offset(), i.payload()));
        Encoder(&mut self.out).begin(initializer);
    }

    /// What user threads may have of the link.
    #[must_use]
    pub fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Queues a task to the worker; [`flush`](Self::flush) sends it.
    ///
    /// # Errors
    ///
    /// [`NotQueued`]; then nothing was done.
    pub fn push(&mut self, task: TaskToSend<'_>) -> Result<Ticket, NotQueued> {
        let ticket = self.tasks.open().ok_or(NotQueued::Full)?;
        let placed = self.place(task.payload);
        match placed {
            Some(placed) => self.tasks.set_placed(ticket, placed),
            None if fits(task.payload.len()) => {}
            None => {
                self.tasks.close(ticket);
                return Err(NotQueued::TooLarge);
            }
        }
        self.control.queue(ticket);
        if !task.attached.is_empty() {
            self.passing.push_back(Passing {
                at: self.out.len(),
                ticket,
                attached: task.attached.to_vec(),
            });
            self.tasks.attach(ticket, task.attached.to_vec());
        }
        Encoder(&mut self.out).task(&Task {
            ticket,
            entry: task.entry.offset(),
            timed: task.timed,
            attached: !task.attached.is_empty(),
            payload: placed.map_or(Payload::Inline(task.payload), Payload::Placed),
        });
        Ok(ticket)
    }

    fn place(&mut self, payload: &[u8]) -> Option<Placed> {
        if payload.len() < LARGE {
            return None;
        }
        let taken = &mut self.taken;
        let is_free = |place: usize| !taken.get(place).copied().unwrap_or(false);
        let placed = self.arena.write(self.control.memory(), payload, is_free)?;
        let place = usize::from(placed.place);
        if taken.len() <= place {
            taken.resize(place + 1, false);
        }
        taken[place] = true;
        Some(placed)
    }

    /// Sends what is queued. `true` when all of it is gone, or the rest has to wait for an answer,
    /// since the system passes only so many descriptors that nobody has taken; `false` when the
    /// channel is full.
    ///
    /// # Errors
    ///
    /// When the worker is gone, which its process will tell better.
    pub fn flush(&mut self) -> io::Result<bool> {
        while self.sent < self.out.len() {
            let sent = match self.next_to_pass() {
                Some(next) => {
                    let passed = self.tasks.passed;
                    if passed > 0 && passed + next.attached.len() > ATTACHED_MAX {
                        self.passing.push_front(next);
                        return Ok(true);
                    }
                    let sent = self.pass(&next);
                    if sent.is_err() {
                        self.passing.push_front(next);
                    }
                    sent
                }
                None => {
                    let end = self.passing.front().map_or(self.out.len(), |next| next.at);
                    self.channel
                        .send(&[IoSlice::new(&self.out[self.sent..end])])
                }
            };
            match sent {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.sent = 0;
        self.out.clear();
        if self.out.capacity() > KEPT {
            self.out = Vec::new();
        }
        Ok(true)
    }

    /// What goes with the task that is sent next.
    fn next_to_pass(&mut self) -> Option<Passing> {
        let is_next = self.passing.front()?.at == self.sent;
        if is_next {
            self.passing.pop_front()
        } else {
            None
        }
    }

    /// Sends from a task on that regions go with, if the next one is. They are passed even if it
    /// was taken back in the meantime: the worker cannot know.
    ///
    /// # Errors
    ///
    /// Those of the channel.
    fn pass(&mut self, passing: &Passing) -> io::Result<usize> {
        let end = self.passing.front().map_or(self.out.len(), |next| next.at);
        let bytes = &self.out[self.sent..end];
        let descriptors: Vec<_> = passing.attached.iter().map(AsFd::as_fd).collect();
        let sent = self.channel.send_with(bytes, &descriptors)?;
        self.tasks.set_passed(passing.ticket);
        Ok(sent)
    }

    /// Whether something is queued that the channel has not taken yet.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.sent < self.out.len()
    }

    /// Reads what the worker has sent, and passes it on.
    ///
    /// # Errors
    ///
    /// [`LinkError::Wire`] when the worker broke the protocol. What was passed on before is good.
    pub fn receive(&mut self, each: &mut dyn FnMut(Report)) -> Result<Received, LinkError> {
        for _ in 0..READS {
            let space = self.decoder.space();
            let room = space.capacity() - space.len();
            match self.channel.receive(space) {
                Ok(0) => return Ok(Received::Closed),
                Ok(read) => {
                    self.received += read as u64;
                    self.take_answers(each)?;
                    if read < room {
                        // Most likely there is no more, and the poll will tell if there is.
                        return Ok(Received::Blocked);
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(Received::Blocked),
                    // A worker that dies with unread orders ends the channel in this way.
                    io::ErrorKind::ConnectionReset => return Ok(Received::Closed),
                    _ => return Err(error.into()),
                },
            }
        }
        Ok(Received::More)
    }

    /// Passes on what a dead worker had finished and not yet sent: to be called when the process
    /// has ended and [`receive`](Self::receive) has said `Closed`. A frame that it was about to
    /// write is no error.
    ///
    /// # Errors
    ///
    /// [`LinkError::Wire`] when the worker broke the protocol.
    pub fn recover(&mut self, each: &mut dyn FnMut(Report)) -> Result<(), LinkError> {
        let unsent = self.control.unsent(self.received);
        self.received += unsent.len() as u64;
        self.decoder.feed(&unsent);
        self.take_answers(each)
    }

    /// Takes a task back, and frees what it occupies. `true`: it will never run in this worker.
    pub fn revoke(&mut self, ticket: Ticket) -> bool {
        let revoked = self.control.revoke(ticket);
        if revoked {
            self.forget(ticket);
        }
        revoked
    }

    /// Frees what a task occupies that was taken back by [`Control::revoke`].
    pub fn forget(&mut self, ticket: Ticket) {
        if self.tasks.has(ticket) && self.control.claimed(ticket) == Claimed::Revoked {
            self.close(ticket);
            self.skips += 1;
        }
    }

    /// The tasks that are with the worker, in the order in which they were pushed. To be called
    /// after [`recover`](Self::recover); they are with it no more then.
    pub fn lost(&mut self) -> Vec<Lost> {
        let lost: Vec<_> = self
            .tasks
            .in_order()
            .into_iter()
            .map(|ticket| Lost {
                ticket,
                // A worker that writes garbage to the page may have begun anything.
                started: !matches!(
                    self.control.claimed(ticket),
                    Claimed::Queued | Claimed::Revoked
                ),
            })
            .collect();
        for lost in &lost {
            self.close(lost.ticket);
        }
        lost
    }

    /// Tells the worker that there is no more: it ends after the tasks that it has.
    pub fn retire(&mut self) {
        Encoder(&mut self.out).goodbye();
    }

    /// How many tasks are with the worker.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.tasks.len
    }

    fn take_answers(&mut self, each: &mut dyn FnMut(Report)) -> Result<(), LinkError> {
        while let Some(answer) = self.decoder.next()? {
            let turn = |allowed: bool, what| {
                if allowed {
                    Ok(())
                } else {
                    Err(WireError::OutOfTurn { what })
                }
            };
            let report = match answer {
                Answer::Hello(hello) => {
                    turn(self.stage == Stage::Launched, "a second hello")?;
                    let own = Hello {
                        build: BuildId::own(),
                        name: String::new(),
                    };
                    match own.mismatch(&hello) {
                        None => {
                            self.stage = Stage::Met;
                            continue;
                        }
                        Some(why) => {
                            self.stage = Stage::Over;
                            Report::Refused(why)
                        }
                    }
                }
                Answer::Refused(why) => {
                    turn(self.stage <= Stage::Met, "a refusal of a ready worker")?;
                    self.stage = Stage::Over;
                    Report::Refused(why.to_owned())
                }
                Answer::Ready => {
                    turn(
                        self.stage == Stage::Met,
                        "ready, without a hello just before",
                    )?;
                    self.stage = Stage::Ready;
                    Report::Ready
                }
                Answer::InitializerFailed(failure) => {
                    turn(
                        self.stage == Stage::Met,
                        "a failed initializer, without a hello just before",
                    )?;
                    self.stage = Stage::Over;
                    Report::InitializerFailed(failure)
                }
                Answer::Finished {
                    ticket,
                    payload,
                    pieces,
                    held,
                } => {
                    turn(self.stage == Stage::Ready, "an answer before ready")?;
                    let output = match payload {
                        Payload::Inline(bytes) => Output::Bytes(bytes.to_vec()),
                        Payload::Placed(placed) => {
                            Output::Large(Large::new(Arc::clone(&self.control), placed))
                        }
                    };
                    let attached = answered(
                        &self.control,
                        &mut self.tasks,
                        &mut self.taken,
                        ticket,
                        held,
                    )?;
                    Report::Finished {
                        ticket,
                        output: output.with_buffers(&self.control, &pieces, attached),
                    }
                }
                Answer::Failed {
                    ticket,
                    failure,
                    held,
                } => {
                    turn(self.stage == Stage::Ready, "an answer before ready")?;
                    answered(
                        &self.control,
                        &mut self.tasks,
                        &mut self.taken,
                        ticket,
                        held,
                    )?;
                    Report::Failed { ticket, failure }
                }
                Answer::Skipped(ticket) => {
                    turn(self.stage == Stage::Ready, "an answer before ready")?;
                    self.skipped(ticket)?;
                    Report::Skipped { ticket }
                }
            };
            each(report);
        }
        Ok(())
    }

    /// Whether the worker can have come to a task that was taken back.
    fn skipped(&mut self, ticket: Ticket) -> Result<(), WireError> {
        if self.tasks.has(ticket) {
            // By a user's thread just now: the supervisor has not called `forget` yet.
            if self.control.claimed(ticket) == Claimed::Revoked {
                self.close(ticket);
                return Ok(());
            }
        } else if self.skips > 0 {
            self.skips -= 1;
            return Ok(());
        }
        Err(WireError::NotInFlight {
            slot: ticket.slot,
            generation: ticket.generation,
        })
    }

    fn close(&mut self, ticket: Ticket) {
        close(&self.control, &mut self.tasks, &mut self.taken, ticket);
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

/// Frees what an answered task occupies, if it may have been answered; what went with it.
fn answered(
    control: &Control,
    tasks: &mut InFlight,
    taken: &mut [bool],
    ticket: Ticket,
    held: bool,
) -> Result<Vec<Attached>, WireError> {
    if tasks.has(ticket) && control.claimed(ticket) == Claimed::Started {
        let attached = close(control, tasks, taken, ticket);
        if held {
            attached.iter().for_each(|attached| attached.0.hold());
        }
        Ok(attached)
    } else {
        Err(WireError::NotInFlight {
            slot: ticket.slot,
            generation: ticket.generation,
        })
    }
}

fn close(
    control: &Control,
    tasks: &mut InFlight,
    taken: &mut [bool],
    ticket: Ticket,
) -> Vec<Attached> {
    let Some(sent) = tasks.close(ticket) else {
        return Vec::new();
    };
    if let Some(placed) = sent.placed {
        arena::release(control.memory(), placed);
        taken[usize::from(placed.place)] = false;
    }
    sent.attached
}

#[cfg(test)]
mod tests;
