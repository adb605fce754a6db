//! Futures and the queue that tells which of them is done.

use std::collections::VecDeque;
use std::time::Instant;

use future_core::{AsFuture, CompletionQueue, Deadlock, Notifier};

/// A table of futures, all of them done or watched.
pub(crate) struct Watched<F> {
    /// Before the futures, so that dropping unregisters first.
    queue: CompletionQueue,
    /// By token.
    slots: Vec<Option<F>>,
    /// Tokens of futures that are done and not in the queue, to be handed out first.
    ready: VecDeque<usize>,
    held: usize,
    /// Every slot before this one is empty.
    front: usize,
}

impl<F: AsFuture> Watched<F> {
    pub(crate) fn new() -> Self {
        Self {
            queue: CompletionQueue::new(),
            slots: Vec::new(),
            ready: VecDeque::new(),
            held: 0,
            front: 0,
        }
    }

    /// Makes room for `slots` futures.
    pub(crate) fn reserve(&mut self, slots: usize) {
        self.slots.reserve(slots);
    }

    /// The number of slots, used and free ones.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// How many futures it holds.
    pub(crate) fn len(&self) -> usize {
        self.held
    }

    pub(crate) fn notifier(&self) -> Notifier {
        self.queue.notifier()
    }

    /// Puts a future into the free slot `token`, which may be the next new one. Whether it is
    /// watched; a future that is done is to be given to [`ready_now`](Self::ready_now).
    #[must_use]
    pub(crate) fn put(&mut self, token: usize, future: F) -> bool {
        if token == self.slots.len() {
            self.slots.push(None);
        }
        let handle = future.as_future();
        let is_watched = !handle.settled() && {
            if self.queue.is_empty() {
                self.queue.reserve(self.slots.capacity());
            }
            self.queue.watch(token, handle)
        };
        self.slots[token] = Some(future);
        self.front = self.front.min(token);
        self.held += 1;
        is_watched
    }

    /// The future at `token` is done: it comes after those that are known to be.
    pub(crate) fn ready_now(&mut self, token: usize) {
        self.ready.push_back(token);
    }

    /// Those that were watched and have completed come next.
    pub(crate) fn settle_order(&mut self) {
        while let Some(token) = self.queue.pop() {
            self.ready.push_back(token);
        }
    }

    /// The token of a future that is done, without waiting.
    pub(crate) fn ready(&mut self) -> Option<usize> {
        self.ready.pop_front().or_else(|| self.queue.pop())
    }

    /// Waits for a token, when none is [`ready`](Self::ready). `None` when the time is up, when
    /// the notifier rang, or when nothing is watched.
    pub(crate) fn wait(&mut self, deadline: Option<Instant>) -> Result<Option<usize>, Deadlock> {
        self.queue.wait(deadline)
    }

    /// The same when the notifier may bring what ends the wait: also when nothing is watched, and
    /// never a deadlock.
    pub(crate) fn wait_for_more(&mut self, deadline: Option<Instant>) -> Option<usize> {
        self.queue.wait_unregistered(deadline)
    }

    /// Takes out a future whose token was handed out.
    pub(crate) fn take(&mut self, token: usize) -> F {
        self.held -= 1;
        self.slots[token]
            .take()
            .expect("a token that was handed out has a future")
    }

    /// Takes out the first future although it is not done.
    pub(crate) fn take_unfinished(&mut self) -> Option<F> {
        while self.front < self.slots.len() {
            let token = self.front;
            self.front += 1;
            if self.slots[token].is_some() {
                self.queue.unwatch(token);
                return Some(self.take(token));
            }
        }
        None
    }

    /// Everything that is left, in the order of tokens.
    pub(crate) fn into_rest(self) -> Vec<F> {
        drop(self.queue);
        self.slots.into_iter().flatten().collect()
    }
}
