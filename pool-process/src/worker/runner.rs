//! The worker's second thread: orders in, tasks run, answers out.

#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::RecvFlags;
use rustix::time::{ClockId, clock_gettime};

use super::{Shared, linux_fork, state, watcher};
use crate::arena::Arena;
use crate::entry::EntryId;
use crate::linux_memory::OUTPUTS_AT;
use crate::out_of_band::InWorker;
use crate::socket::{Passed, receive_with};
use crate::wire::{
    Decoder, Encoder, Failure, LARGE, Order, Payload, Placed, Task, Ticket, ToWorker, fits,
};

/// Buffers that have grown beyond this are given back: as much as the first place of an arena
/// keeps.
const KEPT: usize = 80 << 20;

/// How many bytes are read at a time.
const RECEIVED: usize = 64 * 1024;

/// The exit code of a worker whose initializer failed.
const INITIALIZER_FAILED: i32 = 71;

struct Runner {
    shared: &'static Shared,
    /// `None` while a task runs, which has them.
    buffers: Option<Box<InWorker>>,
    /// What was passed for the tasks that are to come.
    passed: VecDeque<Passed>,
    /// A task's data that came through the arena.
    input: Vec<u8>,
    /// An answer.
    output: Vec<u8>,
}

/// Obeys orders until the process ends.
pub(super) fn run(shared: &'static Shared, mut decoder: Decoder<ToWorker>) {
    let mut runner = Runner {
        shared,
        buffers: Some(InWorker::new(
            &shared.memory,
            Arena::new(OUTPUTS_AT, i64::MAX as u64),
        )),
        passed: VecDeque::new(),
        input: Vec::new(),
        output: Vec::new(),
    };
    let mut scratch = vec![0; RECEIVED];
    loop {
        runner.obey(&mut decoder);
        shared.flush_answers();
        runner
            .passed
            .extend(receive(shared, &mut scratch, decoder.space()));
    }
}

/// Waits for orders.
///
/// It sleeps in a poll: whoever sleeps in `recvmsg` is also woken when the parent has read an
/// answer and there is room again to write, which costs both of them a switch.
fn receive(shared: &Shared, scratch: &mut [u8], into: &mut Vec<u8>) -> Option<Passed> {
    loop {
        match receive_with(shared.channel.as_fd(), RecvFlags::DONTWAIT, scratch, into) {
            Ok((0, _)) => watcher::end(),
            Ok((_, passed)) => return passed,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut fds = [PollFd::new(&shared.channel, PollFlags::IN)];
                // Whatever ends it, the channel says more.
                let _ = poll(&mut fds, None);
            }
            Err(_) => watcher::end(),
        }
    }
}

impl Runner {
    /// Obeys all orders that have come.
    fn obey(&mut self, decoder: &mut Decoder<ToWorker>) {
        loop {
            // What is behind the next order decides whether its answer may wait.
            let more = decoder.has_two();
            match decoder.next() {
                Ok(None) => return,
                Ok(Some(Order::Task(task))) => self.task(&task, more),
                Ok(Some(Order::Begin(initializer))) => self.begin(initializer),
                Ok(Some(Order::Goodbye)) => self.goodbye(0),
                Ok(Some(Order::Hello(_))) => {
                    eprintln!("a worker process was greeted twice");
                    watcher::end()
                }
                Err(error) => {
                    eprintln!("a worker process cannot read its orders: {error}");
                    watcher::end()
                }
            }
        }
    }

    fn begin(&mut self, initializer: Option<(u64, &[u8])>) {
        self.output.clear();
        let result = initializer.map_or(Ok(()), |(entry, payload)| {
            let mut output = Vec::new();
            // SAFETY: the parent encoded the initializer's arguments for this entry, and has the
            // same build.
            unsafe { call(entry, payload, &mut output) }?;
            state::initialized(&output)
        });
        match result {
            Ok(()) => {
                Encoder(&mut self.output).ready();
                self.shared.answer(&self.output, false);
            }
            Err(failure) => {
                Encoder(&mut self.output).initializer_failed(&failure);
                self.shared.answer(&self.output, false);
                self.goodbye(INITIALIZER_FAILED)
            }
        }
    }

