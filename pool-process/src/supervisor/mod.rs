//! The supervision of a pool's workers, without processes, channels, threads or a clock.
//!
//! A [`Supervisor`] is told what has happened ([`Event`]), and says what is to be done
//! ([`Action`]); whoever owns it does the input and output. [`handle`](Supervisor::handle) takes
//! notes, at the same small cost for every task; [`settle`](Supervisor::settle) decides, once for
//! all events that were at hand.
//!
//! # A task
//!
//! ```text
//!             Submit
//!               │           Requeued: revoked, its worker died before it started,
//!               ▼           or there is another try
//!          ┌─ QUEUED ◀──────────────────────────────────────┐
//!          │    │ Send                                      │
//!          │    ▼            Revoked {false}, Started       │
//!          │  SENT ───────────────────────────▶ STARTED ────┤ Died
//!          │    │ ▲ │                              │ │      │
//!          │    │ └─┼─ Revoke ⇄ Revoked            │ │      │
//!          │    │   └──────────────────────────────┼─┼──────┘
//!          ▼    ▼                                  ▼ ▼
//!     gone, and given back once: Deliver (Answered), Fail (Died, Kill, its limit, Broken),
//!                                Cancel (Close {cancel}), Forget (Cancelled)
//! ```
//!
//! STARTED is what is *known* here. A worker starts tasks by itself, through their claims; only an
//! answer, a look at the claim, or a failed attempt to revoke it tells. That is enough, because
//! nothing is decided against a task that has not been revoked.
//!
//! # A worker
//!
//! ```text
//!          Launch             Launched             Ready
//!  VACANT ───────▶ LAUNCHING ──────────▶ STARTING ───────▶ LIVE ◀─┐ its doomed task was answered
//!    ▲                 │                    │ │             │ │ │   │ or revoked after all
//!    │  LaunchRefused  │                    │ │             │ │ └─▶ DOOMED: asks the others back
//!    ├─────────────────┘                    │ │ last task,  │ │      │
//!    │                                      │ │ or closed   │ │      │ only the doomed are left,
//!    │                 RETIRING ◀───────────┼─┴─────────────┘ │      │ or patience is
//!    │  Died              │ exit limit      │ start limit,    │      ▼
//!    ├────────────────────┤                 │ protocol error, broken, KillAll
//!    │                    ▼                 ▼
//!    └───────────────── ENDING (Terminate, after the grace Kill)
//! ```
//!
//! A place is free again when the death of its worker was told, so there are never more processes
//! than workers allowed. The next worker in it has another name, and what is told of the former one
//! is ignored.
//!
//! # The pool
//!
//! ```text
//!  OPEN ──Close──▶ CLOSING ──no task, no worker──▶ OVER
//!    │                │                              ▲
//!    └────────────────┴─crash, initializer, launches─▶ BROKEN ─(closed, no worker)
//! ```
//!
//! # Rules
//!
//! 1. *Order.* The queue is in the order of submission, always; what comes back goes where it
//!    was.
//! 2. *Spread.* A task goes to the worker with the fewest, the first of those. A worker has a
//!    window that adapts to the time its tasks take. More tasks than idle and coming
//!    workers launch workers.
//! 3. *Bound on overtaking* (P12), where there may be several workers: no task is sent that was
//!    submitted more than 32 × `max_workers` after one that is at a worker and not known to have
//!    started.
//! 4. *Stealing back.* When a worker is idle and nothing can be sent, the tasks that another has
//!    waiting are revoked: at once if its tasks are long, after a short while if they are not.
//!    A task that its worker has not even started after 10 ms is revoked too, and the worker is
//!    not believed to be alive until it is heard of.
//! 5. *An end costs only its task* (P4). Before a worker is signalled because of a task, its other
//!    tasks are revoked; if one of those has started, the task is done and its answer is near.
//! 6. *Death.* What had started fails, or is tried again; what had not goes back to its place. A
//!    death before anything was run counts as a launch that failed.
//! 7. *Limits* count from the start of a task, which is looked for early; never too short, and at
//!    most 10 ms too long.

mod action;
mod census;
mod config;
mod dispatch;
mod end;
mod event;
mod ids;
mod launch;
mod launches;
mod shutdown;
mod slot;
mod stats;
mod steal;
mod tasks;
mod watch;
mod window;

pub use action::{Action, Because, Break, Signal, Why};
pub use config::{Config, OnCrash};
pub use event::Event;
pub use ids::{Key, WorkerId};
pub use stats::Stats;

use std::fmt;

use launches::Launches;
use slot::{Slot, Stage};
use stats::Counts;
use tasks::{Doomed, List, Place, Tasks};

