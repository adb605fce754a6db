//! Models of who works for a pool when: submitters, those who wait, delivery threads and the
//! supervisor's thread take turns, and whatever is left by one is found by another.
//!
//! The roles, the inbox, the deliveries and the seat are those that ship. What they take turns at
//! is a [`Toy`] with one worker, and they sleep in a [`Room`]. `Arc` and `Weak` are std's, as in the pool:
//! nothing here rests on the order of their counts.
#![cfg(cf_loom)]

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Instant;

use future_core::executor::{Driver, Place, Proxy, Task};
use future_core::shim::model::{Model, Reached};
use future_core::shim::{Condvar, Mutex};
use future_core::{FutureId, TaskError};
use loom::thread;
use pool_process::parts::engine::{
    Bell, Deliver, Engine, Ground, Inbox, InboxOf, Poll, Seat, Source, Stool, Turns, Watch, Woken,
};

const ROOM: &str = "the system's descriptors and the supervision are toys with one worker";

/// The number of the worker.
const WORKER: u64 = 5;

/// All that the threads of a model sleep on.
#[derive(Default)]
struct Room {
    things: Mutex<Things>,
    change: Condvar,
}

#[derive(Default)]
struct Things {
    bell: bool,
    /// The worker has a task.
    sent: bool,
    /// The worker has answered, and nobody has read it.
    answered: bool,
    /// Somebody attends to the worker: its channel is not in the poll.
    attended: bool,
    /// The bell of the seat.
    seat: bool,
    watch: bool,
}

impl Room {
    fn set(&self, change: impl FnOnce(&mut Things)) {
        change(&mut self.things.lock());
        self.change.notify_all();
    }

    /// Waits until `look` finds something.
    fn wait<R>(&self, mut look: impl FnMut(&mut Things) -> Option<R>) -> R {
        let mut things = self.things.lock();
        loop {
            if let Some(found) = look(&mut things) {
                return found;
            }
            (things, _) = self.change.wait(things, None);
        }
    }
}

/// What its sleepers and their wakers hold.
#[derive(Clone)]
struct Spot(Arc<Room>);

/// What the model's threads sleep on.
struct Here;

impl Ground for Here {
    type Bell = Spot;
    type Reactor = Spot;
    type Watch = WatchIn;
    type Stool = Spot;

    fn now() -> u64 {
        0
    }
}

impl Bell for Spot {
    fn ring(&self) {
        self.0.set(|things| things.bell = true);
    }

    fn silence(&self) {
        self.0.things.lock().bell = false;
    }
}

impl Poll for Spot {
    fn wait(&self, limit: Option<u64>, ready: &mut Vec<Source>) {
        let look = |things: &mut Things| {
            if things.bell {
                ready.push(Source::Inbox);
            }
            if things.answered && !things.attended {
                ready.push(Source::Channel(WORKER));
            }
            // A limit may always have passed.
            (!ready.is_empty() || limit.is_some()).then_some(())
        };
        self.0.wait(look);
        if limit.is_some_and(|limit| limit > 0) {
            thread::yield_now();
        }
    }
}

impl Stool for Spot {
    fn wait(&self, _: Option<Instant>) -> Woken {
        self.0.wait(|things| {
            if things.answered {
                Some(Woken::Channel)
            } else if std::mem::take(&mut things.seat) {
                Some(Woken::Early)
            } else {
                None
            }
        })
    }

    fn ring(&self) {
        self.0.set(|things| things.seat = true);
    }
}

struct WatchIn(Arc<Room>);

impl Watch for WatchIn {
    fn ring(&self) {
        self.0.set(|things| things.watch = true);
    }

    fn arm(&self) {
        self.ring();
    }

    fn wait(&self) {
        self.0
            .wait(|things| std::mem::take(&mut things.watch).then_some(()));
    }
}

/// A task of a model.
trait Job: Deliver + 'static {
    /// It is with the worker.
    fn sent(&mut self) {}
}

enum Command {
    Close,
}