    /// Ends the process in good order: the state is dropped, and what runs at a program's exit
    /// runs.
    fn goodbye(&self, code: i32) -> ! {
        state::drop_state();
        self.shared.flush_answers();
        std::process::exit(code)
    }

    fn task(&mut self, task: &Task<'_>, more: bool) {
        let page = self.shared.memory.page();
        let slot = usize::from(task.ticket.slot);
        // Also of a task that was taken back.
        let passed = task.attached.then(|| self.passed.pop_front());
        if task.timed {
            // ORDERING: published by the claim's Release.
            page.started[slot].store(now(), Ordering::Relaxed);
        }
        if !page.claims[slot].start(task.ticket) {
            // Taken back. The parent knows; that the worker came so far, it learns from this.
            self.output.clear();
            Encoder(&mut self.output).skipped(task.ticket);
            self.shared.answer(&self.output, more);
            return;
        }
        self.output.clear();
        let Some(mut buffers) = self.buffers.take() else {
            unreachable!("a task runs within another");
        };
        let result = match files(passed) {
            Ok(files) => {
                let ran;
                (buffers, ran) = buffers.in_task(files, || self.run(task));
                ran
            }
            Err(failure) => Err(failure),
        };
        let result = result.and_then(|()| self.place_output(task.ticket, &mut buffers));
        if let Err(failure) = result {
            buffers.take_back();
            self.output.clear();
            Encoder(&mut self.output).failed(task.ticket, &failure);
        }
        let (held, gone) = buffers.end();
        if held || !buffers.pieces().is_empty() {
            Encoder(&mut self.output).buffers(0, buffers.pieces(), held);
        }
        self.shared.answer(&self.output, more);
        buffers.sent();
        drop(gone);
        self.buffers = Some(buffers);
        for buffer in [&mut self.input, &mut self.output] {
            if buffer.capacity() > KEPT {
                *buffer = Vec::new();
            }
        }
    }

    /// Runs a task and encodes its answer.
    fn run(&mut self, task: &Task<'_>) -> Result<(), Failure> {
        let payload = match task.payload {
            Payload::Inline(bytes) => bytes,
            Payload::Placed(Placed { at, len, .. }) => {
                self.input.clear();
                let read = self.shared.memory.read(at, len, &mut self.input);
                read.map_err(|error| Failure::Payload {
                    message: error.to_string(),
                })?;
                &self.input
            }
        };
        Encoder(&mut self.output).finished_with(task.ticket, |output| {
            // SAFETY: the parent encoded the job for this entry, and has the same build.
            unsafe { call(task.entry, payload, output) }
        })
    }

    /// Moves a large output to the arena.
    fn place_output(&mut self, ticket: Ticket, buffers: &mut InWorker) -> Result<(), Failure> {
        let bytes = &self.output[Encoder::OUTPUT..];
        if bytes.len() < LARGE {
            return Ok(());
        }
        match buffers.place(bytes) {
            Some(placed) => {
                self.output.clear();
                Encoder(&mut self.output).finished(ticket, &Payload::Placed(placed));
                Ok(())
            }
            None if fits(bytes.len()) => Ok(()),
            None => Err(Failure::TooLarge {
                len: bytes.len() as u64,
            }),
        }
    }
}

/// The files that were passed for a task, if some were to be.
fn files(passed: Option<Option<Passed>>) -> Result<Vec<OwnedFd>, Failure> {
    match passed {
        None => Ok(Vec::new()),
        Some(Some(passed)) if !passed.lacks_some => Ok(passed.descriptors),
        Some(_) => Err(Failure::Payload {
            message: "the worker has too many open files to be given the task's".to_owned(),
        }),
    }
}

/// Calls the code at an entry, if there is one.
///
/// # Safety
///
/// `payload` was encoded by the entry's job type, in a process of this build.
unsafe fn call(entry: u64, payload: &[u8], output: &mut Vec<u8>) -> Result<(), Failure> {
    let found = EntryId::resolve(entry).map_err(|reason| Failure::NoEntry {
        entry,
        reason: reason.to_string(),
    })?;
    // SAFETY: the caller's promise.
    let ran = unsafe { found.run(payload, output) };
    linux_fork::end_if_copy();
    ran
}

/// The monotonic clock, in nanoseconds.
fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
