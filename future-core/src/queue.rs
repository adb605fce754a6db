//! The completion queue: many futures, one consumer, in the order they complete.

#![allow(unsafe_code)]

use std::fmt;
use std::mem;
use std::ptr::NonNull;
use std::time::Instant;

use crate::cell::{Header, drop_ref};
use crate::context;
use crate::deadlock::Wanted;
use crate::error::Deadlock;
use crate::handle::FutureHandle;
use crate::side::{self, Kind, Side};
use crate::spin::give_way;
use crate::watch::{Notifier, Watch};
use crate::{blocking, deadlock};

/// Sets of at most this many futures are searched whole for one that runs, before a worker that
/// waits for the first of them runs one itself; of larger sets, this many.
const LOOK: usize = 1024;

/// Hands out the tokens of futures as they complete.
///
/// Registering a future allocates nothing when nobody else watches it, and costs the same
/// whatever the size of the set; so does each completion. `wait`, `as_completed` and growing
/// sets are made of this.
///
/// ```
/// use future_core::{CompletionQueue, promise};
///
/// let (mut p0, f0) = promise::<&str>();
/// let (mut p1, f1) = promise::<&str>();
/// let mut queue = CompletionQueue::new();
/// assert!(queue.watch(0, &f0.handle()));
/// assert!(queue.watch(1, &f1.handle()));
/// p1.set_result("second")?;
/// p0.set_result("first")?;
/// assert_eq!(queue.pop(), Some(1));
/// assert_eq!(queue.pop(), Some(0));
/// assert_eq!(queue.pop(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CompletionQueue {
    watch: NonNull<Watch>,
    /// By token: the cell that is watched, with a reference of ours.
    cells: Vec<Option<NonNull<Header>>>,
    /// By token: what else is to be known of the registration.
    marks: Vec<Mark>,
    /// Tokens taken from the list, to be handed out from the end.
    ready: Vec<u32>,
    registered: usize,
    /// Everything before this token is empty or settled.
    front: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Linked through the cell.
    Direct,
    /// Linked through a node.
    Node(NonNull<Side>),
    /// Given up while its entry was under way: drop it when it arrives.
    Gone,
}

// SAFETY: cells and the watch are shared through atomics; the tables are the owner's.
unsafe impl Send for CompletionQueue {}
// SAFETY: `&CompletionQueue` only hands out a notifier, which is `Sync`, and counts.
unsafe impl Sync for CompletionQueue {}

