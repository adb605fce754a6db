//! What the pool's owners, handles and workers share.

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use future_core::executor::{PoolToken, Ran, Task, note_submit};
use future_core::shim::thread::{self, JoinHandle};
use future_core::shim::{Arc, CachePadded, Condvar, Mutex, MutexGuard};
use future_core::{AsFuture, BrokenExecutor, SubmitError, SubmitErrorKind, TaskError};

use crate::board::Board;
use crate::counters::{Arrival, Counters, Next};
use crate::inbox::{Inbox, Put, TRAYS};
use crate::queue::Queue;
use crate::shutdown::ShutdownError;
use crate::stats::{Phase, Stats};
use crate::worker::{self, Submitter};

/// Makes a worker's state, or says why the pool is broken.
pub(crate) type Initializer =
    Box<dyn Fn() -> Result<Rc<dyn std::any::Any>, BrokenExecutor> + Send + Sync>;

/// Asked before each spawn; an error is what the system would have said.
pub(crate) type SpawnGate = Box<dyn Fn() -> io::Result<()> + Send + Sync>;

/// What does not change while the pool lives.
pub(crate) struct Config {
    pub(crate) max_workers: usize,
    pub(crate) min_workers: usize,
    pub(crate) prefix: String,
    pub(crate) stack_size: Option<usize>,
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) initializer: Option<Initializer>,
    pub(crate) spawn_gate: Option<SpawnGate>,
    #[cfg(feature = "tracing")]
    pub(crate) propagate_context: bool,
}

impl Config {
    fn gate(&self) -> io::Result<()> {
        self.spawn_gate.as_ref().map_or(Ok(()), |gate| gate())
    }

    /// `<prefix>_<n>`, where the system's 15 bytes cut the prefix and never the number.
    fn thread_name(&self, worker: usize) -> String {
        const LONGEST: usize = 15;
        let number = format!("_{worker}");
        let room = LONGEST - number.len();
        let prefix = &self.prefix;
        let cut = (0..=room.min(prefix.len()))
            .rev()
            .find(|at| prefix.is_char_boundary(*at))
            .unwrap_or(0);
        format!("{}{number}", &prefix[..cut])
    }
}

/// Under the pool's lock, which is taken before the inbox's when both are. What a single task
/// touches comes first, to be in the lock's cache lines.
#[repr(C)]
struct Core {
    /// Shut down or broken: no task is taken, and workers end when none is left.
    closing: bool,
    /// What the inbox was told.
    calm: bool,
    counters: Counters,
    queue: Queue,
    /// What the inbox needs no longer, to be freed without a lock.
    excess: Option<VecDeque<Task>>,
    broken: Option<BrokenExecutor>,
    threads: Vec<JoinHandle<()>>,
    /// Somebody without a time limit joins threads that are no longer in `threads`.
    joining: bool,
    /// The system refused a thread last time.
    short: bool,
    /// Tasks that ended without a worker.
    failed: u64,
    cancelled: u64,
    /// Taken from the queue without a worker after they were run in place.
    husks: u64,
}

impl Core {
    #[inline]
    fn is_closing(&self) -> bool {
        self.closing
    }

    #[cold]
    fn refuse(&self, tasks: Vec<Task>) -> Refused {
        let kind = match &self.broken {
            Some(broken) => SubmitErrorKind::Broken(broken.clone()),
            None => SubmitErrorKind::Shutdown,
        };
        Refused { kind, tasks }
    }

    /// Threads that ran to their end while the pool goes on, to be let go without the lock.
    #[cfg(not(cf_loom))]
    fn ended_threads(&mut self) -> Vec<JoinHandle<()>> {
        if self.threads.len() <= self.counters.live() {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.threads);
        let (ended, going) = all.into_iter().partition(JoinHandle::is_finished);
        self.threads = going;
        ended
    }

    /// In a model every thread is kept and joined.
    #[cfg(cf_loom)]
    fn ended_threads(&mut self) -> Vec<JoinHandle<()>> {
        Vec::new()
    }

