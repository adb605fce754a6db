//! The threads that complete futures: they read outputs, run callbacks and wake those who wait.
//! All of that is users' code, which may take its time or wait for other tasks of the pool, so
//! there is another thread whenever all of them are held up.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use future_core::FutureId;
use future_core::shim::{Condvar, Mutex};

use crate::turns::Deliver;

/// When nothing was taken for so long though something is there, in nanoseconds, another thread
/// is started.
pub(crate) const STALLED: u64 = 1_000_000;

/// A thread that had nothing to do for so long ends, unless it is the last.
const IDLE: Duration = Duration::from_secs(1);

thread_local! {
    /// The threads' shared state, in one of these threads; else null.
    static OF: Cell<*const ()> = const { Cell::new(std::ptr::null()) };
}

/// The deliveries of a pool, and its threads.
#[derive(Debug)]
pub struct Deliveries<D> {
    state: Mutex<State<D>>,
    more: Condvar,
    fewer: Condvar,
}

#[derive(Debug)]
struct State<D> {
    queue: VecDeque<D>,
    /// How many were taken, ever.
    taken: u64,
    idle: usize,
    threads: usize,
    started: usize,
    handles: Vec<JoinHandle<()>>,
    /// How many users' threads complete the future that they wait for.
    guests: usize,
    /// Some thread polls for answers, or is about to.
    polled: bool,
    closed: bool,
}

/// What a delivery thread is to do.
pub(crate) enum Next<D> {
    /// To carry it out.
    Deliver(D),
    /// To poll for answers: nobody else does.
    Poll,
    /// To end.
    End,
}

impl<D> Default for Deliveries<D> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                taken: 0,
                idle: 0,
                threads: 0,
                started: 0,
                handles: Vec::new(),
                guests: 0,
                polled: false,
                closed: false,
            }),
            more: Condvar::new(),
            fewer: Condvar::new(),
        }
    }
}

impl<D: Deliver> Deliveries<D> {
    /// A thread comes that was not started here.
    #[cfg(cf_loom)]
    pub fn enlist(&self) {
        self.state.lock().threads += 1;
    }

    /// Starts a thread that does `work`.
    pub(crate) fn grow(&self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut state = self.state.lock();
        let number = state.started;
        let handle = Builder::new()
            .name(format!("{name}-d{number}"))
            .spawn(work)?;
        state.started += 1;
        state.threads += 1;
        // Those that have ended need not be joined; the others' ends are waited for.
        state.handles.retain(|handle| !handle.is_finished());
        state.handles.push(handle);
        Ok(())
    }

    /// This is one of the threads.
    pub(crate) fn enter(&self) {
        OF.set(std::ptr::from_ref(self).cast());
    }

    /// Whether this is one of the pool's own threads.
    pub(crate) fn is_current(&self) -> bool {
        OF.with(|of| std::ptr::eq(of.get(), std::ptr::from_ref(self).cast()))
    }

    /// Takes the end of the task `id` out of `items`, for the thread that waits for it, which is to
    /// [carry it out](Self::carry_out_own): the end of the pool waits for that.
    pub(crate) fn take_own(&self, items: &mut Vec<D>, id: FutureId) -> Option<D> {
        let own = items.iter().position(|item| item.is_for(id))?;
        self.state.lock_soon().guests += 1;
        Some(items.remove(own))
    }

    /// Carries out what this thread took. Meanwhile it is one of the pool's own: it cannot wait
    /// for the pool's end.
    pub(crate) fn carry_out_own(&self, own: D) {
        let before = OF.replace(std::ptr::from_ref(self).cast());
        carry_out(own);
        OF.set(before);
        self.state.lock_soon().guests -= 1;
        self.fewer.notify_all();
    }

    /// Adds what is in `items`, which is empty afterwards. True: nobody who is idle will see to
    /// it; whoever polls has to be woken.
    #[must_use]
    pub(crate) fn push(&self, items: &mut Vec<D>) -> bool {
        if items.is_empty() {
            return false;
        }
        let idle = {
            let mut state = self.state.lock_soon();
            state.queue.extend(items.drain(..));
            state.idle > 0
        };
        if idle {
            self.more.notify_one();
        }
        !idle
    }

