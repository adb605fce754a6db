use std::any::Any;
use std::fmt;

use future_core::PortableError;
use serde::{Deserialize, Serialize};

use super::MAX_BODY;

/// How many bytes of a message or a backtrace travel.
const MAX_TEXT: usize = 256 * 1024;

/// Why a task that a worker began has no output, though the worker lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// It panicked.
    Panicked {
        /// The panic's message, when its payload is a string.
        message: Option<String>,
        /// Where it happened.
        location: Option<Location>,
        /// The way there, when `RUST_BACKTRACE` asks for one.
        backtrace: Option<String>,
    },
    /// The task's data could not be read.
    Undecodable {
        /// The type that was to be read.
        type_name: String,
        /// What its `Deserialize` said.
        message: String,
    },
    /// The output could not be written.
    Unencodable {
        /// The type that was to be written.
        type_name: String,
        /// What its `Serialize` said.
        message: String,
    },
    /// The build has no entry at this offset, so nothing was run.
    NoEntry {
        /// The offset.
        entry: u64,
        /// Which rule it breaks.
        reason: String,
    },
    /// The task's data could not be fetched from shared memory.
    Payload {
        /// What the system said.
        message: String,
    },
    /// The task's data or its output has so many bytes, for which there is no shared memory, and
    /// which no frame holds.
    TooLarge {
        /// How many.
        len: u64,
    },
    /// An initializer returned an error.
    Initializer {
        /// The error's text.
        message: String,
    },
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The file, as the compiler was given it.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column, counted from 1.
    pub column: u32,
}

impl Failure {
    pub(crate) fn undecodable(error: &PortableError) -> Self {
        Self::Undecodable {
            type_name: shortened(error.type_name()),
            message: source_of(error),
        }
    }

    pub(crate) fn unencodable(error: &PortableError) -> Self {
        Self::Unencodable {
            type_name: shortened(error.type_name()),
            message: source_of(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked {
                message, location, ..
            } => {
                let message = message.as_deref().unwrap_or("a panic without a message");
                match location {
                    Some(at) => write!(f, "panicked at {at}: {message}"),
                    None => write!(f, "panicked: {message}"),
                }
            }
            Self::Undecodable { type_name, message } => {
                write!(
                    f,
                    "cannot deserialise a value of type `{type_name}`: {message}"
                )
            }
            Self::Unencodable { type_name, message } => {
                write!(
                    f,
                    "cannot serialise a value of type `{type_name}`: {message}"
                )
            }
            Self::NoEntry { entry, reason } => {
                write!(f, "this build has no entry at offset {entry:#x}: {reason}")
            }
            Self::Payload { message } => {
                write!(
                    f,
                    "cannot fetch the task's data from shared memory: {message}"
                )
            }
            Self::TooLarge { len } => {
                write!(
                    f,
                    "it takes {len} bytes, for which there is no shared memory, and a message \
                     holds {MAX_BODY}; raise the limit on the size of files (`ulimit -f`), or send \
                     less at once"
                )
            }
            Self::Initializer { message } => f.write_str(message),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A panic's message, when it has one.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> Option<&str> {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// The start of a text, as much of it as travels.
pub(crate) fn shortened(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

fn source_of(error: &PortableError) -> String {
    match std::error::Error::source(error) {
        Some(source) => shortened(&source.to_string()),
        None => shortened(&error.to_string()),
    }
}
