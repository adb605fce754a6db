//! A user's thread takes in itself what one worker says.

use std::os::fd::AsFd;
use std::sync::Arc;

use super::{Shell, member_at};
use crate::member::Member;
use crate::reactor::{Reactor, Source};
use crate::seat::Seat;

impl Shell {
    /// Leaves what the worker of this number says to the caller, who waits for the only task that
    /// it has, until [`leave`](Self::leave). `None`: it stays with whoever polls.
    pub(crate) fn attend(&mut self, serial: u64) -> Option<Arc<Seat>> {
        let member = member_at(&mut self.members, serial)?;
        if member.attended || member.mute || member.link.in_flight() != 1 {
            return None;
        }
        let seat = match &member.seat {
            Some(seat) => seat.clone(),
            None => {
                let seat = Arc::new(Seat::new(member.link.as_fd()).ok()?);
                member.seat.insert(seat).clone()
            }
        };
        member.attended = true;
        if poll_channel(&self.reactor, member) {
            return Some(seat);
        }
        member.attended = false;
        None
    }

    /// Whether the worker of this number is of no more use, or gone: then there is nothing to
    /// attend to.
    pub(crate) fn is_silent(&mut self, serial: u64) -> bool {
        member_at(&mut self.members, serial).is_none_or(|member| member.mute)
    }

    /// The caller has attended to the worker of this number.
    pub(crate) fn leave(&mut self, serial: u64) {
        let Some(member) = member_at(&mut self.members, serial) else {
            return;
        };
        member.attended = false;
        if !member.mute {
            // What is changed here is in the poll already, which the system does not refuse.
            poll_channel(&self.reactor, member);
        }
    }
}

/// Tells the poll what of a worker's channel it is to look for. Whether it has taken it.
pub(super) fn poll_channel(reactor: &Reactor, member: &Member) -> bool {
    let source = Source::Channel(member.serial);
    let fd = member.link.as_fd();
    reactor
        .set(source, fd, !member.attended, member.polls_write)
        .is_ok()
}
