//! What workers say, how they end, and what the supervisor is told of it.

use std::os::fd::AsFd;
use std::sync::Arc;

use super::{HELD, Shell, mark, member, member_at};
use crate::delivery::Delivery;
use crate::link::{LinkError, Received, Report as Said};
use crate::obituary::{Death, Obituary};
use crate::reactor::Source;
use crate::stderr::{Read, Stderr};
use crate::supervisor::{Event, WorkerId};

impl Shell {
    pub(super) fn hear(&mut self, source: Source, ended: &mut Vec<Delivery>) {
        let (Source::Channel(serial) | Source::Process(serial) | Source::Stderr(serial)) = source
        else {
            return;
        };
        let Some(member) = member_at(&mut self.members, serial) else {
            return;
        };
        let id = member.id;
        match source {
            Source::Channel(_) => {
                if member.polls_write || member.link.wants_write() {
                    mark(&mut self.dirty, member);
                }
                self.receive(id, ended);
            }
            Source::Process(_) => self.bury(id, ended),
            _ => self.read_stderr(id),
        }
    }

    /// Takes in what a worker has said.
    pub(super) fn receive(&mut self, id: WorkerId, ended: &mut Vec<Delivery>) {
        let Some(member) = member(&mut self.members, id) else {
            return;
        };
        if member.mute {
            return;
        }
        let mut said = std::mem::take(&mut self.said);
        let received = member.link.receive(&mut |report| said.push(report));
        self.pass_on(id, &mut said, ended);
        self.said = said;
        match received {
            Ok(Received::Blocked | Received::More) => {}
            // Its process will tell why.
            Ok(Received::Closed) | Err(LinkError::Io(_)) => self.silence(id),
            Err(LinkError::Wire(error)) => self.accuse(id, error.to_string(), ended),
        }
    }

    /// Tells the supervisor what a worker has said.
    pub(super) fn pass_on(
        &mut self,
        id: WorkerId,
        said: &mut Vec<Said>,
        ended: &mut Vec<Delivery>,
    ) {
        for said in said.drain(..) {
            let Some(member) = member(&mut self.members, id) else {
                continue;
            };
            let event = match said {
                Said::Ready => Event::Ready { worker: id },
                Said::InitializerFailed(failure) => Event::InitializerFailed {
                    worker: id,
                    report: Arc::new(Obituary::Initializer {
                        pid: member.pid,
                        message: failure.to_string(),
                    }),
                },
                Said::Refused(why) => {
                    member.complaint = Some(why);
                    continue;
                }
                Said::Finished { ticket, output } => match member.leave(ticket) {
                    Some(key) => Event::Answered {
                        worker: id,
                        key,
                        answer: Ok(output),
                    },
                    None => continue,
                },
                Said::Failed { ticket, failure } => match member.leave(ticket) {
                    Some(key) => Event::Answered {
                        worker: id,
                        key,
                        answer: Err(failure),
                    },
                    None => continue,
                },
                Said::Skipped { .. } => Event::Skipped { worker: id },
            };
            self.tell(event, ended);
        }
    }

    /// A worker's channel is of no more use; its process is to end now, or has ended.
    pub(super) fn silence(&mut self, id: WorkerId) {
        let Some(member) = member(&mut self.members, id) else {
            return;
        };
        member.mute = true;
        self.reactor.remove(member.link.as_fd());
    }

    /// A worker breaks the protocol.
    pub(super) fn accuse(&mut self, id: WorkerId, complaint: String, ended: &mut Vec<Delivery>) {
        self.silence(id);
        if let Some(member) = member(&mut self.members, id) {
            member.complaint = Some(complaint);
            self.tell(Event::ProtocolError { worker: id }, ended);
        }
    }

