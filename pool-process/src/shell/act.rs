//! What the supervisor wants done.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use future_core::SubmitErrorKind;
use future_core::executor::Unlent;

use super::prestart::Refusal;
use super::{Shell, mark, member};
use crate::delivery::Delivery;
use crate::doors::{self, Door};
use crate::launcher::LaunchError;
use crate::link::{Link, NotQueued, TaskToSend};
use crate::member::Member;
use crate::obituary::{self, Obituary, Report};
use crate::process::Signal;
use crate::reactor::Source;
use crate::receive::{self, Answer};
use crate::stderr::Stderr;
use crate::supervisor::{self, Action, Event, Key, WorkerId};
use crate::wire::{Failure, Ticket};
use crate::work::Work;

impl Shell {
    pub(super) fn carry_out(&mut self, ended: &mut Vec<Delivery>) {
        while !self.out.is_empty() {
            let mut out = std::mem::take(&mut self.out);
            for action in out.drain(..) {
                self.act(action, ended);
            }
            if self.out.is_empty() {
                // Keeps its room.
                self.out = out;
            }
        }
    }

    pub(super) fn act(&mut self, action: Action<Work, Answer, Report>, ended: &mut Vec<Delivery>) {
        if let Action::Deliver { .. }
        | Action::Fail { .. }
        | Action::Cancel { .. }
        | Action::Forget { .. } = action
        {
            self.tasks -= 1;
        }
        match action {
            Action::Launch { worker } if self.guest => self.launches.push(worker),
            Action::Launch { worker } => self.launch(worker),
            Action::Send { worker, key } => self.send(worker, key),
            Action::Deliver { task, answer, .. } => {
                let Work {
                    task,
                    ticket,
                    payload,
                    ..
                } = task;
                ended.push(match (ticket, answer) {
                    // It could not be sent.
                    (None, Err(failure)) => {
                        let error = receive::error_of(task.name(), failure);
                        Delivery::Fail(task, error)
                    }
                    (_, answer) => {
                        let answer = answer.map(|output| output.with_remains(payload));
                        Delivery::Answer(task, answer)
                    }
                });
            }
            Action::Fail { task, why, .. } => {
                let Work { task, attempts, .. } = task;
                ended.push(match obituary::task_error(&why, task.name(), attempts) {
                    Some(error) => Delivery::Fail(task, error),
                    None => Delivery::Cancel(task),
                });
            }
            Action::Cancel { task, .. } => ended.push(Delivery::Cancel(task.task)),
            // Its owner cancelled it, so nothing of the user's is left in it.
            Action::Forget { task, .. } => drop(task),
            Action::Requeued { key } => {
                if let Some(work) = self.supervisor.task_mut(key) {
                    // Nobody can start it there any more. One that was cancelled meanwhile is
                    // found so when it is to be sent.
                    let _: Unlent = work.task.unlend(|| true);
                    work.ticket = None;
                }
            }
            Action::Revoke { worker, key } => {
                let event = self.revoke(worker, key);
                self.replies.push(event);
            }
            Action::Look { worker, key } => {
                let started = self.look(worker, key);
                self.replies.extend(started);
            }
            Action::Signal {
                worker,
                signal,
                because,
            } => {
                if let Some(member) = member(&mut self.members, worker) {
                    member.because.get_or_insert(because);
                    let signal = match signal {
                        supervisor::Signal::Terminate => Signal::Terminate,
                        supervisor::Signal::Kill => Signal::Kill,
                    };
                    // One that cannot be signalled has ended.
                    let _ = member.link.process.signal(signal);
                }
            }
            Action::Retire { worker } => {
                if let Some(member) = member(&mut self.members, worker) {
                    member.link.retire();
                    mark(&mut self.dirty, member);
                }
            }
            Action::Broken { cause } => {
                let error = obituary::broken(&cause);
                self.inbox.close(SubmitErrorKind::Broken(error));
                self.broken = Some(cause);
            }
            Action::Over => self.over = true,
        }
    }