/// A task is overtaken by at most so many later ones for each worker allowed.
const OVERTAKING: u64 = 32;
/// The window of a worker that is not alone: small enough that workers which keep up with each
/// other do not meet the bound on overtaking.
const SHARED_WINDOW: u32 = 24;

/// Decides for a pool of workers: the events, the actions and the rules are those of its module.
///
/// `T` is a task as its owner holds it: given back exactly once, and never dropped here before the
/// supervisor is. `R` tells how a worker died, and is only passed on.
pub struct Supervisor<T, R> {
    config: Config,
    tasks: Tasks<T>,
    queue: List,
    slots: Vec<Slot>,
    launches: Launches<R>,
    broken: Option<Break<R>>,
    closed: bool,
    /// What has not started is cancelled.
    cancelling: bool,
    /// All workers are to end, after this grace.
    killing: Option<u64>,
    over: bool,
    /// So many workers are to be launched though no task needs them.
    prestart: u32,
    /// The bound on overtaking keeps the queue back.
    blocked: bool,
    now: u64,
    wake_at: Option<u64>,
    counts: Counts,
    scratch: Vec<u32>,
}

impl<T, R: Clone> Supervisor<T, R> {
    /// A supervisor of no workers yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            tasks: Tasks::new(),
            queue: List::new(),
            slots: Vec::new(),
            launches: Launches::new(),
            broken: None,
            closed: false,
            cancelling: false,
            killing: None,
            over: false,
            prestart: 0,
            blocked: false,
            now: 0,
            wake_at: None,
            counts: Counts::default(),
            scratch: Vec::new(),
        }
    }

    /// Notes what has happened. Time is in nanoseconds of any clock; it does not go back.
    ///
    /// Whatever the order of events, nothing panics. What is of no consequence is ignored; a worker
    /// that answers what it was not asked is killed.
    pub fn handle<A>(&mut self, now: u64, event: Event<T, A, R>, out: &mut Vec<Action<T, A, R>>) {
        self.now = self.now.max(now);
        match event {
            Event::Submit { task, limit } => self.submit(task, limit, out),
            Event::Cancelled { key } => self.cancelled(key, out),
            Event::Kill { key, grace } => self.kill(key, grace, out),
            Event::Prestart { workers } => self.prestart = self.prestart.max(workers),
            Event::Close { cancel } => self.close(cancel, out),
            Event::KillAll { grace } => self.kill_all(grace, out),
            Event::Launched { worker, .. }
            | Event::LaunchRefused { worker, .. }
            | Event::Ready { worker }
            | Event::InitializerFailed { worker, .. }
            | Event::Answered { worker, .. }
            | Event::Skipped { worker }
            | Event::Started { worker, .. }
            | Event::Revoked { worker, .. }
            | Event::ProtocolError { worker }
            | Event::Died { worker, .. } => {
                if let Some(slot) = self.slot_of(worker) {
                    self.of_worker(slot, event, out);
                }
            }
        }
    }

    /// What the worker in `slot` did.
    fn of_worker<A>(&mut self, slot: u32, event: Event<T, A, R>, out: &mut Vec<Action<T, A, R>>) {
        match event {
            Event::Answered { key, answer, .. } => self.answered(slot, key, answer, out),
            Event::Launched { pid, .. } => self.launched(slot, pid, out),
            Event::LaunchRefused {
                report, lasting, ..
            } => self.refused(slot, report, lasting),
            Event::Ready { .. } => self.ready(slot, out),
            Event::InitializerFailed { report, .. } => self.initializer_failed(slot, report, out),
            Event::Skipped { .. } => self.slot_mut(slot).suspect = false,
            Event::Started { key, at, .. } => {
                if let Some(index) = self.find_at(slot, key) {
                    self.mark_started(slot, index, at.min(self.now));
                }
            }
            Event::Revoked { key, revoked, .. } => self.revoked(slot, key, revoked, out),
            Event::ProtocolError { .. } => self.misbehaved(slot, out),
            Event::Died {
                report, started, ..
            } => self.died(slot, report, &started, out),
            Event::Submit { .. }
            | Event::Cancelled { .. }
            | Event::Kill { .. }
            | Event::Prestart { .. }
            | Event::Close { .. }
            | Event::KillAll { .. } => {}
        }
    }

    /// Decides what follows from all that was noted, and from the time.
    pub fn settle<A>(&mut self, now: u64, out: &mut Vec<Action<T, A, R>>) {
        self.now = self.now.max(now);
        self.wake_at = None;
        if self.over {
            return;
        }
        for slot in 0..self.places() {
            self.pass_time(slot, out);
        }
        self.give_up_launching(out);
        self.dispatch(out);
        if self.tasks.limited() > 0 {
            for slot in 0..self.places() {
                self.watch(slot, out);
            }
        }
        let census = self.census();
        self.launch(&census, out);
        self.steal_back(&census, out);
        self.retire(&census, out);
        if self.closed && self.tasks.len() == 0 && census.occupied == 0 {
            self.over = true;
            self.wake_at = None;
            out.push(Action::Over);
        }
    }

    /// When to [`settle`](Self::settle) again even if nothing has happened until then.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        self.wake_at
    }

    /// The task, while it is here.
    #[must_use]
    pub fn task(&self, key: Key) -> Option<&T> {
        self.tasks.task(key)
    }

    /// The task that `is` says, if a worker that was running it died and it waits to be tried
    /// again. The whole queue may be looked at for it.
    pub fn tried_again(&self, is: impl Fn(&T) -> bool) -> Option<Key> {
        if !matches!(self.config.on_crash, OnCrash::FailTask { retries: 1.. }) {
            return None;
        }
        std::iter::successors(self.queue.first(), |&index| self.tasks.next(index))
            .filter(|&index| self.tasks[index].crashes > 0)
            .map(|index| self.tasks.key(index))
            .find(|&key| self.tasks.task(key).is_some_and(&is))
    }

    /// The task, while it is here.
    pub fn task_mut(&mut self, key: Key) -> Option<&mut T> {
        self.tasks.task_mut(key)
    }

    /// Whether [`Action::Over`] was told.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The numbers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats {
            queued: self.queue.len() as usize,
            delivered: self.counts.delivered,
            failed: self.counts.failed,
            cancelled: self.counts.cancelled,
            launched: self.counts.launched,
            crashed: self.counts.crashed,
            retired: self.counts.retired,
            ended: self.counts.ended,
            requeued: self.counts.requeued,
            ..Stats::default()
        };
        for slot in &self.slots {
            match slot.stage {
                Stage::Vacant => {}
                Stage::Launching | Stage::Starting { .. } => stats.starting += 1,
                Stage::Live => stats.workers += 1,
                Stage::Retiring { .. } | Stage::Ending { .. } => stats.leaving += 1,
            }
            stats.running += usize::from(!slot.list.is_empty());
            stats.queued += slot.list.len().saturating_sub(1) as usize;
        }
        stats
    }

    /// The workers that have a process, with its id and the number of tasks each has.
    pub fn workers(&self) -> impl Iterator<Item = (WorkerId, u32, usize)> + '_ {
        (0..).zip(&self.slots).filter_map(|(index, slot)| {
            let pid = slot.pid?;
            Some((slot.id(index), pid, slot.list.len() as usize))
        })
    }

    fn submit<A>(&mut self, task: T, limit: Option<u64>, out: &mut Vec<Action<T, A, R>>) {
        let index = self.tasks.insert(task, limit);
        if let Some(cause) = &self.broken {
            let why = Why::Broken(cause.clone());
            self.fail(index, why, out);
        } else if self.closed {
            self.fail(index, Why::Closed, out);
        } else {
            self.tasks.push_back(&mut self.queue, index);
        }
    }

    fn cancelled<A>(&mut self, key: Key, out: &mut Vec<Action<T, A, R>>) {
        if let Some(index) = self.tasks.find(key) {
            self.take_back(index);
            if let Some(task) = self.tasks.remove(index) {
                self.counts.cancelled += 1;
                out.push(Action::Forget { key, task });
            }
        }
    }

    fn answered<A>(&mut self, slot: u32, key: Key, answer: A, out: &mut Vec<Action<T, A, R>>) {
        let Some(index) = self.find_at(slot, key) else {
            return self.misbehaved(slot, out);
        };
        self.detach(index);
        let worker = self.slot_mut(slot);
        worker.window.answered();
        worker.suspect = false;
        worker.worked = true;
        self.launches.succeeded();
        if let Some(task) = self.tasks.remove(index) {
            self.counts.delivered += 1;
            out.push(Action::Deliver { key, task, answer });
        }
    }

    fn revoked<A>(&mut self, slot: u32, key: Key, revoked: bool, out: &mut Vec<Action<T, A, R>>) {
        let Some(index) = self.find_at(slot, key) else {
            return;
        };
        if self.tasks[index].revoking {
            self.tasks[index].revoking = false;
            self.slot_mut(slot).revoking -= 1;
        }
        if !revoked {
            return self.mark_started(slot, index, self.now);
        }
        self.suspect_if_stalled(slot, index);
        let killed = self.tasks[index].doomed == Doomed::Killed;
        self.take_back(index);
        if killed {
            self.fail(index, Why::Killed { ran: None }, out);
        } else {
            self.requeue(index, out);
        }
    }

    /// A task that is on no list goes back to its place in the queue.
    fn requeue<A>(&mut self, index: u32, out: &mut Vec<Action<T, A, R>>) {
        if self.cancelling {
            return self.cancel(index, out);
        }
        let key = self.tasks.key(index);
        self.tasks.insert_sorted(&mut self.queue, index);
        self.counts.requeued += 1;
        out.push(Action::Requeued { key });
    }

    /// A task that is on no list fails.
    fn fail<A>(&mut self, index: u32, why: Why<R>, out: &mut Vec<Action<T, A, R>>) {
        let key = self.tasks.key(index);
        if let Some(task) = self.tasks.remove(index) {
            self.counts.failed += 1;
            out.push(Action::Fail { key, task, why });
        }
    }

    /// A task that is on no list is cancelled by the pool.
    fn cancel<A>(&mut self, index: u32, out: &mut Vec<Action<T, A, R>>) {
        let key = self.tasks.key(index);
        if let Some(task) = self.tasks.remove(index) {
            self.counts.cancelled += 1;
            out.push(Action::Cancel { key, task });
        }
    }

    /// Takes a task off its list that its worker, if it has one, will not run.
    fn take_back(&mut self, index: u32) {
        if let Place::At(slot) = self.tasks[index].place {
            if let Some(budget) = &mut self.slot_mut(slot).budget {
                *budget += 1;
            }
        }
        self.detach(index);
    }

    /// Takes a task off its list.
    fn detach(&mut self, index: u32) {
        let entry = &mut self.tasks[index];
        let Place::At(slot) = entry.place else {
            return self.tasks.unlink(&mut self.queue, index);
        };
        let slot = &mut self.slots[slot as usize];
        slot.revoking -= u32::from(entry.revoking);
        slot.late -= u32::from(entry.late);
        slot.doomed -= u32::from(entry.doomed != Doomed::No);
        entry.revoking = false;
        entry.late = false;
        entry.doomed = Doomed::No;
        entry.started = false;
        entry.place = Place::Queued;
        if slot.list.first() == Some(index) {
            slot.front_since = self.now;
            slot.look_at = None;
        }
        self.tasks.unlink(&mut slot.list, index);
    }

    /// The task, if it is at the worker in `slot`.
    fn find_at(&self, slot: u32, key: Key) -> Option<u32> {
        let index = self.tasks.find(key)?;
        (self.tasks[index].place == Place::At(slot)).then_some(index)
    }

    /// A task has started, and so has what its worker was sent before.
    fn mark_started(&mut self, slot: u32, index: u32, at: u64) {
        let since = self.slot_mut(slot).front_since;
        self.slot_mut(slot).suspect = false;
        let mut next = Some(index);
        while let Some(earlier) = next {
            let entry = &mut self.tasks[earlier];
            if entry.started {
                break;
            }
            entry.started = true;
            entry.started_at = if earlier == index { at } else { since };
            next = self.tasks.prev(earlier);
        }
    }

    /// Asks for all tasks back that may not have started.
    fn revoke_all<A>(&mut self, slot: u32, out: &mut Vec<Action<T, A, R>>) {
        // Last one first: what comes back is then put in front of what came back before.
        let mut next = self.slots[slot as usize].list.last();
        while let Some(index) = next {
            next = self.tasks.prev(index);
            self.revoke(slot, index, out);
        }
    }

    fn revoke<A>(&mut self, slot: u32, index: u32, out: &mut Vec<Action<T, A, R>>) {
        let entry = &mut self.tasks[index];
        if entry.revocable() {
            entry.revoking = true;
            let slot_of = self.slot_mut(slot);
            slot_of.revoking += 1;
            let worker = slot_of.id(slot);
            let key = self.tasks.key(index);
            out.push(Action::Revoke { worker, key });
        }
    }

    fn slot_of(&self, worker: WorkerId) -> Option<u32> {
        let slot = self.slots.get(worker.slot())?;
        slot.is(worker).then_some(worker.slot)
    }

    fn slot_mut(&mut self, slot: u32) -> &mut Slot {
        &mut self.slots[slot as usize]
    }

    fn id(&self, slot: u32) -> WorkerId {
        self.slots[slot as usize].id(slot)
    }

    /// How many places have been used so far.
    fn places(&self) -> u32 {
        // Never more than `max_workers`.
        self.slots.len() as u32
    }

    /// There is something to be settled at `at`.
    fn wake(&mut self, at: u64) {
        self.wake_at = Some(self.wake_at.map_or(at, |before| before.min(at)));
    }
}

impl<T, R> fmt::Debug for Supervisor<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("tasks", &self.tasks.len())
            .field("queued", &self.queue.len())
            .field("slots", &self.slots)
            .field("broken", &self.broken.is_some())
            .field("closed", &self.closed)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