    /// Whether a task waits, asked when somebody has to be called for one. Submitters are told
    /// first, and then looked for: those that came before have left their task, those that come
    /// later call.
    #[inline]
    fn waits(&mut self, board: &Board, inbox: &Inbox) -> bool {
        if self.calm {
            self.calm = false;
            inbox.alert(&mut inbox.lock());
        }
        inbox.flush(board);
        inbox.queued() > 0 || !self.queue.is_empty(board)
    }

    /// Claims a worker when a task waits and nobody is on the way.
    #[inline]
    fn next(&mut self, board: &Board, inbox: &Inbox) -> Next {
        if self.counters.is_settled() || !self.waits(board, inbox) {
            return Next::Nobody;
        }
        let queue = &self.queue;
        let next = self.counters.next(|| inbox.queued() + queue.len(board));
        if let Next::Spawn(worker) = next {
            board.prepare(worker);
        }
        next
    }

    /// The same without a spawn, since one was just refused.
    fn next_idle(&mut self, board: &Board, inbox: &Inbox) -> Next {
        if self.waits(board, inbox) {
            self.counters.next_idle()
        } else {
            Next::Nobody
        }
    }

    /// The same as [`next`](Self::next) after a submit, which found the inbox not calm.
    #[inline]
    fn next_after_put(&mut self, board: &Board, inbox: &Inbox) -> Next {
        if self.counters.is_settled() {
            if !self.calm {
                self.calm = true;
                inbox.calm(&mut inbox.lock());
            }
            return Next::Nobody;
        }
        self.next(board, inbox)
    }

    /// Whether there is nothing in the inbox either, nor on a tray, and submitters know that
    /// this was looked for.
    #[inline]
    fn finds_nothing(&mut self, board: &Board, inbox: &Inbox) -> bool {
        if self.calm {
            self.calm = false;
            let mut arrived = inbox.lock();
            inbox.alert(&mut arrived);
            self.excess = arrived.excess();
        }
        inbox.flush(board);
        inbox.queued() == 0
    }

    /// Counts a worker as idle that [found nothing](Self::finds_nothing).
    #[inline]
    fn rest(&mut self, worker: usize) -> [Option<VecDeque<Task>>; 2] {
        self.counters.rest(worker);
        [self.queue.excess(), self.excess.take()]
    }

    /// Whether nobody is left and nobody will come: a submitter that has left its task may be
    /// about to call for a worker.
    fn is_over(&mut self, board: &Board, inbox: &Inbox) -> bool {
        self.counters.nobody() && inbox.queued() == 0 && self.queue.is_empty(board)
    }

    /// Takes every task out.
    fn drain(&mut self, board: &Board, inbox: &Inbox) -> Vec<Task> {
        inbox.flush(board);
        let mut tasks = self.queue.drain(board);
        let mut arrived = VecDeque::new();
        inbox.swap(&mut inbox.lock(), &mut arrived);
        tasks.extend(arrived);
        tasks
    }
}

/// Tasks that the pool does not take, in the order they came.
pub(crate) struct Refused {
    pub(crate) kind: SubmitErrorKind,
    pub(crate) tasks: Vec<Task>,
}

/// The system refused a worker.
pub(crate) struct NoThread {
    pub(crate) error: std::sync::Arc<io::Error>,
    /// It would have been the only one: the tasks that nobody will run.
    stranded: Vec<Task>,
}

/// What a worker does after it looked.
pub(crate) enum Look {
    /// Runs this; and how many tasks had arrived, when they were taken over.
    Run(Task, Option<usize>),
    /// Waits to be called.
    Rest,
    /// Ends.
    Leave,
}

