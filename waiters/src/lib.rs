//! Waiting for many futures at once: the waiting layer of
//! [`concurrent-futures`](https://docs.rs/concurrent-futures). Most programs use that crate.
//!
//! | | waits for | gives |
//! |---|---|---|
//! | [`wait`] | the first, the first failure or all of a set | what is done and what is not |
//! | [`as_completed`] | each of a set | an iterator in the order of completion |
//! | [`future_set`] | each of a set that other threads add to meanwhile | the same |
//!
//! All of them take whatever [carries a future](future_core::AsFuture): futures of any executor,
//! by value or by reference, shared ones, handles without a type, and pairs of a key and one of
//! these. All have a form with a time limit.
//!
//! ```
//! use future_core::promise;
//! use waiters::as_completed;
//!
//! let (mut slow, first) = promise();
//! let (mut fast, second) = promise();
//! let completed = as_completed([("slow.example", first), ("fast.example", second)]);
//! let thread = std::thread::spawn(move || {
//!     fast.set_result(200).unwrap();
//!     slow.set_result(404).unwrap();
//! });
//! let mut seen = Vec::new();
//! for (host, future) in completed {
//!     seen.push((host, future.result()?));
//! }
//! assert_eq!(seen, [("fast.example", 200), ("slow.example", 404)]);
//! # thread.join().unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When is a future done?
//!
//! When it has a value or a failure and the callbacks that were added before have run, or as soon
//! as it is cancelled. Inside one of its own callbacks it counts as done.
//!
//! # Cost
//!
//! One registration for each future that is not done yet, without an allocation of its own unless
//! somebody else waits for the same future; none for those that are. Each completion costs the
//! same whatever the size of the set. Returning from a wait, or dropping an iterator early,
//! unregisters. What was handed out is not kept.
//!
//! # Waiting inside a task
//!
//! A worker that waits without a time limit may run pending tasks of its own pool meanwhile, so
//! that a task may wait for tasks of its pool.
//!
//! A circle of tasks that wait for each other, so that none of these waits could ever end, is
//! found, and one of the waits in it is refused: [`wait`] gives an error, the iterators hand out
//! what is unfinished. It is not found while one of the circle
//!
//! * has a time limit,
//! * iterates a [`FutureSet`] that can still be added to,
//! * is no wait for futures: for a lock, a channel or a full set, or an `.await`.
//!
//! The exit of a scope takes part but has no way to be refused, since the tasks of the scope
//! borrow what lies outside: another wait of the circle is refused instead, and a circle of
//! nothing but such exits stays.

#![forbid(unsafe_code)]

mod adder;
mod as_completed;
mod deadline;
mod distinct;
mod error;
mod future_set;
mod wait;
mod watched;

pub use adder::FutureAdder;
pub use as_completed::{AsCompleted, AsCompletedTimeout, as_completed, as_completed_timeout};
pub use error::{AddError, AddErrorKind, WaitError};
pub use future_set::{FutureSet, bounded_future_set, future_set};
pub use wait::{DoneAndNotDone, ReturnWhen, wait, wait_timeout};
