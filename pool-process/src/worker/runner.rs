//! The worker's second thread: orders in, tasks run, answers out.

#![allow(unsafe_code)]

use std::sync::atomic::Ordering;

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use rustix::time::{ClockId, clock_gettime};

use super::{Shared, linux_fork, state, watcher};
use crate::arena::Arena;
use crate::entry::EntryId;
use crate::linux_memory::OUTPUTS_AT;
use crate::wire::{
    Decoder, Encoder, Failure, LARGE, Order, Payload, Placed, Task, Ticket, ToWorker, fits,
};

/// Buffers that have grown beyond this are given back: as much as the first place of an arena
/// keeps.
const KEPT: usize = 80 << 20;

/// The exit code of a worker whose initializer failed.
const INITIALIZER_FAILED: i32 = 71;

struct Runner {
    shared: &'static Shared,
    arena: Arena,
    /// A task's data that came through the arena.
    input: Vec<u8>,
    /// An answer.
    output: Vec<u8>,
}

/// Obeys orders until the process ends.
pub(super) fn run(shared: &'static Shared, mut decoder: Decoder<ToWorker>) {
    let mut runner = Runner {
        shared,
        arena: Arena::new(OUTPUTS_AT, i64::MAX as u64),
        input: Vec::new(),
        output: Vec::new(),
    };
    loop {
        runner.obey(&mut decoder);
        shared.flush_answers();
        receive(shared, decoder.space());
    }
}

/// Waits for orders.
///
/// It sleeps in a poll: whoever sleeps in `recv` is also woken when the parent has read an answer
/// and there is room again to write, which costs both of them a switch.
fn receive(shared: &Shared, into: &mut Vec<u8>) {
    loop {
        match recv(&shared.channel, spare_capacity(into), RecvFlags::DONTWAIT) {
            Ok((0, _)) => watcher::end(),
            Ok(_) => return,
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::new(&shared.channel, PollFlags::IN)];
                // Whatever ends it, the channel says more.
                let _ = poll(&mut fds, None);
            }
            Err(Errno::INTR) => {}
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
        let result = self.run(task);
        if let Err(failure) = result.and_then(|()| self.place_output(task.ticket)) {
            self.output.clear();
            Encoder(&mut self.output).failed(task.ticket, &failure);
        }
        self.shared.answer(&self.output, more);
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
    fn place_output(&mut self, ticket: Ticket) -> Result<(), Failure> {
        let bytes = &self.output[Encoder::OUTPUT..];
        if bytes.len() < LARGE {
            return Ok(());
        }
        let page = self.shared.memory.page();
        // ORDERING: Acquire, pairs with the Release of the parent, which has read what was there.
        let is_free = |place: usize| page.outputs[place].load(Ordering::Acquire) == 0;
        match self.arena.write(&self.shared.memory, bytes, is_free) {
            Some(placed) => {
                // ORDERING: the parent learns of the place through the channel.
                page.outputs[usize::from(placed.place)].store(1, Ordering::Relaxed);
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
