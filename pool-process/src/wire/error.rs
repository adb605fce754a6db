use std::error::Error;
use std::fmt;

use super::{GENERATIONS, MAX_BODY, PLACES, WINDOW_MAX};

/// The other end broke the protocol. Nothing that it sends afterwards is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// A body would be longer than [`MAX_BODY`].
    Oversize {
        /// The length that the header names.
        length: usize,
    },
    /// There is no frame of this kind in this direction.
    UnknownKind {
        /// The kind.
        kind: u8,
    },
    /// The header has flags that its kind does not have.
    UnknownFlags {
        /// The kind.
        kind: u8,
        /// All flags of the header.
        flags: u8,
    },
    /// There is no such claim slot.
    BadSlot {
        /// The slot.
        slot: u16,
    },
    /// A generation has more bits than a claim word holds.
    BadGeneration {
        /// The generation.
        generation: u32,
    },
    /// There is no such place in the arena.
    BadPlace {
        /// The number of the place.
        place: u16,
    },
    /// A body is shorter or longer than its kind's.
    BadLength {
        /// The kind.
        kind: u8,
        /// The length of the body.
        length: usize,
    },
    /// A body is not what its kind's is.
    BadBody {
        /// The kind.
        kind: u8,
        /// What was found.
        what: String,
    },
    /// The channel ended inside a frame.
    Truncated {
        /// How many bytes of the frame had come.
        have: usize,
    },
    /// A frame came that this moment does not allow.
    OutOfTurn {
        /// Which one, and what was expected.
        what: &'static str,
    },
    /// An answer to a task that is not with this worker, or that it has not claimed.
    NotInFlight {
        /// The slot that the answer names.
        slot: u16,
        /// The generation that it names.
        generation: u32,
    },
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oversize { length } => {
                write!(f, "a frame of {length} bytes, of at most {MAX_BODY}")
            }
            Self::UnknownKind { kind } => write!(f, "a frame of the unknown kind {kind}"),
            Self::UnknownFlags { kind, flags } => {
                write!(
                    f,
                    "a frame of kind {kind} with the unknown flags {flags:#x}"
                )
            }
            Self::BadSlot { slot } => write!(f, "claim slot {slot}, of {WINDOW_MAX}"),
            Self::BadGeneration { generation } => {
                write!(f, "generation {generation}, of {GENERATIONS}")
            }
            Self::BadPlace { place } => write!(f, "place {place} of the arena, of {PLACES}"),
            Self::BadLength { kind, length } => {
                write!(f, "a frame of kind {kind} whose body has {length} bytes")
            }
            Self::BadBody { kind, what } => {
                write!(f, "a frame of kind {kind} that cannot be read: {what}")
            }
            Self::Truncated { have } => {
                write!(f, "the channel ended {have} bytes into a frame")
            }
            Self::OutOfTurn { what } => f.write_str(what),
            Self::NotInFlight { slot, generation } => write!(
                f,
                "an answer to a task that is not in flight (slot {slot}, generation {generation})"
            ),
        }
    }
}

impl Error for WireError {}