    /// How many deliveries were taken so far, when more are there and nobody is idle.
    pub(crate) fn held_up(&self) -> Option<u64> {
        let state = self.state.lock_soon();
        (!state.queue.is_empty() && state.idle == 0).then_some(state.taken)
    }

    /// Whether the caller is to poll now: nobody does.
    pub(crate) fn take_poll(&self) -> bool {
        let mut state = self.state.lock_soon();
        !std::mem::replace(&mut state.polled, true)
    }

    /// Adds `items`, which come from polling. True: there is something to deliver, and nobody
    /// polls any more.
    pub(crate) fn stop_polling_for(&self, items: &mut Vec<D>) -> bool {
        let mut state = self.state.lock_soon();
        state.queue.extend(items.drain(..));
        if !state.queue.is_empty() {
            state.polled = false;
        }
        !state.polled
    }

    /// Has an idle thread poll instead of the caller, if there is one and nothing is to be
    /// delivered. Whether there is.
    pub(crate) fn hand_poll_over(&self) -> bool {
        let mut state = self.state.lock_soon();
        if state.idle == 0 || !state.queue.is_empty() || state.closed {
            return false;
        }
        state.polled = false;
        drop(state);
        self.more.notify_one();
        true
    }

    /// Nothing is to come: the threads end when nothing is left.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.more.notify_all();
    }

    /// Waits until all threads have ended and no user's thread completes a future; false when `deadline` passed first. With a deadline
    /// nothing is joined: the last steps of a thread, the `Drop`s of its locals, may block.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        while state.threads + state.guests > 0 {
            let expired;
            (state, expired) = self.fewer.wait(state, deadline);
            if expired && state.threads + state.guests > 0 {
                return false;
            }
        }
        if deadline.is_none() {
            let handles = std::mem::take(&mut state.handles);
            drop(state);
            for handle in handles {
                // A thread of ours does not panic: whatever it calls is caught.
                let _ = handle.join();
            }
        }
        true
    }

    /// Whether nothing is left that no thread has taken; waits a moment for that.
    pub(crate) fn drained(&self) -> bool {
        let state = self.state.lock();
        if state.queue.is_empty() {
            return true;
        }
        let soon = Instant::now() + Duration::from_nanos(STALLED);
        let (state, _) = self.fewer.wait(state, Some(soon));
        state.queue.is_empty()
    }

    /// How many futures wait to be completed.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock_soon().queue.len()
    }

    /// What the calling thread, one of these, is to do next; waits until there is something.
    pub(crate) fn next(&self) -> Next<D> {
        let mut state = self.state.lock_soon();
        loop {
            if let Some(next) = state.queue.pop_front() {
                state.taken += 1;
                // One that was woken for many wakes another.
                let hand_on = state.idle > 0 && !state.queue.is_empty();
                drop(state);
                if hand_on {
                    self.more.notify_one();
                }
                return Next::Deliver(next);
            }
            if state.closed {
                break;
            }
            if !state.polled {
                state.polled = true;
                return Next::Poll;
            }
            state.idle += 1;
            let expired;
            (state, expired) = self.more.wait(state, idle_until());
            state.idle -= 1;
            if expired && state.queue.is_empty() && state.polled {
                if state.threads > 1 {
                    break;
                }
                D::rest();
            }
        }
        state.threads -= 1;
        drop(state);
        self.fewer.notify_all();
        self.more.notify_all();
        Next::End
    }
}

/// When a thread that has nothing to do now looks whether it may end.
fn idle_until() -> Option<Instant> {
    // A model has no time: there it stays.
    (!cfg!(cf_loom)).then(|| Instant::now() + IDLE)
}

/// Carries a delivery out: runs code of the user's.
pub(crate) fn carry_out<D: Deliver>(delivery: D) {
    // The future catches its user's panics; this is for what it cannot catch.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| delivery.carry_out())) {
        std::mem::forget(panic);
    }
}