    pub(super) fn launch(&mut self, worker: WorkerId) {
        let launched = match self.workers.launcher.launch(&self.workers.spec) {
            Ok(launched) => launched,
            Err(error) => {
                let (kind, lasting) = match &error {
                    LaunchError::Refused { source, .. } => (source.kind(), false),
                    LaunchError::Unsupported(_) => (io::ErrorKind::Unsupported, true),
                };
                return self.refused(worker, kind, error.to_string(), lasting);
            }
        };
        let mut link = Link::new(launched);
        link.begin(self.workers.initializer.as_ref());
        let serial = doors::open(Door {
            worker,
            control: link.control().clone(),
            inbox: self.inbox.clone(),
            driver: self.driver.clone(),
        });
        let stderr = Stderr::new(link.stderr.take(), self.workers.pass_stderr_on);
        let mut member = Member::new(worker, serial, link, stderr);
        let polled = self
            .reactor
            .add(Source::Channel(serial), member.link.as_fd())
            .and_then(|()| {
                let process = member.link.process.as_fd();
                self.reactor.add(Source::Process(serial), process)
            })
            .and_then(|()| match member.stderr.fd() {
                Some(fd) => self.reactor.add(Source::Stderr(serial), fd),
                None => Ok(()),
            });
        if let Err(error) = polled {
            // Dropping it ends the process.
            let why = format!("cannot start a worker process: epoll: {error}");
            return self.refused(worker, error.kind(), why, false);
        }
        mark(&mut self.dirty, &mut member);
        let pid = member.pid;
        self.members[worker.slot()] = Some(member);
        self.replies.push(Event::Launched { worker, pid });
    }

    /// There is no worker after all.
    fn refused(&mut self, worker: WorkerId, kind: io::ErrorKind, why: String, lasting: bool) {
        self.refusal = Some(Refusal {
            kind,
            message: why.clone(),
        });
        self.replies.push(Event::LaunchRefused {
            worker,
            report: Arc::new(Obituary::Refused(why)),
            lasting,
        });
    }

    pub(super) fn send(&mut self, worker: WorkerId, key: Key) {
        let Some(member) = member(&mut self.members, worker) else {
            return;
        };
        let Some(work) = self.supervisor.task_mut(key) else {
            return;
        };
        let ticket = member.link.push(TaskToSend {
            entry: work.entry,
            payload: &work.payload,
            attached: &work.attached,
            timed: work.limit.is_some(),
        });
        let ticket = match ticket {
            Ok(ticket) => ticket,
            // No worker is sent more than it has slots for; were it so, the task goes elsewhere.
            Err(NotQueued::Full) => {
                self.replies.push(Event::Revoked {
                    worker,
                    key,
                    revoked: true,
                });
                return;
            }
            Err(NotQueued::TooLarge) => {
                let len = work.payload.len() as u64;
                self.replies.push(Event::Answered {
                    worker,
                    key,
                    answer: Err(Failure::TooLarge { len }),
                });
                return;
            }
        };
        if work.task.lend(doors::place(member.serial, ticket)) {
            work.ticket = Some(ticket);
            member.enter(ticket, key);
            mark(&mut self.dirty, member);
        } else {
            // Cancelled while it was queued; what was encoded is passed over by the worker.
            member.link.revoke(ticket);
            self.replies.push(Event::Cancelled { key });
        }
    }

    pub(super) fn revoke(&mut self, worker: WorkerId, key: Key) -> Event<Work, Answer, Report> {
        let revoked = |revoked| Event::Revoked {
            worker,
            key,
            revoked,
        };
        let member = member(&mut self.members, worker);
        let work = self.supervisor.task_mut(key);
        let (Some(member), Some(work)) = (member, work) else {
            return revoked(false);
        };
        let Some(ticket) = work.ticket else {
            return revoked(false);
        };
        match work.task.unlend(|| member.link.revoke(ticket)) {
            Unlent::Pending => {
                work.ticket = None;
                member.leave(ticket);
                revoked(true)
            }
            Unlent::Started => revoked(false),
            Unlent::NotLent => {
                // Its owner was quicker; what it left in the inbox finds nothing any more.
                member.link.forget(ticket);
                member.leave(ticket);
                Event::Cancelled { key }
            }
        }
    }

    pub(super) fn look(
        &mut self,
        worker: WorkerId,
        key: Key,
    ) -> Option<Event<Work, Answer, Report>> {
        let member = member(&mut self.members, worker)?;
        let ticket: Ticket = self.supervisor.task(key)?.ticket?;
        let control = member.link.control();
        control.started(ticket).then(|| Event::Started {
            worker,
            key,
            at: control.started_at(ticket).unwrap_or(self.now),
        })
    }
}
