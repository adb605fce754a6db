//! What goes over a worker's channel.
//!
//! A frame is a header of eight bytes and a body:
//!
//! | bytes | |
//! |---|---|
//! | 0–3 | length of the body |
//! | 4 | kind |
//! | 5 | flags |
//! | 6–7 | claim slot of the task, else 0 |
//!
//! Numbers are little-endian. Tasks and their answers are written by hand, for there are millions
//! of them; what is sent once per worker or per failure goes through postcard. Both ends read
//! with the same incremental [`Decoder`], which believes no length before it has checked it and
//! allocates nothing for bytes that have not come.

mod decoder;
mod encoder;
mod error;
mod failure;
mod frame;
mod handshake;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub(crate) use encoder::fits;
pub use error::WireError;
pub use failure::{Failure, Location};
pub(crate) use failure::{shortened, text_of};
pub use frame::{
    Answer, Direction, FromWorker, Header, Order, Payload, Placed, Task, Ticket, ToWorker,
};
pub use handshake::{Hello, PROTOCOL};

/// The length of a header.
pub const HEADER: usize = 8;

/// A longer body is an error. What is larger goes through the arena.
pub const MAX_BODY: usize = 1 << 30;

/// How many tasks can be on their way to one worker: the number of claim slots.
pub const WINDOW_MAX: usize = 1024;

/// Generations have the bits of a claim word that its state leaves.
pub const GENERATIONS: u32 = 1 << 30;

/// Payloads of this many bytes and more go through the arena.
pub const LARGE: usize = 64 * 1024;

/// How many regions can go with a task: the system passes at most 253 descriptors at once.
pub const ATTACHED_MAX: usize = 64;

/// The number of places that each direction of an arena has.
pub const PLACES: usize = 64;
