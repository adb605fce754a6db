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
use crate::linux_memory::{Memory, OUTBOX};
use crate::wire::{Placed, Ticket, WINDOW_MAX};

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
}

impl Output {
    /// The bytes. For a large output this is a copy that takes its time, and the place is free
    /// again afterwards.
    ///
    /// # Errors
    ///
    /// When the worker named bytes that it never wrote, or there is no memory for them.
    pub fn read(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Large(large) => {
                let mut bytes = Vec::new();
                large.append_to(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    /// Calls `with` with the bytes. Large ones are copied to `buffer`, whatever it holds: one that
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
        match self {
            Self::Bytes(bytes) => Ok(with(&bytes)),
            Self::Large(large) => {
                buffer.clear();
                large.append_to(buffer)?;
                Ok(with(buffer))
            }
        }
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