/// One worker and its tasks.
struct Toy<J: Job> {
    room: Arc<Room>,
    inbox: Arc<InboxOf<Self>>,
    queued: VecDeque<J>,
    running: Option<J>,
    /// The worker was started.
    started: bool,
    /// A guest could not start it.
    wanted: bool,
    /// It answers when it is told to, not at once.
    slow: bool,
    closed: bool,
    over: bool,
    guest: bool,
    sent_by_guest: &'static Reached,
    sent_by_others: &'static Reached,
}

impl<J: Job> Toy<J> {
    fn take_turn(&mut self, ready: &[Source], ended: &mut Vec<J>) {
        if ready.contains(&Source::Channel(WORKER)) {
            let answered = std::mem::take(&mut self.room.things.lock().answered);
            if answered {
                ended.extend(self.running.take());
            }
        }
        if !self.guest && std::mem::take(&mut self.wanted) {
            self.started = true;
        }
        let (mut works, mut commands) = (Vec::new(), Vec::new());
        self.inbox.take(&mut works, &mut commands);
        self.queued.extend(works);
        self.closed |= !commands.is_empty();
        if !self.started && !self.queued.is_empty() {
            if self.guest {
                self.wanted = true;
            } else {
                self.started = true;
            }
        }
        if self.started && self.running.is_none() {
            if let Some(mut job) = self.queued.pop_front() {
                job.sent();
                self.running = Some(job);
                if self.guest {
                    self.sent_by_guest.mark();
                } else {
                    self.sent_by_others.mark();
                }
                let slow = self.slow;
                self.room.set(|things| {
                    things.sent = true;
                    things.answered = !slow;
                });
            }
        }
        self.over = self.closed && self.queued.is_empty() && self.running.is_none();
    }
}

impl<J: Job> Turns for Toy<J> {
    type Ground = Here;
    type Work = J;
    type Command = Command;
    type Delivery = J;

    fn turn(&mut self, ready: &[Source], ended: &mut Vec<J>) {
        self.take_turn(ready, ended);
    }

    fn turn_as_guest(&mut self, ready: &[Source], ended: &mut Vec<J>) {
        self.guest = true;
        self.take_turn(ready, ended);
        self.guest = false;
    }

    fn is_idle(&self) -> bool {
        self.running.is_none() && self.queued.is_empty()
    }

