//! The parent's view of the memory that it shares with a worker.
//!
//! User threads have it too: so a task is taken back, and asked whether it runs, without a message
//! to the worker and without the supervisor. Whatever the worker writes there concerns only the
//! tasks that are with it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::arena;
use crate::claims::Claimed;
use crate::limits::KEPT;
use crate::linux_memory::{Memory, OUTBOX, OUTPUTS_AT};
use crate::out_of_band::{self, Attached};
use crate::shared_bytes::{Storage, storage_of};
use crate::wire::{LARGE, Placed, Ticket, WINDOW_MAX};

/// Claim words, start times, and what a dead worker left.
#[derive(Debug)]
pub struct Control {
    memory: Memory,
}

impl Control {
    /// New memory, to be shared with one worker.
    pub(crate) fn create() -> io::Result<Self> {
        Ok(Self {
            memory: Memory::create()?,
        })
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Takes a task back. `true`: it will never run in this worker. `false`: it was begun, or the
    /// ticket is an old one.
    #[must_use]
    pub fn revoke(&self, ticket: Ticket) -> bool {
        slot(ticket).is_some_and(|slot| self.memory.page().claims[slot].revoke(ticket))
    }

    /// Whether the worker has begun the task.
    #[must_use]
    pub fn started(&self, ticket: Ticket) -> bool {
        self.claimed(ticket) == Claimed::Started
    }

    /// When the worker began the task, in nanoseconds of the system's monotonic clock. `None`
    /// until then, and for a task that is not timed.
    #[must_use]
    pub fn started_at(&self, ticket: Ticket) -> Option<u64> {
        if !self.started(ticket) {
            return None;
        }
        // ORDERING: stored before the claim's Release, which `started` has acquired.
        let at = self.memory.page().started[slot(ticket)?].load(Ordering::Relaxed);
        (at != 0).then_some(at)
    }

    /// Whether a stack of the worker overflowed: to be asked when it is dead.
    #[must_use]
    pub fn stack_overflowed(&self) -> bool {
        self.memory.page().overflowed()
    }

    pub(crate) fn claimed(&self, ticket: Ticket) -> Claimed {
        slot(ticket).map_or(Claimed::Foreign, |slot| {
            self.memory.page().claims[slot].state(ticket)
        })
    }

    pub(crate) fn queue(&self, ticket: Ticket) {
        let page = self.memory.page();
        let slot = usize::from(ticket.slot);
        // ORDERING: the worker gets to know of the ticket after this, through the kernel.
        page.started[slot].store(0, Ordering::Relaxed);
        page.claims[slot].queue(ticket);
    }

    /// What a dead worker had finished and not sent, when `received` bytes of its answers came.
    pub(crate) fn unsent(&self, received: u64) -> Vec<u8> {
        // ORDERING: Acquire, pairs with the Release that published the bytes.
        let end = self.memory.page().outbox_end.load(Ordering::Acquire);
        match end.checked_sub(received) {
            // More than the outbox holds is garbage.
            Some(len) if len <= OUTBOX as u64 => self.memory.page().copy(received, len as usize),
            _ => Vec::new(),
        }
    }
}

fn slot(ticket: Ticket) -> Option<usize> {
    let slot = usize::from(ticket.slot);
    (slot < WINDOW_MAX).then_some(slot)
}

/// A task's output.
#[derive(Debug)]
pub enum Output {
    /// It came with the answer.
    Bytes(Vec<u8>),
    /// It lies in the arena.
    Large(Large),
    /// It is one of these, and refers to bytes that travelled beside it.
    WithBuffers(Box<WithBuffers>),
}

/// An output, and what it refers to.
#[derive(Debug)]
pub struct WithBuffers {
    output: Output,
    /// What the worker has made.
    pieces: Vec<Large>,
    /// What the task was sent with.
    attached: Vec<Attached>,
    /// The task's data, if it is large: to give it back takes a while, so whoever reads the output
    /// does it.
    remains: Vec<u8>,
}

impl Output {
    /// With what it refers to, if there is something.
    pub(crate) fn with_buffers(
        self,
        control: &Arc<Control>,
        pieces: &[Placed],
        attached: Vec<Attached>,
    ) -> Self {
        if pieces.is_empty() && attached.is_empty() {
            return self;
        }
        let pieces = pieces.iter();
        let pieces = pieces.map(|&placed| Large::new(control.clone(), placed));
        Self::WithBuffers(Box::new(WithBuffers {
            output: self,
            pieces: pieces.collect(),
            attached,
            remains: Vec::new(),
        }))
    }

