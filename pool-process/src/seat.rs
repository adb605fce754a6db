//! Where a user's thread sits that waits for what one worker says.

use std::sync::Arc;
use std::task::Wake;
use std::time::Instant;

use future_core::shim::atomic::{AtomicBool, Ordering, fence};

use crate::ground::{Stool, Woken};

/// One worker's channel and a bell, by which the sleeper is woken for another reason. One thread at
/// a time sits here.
#[derive(Debug)]
pub struct Seat<S> {
    stool: S,
    asleep: AtomicBool,
}

impl<S: Stool> Seat<S> {
    /// A seat on `stool`.
    pub fn new(stool: S) -> Self {
        Self {
            stool,
            asleep: AtomicBool::new(false),
        }
    }

    /// Sleeps until the worker says something, the waker is woken or `deadline` passes; not at all
    /// when `settled`, which becomes true before the waker is woken.
    pub fn sleep(&self, deadline: Option<Instant>, settled: impl Fn() -> bool) -> Woken {
        // ORDERING: the fence pairs with the one in `wake`: either this sees that it is settled,
        // or the waker sees that somebody sleeps.
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let woken = if settled() {
            Woken::Early
        } else {
            self.stool.wait(deadline)
        };
        // ORDERING: a waker that still finds it set rings for nothing, and the next sleep ends
        // early.
        self.asleep.store(false, Ordering::Relaxed);
        woken
    }
}

impl<S: Stool> Wake for Seat<S> {
    fn wake(self: Arc<Self>) {
        // ORDERING: see `sleep`. Most often it is the sleeper itself that settles what it waits
        // for, and nobody is asleep.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) {
            self.stool.ring();
        }
    }
}
