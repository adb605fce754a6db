//! Who works for the pool when: the supervisor's thread and the delivery threads.
//!
//! At any time at most one thread *polls*: it sleeps until a worker or a user thread has
//! something, and does what there is to do. Preferably that is an idle delivery thread: it takes
//! an answer in and completes the future itself. Before it does, for that is users' code and may
//! take its time, it gives the polling up: to the supervisor's thread, at once when there is much
//! to deliver, and otherwise after half a millisecond, if it has not come back by then.
//!
//! A user's thread that waits for a task attends to its worker, if the task is all that worker has
//! (`Driver`): then the poller does not look at that channel.
//!
//! The supervisor's thread lives as long as the pool. It starts the workers, which end with it,
//! and polls whenever nobody else does.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::task::Waker;

use future_core::executor::{Awaited, Driver, Place};
use future_core::shim::thread::yield_now;
use future_core::shim::{Mutex, MutexGuard};
use future_core::{BrokenExecutor, SubmitErrorKind};

use crate::deliveries::{self, Deliveries, Next};
use crate::doors;
use crate::ground::{Ground, Poll, Watch as _, Woken};
use crate::inbox::Inbox;
use crate::linux_ground;
use crate::reactor::{Reactor, Source};
use crate::shell::{Shell, Workers};
use crate::supervisor::Config;
use crate::turns::Turns;
use crate::watch::Watch;

/// With so many deliveries at once the polling is given up for good.
const MANY: usize = 16;

/// Where the users of `T`'s pool put what they have for it.
pub type InboxOf<T> =
    Inbox<<T as Turns>::Work, <T as Turns>::Command, <<T as Turns>::Ground as Ground>::Bell>;

type ReactorOf<T> = <<T as Turns>::Ground as Ground>::Reactor;
type WatchOf<T> = <<T as Turns>::Ground as Ground>::Watch;

/// What the threads of a pool share.
pub struct Engine<T: Turns> {
    name: String,
    /// Tasks and commands, from any thread.
    pub inbox: Arc<InboxOf<T>>,
    /// Futures to be completed, and the threads that do it.
    pub deliveries: Deliveries<T::Delivery>,
    reactor: Arc<ReactorOf<T>>,
    watch: WatchOf<T>,
    /// `None` once it has panicked, which it does not.
    shell: Mutex<Option<T>>,
    /// What is left of it then.
    wreck: Mutex<Option<T>>,
}

impl Engine<Shell> {
    /// The engine of a process pool.
    ///
    /// # Errors
    ///
    /// When the system refuses a descriptor.
    pub(crate) fn of_processes(
        name: String,
        config: Config,
        workers: Workers,
    ) -> io::Result<Arc<Self>> {
        let inbox = Arc::new(Inbox::new(linux_ground::Bell::new()?));
        let reactor = Arc::new(Reactor::new()?);
        reactor.add(Source::Inbox, inbox.bell())?;
        let watch = Watch::new()?;
        Ok(Self::new(
            name,
            inbox.clone(),
            reactor.clone(),
            watch,
            |driver| Shell::new(config, workers, inbox, reactor, driver),
        ))
    }
}

