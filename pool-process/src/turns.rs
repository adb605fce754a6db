//! What the threads of a pool take turns at.

use std::sync::Arc;

use future_core::FutureId;

use crate::ground::Ground;
use crate::reactor::Source;
use crate::seat::Seat;

/// The pool's state, which one thread at a time works with: in the pool the shell, in a model
/// something smaller.
pub trait Turns: Sized + Send + 'static {
    /// What its threads sleep on.
    type Ground: Ground;
    /// A task that was submitted.
    type Work: Send;
    /// Something else that is asked for.
    type Command: Send;
    /// The end of a task.
    type Delivery: Deliver;

    /// Does all that there is to do now. Futures that have ended are added to `ended`.
    fn turn(&mut self, ready: &[Source], ended: &mut Vec<Self::Delivery>);

    /// The same in another thread than the supervisor's: no worker is started.
    fn turn_as_guest(&mut self, ready: &[Source], ended: &mut Vec<Self::Delivery>);

    /// Whether there is no task.
    fn is_idle(&self) -> bool;

    /// Whether workers are to be started, or nothing is to be done any more: both are for the
    /// supervisor's thread.
    fn wants_supervisor(&self) -> bool;

    /// Whether it has nothing to do any more.
    fn is_over(&self) -> bool;

    /// The caller polls next, and sleeps until the next turn at most.
    fn before_sleep(&mut self) -> Option<u64>;

    /// Sees to it that the thread that polls, which may sleep, wakes for the next turn. False: it
    /// has to be woken now.
    fn sets_alarm(&mut self) -> bool;

    /// Leaves what the worker of this number says to the caller, who waits for the only task that
    /// it has, until [`leave`](Self::leave). `None`: it stays with whoever polls.
    fn attend(&mut self, serial: u64) -> Option<Arc<Seat<<Self::Ground as Ground>::Stool>>>;

    /// Whether the worker of this number is of no more use, or gone: then there is nothing to
    /// attend to.
    fn is_silent(&mut self, serial: u64) -> bool;

    /// The caller has attended to the worker of this number.
    fn leave(&mut self, serial: u64);
}

/// The end of a task, which is users' code.
pub trait Deliver: Send {
    /// Completes the future.
    fn carry_out(self);

    /// Whether it is for the thread that waits for the future `id`: whatever this calls besides
    /// must not hold that thread up.
    fn is_for(&self, id: FutureId) -> bool;

    /// This thread will not carry anything out for a while.
    fn rest() {}
}
