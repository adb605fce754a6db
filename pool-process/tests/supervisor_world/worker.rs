//! A worker made of memory.

use std::collections::{HashMap, VecDeque};

use pool_process::parts::supervisor::{Because, Key, Signal, WorkerId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Queued,
    Started,
    Revoked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Launching,
    Starting,
    Up,
}

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) stage: Stage,
    /// What it was sent and has not come to.
    pub(crate) frames: VecDeque<Frame>,
    /// The claim of each task that it was sent, and of which frame it is: a task that comes back
    /// has another frame and another claim.
    pub(crate) claims: HashMap<Key, (u32, Claim)>,
    pub(crate) turn: u32,
    pub(crate) running: Option<Key>,
    /// What it has answered and nobody has read.
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) stopped: bool,
    pub(crate) channel_closed: bool,
    pub(crate) signals: Vec<(Signal, Because)>,
    /// How many tasks it has started, and how many of its answers were read.
    pub(crate) started: u32,
    pub(crate) read: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) key: Key,
    pub(crate) turn: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Done(Key),
    Skipped,
}

impl Worker {
    pub(crate) fn new(id: WorkerId) -> Self {
        Self {
            id,
            stage: Stage::Launching,
            frames: VecDeque::new(),
            turn: 0,
            claims: HashMap::new(),
            running: None,
            answers: VecDeque::new(),
            stopped: false,
            channel_closed: false,
            signals: Vec::new(),
            started: 0,
            read: 0,
        }
    }
}