    /// A worker's process can be waited for.
    pub(super) fn bury(&mut self, id: WorkerId, ended: &mut Vec<Delivery>) {
        let Some(member) = member(&mut self.members, id) else {
            return;
        };
        let exit = match member.link.process.try_wait() {
            Ok(Some(exit)) => exit,
            // It lives, or the system will say it at the next look.
            Ok(None) | Err(_) => return,
        };
        // What it answered before it died counts, whether it was sent or not.
        let mut said = std::mem::take(&mut self.said);
        let mut link_error = None;
        if !member.mute {
            loop {
                match member.link.receive(&mut |report| said.push(report)) {
                    Ok(Received::More) => {}
                    Ok(Received::Blocked | Received::Closed) | Err(LinkError::Io(_)) => break,
                    Err(LinkError::Wire(error)) => {
                        link_error = Some(error);
                        break;
                    }
                }
            }
        }
        if link_error.is_none() && member.complaint.is_none() {
            if let Err(LinkError::Wire(error)) = member.link.recover(&mut |r| said.push(r)) {
                link_error = Some(error);
            }
        }
        if let Some(error) = link_error {
            member.complaint.get_or_insert(error.to_string());
        }
        self.pass_on(id, &mut said, ended);
        self.said = said;

        let Some(mut member) = self.members[id.slot()].take() else {
            return;
        };
        while member.stderr.read(true) == Read::Open && has_input(&member.stderr) {}
        self.reactor.remove(member.link.as_fd());
        self.reactor.remove(member.link.process.as_fd());
        if let Some(stderr) = member.stderr.fd() {
            self.reactor.remove(stderr);
        }
        let lost = member.link.lost();
        let started = lost
            .into_iter()
            .filter_map(|lost| {
                let key = member.leave(lost.ticket)?;
                if !lost.started {
                    return None;
                }
                if let Some(work) = self.supervisor.task_mut(key) {
                    work.attempts += 1;
                }
                Some(key)
            })
            .collect();
        let report = Arc::new(Obituary::Died(Death {
            pid: member.pid,
            exit,
            because: member.because,
            complaint: member.complaint.take(),
            stack_overflowed: member.link.control().stack_overflowed(),
            stderr: member.stderr.tail(),
        }));
        self.graves.push(member);
        let event = Event::Died {
            worker: id,
            report,
            started,
        };
        self.tell(event, ended);
        self.carry_out(ended);
    }

    pub(super) fn read_stderr(&mut self, id: WorkerId) {
        let Some(member) = member(&mut self.members, id) else {
            return;
        };
        // Closing the descriptor takes it out of the poll.
        if member.stderr.read(false) == Read::Blocked && !member.stderr_held {
            member.stderr_held = true;
            self.poll_stderr(id, false);
            let at = self.now.saturating_add(HELD);
            self.stderr_at = Some(self.stderr_at.map_or(at, |before| before.min(at)));
        }
    }

    pub(super) fn poll_stderr(&mut self, id: WorkerId, read: bool) {
        if let Some(member) = member(&mut self.members, id) {
            if let Some(fd) = member.stderr.fd() {
                let source = Source::Stderr(member.serial);
                // What cannot be polled is not read; that costs a message its last lines.
                let _ = self.reactor.set(source, fd, read, false);
            }
        }
    }

    /// Looks again at standard errors that could not be passed on.
    pub(super) fn look_at_held(&mut self) {
        if self.stderr_at.is_none_or(|at| self.now < at) {
            return;
        }
        self.stderr_at = None;
        for slot in 0..self.members.len() {
            let Some(member) = &mut self.members[slot] else {
                continue;
            };
            if std::mem::take(&mut member.stderr_held) {
                let id = member.id;
                self.poll_stderr(id, true);
            }
        }
    }
}

/// Whether a dead worker has left more than was read at once.
fn has_input(stderr: &Stderr) -> bool {
    stderr
        .fd()
        .is_some_and(|fd| rustix::io::ioctl_fionread(fd).is_ok_and(|bytes| bytes > 0))
}
