//! A worker, as the pool's shell has it.

use std::sync::Arc;

use crate::doors;
use crate::link::Link;
use crate::linux_ground::Stool;
use crate::seat::Seat;
use crate::stderr::Stderr;
use crate::supervisor::{Because, Key, WorkerId};
use crate::wire::Ticket;

/// A worker process, from its launch until all that was with it is elsewhere.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: WorkerId,
    /// Its number among all workers of all pools: for descriptors, and for users' threads.
    pub(crate) serial: u64,
    pub(crate) pid: u32,
    pub(crate) link: Link,
    pub(crate) stderr: Stderr,
    /// Why the pool has signalled it.
    pub(crate) because: Option<Because>,
    /// How it broke the protocol, or why it refuses to work.
    pub(crate) complaint: Option<String>,
    /// Its channel has something to send, and that is noted.
    pub(crate) dirty: bool,
    /// The poll is to say when there is room in its channel.
    pub(crate) polls_write: bool,
    /// Its channel is of no more use.
    pub(crate) mute: bool,
    /// Its standard error is left alone for a while.
    pub(crate) stderr_held: bool,
    /// Where a user's thread sits that attends to it, once there was one.
    pub(crate) seat: Option<Arc<Seat<Stool>>>,
    /// There is one now.
    pub(crate) attended: bool,
    keys: Vec<Option<(u32, Key)>>,
}

impl Member {
    pub(crate) fn new(id: WorkerId, serial: u64, link: Link, stderr: Stderr) -> Self {
        Self {
            id,
            serial,
            pid: link.process.id(),
            link,
            stderr,
            because: None,
            complaint: None,
            dirty: false,
            polls_write: false,
            mute: false,
            stderr_held: false,
            seat: None,
            attended: false,
            keys: Vec::new(),
        }
    }

    /// Notes that `ticket` is the task `key`.
    pub(crate) fn enter(&mut self, ticket: Ticket, key: Key) {
        let slot = usize::from(ticket.slot);
        if self.keys.len() <= slot {
            self.keys.resize(slot + 1, None);
        }
        self.keys[slot] = Some((ticket.generation, key));
    }

    /// The task that `ticket` is, which is with this worker no more.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> Option<Key> {
        let place = self.keys.get_mut(usize::from(ticket.slot))?;
        match *place {
            Some((generation, key)) if generation == ticket.generation => {
                *place = None;
                Some(key)
            }
            _ => None,
        }
    }

    /// The tasks that are with this worker.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.keys.iter().flatten().map(|&(_, key)| key)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        doors::close(self.serial);
    }
}
