use serde::Serialize;

use super::frame::{flag, kind};
use super::{Failure, HEADER, Hello, MAX_BODY, PROTOCOL, Payload, Placed, Task, Ticket};

/// Where in a header the flags are.
const FLAGS: usize = 5;

/// Appends frames to a buffer.
#[derive(Debug)]
pub struct Encoder<'a>(pub &'a mut Vec<u8>);

impl Encoder<'_> {
    /// The first frame of either end.
    pub fn hello(&mut self, hello: &Hello) {
        self.frame(kind::HELLO, 0, 0, |to| {
            to.extend_from_slice(&PROTOCOL.to_le_bytes());
            postcard(hello, to);
        });
    }

    /// Makes a worker ready, by an initializer if there is one.
    pub fn begin(&mut self, initializer: Option<(u64, &[u8])>) {
        let flags = initializer.map_or(0, |_| flag::INITIALIZER);
        self.frame(kind::BEGIN, flags, 0, |to| {
            if let Some((entry, payload)) = initializer {
                to.extend_from_slice(&entry.to_le_bytes());
                to.extend_from_slice(payload);
            }
        });
    }

    /// A task.
    pub fn task(&mut self, task: &Task<'_>) {
        let timed = if task.timed { flag::TIMED } else { 0 };
        let attached = if task.attached { flag::ATTACHED } else { 0 };
        let flags = timed | attached | placed_flag(&task.payload);
        self.frame(kind::TASK, flags, task.ticket.slot, |to| {
            to.extend_from_slice(&task.ticket.generation.to_le_bytes());
            to.extend_from_slice(&task.entry.to_le_bytes());
            payload(&task.payload, to);
        });
    }

    /// The last frame to a worker.
    pub fn goodbye(&mut self) {
        self.frame(kind::GOODBYE, 0, 0, |_| {});
    }

    /// The last frame of a worker that cannot work for its parent.
    pub fn refused(&mut self, why: &str) {
        self.frame(kind::REFUSED, 0, 0, |to| {
            to.extend_from_slice(why.as_bytes())
        });
    }

    /// A worker's initializer has run.
    pub fn ready(&mut self) {
        self.frame(kind::READY, 0, 0, |_| {});
    }

    /// A worker's initializer has failed.
    pub fn initializer_failed(&mut self, failure: &Failure) {
        self.frame(kind::INITIALIZER_FAILED, 0, 0, |to| postcard(failure, to));
    }

    /// The output of a task, wherever it lies.
    pub fn finished(&mut self, ticket: Ticket, output: &Payload<'_>) {
        self.frame(kind::FINISHED, placed_flag(output), ticket.slot, |to| {
            to.extend_from_slice(&ticket.generation.to_le_bytes());
            payload(output, to);
        });
    }

    /// The output of a task, as `write` appends it.
    ///
    /// # Errors
    ///
    /// Those of `write`; then nothing was appended.
    pub fn finished_with<E>(
        &mut self,
        ticket: Ticket,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.0.len();
        let mut result = Ok(());
        self.frame(kind::FINISHED, 0, ticket.slot, |to| {
            to.extend_from_slice(&ticket.generation.to_le_bytes());
            result = write(to);
        });
        if result.is_err() {
            self.0.truncate(start);
        }
        result
    }

    /// Where, in a frame of [`finished_with`](Self::finished_with), the output starts.
    pub const OUTPUT: usize = HEADER + size_of::<u32>();

    /// Adds to an answer, the last frame, which starts at `start`, what is said of buffers: those
    /// of the output, and whether something that came with the task is still in use.
    pub fn buffers(&mut self, start: usize, pieces: &[Placed], held: bool) {
        let mut flags = if held { flag::HELD } else { 0 };
        if !pieces.is_empty() {
            flags |= flag::PIECES;
            for &piece in pieces {
                placed(piece, self.0);
            }
            self.0
                .extend_from_slice(&(pieces.len() as u16).to_le_bytes());
        }
        self.0[start + FLAGS] |= flags;
        self.end(start);
    }

    /// A task that has no output.
    pub fn failed(&mut self, ticket: Ticket, failure: &Failure) {
        self.frame(kind::FAILED, 0, ticket.slot, |to| {
            to.extend_from_slice(&ticket.generation.to_le_bytes());
            postcard(failure, to);
        });
    }

    /// A task that was taken back.
    pub fn skipped(&mut self, ticket: Ticket) {
        self.frame(kind::SKIPPED, 0, ticket.slot, |to| {
            to.extend_from_slice(&ticket.generation.to_le_bytes());
        });
    }

    fn frame(&mut self, kind: u8, flags: u8, slot: u16, body: impl FnOnce(&mut Vec<u8>)) {
        let start = self.0.len();
        self.0.extend_from_slice(&[0, 0, 0, 0, kind, flags]);
        self.0.extend_from_slice(&slot.to_le_bytes());
        body(self.0);
        self.end(start);
    }

    /// Writes the length of the last frame.
    fn end(&mut self, start: usize) {
        let length = self.0.len() - start - HEADER;
        // A length that no reader would believe is written as such: the caller has to look
        // first, and a reader that is told of it says so.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.0[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }
}

/// Whether a payload of this many bytes fits into a frame of a task or an answer.
#[must_use]
pub(crate) fn fits(payload: usize) -> bool {
    payload <= MAX_BODY - 64
}

fn placed_flag(payload: &Payload<'_>) -> u8 {
    match payload {
        Payload::Inline(_) => 0,
        Payload::Placed(_) => flag::PLACED,
    }
}

fn payload(payload: &Payload<'_>, to: &mut Vec<u8>) {
    match *payload {
        Payload::Inline(bytes) => to.extend_from_slice(bytes),
        Payload::Placed(place) => placed(place, to),
    }
}

fn placed(Placed { place, at, len }: Placed, to: &mut Vec<u8>) {
    to.extend_from_slice(&place.to_le_bytes());
    to.extend_from_slice(&at.to_le_bytes());
    to.extend_from_slice(&len.to_le_bytes());
}

/// What is written here are texts and numbers: their `Serialize` does not fail.
fn postcard<T: Serialize>(value: &T, to: &mut Vec<u8>) {
    if let Ok(bytes) = postcard::to_stdvec(value) {
        to.extend_from_slice(&bytes);
    }
}