impl<T: Turns> Engine<T> {
    /// An engine whose shell `make` makes; it gets who may be driven.
    pub fn new(
        name: String,
        inbox: Arc<InboxOf<T>>,
        reactor: Arc<ReactorOf<T>>,
        watch: WatchOf<T>,
        make: impl FnOnce(Weak<dyn Driver>) -> T,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this: &Weak<Self>| Self {
            name,
            inbox,
            deliveries: Deliveries::default(),
            reactor,
            watch,
            shell: Mutex::new(Some(make(this.clone()))),
            wreck: Mutex::new(None),
        })
    }

    /// Starts a delivery thread.
    pub(crate) fn grow(this: &Arc<Self>) -> io::Result<()> {
        let own = this.clone();
        this.deliveries.grow(&this.name, move || own.deliver())
    }

    pub(crate) fn shell(&self) -> MutexGuard<'_, Option<T>> {
        self.shell.lock()
    }

    /// There is a task, and whoever polls sleeps: if it is the only one, sends it to a worker here
    /// and now, else wakes that thread.
    pub fn work_or_ring(&self) {
        let mut ended = Vec::new();
        let worked = match self.shell.try_lock() {
            Some(mut place) if place.as_ref().is_some_and(T::is_idle) => {
                self.turned(&mut place, |shell| {
                    shell.turn_as_guest(&[], &mut ended);
                    self.needs(shell, &mut ended)
                })
            }
            _ => None,
        };
        let Some(needs) = worked else {
            return self.inbox.ring();
        };
        self.leave_the_rest(needs);
        if !self.inbox.may_sleep() {
            self.inbox.ring();
        }
    }

    /// Sees to it that what a user's thread did not do as a guest is done by those who are here for
    /// it.
    fn leave_the_rest(&self, needs: Needs) {
        if needs.supervisor {
            // It sleeps there, or it is the one that polls.
            self.watch.ring();
        }
        if needs.supervisor || needs.poller {
            self.inbox.ring();
        }
    }

    /// Hands on what has ended in a guest's turn, and says who has to come. Under the shell's lock:
    /// once it is free, the supervisor's thread may find that all is over, and the threads end that
    /// deliver.
    fn needs(&self, shell: &mut T, ended: &mut Vec<T::Delivery>) -> Needs {
        let undelivered = self.deliveries.push(ended);
        Needs {
            poller: !shell.sets_alarm() || undelivered,
            supervisor: shell.wants_supervisor(),
        }
    }

    /// Calls `turn`. Should it panic, all that was with the shell breaks.
    fn turned<R>(&self, place: &mut Option<T>, turn: impl FnOnce(&mut T) -> R) -> Option<R> {
        let shell = place.as_mut()?;
        let turned = catch_unwind(AssertUnwindSafe(|| turn(shell)));
        if turned.is_err() {
            let error = BrokenExecutor::new(
                "the process pool is broken: its supervisor panicked, which is a defect of the \
                 library",
            );
            self.inbox.close(SubmitErrorKind::Broken(error));
            // Its tasks' callbacks are not to run under the lock.
            *self.wreck.lock() = place.take();
            self.watch.ring();
        }
        turned.ok()
    }

    /// Sleeps until there is something to do, at most until `until`, and does it with `turn`.
    /// `None`: there is no shell any more.
    ///
    /// What `is_for` says is looked at before: a guest may have left something for the supervisor's
    /// thread, and rung the bell of its watch, just before that thread came here.
    fn poll<R>(
        &self,
        ready: &mut Vec<Source>,
        until: Option<u64>,
        is_for: impl FnOnce(&T) -> bool,
        turn: impl FnOnce(&mut T, &[Source]) -> R,
    ) -> Option<R> {
        let (next, at_once) = self.turned(&mut self.shell(), |shell| {
            (shell.before_sleep(), is_for(shell))
        })?;
        let until = match (next, until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let sleeps = !at_once && self.inbox.may_sleep();
        let limit = if sleeps {
            until.map(|at| at.saturating_sub(T::Ground::now()))
        } else {
            Some(0)
        };
        ready.clear();
        self.reactor.wait(limit, ready);
        if sleeps {
            self.inbox.awake(ready.contains(&Source::Inbox));
        }
        self.turned(&mut self.shell(), |shell| turn(shell, ready))
    }

    /// A delivery thread.
    pub fn deliver(&self) {
        self.deliveries.enter();
        let mut ready = Vec::new();
        let mut ended = Vec::new();
        loop {
            match self.deliveries.next() {
                Next::Deliver(delivery) => deliveries::carry_out(delivery),
                Next::Poll => self.poll_as_guest(&mut ready, &mut ended),
                Next::End => return,
            }
        }
    }

    /// Polls until there is something to deliver.
    fn poll_as_guest(&self, ready: &mut Vec<Source>, ended: &mut Vec<T::Delivery>) {
        loop {
            let turned = self.poll(
                ready,
                None,
                |_| false,
                |shell, ready| {
                    shell.turn_as_guest(ready, ended);
                    (shell.wants_supervisor(), shell.is_over())
                },
            );
            let (supervisor, over) = turned.unwrap_or((true, true));
            let many = ended.len() >= MANY;
            if over {
                // Nobody is to poll any more, and the supervisor's thread has the threads end.
                let _ = self.deliveries.push(ended);
                self.watch.ring();
                return;
            }
            if supervisor {
                self.watch.ring();
            }
            if self.deliveries.stop_polling_for(ended) {
                if many {
                    self.watch.ring();
                } else {
                    self.watch.arm();
                }
                return;
            }
        }
    }

    /// The supervisor's thread.
    pub fn supervise(this: &Arc<Self>) {
        let mut ended = Vec::new();
        let mut ready = Vec::new();
        loop {
            let turned = this.turned(&mut this.shell(), |shell| {
                if shell.wants_supervisor() {
                    shell.turn(&[], &mut ended);
                }
                (shell.sets_alarm(), shell.is_over())
            });
            let (alarm, over) = turned.unwrap_or((true, true));
            if this.deliveries.push(&mut ended) || !alarm {
                this.inbox.ring();
            }
            if over || (this.deliveries.take_poll() && !Self::poll_as_supervisor(this, &mut ready))
            {
                break;
            }
            this.watch.wait();
        }
        let wreck = this.wreck.lock().take();
        drop(wreck);
        // What nobody has taken, which can be only if there was a wreck.
        let (mut works, mut commands) = (Vec::new(), Vec::new());
        this.inbox.take(&mut works, &mut commands);
        drop((works, commands));
        this.deliveries.close();
        // One of the delivery threads may be polling.
        this.inbox.ring();
        // And all of them may be held up by what is still to be delivered.
        let mut growth = Growth::default();
        while !this.deliveries.drained() {
            growth.look(this, T::Ground::now());
            yield_now();
        }
    }

    /// Polls until a delivery thread does. False: nothing is to be done any more.
    fn poll_as_supervisor(this: &Arc<Self>, ready: &mut Vec<Source>) -> bool {
        let mut ended = Vec::new();
        let mut growth = Growth::default();
        loop {
            let until = growth.look(this, T::Ground::now());
            let turned = this.poll(ready, until, T::wants_supervisor, |shell, ready| {
                shell.turn(ready, &mut ended);
                shell.is_over()
            });
            let few = ended.len() < MANY;
            // Those who are not idle see to it in their turn, or there will be another thread.
            let _ = this.deliveries.push(&mut ended);
            if turned.unwrap_or(true) {
                return false;
            }
            if few && this.deliveries.hand_poll_over() {
                return true;
            }
        }
    }
}

