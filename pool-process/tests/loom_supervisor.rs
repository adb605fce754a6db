//! Models of the supervision: workers are threads, claims are words that both sides race for.
//!
//! The supervisor is under a lock, as in the pool. What the pool's shell does is done here by
//! whichever thread has the lock; what a worker does, it does without.
#![cfg(cf_loom)]

use std::collections::VecDeque;
use std::num::NonZeroU32;

use future_core::shim::atomic::{AtomicBool, AtomicU32, Ordering};
use future_core::shim::model::{Model, Reached};
use future_core::shim::{Arc, Mutex};
use loom::thread;
use pool_process::parts::supervisor::{
    Action, Because, Config, Event, Key, Supervisor, Why, WorkerId,
};

const MEMORY: &str = "workers are threads, channels and claims ordinary memory";

const QUEUED: u32 = 0;
const STARTED: u32 = 1;
const REVOKED: u32 = 2;

/// The claim of one task at one worker.
#[derive(Clone)]
struct Claim(Arc<AtomicU32>);

impl Claim {
    fn new() -> Self {
        Self(Arc::new(AtomicU32::new(QUEUED)))
    }

    fn take(&self, state: u32) -> bool {
        // ORDERING: the order of the claims that ship; who loses reads what the winner did.
        self.0
            .compare_exchange(QUEUED, state, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn started(&self) -> bool {
        // ORDERING: see `take`.
        self.0.load(Ordering::Acquire) == STARTED
    }
}

#[derive(Clone)]
struct Frame {
    key: Key,
    claim: Claim,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Delivered,
    Died,
    Killed,
    Cancelled,
    Forgotten,
}

/// A worker's process, as far as it is shared with the pool.
#[derive(Clone)]
struct Process {
    id: WorkerId,
    /// What it has answered.
    channel: Arc<Mutex<Vec<Key>>>,
    killed: Arc<AtomicBool>,
}

/// The supervisor and what the pool's shell keeps.
struct Shell {
    supervisor: Supervisor<u32, ()>,
    now: u64,
    told: VecDeque<Event<u32, (), ()>>,
    coming: Vec<WorkerId>,
    processes: Vec<Option<Process>>,
    frames: Vec<VecDeque<Frame>>,
    /// Of each task: where it is, with its claim.
    at: Vec<Option<(WorkerId, Frame)>>,
    ends: Vec<Option<End>>,
    launches: u32,
    requeued: u32,
    over: bool,
}

impl Shell {
    fn new(workers: u32, limit: Option<u32>, tasks: u32) -> Self {
        let mut config = Config::new(NonZeroU32::new(workers).unwrap());
        config.max_tasks_per_child = limit.and_then(NonZeroU32::new);
        Self {
            supervisor: Supervisor::new(config),
            now: 0,
            told: VecDeque::new(),
            coming: Vec::new(),
            processes: (0..workers).map(|_| None).collect(),
            frames: (0..workers).map(|_| VecDeque::new()).collect(),
            at: (0..tasks).map(|_| None).collect(),
            ends: (0..tasks).map(|_| None).collect(),
            launches: 0,
            requeued: 0,
            over: false,
        }
    }

    /// A shell whose workers are up, with `tasks` submitted and sent.
    fn with_tasks(workers: u32, up: usize, limit: Option<u32>, tasks: u32, sent: u32) -> Self {
        let mut shell = Self::new(workers, limit, tasks);
        for task in 0..sent {
            shell.tell(Event::Submit { task, limit: None });
        }
        shell.settle();
        for _ in 0..up {
            shell.bring_up();
        }
        shell
    }

    fn bring_up(&mut self) {
        let worker = self.coming.remove(0);
        self.tell(Event::Launched { worker, pid: 1 });
        self.tell(Event::Ready { worker });
        self.settle();
    }

    fn tell(&mut self, event: Event<u32, (), ()>) {
        let mut out = Vec::new();
        self.supervisor.handle(self.now, event, &mut out);
        self.carry_out(out);
    }

    fn settle(&mut self) {
        loop {
            let mut out = Vec::new();
            self.supervisor.settle(self.now, &mut out);
            self.carry_out(out);
            if self.told.is_empty() {
                return;
            }
            while let Some(event) = self.told.pop_front() {
                self.tell(event);
            }
        }
    }

    fn carry_out(&mut self, actions: Vec<Action<u32, (), ()>>) {
        for action in actions {
            match action {
                Action::Launch { worker } => {
                    assert!(self.processes[worker.slot()].is_none());
                    self.launches += 1;
                    self.coming.push(worker);
                    self.processes[worker.slot()] = Some(Process {
                        id: worker,
                        channel: Arc::new(Mutex::new(Vec::new())),
                        killed: Arc::new(AtomicBool::new(false)),
                    });
                }
                Action::Send { worker, key } => {
                    let Some(&task) = self.supervisor.task(key) else {
                        continue;
                    };
                    let claim = Claim::new();
                    let frame = Frame { key, claim };
                    self.frames[worker.slot()].push_back(frame.clone());
                    self.at[task as usize] = Some((worker, frame));
                }
                Action::Deliver { task, .. } => self.end(task, End::Delivered),
                Action::Fail { task, why, .. } => {
                    let end = match why {
                        Why::Died { .. } => End::Died,
                        Why::Killed { .. } => End::Killed,
                        why => panic!("task {task} fails: {why:?}"),
                    };
                    self.end(task, end);
                }
                Action::Cancel { task, .. } => self.end(task, End::Cancelled),
                Action::Forget { task, .. } => self.end(task, End::Forgotten),
                Action::Requeued { .. } => self.requeued += 1,
                Action::Revoke { worker, key } => {
                    let task = self.supervisor.task(key).copied();
                    let at = task.and_then(|task| self.at[task as usize].as_ref());
                    let revoked =
                        at.is_some_and(|(id, frame)| *id == worker && frame.claim.take(REVOKED));
                    self.told.push_back(Event::Revoked {
                        worker,
                        key,
                        revoked,
                    });
                }
                Action::Look { .. } => {}
                Action::Signal {
                    worker, because, ..
                } => {
                    assert_ne!(because, Because::Protocol);
                    if let Some(process) = &self.processes[worker.slot()] {
                        // ORDERING: a signal; nothing is read through it.
                        process.killed.store(true, Ordering::Relaxed);
                    }
                }
                Action::Retire { worker } => {
                    // It exits at once.
                    self.told.push_back(Event::Died {
                        worker,
                        report: (),
                        started: Vec::new(),
                    });
                    self.processes[worker.slot()] = None;
                }
                Action::Broken { cause } => panic!("broken: {cause:?}"),
                Action::Over => self.over = true,
            }
        }
    }

    fn end(&mut self, task: u32, end: End) {
        let place = &mut self.ends[task as usize];
        assert_eq!(*place, None, "task {task} ends twice");
        *place = Some(end);
    }

    /// Reads what the worker has answered.
    fn read(&mut self, slot: usize) {
        let Some(process) = self.processes[slot].clone() else {
            return;
        };
        let answers = std::mem::take(&mut *process.channel.lock());
        for key in answers {
            self.tell(Event::Answered {
                worker: process.id,
                key,
                answer: (),
            });
        }
        self.settle();
    }

    /// The worker's process is gone: reads to the end, sees what had started, tells.
    fn bury(&mut self, slot: usize) {
        self.read(slot);
        let Some(process) = self.processes[slot].take() else {
            return;
        };
        let mut started = Vec::new();
        for (id, frame) in self.at.iter().flatten() {
            if *id == process.id && !frame.claim.take(REVOKED) && frame.claim.started() {
                started.push(frame.key);
            }
        }
        self.frames[slot].clear();
        self.tell(Event::Died {
            worker: process.id,
            report: (),
            started,
        });
        self.settle();
    }

    /// The owner's cancel, as its future does it.
    fn claim_of(&self, task: usize) -> Option<Frame> {
        self.at[task].as_ref().map(|(_, frame)| frame.clone())
    }

    /// Everything behaves, on this thread alone, until the pool is over.
    fn finish(&mut self) {
        self.tell(Event::Close { cancel: false });
        self.settle();
        for _ in 0..32 {
            if self.over {
                break;
            }
            if let Some(at) = self.supervisor.next_deadline() {
                self.now = self.now.max(at);
                self.settle();
            }
            if !self.coming.is_empty() {
                self.bring_up();
            }
            for slot in 0..self.processes.len() {
                if self.killed(slot) {
                    self.bury(slot);
                    continue;
                }
                while let Some(frame) = self.frames[slot].pop_front() {
                    if frame.claim.take(STARTED) {
                        let process = self.processes[slot].as_ref().unwrap();
                        process.channel.lock().push(frame.key);
                    }
                }
                self.read(slot);
            }
        }
        assert!(self.over, "the shutdown does not end");
        assert!(self.processes.iter().all(Option::is_none));
    }

    fn killed(&self, slot: usize) -> bool {
        self.processes[slot]
            .as_ref()
            .is_some_and(|process| process.killed.load(Ordering::Relaxed))
    }
}

/// A worker's thread: claims and answers what it was sent, until it has nothing more or is killed.
/// Answers are read by the thread that calls this, when it has the lock, if `reads`.
fn work(shell: &Mutex<Shell>, slot: usize, process: &Process, runs: &[AtomicU32], reads: bool) {
    // ORDERING: a signal; nothing is read through it.
    let killed = || process.killed.load(Ordering::Relaxed);
    loop {
        let frame = shell.lock().frames[slot].pop_front();
        let Some(frame) = frame else { return };
        if killed() {
            return;
        }
        if !frame.claim.take(STARTED) {
            continue;
        }
        let task = shell.lock().supervisor.task(frame.key).copied();
        let task = task.expect("what is started is here");
        // ORDERING: a count, read after the threads have been joined.
        runs[task as usize].fetch_add(1, Ordering::Relaxed);
        if killed() {
            return;
        }
        process.channel.lock().push(frame.key);
        if reads {
            shell.lock().read(slot);
        }
    }
}

/// The shell, the process in slot 0, and how often each task has run.
type Scene = (Arc<Mutex<Shell>>, Process, Arc<Vec<AtomicU32>>);

fn scene(shell: Shell) -> Scene {
    let process = shell.processes[0].clone().unwrap();
    let runs = (0..shell.ends.len()).map(|_| AtomicU32::new(0)).collect();
    (Arc::new(Mutex::new(shell)), process, Arc::new(runs))
}

/// The process of the first worker at work, in a thread.
fn start(
    shell: &Arc<Mutex<Shell>>,
    process: &Process,
    runs: &Arc<Vec<AtomicU32>>,
    reads: bool,
) -> thread::JoinHandle<()> {
    let (shell, process, runs) = (shell.clone(), process.clone(), runs.clone());
    thread::spawn(move || work(&shell, 0, &process, &runs, reads))
}

fn ran(runs: &[AtomicU32], task: usize) -> u32 {
    runs[task].load(Ordering::Relaxed)
}

// P1, P3, P4
#[test]
fn cancel_against_start_against_death() {
    static FORGOTTEN: Reached = Reached::new("cancelled before its start");
    static DIED: Reached = Reached::new("it had started and died with its worker");
    static DELIVERED: Reached = Reached::new("it was answered before the worker died");
    static ELSEWHERE: Reached = Reached::new("the worker died first and it ran elsewhere");
    Model::new(
        "cancel_against_start_against_death",
        "a task sent to a worker that dies is cancelled, fails, or runs, as its claim says",
        3,
    )
    .substitute(MEMORY)
    .check(|| {
        let (shell, process, runs) = scene(Shell::with_tasks(1, 1, None, 1, 1));
        let worker = start(&shell, &process, &runs, false);
        let owner = {
            let shell = shell.clone();
            thread::spawn(move || {
                let frame = shell.lock().claim_of(0).unwrap();
                let cancelled = frame.claim.take(REVOKED);
                if cancelled {
                    let mut shell = shell.lock();
                    shell.tell(Event::Cancelled { key: frame.key });
                    shell.settle();
                }
                cancelled
            })
        };
        process.killed.store(true, Ordering::Relaxed);
        worker.join().unwrap();
        shell.lock().bury(0);
        let cancelled = owner.join().unwrap();
        let mut shell = shell.lock();
        let requeued = shell.requeued > 0;
        shell.finish();
        let end = shell.ends[0].unwrap();
        match end {
            End::Forgotten => {
                assert!(cancelled && ran(&runs, 0) == 0);
                FORGOTTEN.mark();
            }
            End::Died => {
                assert!(!cancelled && ran(&runs, 0) == 1 && !requeued);
                DIED.mark();
            }
            End::Delivered if requeued => {
                assert!(!cancelled && ran(&runs, 0) == 0);
                ELSEWHERE.mark();
            }
            End::Delivered => {
                assert!(!cancelled && ran(&runs, 0) == 1);
                DELIVERED.mark();
            }
            end => panic!("{end:?}"),
        }
    });
    FORGOTTEN.assert();
    DIED.assert();
    DELIVERED.assert();
    ELSEWHERE.assert();
}

// P1, P4
#[test]
fn answer_against_death() {
    static BOTH: Reached = Reached::new("both were answered before the death");
    static SECOND_DIED: Reached = Reached::new("the first was answered, the second died");
    static SECOND_MOVED: Reached = Reached::new("the first was answered, the second ran elsewhere");
    static FIRST_DIED: Reached = Reached::new("the first died, the second ran elsewhere");
    Model::new(
        "answer_against_death",
        "what was answered is delivered, what had started fails, what had not runs elsewhere",
        3,
    )
    .substitute(MEMORY)
    .check(|| {
        let (shell, process, runs) = scene(Shell::with_tasks(1, 1, None, 2, 2));
        let worker = start(&shell, &process, &runs, false);
        let reader = {
            let shell = shell.clone();
            thread::spawn(move || shell.lock().read(0))
        };
        process.killed.store(true, Ordering::Relaxed);
        worker.join().unwrap();
        shell.lock().bury(0);
        reader.join().unwrap();
        let mut shell = shell.lock();
        let requeued = shell.requeued;
        shell.finish();
        match (shell.ends[0].unwrap(), shell.ends[1].unwrap(), requeued) {
            (End::Delivered, End::Delivered, 0) => BOTH.mark(),
            (End::Delivered, End::Died, 0) => SECOND_DIED.mark(),
            (End::Delivered, End::Delivered, 1) => SECOND_MOVED.mark(),
            (End::Died, End::Delivered, 1) => FIRST_DIED.mark(),
            (End::Delivered, End::Delivered, 2) => {}
            ends => panic!("{ends:?}"),
        }
        for task in 0..2 {
            assert!(ran(&runs, task) <= 1);
        }
    });
    BOTH.assert();
    SECOND_DIED.assert();
    SECOND_MOVED.assert();
    FIRST_DIED.assert();
}

// P5, C-184, C-185, D-5
#[test]
fn retirement_against_submit_against_shutdown() {
    static REFUSED: Reached = Reached::new("the second task came after the close");
    static REPLACED: Reached = Reached::new("the worker retired and another ran the second task");
    static CLOSED_FIRST: Reached = Reached::new("the pool was closed before the worker was done");
    Model::new(
        "retirement_against_submit_against_shutdown",
        "a worker that retires while the pool closes is replaced if a task is left, else not",
        4,
    )
    .substitute(MEMORY)
    .check(|| {
        let (shell, process, runs) = scene(Shell::with_tasks(1, 1, Some(1), 2, 1));
        let closed = Arc::new(AtomicBool::new(false));
        let worker = start(&shell, &process, &runs, true);
        let submitter = {
            let (shell, closed) = (shell.clone(), closed.clone());
            thread::spawn(move || {
                let mut shell = shell.lock();
                // ORDERING: written and read under the lock.
                if closed.load(Ordering::Relaxed) {
                    return false;
                }
                shell.tell(Event::Submit {
                    task: 1,
                    limit: None,
                });
                shell.settle();
                true
            })
        };
        {
            let mut shell = shell.lock();
            // ORDERING: see above.
            closed.store(true, Ordering::Relaxed);
            if shell.ends[0].is_none() {
                CLOSED_FIRST.mark();
            }
            shell.tell(Event::Close { cancel: false });
            shell.settle();
        }
        worker.join().unwrap();
        let submitted = submitter.join().unwrap();
        let mut shell = shell.lock();
        shell.finish();
        assert_eq!(shell.ends[0], Some(End::Delivered));
        if submitted {
            assert_eq!(shell.ends[1], Some(End::Delivered));
            assert_eq!(shell.launches, 2);
            REPLACED.mark();
        } else {
            assert_eq!(shell.ends[1], None);
            assert_eq!(shell.launches, 1);
            REFUSED.mark();
        }
    });
    REFUSED.assert();
    REPLACED.assert();
    CLOSED_FIRST.assert();
}

// P5, P12
#[test]
fn steal_back_against_start() {
    static STOLEN: Reached = Reached::new("the waiting task ran at the other worker");
    static KEPT: Reached = Reached::new("its first worker had started it");
    Model::new(
        "steal_back_against_start",
        "a task that is taken from a busy worker for an idle one runs at one of them",
        3,
    )
    .substitute(MEMORY)
    .check(|| {
        // Two tasks at the first worker; the second worker is launched and not up.
        let shell = Shell::with_tasks(2, 1, None, 2, 2);
        assert_eq!(shell.coming.len(), 1);
        let (shell, process, runs) = scene(shell);
        let first = start(&shell, &process, &runs, true);
        let second = {
            let (shell, runs) = (shell.clone(), runs.clone());
            thread::spawn(move || {
                let process = {
                    let mut shell = shell.lock();
                    shell.bring_up();
                    shell.processes[1].clone().unwrap()
                };
                work(&shell, 1, &process, &runs, true);
            })
        };
        first.join().unwrap();
        second.join().unwrap();
        let mut shell = shell.lock();
        if shell.requeued > 0 {
            STOLEN.mark();
        } else {
            KEPT.mark();
        }
        shell.finish();
        for task in 0..2 {
            assert_eq!(shell.ends[task], Some(End::Delivered));
            // What was sent back after its thread had looked the last time ran in `finish`.
            assert!(ran(&runs, task) <= 1);
        }
    });
    STOLEN.assert();
    KEPT.assert();
}

// P4, D-3
#[test]
fn kill_against_answer() {
    static KILLED: Reached = Reached::new("the task was killed while it ran");
    static UNSTARTED: Reached = Reached::new("the task was taken back before it started");
    static ANSWERED: Reached = Reached::new("the task was answered first");
    Model::new(
        "kill_against_answer",
        "the kill of a task ends that task or comes too late, and costs no other",
        2,
    )
    .substitute(MEMORY)
    .check(|| {
        let (shell, process, runs) = scene(Shell::with_tasks(1, 1, None, 2, 2));
        let worker = start(&shell, &process, &runs, true);
        {
            let mut shell = shell.lock();
            let key = shell.claim_of(0).unwrap().key;
            shell.tell(Event::Kill { key, grace: 0 });
            shell.settle();
        }
        worker.join().unwrap();
        let mut shell = shell.lock();
        let signalled = shell.killed(0);
        if signalled {
            shell.bury(0);
        }
        shell.finish();
        match shell.ends[0] {
            Some(End::Killed) if ran(&runs, 0) == 1 => {
                assert!(signalled);
                KILLED.mark();
            }
            Some(End::Killed) => {
                assert!(!signalled);
                UNSTARTED.mark();
            }
            Some(End::Delivered) => ANSWERED.mark(),
            end => panic!("{end:?}"),
        }
        assert_eq!(shell.ends[1], Some(End::Delivered));
        assert!(ran(&runs, 1) <= 1);
    });
    KILLED.assert();
    UNSTARTED.assert();
    ANSWERED.assert();
}

// P5, C-194, C-204
#[test]
fn cancelling_shutdown_against_start() {
    static CANCELLED: Reached = Reached::new("both were cancelled");
    static ONE_RAN: Reached = Reached::new("the first ran, the second was cancelled");
    static BOTH_RAN: Reached = Reached::new("both had started");
    Model::new(
        "cancelling_shutdown_against_start",
        "a shutdown that cancels takes what has not started, and lets end what has",
        2,
    )
    .substitute(MEMORY)
    .check(|| {
        let (shell, process, runs) = scene(Shell::with_tasks(1, 1, None, 2, 2));
        let worker = start(&shell, &process, &runs, true);
        {
            let mut shell = shell.lock();
            shell.tell(Event::Close { cancel: true });
            shell.settle();
        }
        worker.join().unwrap();
        let mut shell = shell.lock();
        shell.finish();
        for task in 0..2 {
            let delivered = shell.ends[task] == Some(End::Delivered);
            assert_eq!(u32::from(delivered), ran(&runs, task));
        }
        match (shell.ends[0].unwrap(), shell.ends[1].unwrap()) {
            (End::Cancelled, End::Cancelled) => CANCELLED.mark(),
            (End::Delivered, End::Cancelled) => ONE_RAN.mark(),
            (End::Delivered, End::Delivered) => BOTH_RAN.mark(),
            ends => panic!("{ends:?}"),
        }
    });
    CANCELLED.assert();
    ONE_RAN.assert();
    BOTH_RAN.assert();
}
