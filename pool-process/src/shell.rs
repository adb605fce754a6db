//! The supervisor's thread: carries out what the supervision decides, and tells it what happens.
//! No code of the user's runs here.
//!
//! While nobody is at work other threads do it in its place, as *guests*: one that submits the
//! only task, and an idle delivery thread that polls (`engine.rs`). So a single task goes to a
//! worker and back without a hop. A guest starts no worker, for workers end with the thread that
//! has started them.

use std::os::fd::AsFd;
use std::sync::Arc;

use future_core::SubmitErrorKind;
use future_core::executor::Unlent;
use rustix::time::{ClockId, clock_gettime};

use crate::delivery::Delivery;
use crate::doors::{self, Door};
use crate::inbox::{Command, Inbox};
use crate::launcher::{LaunchError, LaunchSpec, Launcher};
use crate::link::{Link, LinkError, Received, Report as Said};
use crate::member::Member;
use crate::obituary::{self, Death, Obituary, Report};
use crate::process::Signal;
use crate::reactor::{Reactor, Source};
use crate::receive::Answer;
use crate::stderr::{Read, Stderr};
use crate::supervisor::{self, Action, Break, Config, Event, Key, Stats, Supervisor, WorkerId};
use crate::wire::Ticket;
use crate::work::Work;
use crate::worker::Initializer;

/// When a standard error that could not be passed on is looked at again, in nanoseconds.
const HELD: u64 = 10_000_000;

/// The system's monotonic clock, which workers read too, in nanoseconds.
pub(crate) fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// How workers are made.
pub(crate) struct Workers {
    pub(crate) launcher: Box<dyn Launcher>,
    pub(crate) spec: LaunchSpec,
    pub(crate) initializer: Option<Initializer>,
    pub(crate) pass_stderr_on: bool,
}

/// The state of the supervisor's thread. Others lock it to look at it.
pub(crate) struct Shell {
    supervisor: Supervisor<Work, Report>,
    members: Vec<Option<Member>>,
    /// Dead workers whose tasks are not yet elsewhere.
    graves: Vec<Member>,
    workers: Workers,
    inbox: Arc<Inbox>,
    reactor: Arc<Reactor>,
    now: u64,
    works: Vec<Work>,
    commands: Vec<Command>,
    said: Vec<Said>,
    out: Vec<Action<Work, Answer, Report>>,
    replies: Vec<Event<Work, Answer, Report>>,
    dirty: Vec<WorkerId>,
    stderr_at: Option<u64>,
    broken: Option<Break<Report>>,
    over: bool,
    /// How many tasks there are.
    tasks: usize,
    /// Somebody else than the supervisor's thread is at work.
    guest: bool,
    /// Workers that a guest could not start.
    launches: Vec<WorkerId>,
    /// When the thread that polls will wake by itself.
    wakes_at: Option<u64>,
}

impl Shell {
    pub(crate) fn new(
        config: Config,
        workers: Workers,
        inbox: Arc<Inbox>,
        reactor: Arc<Reactor>,
    ) -> Self {
        let slots = config.max_workers.get() as usize;
        Self {
            supervisor: Supervisor::new(config),
            members: std::iter::repeat_with(|| None).take(slots).collect(),
            graves: Vec::new(),
            workers,
            inbox,
            reactor,
            now: now(),
            works: Vec::new(),
            commands: Vec::new(),
            said: Vec::new(),
            out: Vec::new(),
            replies: Vec::new(),
            dirty: Vec::new(),
            stderr_at: None,
            broken: None,
            over: false,
            tasks: 0,
            guest: false,
            launches: Vec::new(),
            wakes_at: None,
        }
    }

    /// Whether there is no task.
    pub(crate) fn is_idle(&self) -> bool {
        self.tasks == 0
    }

    /// Whether workers are to be started, or nothing is to be done any more: both are for the
    /// supervisor's thread.
    pub(crate) fn wants_supervisor(&self) -> bool {
        self.over || !self.launches.is_empty()
    }

    /// As [`turn`](Self::turn), in another thread than the supervisor's.
    pub(crate) fn turn_as_guest(&mut self, ready: &[Source], ended: &mut Vec<Delivery>) {
        self.guest = true;
        self.turn(ready, ended);
        self.guest = false;
    }

    /// Sees to it that the thread that polls, which may sleep, wakes for the next turn. False: it
    /// has to be woken now.
    pub(crate) fn sets_alarm(&mut self) -> bool {
        match (self.next_turn(), self.wakes_at) {
            (None, _) => true,
            (Some(next), Some(wakes_at)) if wakes_at <= next => true,
            (Some(next), _) => {
                self.wakes_at = Some(next);
                self.reactor.wake_at(next).is_ok()
            }
        }
    }