pub(crate) struct Shared {
    /// Tells this pool from all that were and will be.
    pub(crate) id: u64,
    pub(crate) inbox: Inbox,
    core: CachePadded<Mutex<Core>>,
    /// Nobody is left, or nobody joins any more.
    gone: Condvar,
    pub(crate) board: Board,
    pub(crate) token: PoolToken,
    pub(crate) config: Config,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            // ORDERING: each number is given once; nothing else depends on it.
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            inbox: Inbox::default(),
            core: CachePadded::new(Mutex::new(Core {
                calm: false,
                excess: None,
                queue: Queue::default(),
                counters: Counters::new(config.max_workers),
                closing: false,
                broken: None,
                threads: Vec::new(),
                joining: false,
                short: false,
                failed: 0,
                cancelled: 0,
                husks: 0,
            })),
            gone: Condvar::new(),
            board: Board::new(config.max_workers),
            token: PoolToken::new(config.max_workers),
            config,
        }
    }

    // ---- submitting -------------------------------------------------------------------------

    /// Queues `task`, or gives it back.
    #[inline]
    pub(crate) fn submit(
        this: &Arc<Self>,
        task: Task,
        future: &impl AsFuture,
    ) -> Result<(), Refused> {
        let by = worker::submitter(this);
        let put = match by {
            // With one worker the order is exact.
            Submitter::Busy(worker) if this.config.max_workers > 1 && worker < TRAYS => {
                let tray = &this.board.slot(worker).tray;
                this.inbox.put_on(tray, worker, task)
            }
            Submitter::Busy(_) | Submitter::Outside if this.inbox.is_calm() => {
                this.flush();
                this.inbox.put(task)
            }
            _ => return Self::submit_and_call(this, task, future),
        };
        match put {
            Put::Calm => {
                note_submit(future, false);
                Ok(())
            }
            Put::Call => Self::call_for(this, this.core.lock_soon(), std::slice::from_ref(future)),
            Put::Closed(task) => Err(this.core.lock_soon().refuse(vec![task])),
        }
    }

    /// The same when a worker has to be called: then the task need not go by way of the inbox.
    #[cold]
    #[inline(never)]
    fn submit_and_call(
        this: &Arc<Self>,
        task: Task,
        future: &impl AsFuture,
    ) -> Result<(), Refused> {
        let mut core = this.core.lock_soon();
        if core.is_closing() {
            return Err(core.refuse(vec![task]));
        }
        this.inbox.flush(&this.board);
        if this.inbox.queued() == 0 {
            core.queue.push(task);
        } else if let Put::Closed(task) = this.inbox.put(task) {
            return Err(core.refuse(vec![task]));
        }
        Self::call_for(this, core, std::slice::from_ref(future))
    }

    /// Queues all of `tasks`, whose futures are `futures`, or gives all back.
    pub(crate) fn submit_all(
        this: &Arc<Self>,
        tasks: Vec<Task>,
        futures: &[impl AsFuture],
    ) -> Result<(), Refused> {
        this.flush();
        match this.inbox.put_all(tasks) {
            Put::Closed(tasks) => Err(this.core.lock_soon().refuse(tasks)),
            Put::Calm | Put::Call => Self::call_for(this, this.core.lock_soon(), futures),
        }
    }

    /// What is on trays comes before what is put next.
    #[inline]
    fn flush(&self) {
        if self.inbox.has_trays() {
            let _core = self.core.lock_soon();
            self.inbox.flush(&self.board);
        }
    }

    /// Calls a worker for what was put, when one has to be called.
    fn call_for(
        this: &Arc<Self>,
        mut core: MutexGuard<'_, Core>,
        futures: &[impl AsFuture],
    ) -> Result<(), Refused> {
        let own = worker::current(this);
        // A worker may submit while it is counted as idle: a waker does. It has to look again.
        if let Some(own) = own {
            core.counters.initialized(own);
        }
        let roused = own.filter(|own| core.counters.rouse(*own) != Arrival::Busy);
        this.inbox.flush(&this.board);
        let next = core.next_after_put(&this.board, &this.inbox);
        drop(core);
        if let Some(own) = roused {
            worker::set_marked(false);
            this.board.slot(own).parker.unpark();
        }
        match Self::call(this, next) {
            Ok(woke) => {
                if let [future] = futures {
                    note_submit(future, woke);
                }
                Ok(())
            }
            Err(no_thread) => this.sort_out(no_thread, futures),
        }
    }

    /// Calls a worker that was claimed; whether that took a system call.
    #[inline]
    fn call(this: &Arc<Self>, next: Next) -> Result<bool, NoThread> {
        match next {
            Next::Nobody => Ok(false),
            Next::Wake(worker) => Ok(this.board.slot(worker).parker.unpark()),
            Next::Spawn(worker) => Self::spawn(this, worker).map(|()| true),
        }
    }

    /// As [`call`](Self::call), for a thread that has no task of its own at stake.
    fn call_or_fail(this: &Arc<Self>, next: Next) {
        if let Err(no_thread) = Self::call(this, next) {
            let _ = this.sort_out::<future_core::FutureHandle>(no_thread, &[]);
        }
    }

    /// Gives those of the stranded tasks back that belong to `futures`, which are in the order
    /// of the queue, and fails the others.
    #[cold]
    fn sort_out<F: AsFuture>(&self, no_thread: NoThread, futures: &[F]) -> Result<(), Refused> {
        let kind = SubmitErrorKind::Spawn(no_thread.error);
        let mut tasks = Vec::new();
        let mut own = futures.iter().peekable();
        let mut others = Vec::new();
        for task in no_thread.stranded {
            if own.next_if(|future| task.is_of(future)).is_some() {
                tasks.push(task);
            } else {
                others.push(task);
            }
        }
        if !others.is_empty() {
            let error = SubmitError::new(kind.clone(), self.stats().to_string(), ());
            self.fail_all(others, &error.into());
        }
        if tasks.is_empty() {
            return Ok(());
        }
        Err(Refused { kind, tasks })
    }

    fn fail_all(&self, tasks: Vec<Task>, error: &TaskError) {
        for task in tasks {
            if !task.is_pending() {
                // It is not run by this: it says what became of it.
                match task.run(|| {}) {
                    Ran::Cancelled => self.core.lock_soon().cancelled += 1,
                    _ => self.core.lock_soon().husks += 1,
                }
                continue;
            }
            // Counted first: whoever waits for the future sees the count.
            self.core.lock_soon().failed += 1;
            if !task.fail(error.clone()) {
                // Cancelled or run in place at this very moment.
                self.core.lock_soon().failed -= 1;
            }
        }
    }

    // ---- spawning ---------------------------------------------------------------------------

    /// Makes the thread of a claimed worker.
    #[cold]
    fn spawn(this: &Arc<Self>, worker: usize) -> Result<(), NoThread> {
        let shared = this.clone();
        let made = this.config.gate().and_then(|()| {
            let mut builder = thread::Builder::new().name(this.config.thread_name(worker));
            if let Some(bytes) = this.config.stack_size {
                builder = builder.stack_size(bytes);
            }
            builder.spawn(move || worker::main(&shared, worker))
        });
        let mut core = this.core.lock_soon();
        match made {
            Ok(thread) => {
                core.counters.spawned();
                let ended = core.ended_threads();
                core.threads.push(thread);
                if core.short {
                    core.short = false;
                    this.token.set_workers(this.config.max_workers);
                }
                if core.counters.nobody() {
                    this.gone.notify_all();
                }
                drop(core);
                drop(ended);
                Ok(())
            }
            Err(error) => {
                core.counters.refused(worker);
                core.short = true;
                let live = core.counters.live();
                this.token.set_workers(live.max(1));
                let error = std::sync::Arc::new(error);
                if live == 0 {
                    let stranded = core.drain(&this.board, &this.inbox);
                    this.gone.notify_all();
                    return Err(NoThread { error, stranded });
                }
                let next = core.next_idle(&this.board, &this.inbox);
                drop(core);
                if let Next::Wake(worker) = next {
                    this.board.slot(worker).parker.unpark();
                }
                let stranded = Vec::new();
                Err(NoThread { error, stranded })
            }
        }
    }

    /// Spawns workers until `wanted` live, and gives their number.
    pub(crate) fn prestart(this: &Arc<Self>, wanted: usize) -> Result<usize, NoThread> {
        loop {
            let mut core = this.core.lock_soon();
            let live = core.counters.live();
            if core.is_closing() || live >= wanted || core.counters.is_full() {
                return Ok(live);
            }
            let worker = core.counters.add();
            this.board.prepare(worker);
            drop(core);
            if let Err(no_thread) = Self::spawn(this, worker) {
                let error = no_thread.error.clone();
                let _ = this.sort_out::<future_core::FutureHandle>(no_thread, &[]);
                let stranded = Vec::new();
                return Err(NoThread { error, stranded });
            }
        }
    }

    // ---- the workers' steps -----------------------------------------------------------------

    /// Before the initializer: the search is handed on, since it may take long.
    pub(crate) fn begin(this: &Arc<Self>, worker: usize) {
        let mut core = this.core.lock_soon();
        core.counters.arrive(worker);
        core.counters.initializing(worker);
        let next = core.next(&this.board, &this.inbox);
        drop(core);
        Self::call_or_fail(this, next);
    }

    pub(crate) fn initialized(&self, worker: usize) {
        self.core.lock_soon().counters.initialized(worker);
    }

    /// A worker with an empty ring looks for a task.
    pub(crate) fn look(this: &Arc<Self>, worker: usize, expired: bool) -> Look {
        let mut core = this.core.lock_soon();
        let arrival = core.counters.arrive(worker);
        let mut retires = false;
        if arrival == Arrival::Idle {
            if !(expired && core.counters.may_retire(this.config.min_workers)) {
                return Look::Rest;
            }
            core.counters.rouse(worker);
            retires = true;
        }
        let live = core.counters.live();
        this.inbox.flush(&this.board);
        let mut found = None;
        if core.queue.is_used_up() && this.inbox.queued() > 0 {
            found = Some(core.queue.take_over(&this.inbox, &mut this.inbox.lock()));
        }
        let mut task = core.queue.take(worker, live, &this.board);
        if task.is_none() {
            if core.finds_nothing(&this.board, &this.inbox) {
                if retires {
                    core.counters.retire(worker);
                    return Look::Leave;
                }
                if core.is_closing() {
                    return Look::Leave;
                }
                let excess = core.rest(worker);
                drop(core);
                drop(excess);
                return Look::Rest;
            }
            found = Some(core.queue.take_over(&this.inbox, &mut this.inbox.lock()));
            task = core.queue.take(worker, live, &this.board);
        }
        let next = if arrival == Arrival::Claimed {
            core.next(&this.board, &this.inbox)
        } else {
            Next::Nobody
        };
        drop(core);
        Self::call_or_fail(this, next);
        Look::Run(task.expect("what was taken over is there"), found)
    }

    /// A worker's last task has ended and its waiters are not released: true when it is counted
    /// as idle from here on.
    pub(crate) fn settle(&self, worker: usize) -> bool {
        if self.inbox.queued() > 0 || self.inbox.has_trays() {
            return false;
        }
        let mut core = self.core.lock_soon();
        if core.is_closing() || !core.queue.is_empty(&self.board) {
            return false;
        }
        if !core.finds_nothing(&self.board, &self.inbox) {
            return false;
        }
        let excess = core.rest(worker);
        drop(core);
        drop(excess);
        true
    }

    /// A worker that was counted as idle has more to do for its last task.
    pub(crate) fn unsettle(this: &Arc<Self>, worker: usize) {
        let mut core = this.core.lock_soon();
        let next = if core.counters.rouse(worker) == Arrival::Claimed {
            core.next(&this.board, &this.inbox)
        } else {
            Next::Nobody
        };
        drop(core);
        Self::call_or_fail(this, next);
    }

    /// A worker ends; its state is dropped already.
    pub(crate) fn leave(this: &Arc<Self>, worker: usize) {
        let mut core = this.core.lock_soon();
        core.counters.leave(worker);
        // A task that came meanwhile relied on this worker.
        let next = core.next(&this.board, &this.inbox);
        if core.counters.nobody() {
            this.gone.notify_all();
        }
        drop(core);
        Self::call_or_fail(this, next);
    }

    /// A worker could not be initialised: nothing will run any more but what runs.
    pub(crate) fn break_down(&self, worker: usize, broken: BrokenExecutor) {
        let mut core = self.core.lock_soon();
        core.counters.initialized(worker);
        core.closing = true;
        self.inbox.close();
        let broken = core.broken.get_or_insert(broken).clone();
        let tasks = core.drain(&self.board, &self.inbox);
        let claimed = core.counters.claim_all();
        drop(core);
        self.wake_all(claimed);
        self.fail_all(tasks, &broken.into());
    }

    fn wake_all(&self, claimed: Vec<usize>) {
        for worker in claimed {
            self.board.slot(worker).parker.unpark();
        }
    }

    // ---- shutting down ----------------------------------------------------------------------

    /// Takes no more tasks, and cancels those that wait when `cancel` says so.
    pub(crate) fn close(&self, cancel: bool) {
        let mut core = self.core.lock_soon();
        core.closing = true;
        self.inbox.close();
        let tasks = if cancel {
            core.drain(&self.board, &self.inbox)
        } else {
            Vec::new()
        };
        let claimed = core.counters.claim_all();
        drop(core);
        self.wake_all(claimed);
        for task in tasks {
            self.core.lock_soon().cancelled += 1;
            if !task.cancel() {
                let mut core = self.core.lock_soon();
                core.cancelled -= 1;
                core.husks += 1;
            }
        }
    }

    /// Waits until all workers are gone and, without a limit, their threads joined: a join may
    /// last as long as a thread-local's `Drop`, and `is_finished` says nothing of that.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Result<(), ShutdownError> {
        // A thread-local's `Drop` may run in the very thread that somebody joins.
        if worker::was(self) {
            return Err(ShutdownError::from_worker(self.exact_stats()));
        }
        // A limit beyond the clock's end is none.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut core = self.core.lock_soon();
        loop {
            let over = core.is_over(&self.board, &self.inbox);
            if over && (limit.is_some() || !core.joining) {
                if limit.is_some() || core.threads.is_empty() {
                    return Ok(());
                }
                core.joining = true;
                let threads = std::mem::take(&mut core.threads);
                drop(core);
                for thread in threads {
                    // Workers catch every panic of their users'.
                    let _ = thread.join();
                }
                core = self.core.lock_soon();
                core.joining = false;
                self.gone.notify_all();
                continue;
            }
            let expired;
            (core, expired) = self.gone.wait(core, deadline);
            if expired && !core.is_over(&self.board, &self.inbox) {
                drop(core);
                let limit = limit.unwrap_or_default();
                return Err(ShutdownError::timed_out(limit, self.exact_stats()));
            }
        }
    }

    // ---- looking ----------------------------------------------------------------------------

    pub(crate) fn stats(&self) -> Stats {
        let core = self.core.lock_soon();
        self.inbox.flush(&self.board);
        self.stats_of(&core)
    }

    /// The same, without what was cancelled in the queue: asks each task.
    fn exact_stats(&self) -> Stats {
        let core = self.core.lock_soon();
        self.inbox.flush(&self.board);
        let mut stats = self.stats_of(&core);
        let arrived = self.inbox.lock();
        let arrived = arrived.iter().filter(|task| task.is_pending()).count();
        let pending = arrived + core.queue.pending(&self.board);
        stats.queued = stats.queued.min(pending);
        stats
    }

    fn stats_of(&self, core: &Core) -> Stats {
        let live = core.counters.live();
        let idle = core.counters.idle();
        let mut stats = Stats {
            name: self.config.prefix.clone(),
            phase: if core.broken.is_some() {
                Phase::Broken
            } else if core.closing {
                Phase::ShutDown
            } else {
                Phase::Running
            },
            max_workers: self.config.max_workers,
            workers: live,
            idle,
            running: core.counters.running(),
            queued: self.inbox.queued() + core.queue.len(&self.board),
            finished: 0,
            failed: core.failed,
            cancelled: core.cancelled,
        };
        let (mut helped, mut popped) = (0, core.husks);
        for slot in self.board.used() {
            stats.finished += slot.ran.finished.get();
            stats.failed += slot.ran.failed.get();
            stats.cancelled += slot.ran.cancelled.get();
            helped += slot.ran.helped.get();
            popped += slot.ran.husks.get();
        }
        // One that is being run in place may be popped before it is counted as helped.
        let husks = helped.saturating_sub(popped);
        stats.queued = stats.queued.saturating_sub(husks as usize);
        stats
    }
}
