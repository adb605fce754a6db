//! What is measured.

use std::fmt;
use std::time::Duration;

/// One thing to do, with its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Work {
    /// W1: one thread submits tiny tasks, then takes all results in order. ns a task.
    Burst { tasks: u64 },
    /// W2: submit and block on the result, again and again, with a gap before each. Median ns.
    PingPong { turns: u64, gap: Duration },
    /// W3: takes the results as they come, out of order. ns a task.
    AsCompleted { tasks: u64 },
    /// W4: a tree of tasks, each of which submits two, until there are 2^depth. ns a task.
    Tree { depth: u32 },
    /// W5: several threads do W1 with one pool. ns a task.
    Producers { producers: u64, tasks: u64 },
    /// W6: tasks of real work. Efficiency: the time of threads without a pool, by ours.
    Effort { tasks: u64, each: Duration },
    /// W7: tasks that wait for a worker. Bytes a task.
    Pending { tasks: u64 },
    /// From submit to result, workers that come and go left out. Allocations a task.
    Allocations { tasks: u64 },
    /// W8: waits for all. ns a task.
    WaitAll { tasks: u64 },
    /// W9: makes a pool, runs one task, ends the pool. ns.
    Start { times: u64 },
    /// W10: cancels tasks that wait for a worker. ns a task.
    Cancel { tasks: u64 },
    /// All workers are held until all is submitted, so that all of it is pending at once; then the
    /// results are taken, in order or as they complete. ns a task.
    Backlog { tasks: u64, in_order: bool },
    /// The processor time of the whole process in a second after work was done. µs.
    Idle,
}

/// Something to do, in a pool of so many workers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Workload {
    pub work: Work,
    pub workers: usize,
}

impl Workload {
    /// With this many times fewer tasks, for pools that would hold up the others.
    pub(crate) fn divided(self, by: u64) -> Self {
        let less = |n: u64| (n / by).max(16);
        let work = match self.work {
            Work::Burst { tasks } => Work::Burst { tasks: less(tasks) },
            Work::PingPong { turns, gap } => Work::PingPong {
                turns: if gap.is_zero() { less(turns) } else { turns },
                gap,
            },
            Work::AsCompleted { tasks } => Work::AsCompleted { tasks: less(tasks) },
            Work::Tree { depth } => Work::Tree {
                depth: depth.saturating_sub(by.ilog2()),
            },
            Work::Producers { producers, tasks } => Work::Producers {
                producers,
                tasks: less(tasks),
            },
            Work::Effort { tasks, each } => Work::Effort {
                tasks: less(tasks),
                each,
            },
            Work::Pending { tasks } => Work::Pending { tasks: less(tasks) },
            Work::Allocations { tasks } => Work::Allocations { tasks: less(tasks) },
            Work::WaitAll { tasks } => Work::WaitAll { tasks: less(tasks) },
            Work::Cancel { tasks } => Work::Cancel { tasks: less(tasks) },
            Work::Backlog { .. } | Work::Start { .. } | Work::Idle => self.work,
        };
        Self { work, ..self }
    }
}

/// As it is sent to a program of another language: a word, then numbers, the workers last.
impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.work {
            Work::Burst { tasks } => write!(f, "burst {tasks}"),
            Work::PingPong { turns, gap } => write!(f, "ping-pong {turns} {}", gap.as_micros()),
            Work::AsCompleted { tasks } => write!(f, "as-completed {tasks}"),
            Work::Tree { depth } => write!(f, "tree {depth}"),
            Work::Producers { producers, tasks } => write!(f, "producers {tasks} {producers}"),
            Work::Effort { tasks, each } => write!(f, "effort {tasks} {}", each.as_nanos()),
            Work::Pending { tasks } => write!(f, "pending {tasks}"),
            Work::Allocations { tasks } => write!(f, "allocations {tasks}"),
            Work::WaitAll { tasks } => write!(f, "wait-all {tasks}"),
            Work::Start { times } => write!(f, "start {times}"),
            Work::Cancel { tasks } => write!(f, "cancel {tasks}"),
            Work::Backlog { tasks, in_order } => write!(f, "backlog {tasks} {in_order}"),
            Work::Idle => write!(f, "idle"),
        }?;
        write!(f, " {}", self.workers)
    }
}