    /// Takes over the task's data, if it is large.
    pub(crate) fn with_remains(self, remains: Vec<u8>) -> Self {
        if remains.capacity() < LARGE {
            return self;
        }
        match self {
            Self::WithBuffers(mut both) => {
                both.remains = remains;
                Self::WithBuffers(both)
            }
            output => Self::WithBuffers(Box::new(WithBuffers {
                output,
                pieces: Vec::new(),
                attached: Vec::new(),
                remains,
            })),
        }
    }

    /// Whether it is better read into memory that was used before.
    pub(crate) fn is_long(&self) -> bool {
        match self {
            Self::Bytes(_) => false,
            Self::Large(large) => large.len() > KEPT as u64,
            Self::WithBuffers(both) => both.output.is_long(),
        }
    }

    /// The bytes, without what they refer to. For a large output this is a copy that takes its time, and the place is free
    /// again afterwards.
    ///
    /// # Errors
    ///
    /// When the worker named bytes that it never wrote, or there is no memory for them.
    pub fn read(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Large(large) => large.read(),
            Self::WithBuffers(both) => both.output.read(),
        }
    }

    /// Calls `with` with the bytes; what they refer to can be read in the meantime. Large ones are copied to `buffer`, whatever it holds: one that
    /// is used again is several times faster than the fresh memory that [`read`](Self::read) takes.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); then `with` is not called.
    pub fn read_with<R>(
        self,
        buffer: &mut Vec<u8>,
        with: impl FnOnce(&[u8]) -> R,
    ) -> io::Result<R> {
        let (output, buffers) = match self {
            Self::WithBuffers(both) => {
                let WithBuffers {
                    output,
                    pieces,
                    attached,
                    remains,
                } = *both;
                drop(remains);
                if let Some(first) = pieces.first() {
                    // They do not overlap, so all of them have been written.
                    let all = pieces
                        .iter()
                        .fold(0_u64, |all, piece| all.saturating_add(piece.len()));
                    first.control.memory.check(OUTPUTS_AT, all)?;
                }
                (output, Some((pieces, attached)))
            }
            output => (output, None),
        };
        let owned;
        let bytes = match output {
            Self::Large(large) => {
                buffer.clear();
                large.append_to(buffer)?;
                buffer.as_slice()
            }
            output => {
                owned = output.read()?;
                &owned
            }
        };
        Ok(match buffers {
            Some((pieces, attached)) => out_of_band::unpack(pieces, attached, || with(bytes)),
            None => with(bytes),
        })
    }
}

/// An output in the arena. Its place is free again when this is dropped.
#[derive(Debug)]
pub struct Large {
    control: Arc<Control>,
    placed: Placed,
}

impl Large {
    pub(crate) fn new(control: Arc<Control>, placed: Placed) -> Self {
        Self { control, placed }
    }

    /// How many bytes, as the worker says.
    pub(crate) fn len(&self) -> u64 {
        self.placed.len
    }

    /// A copy of the bytes; frees the place.
    pub(crate) fn read(self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.append_to(&mut bytes)?;
        Ok(bytes)
    }

    /// A copy of the bytes in memory that can be shared again; frees the place.
    pub(crate) fn share(self) -> io::Result<Storage> {
        let Placed { at, len, .. } = self.placed;
        let memory = &self.control.memory;
        memory.check(at, len)?;
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        storage_of(len, |to| memory.copy(at, to))
    }

    /// Copies the bytes, and frees the place.
    fn append_to(self, buffer: &mut Vec<u8>) -> io::Result<()> {
        let Placed { at, len, .. } = self.placed;
        self.control.memory.read(at, len, buffer)
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        let memory = &self.control.memory;
        arena::release(memory, self.placed);
        if let Some(place) = memory.page().outputs.get(usize::from(self.placed.place)) {
            // ORDERING: Release, pairs with the Acquire of the worker that looks for a free place:
            // what was read here was read before the worker writes again.
            place.store(0, Ordering::Release);
        }
    }
}
