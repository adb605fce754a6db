//! What a link remembers of the tasks that are with its worker.

use crate::out_of_band::Attached;
use crate::wire::{GENERATIONS, Placed, Ticket, WINDOW_MAX};

/// The tasks that are with the worker, by slot.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    slots: Vec<Option<Sent>>,
    free: Vec<u16>,
    /// How many there are.
    pub(super) len: usize,
    /// How many were ever pushed.
    pushed: u64,
    /// How many regions the worker was given for them.
    pub(super) passed: usize,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Sent {
    generation: u32,
    /// Its number among all.
    number: u64,
    /// Where its data lies, if it is large.
    pub(super) placed: Option<Placed>,
    /// What goes with it. It stays as long as the worker may read it.
    pub(super) attached: Vec<Attached>,
    /// Whether the worker was given that.
    passed: bool,
}

impl InFlight {
    /// A ticket for one more, if there is a slot.
    pub(super) fn open(&mut self) -> Option<Ticket> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None if self.slots.len() < WINDOW_MAX => {
                self.slots.push(None);
                (self.slots.len() - 1) as u16
            }
            None => return None,
        };
        // The numbers of a slot's uses are 2^30 pushes apart before they are the same again.
        let generation = (self.pushed % u64::from(GENERATIONS)) as u32;
        self.slots[usize::from(slot)] = Some(Sent {
            generation,
            number: self.pushed,
            placed: None,
            attached: Vec::new(),
            passed: false,
        });
        self.pushed += 1;
        self.len += 1;
        Some(Ticket { slot, generation })
    }

    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Sent> {
        let sent = self.slots.get_mut(usize::from(ticket.slot))?.as_mut()?;
        (sent.generation == ticket.generation).then_some(sent)
    }

    pub(super) fn set_placed(&mut self, ticket: Ticket, placed: Placed) {
        if let Some(sent) = self.get_mut(ticket) {
            sent.placed = Some(placed);
        }
    }

    /// This goes with it.
    pub(super) fn attach(&mut self, ticket: Ticket, attached: Vec<Attached>) {
        if let Some(sent) = self.get_mut(ticket) {
            sent.attached = attached;
        }
    }

    /// The worker was given what goes with it.
    pub(super) fn set_passed(&mut self, ticket: Ticket) {
        if let Some(sent) = self.get_mut(ticket) {
            sent.passed = true;
            self.passed += sent.attached.len();
        }
    }

    pub(super) fn has(&mut self, ticket: Ticket) -> bool {
        self.get_mut(ticket).is_some()
    }

    /// It is with the worker no more.
    pub(super) fn close(&mut self, ticket: Ticket) -> Option<Sent> {
        self.get_mut(ticket)?;
        let sent = self.slots[usize::from(ticket.slot)].take()?;
        self.free.push(ticket.slot);
        self.len -= 1;
        if sent.passed {
            self.passed -= sent.attached.len();
        }
        Some(sent)
    }

    /// In the order in which they were pushed.
    pub(super) fn in_order(&self) -> Vec<Ticket> {
        let mut all: Vec<_> = (0_u16..)
            .zip(&self.slots)
            .filter_map(|(slot, sent)| Some((slot, sent.as_ref()?)))
            .collect();
        all.sort_by_key(|(_, sent)| sent.number);
        all.into_iter()
            .map(|(slot, sent)| Ticket {
                slot,
                generation: sent.generation,
            })
            .collect()
    }
}
