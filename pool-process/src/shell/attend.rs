//! A user's thread takes in itself what one worker says.

use std::os::fd::AsFd;
use std::sync::Arc;

use super::{Shell, member_at};
use crate::linux_ground::Stool;
use crate::member::Member;
use crate::reactor::{Reactor, Source};
use crate::seat::Seat;

impl Shell {
    pub(super) fn attend_to(&mut self, serial: u64) -> Option<Arc<Seat<Stool>>> {
        let member = member_at(&mut self.members, serial)?;
        if member.attended || member.mute || member.link.in_flight() != 1 {
            return None;
        }
        let seat = match &member.seat {
            Some(seat) => seat.clone(),
            None => {
                let stool = Stool::new(member.link.as_fd()).ok()?;
                let seat = Arc::new(Seat::new(stool));
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

    pub(super) fn leave_worker(&mut self, serial: u64) {
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
