//! A place for a worker, and the worker in it.

use super::action::Because;
use super::ids::WorkerId;
use super::tasks::List;
use super::window::Window;

/// What a worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// There is none.
    Vacant,
    /// Its process was asked for.
    Launching,
    /// It has a process, which gets ready.
    Starting {
        /// Until when.
        by: Option<u64>,
    },
    /// It runs tasks.
    Live,
    /// It has nothing more to do and is to exit.
    Retiring {
        /// Until when.
        by: Option<u64>,
    },
    /// It was signalled, and its death has not been told yet.
    Ending {
        /// What for.
        because: Because,
        /// When to kill it; none when that is done.
        kill_at: Option<u64>,
    },
}

/// A worker is about to be signalled because of a task that it runs; its others are asked back
/// first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doom {
    pub(super) because: Because,
    pub(super) grace: u64,
    /// Until when to wait for the others.
    pub(super) patience: u64,
}

#[derive(Debug)]
pub(super) struct Slot {
    generation: u32,
    pub(super) stage: Stage,
    pub(super) pid: Option<u32>,
    /// What it was sent and has not answered, in that order.
    pub(super) list: List,
    pub(super) window: Window,
    /// How many more tasks it may run.
    pub(super) budget: Option<u32>,
    /// How many of its tasks are asked back, stand behind a later one, are to be ended.
    pub(super) revoking: u32,
    pub(super) late: u32,
    pub(super) doomed: u32,
    pub(super) doom: Option<Doom>,
    /// Since when the first of its list has been that.
    pub(super) front_since: u64,
    /// When to look next whether one of its list has started.
    pub(super) look_at: Option<u64>,
    /// The number of the task whose limit has passed, once it was asked whether it is over.
    pub(super) overdue: Option<u64>,
    /// It did not start a task for so long that it was taken back; nothing was heard of it since.
    pub(super) suspect: bool,
    /// It has answered something.
    pub(super) worked: bool,
}

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            generation: 0,
            stage: Stage::Vacant,
            pid: None,
            list: List::new(),
            window: Window::new(1),
            budget: None,
            revoking: 0,
            late: 0,
            doomed: 0,
            doom: None,
            front_since: 0,
            look_at: None,
            overdue: None,
            suspect: false,
            worked: false,
        }
    }

    /// Puts a new worker into this vacant place, and says which incarnation it is.
    pub(super) fn occupy(&mut self, window_max: u32, budget: Option<u32>) -> u32 {
        let generation = self.generation.wrapping_add(1);
        *self = Self {
            generation,
            stage: Stage::Launching,
            window: Window::new(window_max),
            budget,
            ..Self::new()
        };
        generation
    }

    /// What the worker in place `slot`, this one, is called.
    pub(super) fn id(&self, slot: u32) -> WorkerId {
        WorkerId {
            slot,
            generation: self.generation,
        }
    }

    pub(super) fn is(&self, worker: WorkerId) -> bool {
        self.generation == worker.generation && self.stage != Stage::Vacant
    }

    pub(super) fn coming(&self) -> bool {
        matches!(self.stage, Stage::Launching | Stage::Starting { .. })
    }

    /// Whether it may be sent tasks, as far as is known. While some are asked back, it may not:
    /// they come before those that it would be sent.
    pub(super) fn takes_tasks(&self) -> bool {
        self.stage == Stage::Live
            && self.doom.is_none()
            && self.budget != Some(0)
            && self.revoking == 0
    }

    /// Whether it would start a task at once.
    pub(super) fn idle(&self) -> bool {
        self.takes_tasks() && !self.suspect && self.list.is_empty()
    }

    /// How many tasks it may be sent now.
    pub(super) fn room(&self) -> u32 {
        let room = self.window.size().saturating_sub(self.list.len());
        self.budget.map_or(room, |budget| room.min(budget))
    }
}