impl Default for CompletionQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl CompletionQueue {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self {
            watch: NonNull::from(Box::leak(Box::new(Watch::new()))),
            cells: Vec::new(),
            marks: Vec::new(),
            ready: Vec::new(),
            registered: 0,
            front: 0,
        }
    }

    fn shared(&self) -> &Watch {
        // SAFETY: freed in `drop` only.
        unsafe { self.watch.as_ref() }
    }

    /// How many watched futures have not been handed out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.registered
    }

    /// Whether nothing is watched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.registered == 0
    }

    /// Makes room for tokens below `tokens`.
    pub fn reserve(&mut self, tokens: usize) {
        if tokens > self.cells.len() {
            self.cells.reserve(tokens - self.cells.len());
            self.marks.reserve(tokens - self.marks.len());
        }
    }

    /// Watches `future` under `token`, which [`pop`](Self::pop) hands out once it is done. False,
    /// and nothing is watched, when it is done already.
    ///
    /// Tokens index a table, so they should be small numbers; one is free again when it was
    /// handed out or [given up](Self::unwatch).
    ///
    /// # Panics
    ///
    /// When `token` is in use or above `u32::MAX`.
    pub fn watch(&mut self, token: usize, future: &FutureHandle) -> bool {
        let number = u32::try_from(token).expect("tokens are below 2^32");
        let cell = future.cell();
        // SAFETY: the handle holds a reference.
        let header = unsafe { cell.as_ref() };
        if header.word.read().is_settled() {
            return false;
        }
        if token >= self.cells.len() {
            self.cells.resize(token + 1, None);
            self.marks.resize(token + 1, Mark::Direct);
        }
        if self.cells[token].is_some() && self.marks[token] == Mark::Gone {
            self.fetch_gone(token);
        }
        assert!(
            self.cells[token].is_none(),
            "token {token} is already in use in this completion queue"
        );
        let mut seen = header.word.lock();
        if !seen.is_settled() && side::push_direct(header, self.watch, number) {
            header.word.unlock(true, 1);
            self.marks[token] = Mark::Direct;
        } else if seen.is_settled() {
            header.word.unlock(seen.has_side(), 0);
            return false;
        } else {
            // Somebody else is registered: this takes a node, made without the lock.
            header.word.unlock(true, 0);
            let node = Side::new(Kind::Watch(self.watch), number);
            seen = header.word.lock();
            if seen.is_settled() {
                header.word.unlock(seen.has_side(), 0);
                side::free(node.as_ptr());
                return false;
            }
            side::push(header, node);
            header.word.unlock(true, 1);
            self.marks[token] = Mark::Node(node);
        }
        self.cells[token] = Some(cell);
        self.registered += 1;
        self.front = self.front.min(token);
        true
    }

    /// Takes the entry of a token that was given up out of the list, where it is or soon will
    /// be: its thread is past all user code.
    fn fetch_gone(&mut self, token: usize) {
        loop {
            let mut news = Vec::new();
            self.shared().take(&mut news);
            // What was taken before completed before, and is handed out from the end.
            self.ready.splice(..0, news);
            if let Some(at) = self.ready.iter().position(|t| *t as usize == token) {
                self.ready.remove(at);
                let cell = self.cells[token].take().expect("a token comes once");
                // SAFETY: the registration's reference.
                unsafe { drop_ref(cell) };
                return;
            }
            self.shared().park(None);
        }
    }

    /// The token of the next completed future, if there is one.
    pub fn pop(&mut self) -> Option<usize> {
        loop {
            if self.ready.is_empty() {
                // SAFETY: freed in `drop` only.
                let watch = unsafe { self.watch.as_ref() };
                watch.take(&mut self.ready);
            }
            let token = self.ready.pop()? as usize;
            let cell = self.cells[token].take().expect("a token comes once");
            // SAFETY: the registration's reference.
            unsafe { drop_ref(cell) };
            if self.marks[token] != Mark::Gone {
                self.registered -= 1;
                return Some(token);
            }
        }
    }

    /// Waits for the next completed future. `None` when `deadline` passed, when a
    /// [`Notifier`] rang, or when nothing is watched.
    ///
    /// A worker that waits without a deadline runs a pending future of its own pool in place
    /// when none of the set is running (of very large sets it looks at the oldest only).
    ///
    /// # Errors
    ///
    /// [`Deadlock`] when, without a deadline, none of the set could ever complete.
    pub fn wait(&mut self, deadline: Option<Instant>) -> Result<Option<usize>, Deadlock> {
        let mut may_give_way = true;
        loop {
            if let Some(token) = self.pop() {
                return Ok(Some(token));
            }
            if self.shared().rung() || self.registered == 0 {
                return Ok(None);
            }
            if deadline.is_none() && self.help_first() {
                continue;
            }
            if mem::take(&mut may_give_way) && give_way(deadline) {
                continue;
            }
            if !self.sleep(deadline)? {
                return Ok(self.pop());
            }
        }
    }

    /// As [`wait`](Self::wait), for a consumer whose notifier may bring
    /// what ends its wait: a worker helps as in [`wait`](Self::wait), but the wait is no part of
    /// any deadlock. Neither this call nor a wait for the task that makes it is refused.
    ///
    /// ```
    /// use future_core::{CompletionQueue, promise};
    ///
    /// let (mut promise, future) = promise::<u32>();
    /// let mut queue = CompletionQueue::new();
    /// queue.notifier().notify();
    /// assert_eq!(queue.wait_unregistered(None), None);
    /// queue.watch(0, &future.handle());
    /// promise.set_result(1)?;
    /// assert_eq!(queue.wait_unregistered(None), Some(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_unregistered(&mut self, deadline: Option<Instant>) -> Option<usize> {
        let mut may_give_way = true;
        loop {
            if let Some(token) = self.pop() {
                return Some(token);
            }
            if self.shared().rung() {
                return None;
            }
            if deadline.is_none() && self.help_first() {
                continue;
            }
            if mem::take(&mut may_give_way) && give_way(deadline) {
                continue;
            }
            if !self.shared().park(deadline) {
                return self.pop();
            }
        }
    }

    fn sleep(&mut self, deadline: Option<Instant>) -> Result<bool, Deadlock> {
        // The search would look at every empty place before the first watched cell, each time.
        while self.cells.get(self.front).is_some_and(Option::is_none) {
            self.front += 1;
        }
        let any = Wanted::Any(NonNull::from(&self.cells[self.front..]));
        self.sleep_for(any, deadline, true)
    }

    /// Sleeps until there may be news of `wanted`; false when the time is up.
    pub(crate) fn sleep_for(
        &self,
        wanted: Wanted,
        deadline: Option<Instant>,
        refusable: bool,
    ) -> Result<bool, Deadlock> {
        if deadline.is_some() {
            return Ok(self.shared().park(deadline));
        }
        let entry = deadlock::enter(wanted, self.shared().notifier(), refusable)?;
        let woken = self.shared().park(None);
        if let Some(entry) = entry {
            entry.leave()?;
        }
        Ok(woken)
    }

    /// Runs a pending future of the set in place, when none of it is running.
    fn help_first(&mut self) -> bool {
        if context::pool() == 0 {
            return false;
        }
        let mut pending = None;
        let mut looked = 0;
        let mut at_front = true;
        for token in self.front..self.cells.len() {
            let Some(cell) = self.cells[token] else {
                if at_front {
                    self.front = token + 1;
                }
                continue;
            };
            at_front = false;
            // SAFETY: the registration's reference.
            let header = unsafe { cell.as_ref() };
            let seen = header.word.read();
            if !seen.is_pending() {
                // Running, or done and on its way to us.
                return false;
            }
            if pending.is_none() && context::may_help(header.pool) {
                pending = Some(cell);
            }
            looked += 1;
            if looked == LOOK {
                break;
            }
        }
        // SAFETY: as above; running it gives nothing up.
        pending.is_some_and(|cell| unsafe { blocking::help(cell) })
    }

    /// Stops watching `token`; true when it was watched and not handed out.
    pub fn unwatch(&mut self, token: usize) -> bool {
        let Some(Some(cell)) = self.cells.get(token).copied() else {
            return false;
        };
        let mark = self.marks[token];
        if mark == Mark::Gone {
            return false;
        }
        self.registered -= 1;
        // SAFETY: the registration's reference.
        let header = unsafe { cell.as_ref() };
        let seen = header.word.lock();
        if seen.is_settled() {
            // Its entry is in our list or on its way there.
            header.word.unlock(seen.has_side(), 0);
            self.marks[token] = Mark::Gone;
            return true;
        }
        match mark {
            Mark::Node(node) => {
                side::remove(header, node);
                header.word.unlock(side::in_use(header), 0);
                side::free(node.as_ptr());
            }
            Mark::Direct | Mark::Gone => {
                side::remove_direct(header);
                header.word.unlock(side::in_use(header), 0);
            }
        }
        self.cells[token] = None;
        // SAFETY: as above, and not used again.
        unsafe { drop_ref(cell) };
        true
    }

    /// Something that makes [`wait`](Self::wait) return from another thread.
    #[must_use]
    pub fn notifier(&self) -> Notifier {
        self.shared().notifier().clone()
    }
}

impl fmt::Debug for CompletionQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletionQueue")
            .field("watched", &self.registered)
            .finish_non_exhaustive()
    }
}

impl Drop for CompletionQueue {
    fn drop(&mut self) {
        if self.registered > 0 {
            for token in 0..self.cells.len() {
                self.unwatch(token);
            }
        }
        // Entries under way still point to the watch; their threads are past all user code.
        loop {
            while self.pop().is_some() {}
            if self.cells.iter().all(Option::is_none) {
                break;
            }
            self.shared().park(None);
        }
        // SAFETY: made by `Box` in `new`, and nobody points to it any more.
        drop(unsafe { Box::from_raw(self.watch.as_ptr()) });
    }
}
