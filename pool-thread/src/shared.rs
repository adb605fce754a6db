//! What the pool's owners, handles and workers share.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use future_core::executor::{PoolToken, Ran, Task, note_submit};
use future_core::shim::{Arc, CachePadded, Condvar, Mutex, MutexGuard, thread};
use future_core::{AsFuture, SubmitError, SubmitErrorKind, TaskError};

use crate::board::Board;
use crate::config::Config;
use crate::counters::{Arrival, Next};
use crate::inbox::{Inbox, Put, TRAYS};
use crate::pool_core::{Core, Refused};
use crate::worker::{self, Submitter};

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
    pub(crate) core: CachePadded<Mutex<Core>>,
    /// Nobody is left, or nobody joins any more.
    pub(crate) gone: Condvar,
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
            core: CachePadded::new(Mutex::new(Core::new(config.max_workers))),
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

    pub(crate) fn fail_all(&self, tasks: Vec<Task>, error: &TaskError) {
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
        let max = this.config.max_workers;
        let all_at_work = core.counters.running() == max;
        this.inbox.flush(&this.board);
        let mut found = None;
        if core.queue.is_used_up() && this.inbox.queued() > 0 {
            found = Some(core.queue.take_over(&this.inbox, &mut this.inbox.lock()));
        }
        let mut task = core.queue.take(worker, all_at_work, max, &this.board);
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
            task = core.queue.take(worker, all_at_work, max, &this.board);
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
}
