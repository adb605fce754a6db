//! Who has a task: the parent, which can still take it back, or the worker, which has begun it.
//!
//! ```text
//!   FREE ──queue──▶ QUEUED ──start──▶ STARTED          (worker)
//!                      │ revoke
//!                      ▼
//!                   REVOKED                            (parent)
//! ```
//!
//! A slot's word holds the state in its two low bits and above them the generation, the number of
//! the slot's use. Both sides leave QUEUED by a compare-exchange, so one of them wins and the
//! other learns it; and a worker that comes to an old frame finds another generation and goes on.
//! The parent queues into a slot again as soon as it is answered or revoked.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::wire::Ticket;

const QUEUED: u32 = 1;
const STARTED: u32 = 2;
const REVOKED: u32 = 3;
const STATE: u32 = 3;

fn word(ticket: Ticket, state: u32) -> u32 {
    ticket.generation << 2 | state
}

/// The word of one slot.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct Claim(AtomicU32);

/// What a slot says about a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// The worker may begin it.
    Queued,
    /// The worker has begun it.
    Started,
    /// It will never begin.
    Revoked,
    /// The slot is about something else, or the worker wrote garbage.
    Foreign,
}

impl Claim {
    /// Parent: lets the worker have it.
    pub(crate) fn queue(&self, ticket: Ticket) {
        // ORDERING: the task's frame follows through the kernel, which orders it after this.
        self.0.store(word(ticket, QUEUED), Ordering::Relaxed);
    }

    /// Worker: begins it, unless the parent has taken it back.
    pub(crate) fn start(&self, ticket: Ticket) -> bool {
        // ORDERING: Release publishes the start time that was stored before; pairs with the
        // Acquire in `state`. What the task reads came through the channel.
        self.step(ticket, STARTED, Ordering::Release)
    }

    /// Parent: takes it back, unless the worker has begun it.
    pub(crate) fn revoke(&self, ticket: Ticket) -> bool {
        // ORDERING: only who wins matters, and one word has one order of changes.
        self.step(ticket, REVOKED, Ordering::Relaxed)
    }

    // ORDERING: a loser reads nothing that the winner wrote.
    fn step(&self, ticket: Ticket, to: u32, success: Ordering) -> bool {
        self.0
            .compare_exchange(
                word(ticket, QUEUED),
                word(ticket, to),
                success,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// What has become of it.
    pub(crate) fn state(&self, ticket: Ticket) -> Claimed {
        // ORDERING: Acquire, pairs with `start`: who sees STARTED sees the start time.
        let found = self.0.load(Ordering::Acquire);
        if found & !STATE != word(ticket, 0) {
            return Claimed::Foreign;
        }
        match found & STATE {
            QUEUED => Claimed::Queued,
            STARTED => Claimed::Started,
            REVOKED => Claimed::Revoked,
            _ => Claimed::Foreign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::GENERATIONS;

    fn ticket(generation: u32) -> Ticket {
        Ticket {
            slot: 7,
            generation,
        }
    }

    #[test]
    fn one_side_wins_and_the_other_learns_it() {
        for generation in [0, 1, GENERATIONS - 1] {
            let claim = Claim(AtomicU32::new(0));
            let t = ticket(generation);
            assert!(!claim.start(t) && !claim.revoke(t));
            claim.queue(t);
            assert_eq!(claim.state(t), Claimed::Queued);
            assert!(claim.start(t));
            assert!(!claim.revoke(t) && !claim.start(t));
            assert_eq!(claim.state(t), Claimed::Started);
            claim.queue(t);
            assert!(claim.revoke(t));
            assert!(!claim.start(t) && !claim.revoke(t));
            assert_eq!(claim.state(t), Claimed::Revoked);
        }
    }

    #[test]
    fn an_old_ticket_means_nothing_in_a_slot_that_is_used_again() {
        let claim = Claim(AtomicU32::new(0));
        claim.queue(ticket(1));
        assert!(claim.revoke(ticket(1)));
        claim.queue(ticket(2));
        assert!(!claim.start(ticket(1)) && !claim.revoke(ticket(1)));
        assert_eq!(claim.state(ticket(1)), Claimed::Foreign);
        assert!(claim.start(ticket(2)));
    }

    #[test]
    fn exactly_one_of_two_racing_sides_wins() {
        let claim = Claim(AtomicU32::new(0));
        for generation in 0..200 {
            let t = ticket(generation);
            claim.queue(t);
            let barrier = std::sync::Barrier::new(2);
            let (started, revoked) = std::thread::scope(|scope| {
                let worker = scope.spawn(|| {
                    barrier.wait();
                    claim.start(t)
                });
                barrier.wait();
                let revoked = claim.revoke(t);
                (worker.join().unwrap(), revoked)
            });
            assert!(started != revoked);
        }
    }
}
