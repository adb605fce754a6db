//! The living workers of all pools, as user threads reach them: to cancel a task that was sent to
//! one, and to ask whether it runs.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use future_core::executor::{Driver, Place};

use crate::claims::Claimed;
use crate::control::Control;
use crate::engine::InboxOf;
use crate::inbox::Command;
use crate::shell::Shell;
use crate::supervisor::WorkerId;
use crate::wire::Ticket;

static DOORS: RwLock<Doors> = RwLock::new(Doors {
    open: BTreeMap::new(),
    next: 0,
});

struct Doors {
    open: BTreeMap<u64, Door>,
    /// Never used twice, so that a place names nothing once its worker is gone.
    next: u64,
}

/// What of a worker can be reached without its supervisor.
pub(crate) struct Door {
    pub(crate) worker: WorkerId,
    pub(crate) control: Arc<Control>,
    pub(crate) inbox: Arc<InboxOf<Shell>>,
    pub(crate) driver: Weak<dyn Driver>,
}

fn read() -> RwLockReadGuard<'static, Doors> {
    DOORS.read().unwrap_or_else(PoisonError::into_inner)
}

fn write() -> RwLockWriteGuard<'static, Doors> {
    DOORS.write().unwrap_or_else(PoisonError::into_inner)
}

/// A worker lives; the number under which it can be reached.
pub(crate) fn open(door: Door) -> u64 {
    let mut doors = write();
    let serial = doors.next;
    doors.next += 1;
    doors.open.insert(serial, door);
    serial
}

/// The worker is dead, and all that was with it is with it no more.
pub(crate) fn close(serial: u64) {
    let door = write().open.remove(&serial);
    // Outside the lock: it may be the last that holds the memory.
    drop(door);
}

/// Where a task is that was sent to a worker.
pub(crate) fn place(serial: u64, ticket: Ticket) -> Place {
    [
        serial,
        u64::from(ticket.slot) << 32 | u64::from(ticket.generation),
    ]
}

/// The number of the worker to which a task was sent.
pub(crate) fn serial([serial, _]: Place) -> u64 {
    serial
}

fn ticket([_, ticket]: Place) -> Ticket {
    Ticket {
        slot: (ticket >> 32) as u16,
        generation: ticket as u32,
    }
}

/// Takes a task back for its owner, who cancels it. True: it will never run there.
pub(crate) fn revoke(place: Place) -> bool {
    let ticket = ticket(place);
    let doors = read();
    let Some(door) = doors.open.get(&place[0]) else {
        return false;
    };
    let revoked = door.control.revoke(ticket);
    if revoked {
        door.inbox.command(Command::Revoked {
            worker: door.worker,
            ticket,
        });
    }
    revoked
}

/// Whether a task that was sent to a worker was begun there. One that is not queued there any
/// more was, for it is still lent.
pub(crate) fn started(place: Place) -> bool {
    read()
        .open
        .get(&place[0])
        .is_none_or(|door| door.control.claimed(ticket(place)) != Claimed::Queued)
}

/// Who may be driven by a thread that waits for a task that was sent to a worker.
pub(crate) fn driver(place: Place) -> Option<Arc<dyn Driver>> {
    read().open.get(&place[0])?.driver.upgrade()
}
