//! The supervisor's thread: carries out what the supervision decides, and tells it what happens.
//! No code of the user's runs here.
//!
//! While nobody is at work other threads do it in its place, as *guests*: one that submits the
//! only task, and an idle delivery thread that polls (`engine.rs`). So a single task goes to a
//! worker and back without a hop. A guest starts no worker, for workers end with the thread that
//! has started them.

mod act;
mod attend;
mod hear;
mod prestart;

use std::sync::{Arc, Weak};

use future_core::executor::Driver;

use crate::delivery::Delivery;
use crate::engine::InboxOf;
use crate::inbox::Command;
use crate::launcher::{LaunchSpec, Launcher};
use crate::link::Report as Said;
use crate::linux_ground::{Linux, Stool, now};
use crate::member::Member;
use crate::obituary::Report;
use crate::reactor::{Reactor, Source};
use crate::receive::Answer;
use crate::seat::Seat;
use crate::supervisor::{Action, Break, Config, Event, Stats, Supervisor, WorkerId};
use crate::turns::Turns;
use crate::work::Work;
use crate::worker::Initializer;
use prestart::{Asking, Refusal};

/// When a standard error that could not be passed on is looked at again, in nanoseconds.
const HELD: u64 = 10_000_000;

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
    inbox: Arc<InboxOf<Shell>>,
    reactor: Arc<Reactor>,
    /// Who may be driven by threads that wait for a task.
    driver: Weak<dyn Driver>,
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
    /// Those who have asked for workers.
    asking: Vec<Asking>,
    /// Of a launch since those were last answered.
    refusal: Option<Refusal>,
}

impl Shell {
    pub(crate) fn new(
        config: Config,
        workers: Workers,
        inbox: Arc<InboxOf<Shell>>,
        reactor: Arc<Reactor>,
        driver: Weak<dyn Driver>,
    ) -> Self {
        let slots = config.max_workers.get() as usize;
        Self {
            supervisor: Supervisor::new(config),
            members: std::iter::repeat_with(|| None).take(slots).collect(),
            graves: Vec::new(),
            workers,
            inbox,
            reactor,
            driver,
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
            asking: Vec::new(),
            refusal: None,
        }
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

    fn take_turn(&mut self, ready: &[Source], ended: &mut Vec<Delivery>) {
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
            if self.replies.is_empty() {
                // Keeps its room; telling may have brought new ones.
                self.replies = replies;
            }
        }
        // Nothing was with the dead any more.
        self.graves.clear();
        self.answer_asking();
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
                    .last()
                    // It ran when it was to be killed, and its worker has died since.
                    .or_else(|| self.supervisor.tried_again(|w| w.task.id() == id));
                if let Some(key) = found {
                    self.tell(Event::Kill { key, grace }, ended);
                }
            }
            Command::Prestart { workers, answer } => self.prestart(workers, answer, ended),
            Command::Close { cancel } => self.tell(Event::Close { cancel }, ended),
            Command::KillAll { grace } => self.tell(Event::KillAll { grace }, ended),
        }
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
                // What cannot be polled for is tried again when the worker has said something.
                attend::poll_channel(&self.reactor, member);
            }
        }
        self.dirty = dirty;
    }
}

impl Turns for Shell {
    type Ground = Linux;
    type Work = Work;
    type Command = Command;
    type Delivery = Delivery;

    fn turn(&mut self, ready: &[Source], ended: &mut Vec<Delivery>) {
        self.take_turn(ready, ended);
    }

    fn turn_as_guest(&mut self, ready: &[Source], ended: &mut Vec<Delivery>) {
        self.guest = true;
        self.take_turn(ready, ended);
        self.guest = false;
    }

    fn is_idle(&self) -> bool {
        self.tasks == 0
    }

    fn wants_supervisor(&self) -> bool {
        self.over || !self.launches.is_empty()
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn before_sleep(&mut self) -> Option<u64> {
        self.wakes_at = self.next_turn();
        self.wakes_at
    }

    fn sets_alarm(&mut self) -> bool {
        match (self.next_turn(), self.wakes_at) {
            (None, _) => true,
            (Some(next), Some(wakes_at)) if wakes_at <= next => true,
            (Some(next), _) => {
                self.wakes_at = Some(next);
                self.reactor.wake_at(next).is_ok()
            }
        }
    }

    fn attend(&mut self, serial: u64) -> Option<Arc<Seat<Stool>>> {
        self.attend_to(serial)
    }

    fn is_silent(&mut self, serial: u64) -> bool {
        member_at(&mut self.members, serial).is_none_or(|member| member.mute)
    }

    fn leave(&mut self, serial: u64) {
        self.leave_worker(serial);
    }
}

/// The worker of this name, if it is still the one in its place.
fn member(members: &mut [Option<Member>], id: WorkerId) -> Option<&mut Member> {
    members
        .get_mut(id.slot())?
        .as_mut()
        .filter(|member| member.id == id)
}

/// The worker of this number.
fn member_at(members: &mut [Option<Member>], serial: u64) -> Option<&mut Member> {
    members
        .iter_mut()
        .flatten()
        .find(|member| member.serial == serial)
}

fn mark(dirty: &mut Vec<WorkerId>, member: &mut Member) {
    if !std::mem::replace(&mut member.dirty, true) {
        dirty.push(member.id);
    }
}
