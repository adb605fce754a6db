//! A supervisor with workers that are made of memory, and an account of what it does.
//!
//! The workers do nothing by themselves: a test says when one launches, starts a task, answers,
//! stops, or dies. The world carries the supervisor's actions out as the pool's shell does, and
//! checks after each what must hold always.
#![allow(dead_code, reason = "each test file uses its own part of it")]

mod worker;

use std::collections::VecDeque;
use std::num::NonZeroU32;

use pool_process::parts::supervisor::{
    Action, Break, Config, Event, Key, OnCrash, Signal, Supervisor, Why, WorkerId,
};

pub(crate) use worker::{Answer, Claim, Frame, Stage, Worker};

pub(crate) type Did = Action<u32, u32, &'static str>;
type Told = Event<u32, u32, &'static str>;

/// A millisecond.
pub(crate) const MS: u64 = 1_000_000;

pub(crate) fn config(workers: u32) -> Config {
    Config::new(NonZeroU32::new(workers).unwrap())
}

/// How many workers were launched.
pub(crate) fn launches(log: &[Did]) -> usize {
    let launch = |action: &&Did| matches!(action, Action::Launch { .. });
    log.iter().filter(launch).count()
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Delivered,
    Cancelled,
    Forgotten,
    Failed(Why<&'static str>),
}

#[derive(Debug, Default)]
pub(crate) struct Task {
    pub(crate) end: Option<End>,
    pub(crate) key: Option<Key>,
    pub(crate) limit: Option<u64>,
    pub(crate) owner_cancelled: bool,
    pub(crate) starts: Vec<u64>,
    pub(crate) overtaken: u64,
    pub(crate) killed: bool,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) supervisor: Supervisor<u32, &'static str>,
    pub(crate) config: Config,
    pub(crate) now: u64,
    pub(crate) workers: Vec<Option<Worker>>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) closed: bool,
    pub(crate) cancelling: bool,
    pub(crate) killing: bool,
    pub(crate) broken: Option<Break<&'static str>>,
    pub(crate) over: bool,
    /// Every action since [`World::take_log`].
    pub(crate) log: Vec<Did>,
    pub(crate) launches: u32,
    pids: u32,
    told: VecDeque<Told>,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        let places = config.max_workers.get() as usize;
        Self {
            supervisor: Supervisor::new(config.clone()),
            config,
            now: 1_000,
            workers: (0..places).map(|_| None).collect(),
            tasks: Vec::new(),
            closed: false,
            cancelling: false,
            killing: false,
            broken: None,
            over: false,
            log: Vec::new(),
            launches: 0,
            pids: 0,
            told: VecDeque::new(),
        }
    }

    pub(crate) fn take_log(&mut self) -> Vec<Did> {
        std::mem::take(&mut self.log)
    }

    // What the pool's users do.

    pub(crate) fn submit(&mut self, limit: Option<u64>) -> usize {
        let task = self.tasks.len();
        self.tasks.push(Task {
            limit,
            ..Task::default()
        });
        self.tell(Event::Submit {
            task: task as u32,
            limit,
        });
        task
    }

    pub(crate) fn submit_many(&mut self, count: usize) {
        for _ in 0..count {
            self.submit(None);
        }
        self.settle();
    }

    /// The owner cancels: exactly, through the claim. Returns whether it did.
    pub(crate) fn cancel(&mut self, task: usize) -> bool {
        if self.tasks[task].end.is_some() || self.tasks[task].owner_cancelled {
            return false;
        }
        let Some((slot, key)) = self.whereabouts(task) else {
            // Queued: found out when it is sent.
            self.tasks[task].owner_cancelled = true;
            return true;
        };
        let (_, claim) = self.worker_mut(slot).claims.get_mut(&key).unwrap();
        if *claim != Claim::Queued {
            return false;
        }
        *claim = Claim::Revoked;
        self.tasks[task].owner_cancelled = true;
        self.tell(Event::Cancelled { key });
        true
    }

    pub(crate) fn kill(&mut self, task: usize, grace: u64) {
        if let Some(key) = self.tasks[task].key {
            self.tasks[task].killed = true;
            self.tell(Event::Kill { key, grace });
        }
    }

    pub(crate) fn close(&mut self, cancel: bool) {
        self.closed = true;
        self.cancelling |= cancel;
        self.tell(Event::Close { cancel });
    }

    pub(crate) fn kill_all(&mut self, grace: u64) {
        self.closed = true;
        self.cancelling = true;
        self.killing = true;
        self.tell(Event::KillAll { grace });
    }

    pub(crate) fn prestart(&mut self, workers: u32) {
        self.tell(Event::Prestart { workers });
    }

    pub(crate) fn advance(&mut self, by: u64) {
        self.now += by;
    }

    // What workers do.

    pub(crate) fn worker(&self, slot: usize) -> &Worker {
        self.workers[slot].as_ref().unwrap()
    }

    pub(crate) fn worker_mut(&mut self, slot: usize) -> &mut Worker {
        self.workers[slot].as_mut().unwrap()
    }

    pub(crate) fn launched(&mut self, slot: usize) {
        let worker = self.worker_mut(slot);
        assert_eq!(worker.stage, Stage::Launching);
        worker.stage = Stage::Starting;
        let worker = worker.id;
        self.pids += 1;
        let pid = self.pids;
        self.tell(Event::Launched { worker, pid });
    }

    pub(crate) fn refuse(&mut self, slot: usize, lasting: bool) {
        let worker = self.workers[slot].take().unwrap();
        assert_eq!(worker.stage, Stage::Launching);
        self.tell(Event::LaunchRefused {
            worker: worker.id,
            report: "refused",
            lasting,
        });
    }

    pub(crate) fn ready(&mut self, slot: usize) {
        let worker = self.worker_mut(slot);
        assert_eq!(worker.stage, Stage::Starting);
        worker.stage = Stage::Up;
        let worker = worker.id;
        self.tell(Event::Ready { worker });
    }

    pub(crate) fn fail_initializer(&mut self, slot: usize) {
        let worker = self.worker(slot).id;
        self.tell(Event::InitializerFailed {
            worker,
            report: "initializer",
        });
    }

    /// A worker from its launch to ready.
    pub(crate) fn bring_up(&mut self, slot: usize) {
        self.launched(slot);
        self.ready(slot);
        self.settle();
    }

    /// The worker claims its next task. Returns which it runs.
    pub(crate) fn start(&mut self, slot: usize) -> Option<usize> {
        let worker = self.workers[slot].as_mut()?;
        if worker.stage != Stage::Up || worker.stopped || worker.running.is_some() {
            return None;
        }
        let Frame { key, turn } = worker.frames.pop_front()?;
        match worker.claims.get_mut(&key) {
            Some((of, claim)) if *of == turn && *claim == Claim::Queued => {
                *claim = Claim::Started;
            }
            _ => {
                worker.answers.push_back(Answer::Skipped);
                return None;
            }
        }
        worker.running = Some(key);
        worker.started += 1;
        let (started, limit) = (worker.started, self.config.max_tasks_per_child);
        if let Some(limit) = limit {
            assert!(started <= limit.get(), "a worker runs more than it may");
        }
        let task = self.task_of(key).expect("a worker starts a live task");
        self.account_start(task);
        Some(task)
    }

    /// The worker answers what it runs.
    pub(crate) fn finish(&mut self, slot: usize) -> bool {
        let Some(worker) = self.workers[slot].as_mut() else {
            return false;
        };
        if worker.stopped {
            return false;
        }
        let Some(key) = worker.running.take() else {
            return false;
        };
        worker.answers.push_back(Answer::Done(key));
        true
    }

    /// The worker's answers arrive.
    pub(crate) fn read(&mut self, slot: usize) {
        let Some(worker) = self.workers[slot].as_mut() else {
            return;
        };
        let id = worker.id;
        for answer in std::mem::take(&mut worker.answers) {
            match answer {
                Answer::Done(key) => {
                    let worker = self.worker_mut(slot);
                    worker.claims.remove(&key);
                    worker.read += 1;
                    let answer = self.task_of(key).map_or(u32::MAX, |task| task as u32);
                    self.tell(Event::Answered {
                        worker: id,
                        key,
                        answer,
                    });
                }
                Answer::Skipped => self.tell(Event::Skipped { worker: id }),
            }
        }
    }

    /// The worker runs its next task to the end, and the answer is read.
    pub(crate) fn run(&mut self, slot: usize) -> Option<usize> {
        let task = self.start(slot);
        self.finish(slot);
        self.read(slot);
        self.settle();
        task
    }

    /// The worker's process is gone, which is noticed.
    pub(crate) fn die(&mut self, slot: usize, report: &'static str) {
        self.read(slot);
        let Some(mut worker) = self.workers[slot].take() else {
            return;
        };
        let mut started = Vec::new();
        for (&key, (_, claim)) in &mut worker.claims {
            match claim {
                Claim::Queued => *claim = Claim::Revoked,
                Claim::Started => started.push(key),
                Claim::Revoked => {}
            }
        }
        started.sort();
        let worker = worker.id;
        self.tell(Event::Died {
            worker,
            report,
            started,
        });
    }

    /// A well-behaved worker's next step, if it has one.
    pub(crate) fn step(&mut self, slot: usize) -> bool {
        let Some(worker) = &self.workers[slot] else {
            return false;
        };
        let killed = worker.signals.iter().any(|(s, _)| *s == Signal::Kill);
        if killed || (!worker.signals.is_empty() && !worker.stopped) {
            self.die(slot, "signalled");
            return true;
        }
        if worker.stopped {
            return false;
        }
        let idle = worker.running.is_none() && worker.frames.is_empty();
        match worker.stage {
            Stage::Launching => self.launched(slot),
            Stage::Starting if worker.channel_closed => self.die(slot, "exited"),
            Stage::Starting => self.ready(slot),
            Stage::Up if !worker.answers.is_empty() => self.read(slot),
            Stage::Up if worker.running.is_some() => return self.finish(slot),
            Stage::Up if !idle => {
                self.start(slot);
            }
            Stage::Up if worker.channel_closed => self.die(slot, "exited"),
            Stage::Up => return false,
        }
        true
    }

    // The shell.

    pub(crate) fn tell(&mut self, event: Told) {
        let mut out = Vec::new();
        self.supervisor.handle(self.now, event, &mut out);
        self.carry_out(out);
    }

    /// Settles, and carries out what follows until nothing does.
    pub(crate) fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 10_000, "the supervisor does not come to rest");
            let mut out = Vec::new();
            self.supervisor.settle(self.now, &mut out);
            self.carry_out(out);
            if self.told.is_empty() {
                break;
            }
            while let Some(event) = self.told.pop_front() {
                self.tell(event);
            }
        }
        self.check();
    }

    fn carry_out(&mut self, actions: Vec<Did>) {
        for action in actions {
            self.log.push(action.clone());
            let late = matches!(
                action,
                Action::Fail {
                    why: Why::Closed | Why::Broken(_),
                    ..
                }
            );
            assert!(late || !self.over, "this comes after Over: {action:?}");
            match action {
                Action::Launch { worker } => self.launch(worker),
                Action::Send { worker, key } => self.send(worker, key),
                Action::Deliver { task, answer, .. } => {
                    assert_eq!(task, answer);
                    self.end(task, End::Delivered);
                }
                Action::Fail { task, why, .. } => self.end(task, End::Failed(why)),
                Action::Cancel { task, .. } => {
                    assert!(self.cancelling);
                    self.end(task, End::Cancelled);
                }
                Action::Forget { task, .. } => self.end(task, End::Forgotten),
                Action::Requeued { .. } => {}
                Action::Revoke { worker, key } => self.revoke(worker, key),
                Action::Look { worker, key } => self.look(worker, key),
                Action::Signal {
                    worker,
                    signal,
                    because,
                } => {
                    let worker = self.process(worker).expect("a living process is signalled");
                    worker.signals.push((signal, because));
                }
                Action::Retire { worker } => {
                    let limit = self.config.max_tasks_per_child;
                    let closed = self.closed;
                    let worker = self.process(worker).expect("a living process retires");
                    assert!(!worker.channel_closed);
                    worker.channel_closed = true;
                    let last = limit.is_some_and(|limit| limit.get() == worker.read);
                    assert!(closed || last, "a worker retires before its time");
                }
                Action::Broken { cause } => {
                    assert!(self.broken.is_none());
                    self.broken = Some(cause);
                }
                Action::Over => {
                    assert!(self.closed);
                    assert!(self.workers.iter().all(Option::is_none));
                    assert!(self.tasks.iter().all(|task| task.end.is_some()));
                    self.over = true;
                }
            }
        }
    }

    fn launch(&mut self, worker: WorkerId) {
        assert!(self.broken.is_none() && !self.killing);
        self.launches += 1;
        let place = &mut self.workers[worker.slot()];
        assert!(place.is_none(), "two workers in one place");
        *place = Some(Worker::new(worker));
    }

    fn send(&mut self, id: WorkerId, key: Key) {
        let Some(&task) = self.supervisor.task(key) else {
            return;
        };
        let task = task as usize;
        self.tasks[task].key = Some(key);
        if self.tasks[task].owner_cancelled {
            self.told.push_back(Event::Cancelled { key });
            return;
        }
        if let Some(worker) = self.process(id) {
            assert_eq!(worker.stage, Stage::Up);
            assert!(!worker.channel_closed, "nothing is sent to who leaves");
            worker.turn += 1;
            let turn = worker.turn;
            worker.frames.push_back(Frame { key, turn });
            worker.claims.insert(key, (turn, Claim::Queued));
        }
    }

    fn revoke(&mut self, id: WorkerId, key: Key) {
        let Some(worker) = self.process(id) else {
            return;
        };
        let claim = worker.claims.get_mut(&key);
        let revoked = match claim {
            Some((_, claim)) if *claim == Claim::Queued => {
                *claim = Claim::Revoked;
                true
            }
            _ => false,
        };
        self.told.push_back(Event::Revoked {
            worker: id,
            key,
            revoked,
        });
    }

    fn look(&mut self, id: WorkerId, key: Key) {
        let Some(worker) = self.process(id) else {
            return;
        };
        let mut started = worker.running;
        if matches!(worker.claims.get(&key), Some((_, Claim::Started))) {
            started = started.or(Some(key));
        }
        if let Some(key) = started {
            let task = self.task_of(key);
            let at = task.and_then(|task| self.tasks[task].starts.last().copied());
            let at = at.unwrap_or(self.now);
            self.told.push_back(Event::Started {
                worker: id,
                key,
                at,
            });
        }
    }

    fn process(&mut self, id: WorkerId) -> Option<&mut Worker> {
        self.workers[id.slot()]
            .as_mut()
            .filter(|worker| worker.id == id && worker.stage != Stage::Launching)
    }

    // The account.

    fn end(&mut self, task: u32, end: End) {
        let now = self.now;
        let fate = &mut self.tasks[task as usize];
        assert!(
            fate.end.is_none(),
            "task {task} ends twice: {:?}, {end:?}",
            fate.end
        );
        let last_start = fate.starts.last().copied();
        match &end {
            End::Delivered => assert!(last_start.is_some()),
            End::Forgotten => assert!(fate.owner_cancelled),
            End::Failed(Why::Died { .. }) => {
                assert!(last_start.is_some(), "only what has started dies with it");
            }
            End::Failed(Why::Deadline { limit, .. }) => {
                assert_eq!(Some(*limit), fate.limit);
                let ran = now - last_start.unwrap();
                assert!(ran >= *limit, "stopped after {ran} ns of {limit}");
            }
            End::Failed(Why::Killed { ran }) => {
                assert!(fate.killed || self.killing);
                assert!(ran.is_none() || last_start.is_some());
            }
            End::Failed(Why::Broken(cause)) => assert_eq!(Some(cause), self.broken.as_ref()),
            End::Failed(Why::Closed) => assert!(self.closed),
            End::Cancelled => {}
        }
        fate.end = Some(end);
    }

    fn account_start(&mut self, task: usize) {
        let retries = match self.config.on_crash {
            OnCrash::FailTask { retries } => retries as usize,
            OnCrash::BreakPool => 0,
        };
        let now = self.now;
        let fate = &mut self.tasks[task];
        assert!(fate.end.is_none() && !fate.owner_cancelled);
        fate.starts.push(now);
        let first = fate.starts.len() == 1;
        assert!(fate.starts.len() <= 1 + retries, "a task runs too often");
        if !first {
            return;
        }
        let workers = u64::from(self.config.max_workers.get());
        let bound = if workers == 1 { 0 } else { 32 * workers };
        for earlier in &mut self.tasks[..task] {
            if earlier.end.is_none() && !earlier.owner_cancelled && earlier.starts.is_empty() {
                earlier.overtaken += 1;
                assert!(earlier.overtaken <= bound, "overtaken too often");
            }
        }
    }

    fn check(&self) {
        let max = self.config.max_workers.get();
        let window = self.config.window_max.get() as usize;
        let window = if max == 1 { window } else { window.min(24) };
        for worker in self.workers.iter().flatten() {
            let claims = worker.claims.values();
            let has = claims.filter(|(_, claim)| *claim != Claim::Revoked);
            assert!(
                has.count() <= window.max(1),
                "more than a window: {worker:?}"
            );
        }
        assert_eq!(self.supervisor.is_over(), self.over);
        if self.broken.is_some() {
            assert!(self.tasks.iter().all(|task| task.end.is_some()));
        }
    }

    /// Everything behaves from now on, until nothing is left to do; then the pool is closed.
    pub(crate) fn play_to_the_end(&mut self) {
        self.play();
        for (index, task) in self.tasks.iter().enumerate() {
            assert!(
                task.end.is_some() || task.owner_cancelled,
                "{index} is lost"
            );
        }
        self.close(false);
        self.settle();
        self.play();
        assert!(
            self.over,
            "the shutdown does not end: {:?}",
            self.supervisor
        );
        let stats = self.supervisor.stats();
        let ends = stats.delivered + stats.failed + stats.cancelled;
        assert_eq!(ends, self.tasks.len() as u64);
        assert_eq!((stats.queued, stats.running), (0, 0));
    }

    /// Everything behaves until nothing happens any more.
    pub(crate) fn play(&mut self) {
        for _ in 0..1_000_000 {
            let before = self.log.len();
            let mut moved = false;
            for slot in 0..self.workers.len() {
                moved |= self.step(slot);
                self.now += 100;
            }
            self.settle();
            if moved || self.log.len() > before {
                continue;
            }
            match self.supervisor.next_deadline() {
                Some(at) => self.now = self.now.max(at),
                None => return,
            }
            self.settle();
        }
        panic!("this does not end: {self:?}");
    }

    pub(crate) fn end_of(&self, task: usize) -> Option<&End> {
        self.tasks[task].end.as_ref()
    }

    pub(crate) fn task_of(&self, key: Key) -> Option<usize> {
        self.supervisor.task(key).map(|&task| task as usize)
    }

    /// Where a task is that was sent: the place and its key.
    pub(crate) fn whereabouts(&self, task: usize) -> Option<(usize, Key)> {
        let key = self.tasks[task].key?;
        let at = |worker: &Worker| {
            matches!(
                worker.claims.get(&key),
                Some((_, Claim::Queued | Claim::Started))
            )
        };
        let slot = self
            .workers
            .iter()
            .position(|worker| worker.as_ref().is_some_and(at))?;
        Some((slot, key))
    }

    /// Which tasks the worker in `slot` has and may still start, in order.
    pub(crate) fn frames(&self, slot: usize) -> Vec<usize> {
        let worker = self.worker(slot);
        let live = worker
            .frames
            .iter()
            .filter(|frame| worker.claims.get(&frame.key) == Some(&(frame.turn, Claim::Queued)));
        live.filter_map(|frame| self.task_of(frame.key)).collect()
    }

    /// How many workers there are.
    pub(crate) fn processes(&self) -> usize {
        self.workers.iter().flatten().count()
    }
}