impl<T: Turns> fmt::Debug for Engine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<T: Turns> Driver for Engine<T> {
    /// A user's thread that waits for the only task of a worker takes in what that worker says, so
    /// that the answer comes to it without a hop. All others sleep on: the worker's end is for
    /// whoever polls, and so is everything that comes when this thread is gone.
    fn drive(&self, place: Place, awaited: &Awaited<'_>) {
        let serial = doors::serial(place);
        let attend = || self.shell.try_lock()?.as_mut()?.attend(serial);
        let Some(seat) = attend() else {
            return;
        };
        let waker = Waker::from(seat.clone());
        let registered = awaited.wake(&waker);
        let mut ended = Vec::new();
        let mut stays = registered.is_some();
        while stays {
            let woken = seat.sleep(awaited.deadline(), || awaited.settled());
            stays = woken != Woken::Late && !awaited.settled();
            let mut own = None;
            let turned = self.turned(&mut self.shell(), |shell| {
                if woken == Woken::Channel {
                    shell.turn_as_guest(&[Source::Channel(serial)], &mut ended);
                    if shell.is_silent(serial) {
                        // Most often its process has ended by now, and so has its task.
                        shell.turn_as_guest(&[Source::Process(serial)], &mut ended);
                    }
                    own = self.deliveries.take_own(&mut ended, awaited.id());
                }
                stays &= own.is_none() && !shell.is_silent(serial);
                if !stays {
                    shell.leave(serial);
                }
                self.needs(shell, &mut ended)
            });
            match turned {
                Some(needs) => self.leave_the_rest(needs),
                None => stays = false,
            }
            if let Some(own) = own {
                self.deliveries.carry_out_own(own);
            }
        }
        if registered.is_none() {
            let _ = self.turned(&mut self.shell(), |shell| shell.leave(serial));
        }
    }
}

/// Who has to come after a guest's turn.
struct Needs {
    /// Whoever polls, before it would wake by itself.
    poller: bool,
    /// The supervisor's thread.
    supervisor: bool,
}

/// Sees to it that there is a thread for deliveries that is not held up.
#[derive(Default)]
struct Growth {
    /// How many were taken, and when that was seen first.
    seen: Option<(u64, u64)>,
}

impl Growth {
    /// Starts another thread if nothing was taken for a while; when to look again.
    fn look<T: Turns>(&mut self, engine: &Arc<Engine<T>>, now: u64) -> Option<u64> {
        let Some(taken) = engine.deliveries.held_up() else {
            self.seen = None;
            return None;
        };
        let since = match self.seen {
            Some((before, since)) if before == taken => since,
            _ => now,
        };
        self.seen = Some((taken, since));
        let at = since.saturating_add(deliveries::STALLED);
        if now < at {
            return Some(at);
        }
        // One that the system refuses is asked for again.
        let _ = Engine::grow(engine);
        self.seen = Some((taken, now));
        Some(now.saturating_add(deliveries::STALLED))
    }
}