    /// The caller polls next, and sleeps until the next turn at most.
    pub(crate) fn before_sleep(&mut self) -> Option<u64> {
        self.wakes_at = self.next_turn();
        self.wakes_at
    }

    /// Whether it has nothing to do any more.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    pub(crate) fn stats(&self) -> Stats {
        self.supervisor.stats()
    }

    /// The processes of the living workers, those that are not ready or about to end included.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.members
            .iter()
            .flatten()
            .map(|member| member.pid)
            .collect()
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// When to take another turn although nothing comes.
    fn next_turn(&self) -> Option<u64> {
        match (self.supervisor.next_deadline(), self.stderr_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Does all that there is to do now. Futures that have ended are added to `ended`.
    pub(crate) fn turn(&mut self, ready: &[Source], ended: &mut Vec<Delivery>) {
        self.now = now();
        for &source in ready {
            self.hear(source, ended);
        }
        self.look_at_held();
        if !self.guest {
            for worker in std::mem::take(&mut self.launches) {
                self.launch(worker);
            }
        }
        self.take_inbox(ended);
        loop {
            self.supervisor.settle(self.now, &mut self.out);
            self.carry_out(ended);
            if self.replies.is_empty() {
                break;
            }
            let mut replies = std::mem::take(&mut self.replies);
            for reply in replies.drain(..) {
                self.tell(reply, ended);
            }
            self.replies = replies;
        }
        // Nothing was with the dead any more.
        self.graves.clear();
        self.flush();
    }

    /// Tells the supervisor; what it decided before is carried out first where it must be.
    fn tell(&mut self, event: Event<Work, Answer, Report>, ended: &mut Vec<Delivery>) {
        let ordered = matches!(
            event,
            Event::Died { .. }
                | Event::Revoked { .. }
                | Event::Launched { .. }
                | Event::LaunchRefused { .. }
        );
        if ordered {
            self.carry_out(ended);
        }
        self.supervisor.handle(self.now, event, &mut self.out);
    }

    fn take_inbox(&mut self, ended: &mut Vec<Delivery>) {
        self.inbox.take(&mut self.works, &mut self.commands);
        for task in self.works.drain(..) {
            let limit = task.limit;
            self.tasks += 1;
            let event = Event::Submit { task, limit };
            self.supervisor.handle(self.now, event, &mut self.out);
        }
        let mut commands = std::mem::take(&mut self.commands);
        for command in commands.drain(..) {
            self.obey(command, ended);
        }
        self.commands = commands;
    }

    fn obey(&mut self, command: Command, ended: &mut Vec<Delivery>) {
        match command {
            Command::Revoked { worker, ticket } => {
                if let Some(member) = member(&mut self.members, worker) {
                    member.link.forget(ticket);
                    if let Some(key) = member.leave(ticket) {
                        self.tell(Event::Cancelled { key }, ended);
                    }
                }
            }
            Command::Kill { id, grace } => {
                let keys = self.members.iter().flatten().flat_map(Member::keys);
                let found = keys
                    .filter(|&key| self.supervisor.task(key).is_some_and(|w| w.task.id() == id))
                    .last();
                if let Some(key) = found {
                    self.tell(Event::Kill { key, grace }, ended);
                }
            }
            Command::Close { cancel } => self.tell(Event::Close { cancel }, ended),
            Command::KillAll { grace } => self.tell(Event::KillAll { grace }, ended),
        }
    }

    fn hear(&mut self, source: Source, ended: &mut Vec<Delivery>) {
        let (Source::Channel(serial) | Source::Process(serial) | Source::Stderr(serial)) = source
        else {
            return;
        };
        let found = self.members.iter_mut().flatten();
        let Some(member) = found.into_iter().find(|member| member.serial == serial) else {
            return;
        };
        let id = member.id;
        match source {
            Source::Channel(_) => {
                if member.polls_write {
                    mark(&mut self.dirty, member);
                }
                self.receive(id, ended);
            }
            Source::Process(_) => self.bury(id, ended),
            _ => self.read_stderr(id),
        }
    }

    /// Takes in what a worker has said.
    fn receive(&mut self, id: WorkerId, ended: &mut Vec<Delivery>) {
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
    fn pass_on(&mut self, id: WorkerId, said: &mut Vec<Said>, ended: &mut Vec<Delivery>) {
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
    fn silence(&mut self, id: WorkerId) {
        let Some(member) = member(&mut self.members, id) else {
            return;
        };
        member.mute = true;
        self.reactor.remove(member.link.as_fd());
    }

    /// A worker breaks the protocol.
    fn accuse(&mut self, id: WorkerId, complaint: String, ended: &mut Vec<Delivery>) {
        self.silence(id);
        if let Some(member) = member(&mut self.members, id) {
            member.complaint = Some(complaint);
            self.tell(Event::ProtocolError { worker: id }, ended);
        }
    }

    /// A worker's process can be waited for.
    fn bury(&mut self, id: WorkerId, ended: &mut Vec<Delivery>) {
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

    fn read_stderr(&mut self, id: WorkerId) {
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

    fn poll_stderr(&mut self, id: WorkerId, read: bool) {
        if let Some(member) = member(&mut self.members, id) {
            if let Some(fd) = member.stderr.fd() {
                let source = Source::Stderr(member.serial);
                // What cannot be polled is not read; that costs a message its last lines.
                let _ = self.reactor.set(source, fd, read, false);
            }
        }
    }

    /// Looks again at standard errors that could not be passed on.
    fn look_at_held(&mut self) {
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

    fn carry_out(&mut self, ended: &mut Vec<Delivery>) {
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

    fn act(&mut self, action: Action<Work, Answer, Report>, ended: &mut Vec<Delivery>) {
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
            Action::Deliver { task, answer, .. } => ended.push(Delivery::Answer(task.task, answer)),
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

    fn launch(&mut self, worker: WorkerId) {
        let refused = |why: String, lasting| Event::LaunchRefused {
            worker,
            report: Arc::new(Obituary::Refused(why)),
            lasting,
        };
        let launched = match self.workers.launcher.launch(&self.workers.spec) {
            Ok(launched) => launched,
            Err(error) => {
                let lasting = matches!(error, LaunchError::Unsupported(_));
                self.replies.push(refused(error.to_string(), lasting));
                return;
            }
        };
        let mut link = Link::new(launched);
        link.begin(self.workers.initializer.as_ref());
        let serial = doors::open(Door {
            worker,
            control: link.control().clone(),
            inbox: self.inbox.clone(),
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
            self.replies.push(refused(why, false));
            return;
        }
        mark(&mut self.dirty, &mut member);
        let pid = member.pid;
        self.members[worker.slot()] = Some(member);
        self.replies.push(Event::Launched { worker, pid });
    }

    fn send(&mut self, worker: WorkerId, key: Key) {
        let Some(member) = member(&mut self.members, worker) else {
            return;
        };
        let Some(work) = self.supervisor.task_mut(key) else {
            return;
        };
        let ticket = member.link.push(crate::link::TaskToSend {
            entry: work.entry,
            payload: &work.payload,
            timed: work.limit.is_some(),
        });
        let Some(ticket) = ticket else {
            // No worker is sent more than it has slots for; were it so, the task goes elsewhere.
            self.replies.push(Event::Revoked {
                worker,
                key,
                revoked: true,
            });
            return;
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

    fn revoke(&mut self, worker: WorkerId, key: Key) -> Event<Work, Answer, Report> {
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

    fn look(&mut self, worker: WorkerId, key: Key) -> Option<Event<Work, Answer, Report>> {
        let member = member(&mut self.members, worker)?;
        let ticket: Ticket = self.supervisor.task(key)?.ticket?;
        let control = member.link.control();
        control.started(ticket).then(|| Event::Started {
            worker,
            key,
            at: control.started_at(ticket).unwrap_or(self.now),
        })
    }

    /// Sends what was pushed.
    fn flush(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for id in dirty.drain(..) {
            let Some(member) = member(&mut self.members, id) else {
                continue;
            };
            member.dirty = false;
            if member.mute {
                continue;
            }
            // An error says that the worker is gone, which its process tells better.
            let all_gone = member.link.flush().unwrap_or(true);
            if member.polls_write == all_gone {
                member.polls_write = !all_gone;
                let source = Source::Channel(member.serial);
                // What cannot be polled for is tried again when the worker has said something.
                let _ = self
                    .reactor
                    .set(source, member.link.as_fd(), true, !all_gone);
            }
        }
        self.dirty = dirty;
    }
}

/// The worker of this name, if it is still the one in its place.
fn member(members: &mut [Option<Member>], id: WorkerId) -> Option<&mut Member> {
    members
        .get_mut(id.slot())?
        .as_mut()
        .filter(|member| member.id == id)
}

fn mark(dirty: &mut Vec<WorkerId>, member: &mut Member) {
    if !std::mem::replace(&mut member.dirty, true) {
        dirty.push(member.id);
    }
}

/// Whether a dead worker has left more than was read at once.
fn has_input(stderr: &Stderr) -> bool {
    stderr
        .fd()
        .is_some_and(|fd| rustix::io::ioctl_fionread(fd).is_ok_and(|bytes| bytes > 0))
}