    fn wants_supervisor(&self) -> bool {
        self.over || self.wanted
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn before_sleep(&mut self) -> Option<u64> {
        None
    }

    fn sets_alarm(&mut self) -> bool {
        true
    }

    fn attend(&mut self, serial: u64) -> Option<Arc<Seat<Spot>>> {
        assert_eq!(serial, WORKER);
        let mut things = self.room.things.lock();
        if things.attended || self.running.is_none() {
            return None;
        }
        things.attended = true;
        Some(Arc::new(Seat::new(Spot(self.room.clone()))))
    }

    fn is_silent(&mut self, _: u64) -> bool {
        false
    }

    fn leave(&mut self, _: u64) {
        self.room.set(|things| things.attended = false);
    }
}

struct Counts {
    by_guest: Reached,
    by_others: Reached,
}

impl Counts {
    const fn new() -> Self {
        Self {
            by_guest: Reached::new("a user's thread sends the task itself"),
            by_others: Reached::new("a thread of the pool sends the task"),
        }
    }
}

/// A pool whose threads run.
struct Pool<J: Job> {
    engine: Arc<Engine<Toy<J>>>,
    room: Arc<Room>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl<J: Job> Pool<J> {
    fn new(counts: &'static Counts, started: bool, slow: bool) -> Self {
        let room: Arc<Room> = Arc::default();
        let inbox = Arc::new(Inbox::new(Spot(room.clone())));
        let toy = |_| Toy {
            room: room.clone(),
            inbox: inbox.clone(),
            queued: VecDeque::new(),
            running: None,
            started,
            wanted: false,
            slow,
            closed: false,
            over: false,
            guest: false,
            sent_by_guest: &counts.by_guest,
            sent_by_others: &counts.by_others,
        };
        let reactor = Arc::new(Spot(room.clone()));
        let watch = WatchIn(room.clone());
        let engine = Engine::new(String::new(), inbox.clone(), reactor, watch, toy);
        Self {
            engine,
            room,
            threads: Vec::new(),
        }
    }

    fn start(&mut self) {
        self.start_after(|_| ());
    }

    /// The supervisor's thread does something else first, so that a model needs one less.
    fn start_after(&mut self, first: impl FnOnce(&Room) + Send + 'static) {
        let engine = self.engine.clone();
        engine.deliveries.enlist();
        self.threads.push(thread::spawn(move || engine.deliver()));
        let (engine, room) = (self.engine.clone(), self.room.clone());
        self.threads.push(thread::spawn(move || {
            first(&room);
            Engine::supervise(&engine);
        }));
    }

    fn submit(&self, job: J) {
        match self.engine.inbox.submit(job) {
            Ok(true) => self.engine.work_or_ring(),
            Ok(false) => {}
            Err(_) => unreachable!("the pool is not closed"),
        }
    }

    /// All threads end.
    fn close(self) {
        self.engine.inbox.command(Command::Close);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

/// A task that somebody waits for who does not drive.
#[derive(Clone, Default)]
struct Plain(Arc<(Mutex<bool>, Condvar)>);

impl Plain {
    fn wait(&self) {
        let mut done = self.0.0.lock();
        while !*done {
            (done, _) = self.0.1.wait(done, None);
        }
    }
}

impl Job for Plain {}

impl Deliver for Plain {
    fn carry_out(self) {
        let twice = std::mem::replace(&mut *self.0.0.lock(), true);
        assert!(!twice);
        self.0.1.notify_all();
    }

    fn is_for(&self, _: FutureId) -> bool {
        false
    }
}

#[test]
fn a_task_comes_back_whoever_works_for_it() {
    static COUNTS: Counts = Counts::new();
    Model::new(
        "a_task_comes_back_whoever_works_for_it",
        "submit, poll, deliver and close against each other: no task stays, all threads end",
        3,
    )
    .substitute(ROOM)
    .check(|| {
        let mut pool = Pool::new(&COUNTS, true, false);
        pool.start();
        let task = Plain::default();
        pool.submit(task.clone());
        task.wait();
        pool.close();
    });
    COUNTS.by_guest.assert();
    COUNTS.by_others.assert();
}

#[test]
fn a_pool_that_closes_delivers_everything() {
    static COUNTS: Counts = Counts::new();
    Model::new(
        "a_pool_that_closes_delivers_everything",
        "closing a pool against the end of its only task",
        3,
    )
    .substitute(ROOM)
    .check(|| {
        let mut pool = Pool::new(&COUNTS, true, false);
        pool.start();
        let task = Plain::default();
        pool.submit(task.clone());
        pool.close();
        assert!(*task.0.0.lock());
    });
    COUNTS.by_guest.assert();
    COUNTS.by_others.assert();
}

#[test]
fn a_worker_is_started_that_a_guest_wants() {
    static COUNTS: Counts = Counts::new();
    Model::new(
        "a_worker_is_started_that_a_guest_wants",
        "a guest that may start no worker against the supervisor's thread going to sleep",
        3,
    )
    .substitute(ROOM)
    .check(|| {
        let mut pool = Pool::new(&COUNTS, false, false);
        pool.start();
        let task = Plain::default();
        pool.submit(task.clone());
        task.wait();
        pool.close();
    });
    COUNTS.by_others.assert();
}

#[test]
fn two_submitters_at_once() {
    static COUNTS: Counts = Counts::new();
    Model::new(
        "two_submitters_at_once",
        "two users' threads, of which one works in place of the poller",
        4,
    )
    .substitute(ROOM)
    .check(|| {
        let mut pool = Pool::new(&COUNTS, true, false);
        pool.start();
        let pool = Arc::new(pool);
        let second = {
            let pool = pool.clone();
            thread::spawn(move || {
                let task = Plain::default();
                pool.submit(task.clone());
                task.wait();
            })
        };
        let task = Plain::default();
        pool.submit(task.clone());
        task.wait();
        second.join().unwrap();
        Arc::into_inner(pool).expect("the other is gone").close();
    });
    COUNTS.by_guest.assert();
    COUNTS.by_others.assert();
}

/// A lent task, whose waiter may drive.
struct Lent(Task);

impl Job for Lent {
    fn sent(&mut self) {
        assert!(self.0.lend([WORKER, 0]));
    }
}

impl Deliver for Lent {
    fn carry_out(self) {
        let _ = self.0.run_lent(|| {});
    }

    fn is_for(&self, id: FutureId) -> bool {
        self.0.id() == id && !self.0.has_callbacks()
    }
}

struct Elsewhere {
    engine: Weak<Engine<Toy<Lent>>>,
    read_by: Arc<std::sync::Mutex<Option<loom::thread::ThreadId>>>,
    revocable: bool,
}

impl Proxy for Elsewhere {
    type Output = ();

    fn receive(self) -> Result<(), TaskError> {
        *self.read_by.lock().unwrap() = Some(thread::current().id());
        Ok(())
    }

    fn revoke(&self, _: Place) -> bool {
        self.revocable
    }

    fn started(&self, _: Place) -> bool {
        !self.revocable
    }

    fn driver(&self, _: Place) -> Option<Arc<dyn Driver>> {
        Some(self.engine.upgrade()?)
    }

    fn name() -> &'static str {
        "elsewhere"
    }
}

#[test]
fn who_waits_reads_the_answer_or_somebody_else_does() {
    static COUNTS: Counts = Counts::new();
    static OWN: Reached = Reached::new("the waiting thread reads its answer");
    static OTHERS: Reached = Reached::new("a thread of the pool reads the answer");
    Model::new(
        "who_waits_reads_the_answer_or_somebody_else_does",
        "sitting down at a worker against its answer and the poller",
        3,
    )
    .substitute(ROOM)
    .check(|| {
        let mut pool = Pool::new(&COUNTS, true, true);
        pool.start_after(|room| {
            room.wait(|things| things.sent.then_some(()));
            room.set(|things| things.answered = true);
        });
        let read_by = Arc::default();
        let (task, future) = Task::new_lendable(Elsewhere {
            engine: Arc::downgrade(&pool.engine),
            read_by: Arc::clone(&read_by),
            revocable: false,
        });
        pool.submit(Lent(task));
        future.result().unwrap();
        let reader = read_by.lock().unwrap().take().expect("it was read");
        if reader == thread::current().id() {
            OWN.mark();
        } else {
            OTHERS.mark();
        }
        pool.close();
    });
    OWN.assert();
    OTHERS.assert();
}

#[test]
fn a_cancellation_wakes_who_sits_at_a_worker() {
    static COUNTS: Counts = Counts::new();
    static BEFORE: Reached = Reached::new("cancelled before the waiter sat down");
    Model::new(
        "a_cancellation_wakes_who_sits_at_a_worker",
        "a cancellation against the waiter going to sleep at the worker's channel",
        2,
    )
    .substitute(ROOM)
    .check(|| {
        let pool = Pool::new(&COUNTS, true, true);
        let (task, future) = Task::new_lendable(Elsewhere {
            engine: Arc::downgrade(&pool.engine),
            read_by: Arc::default(),
            revocable: true,
        });
        // Nobody of the pool is there: its threads do not matter here.
        assert!(pool.engine.inbox.may_sleep());
        pool.submit(Lent(task));
        let handle = future.handle();
        let canceller = thread::spawn(move || assert!(handle.cancel()));
        if future.done() {
            BEFORE.mark();
        }
        assert!(future.result().unwrap_err().is_cancelled());
        canceller.join().unwrap();
        assert!(!pool.room.things.lock().attended);
    });
    BEFORE.assert();
    COUNTS.by_guest.assert();
}
