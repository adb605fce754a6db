//! What is measured, and what this library must reach.

use crate::contestant::{
    MULTIPROCESSING, OURS, OURS_SHARED, PROCSPAWN, PROCSPAWN_SHARED, SOCKETPAIR,
};
use crate::workload::Workload;

/// A row of the table.
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) workload: Workload,
    /// Tasks, items, turns or bytes; 0: as many as the command line says, or no matter.
    pub(crate) size: u64,
    pub(crate) bar: Bar,
}

impl Row {
    /// Whose figures are this library's: shared memory is compared with shared memory.
    pub(crate) fn ours(&self) -> &'static str {
        match self.bar {
            Bar::AtLeast(_, PROCSPAWN_SHARED) => OURS_SHARED,
            _ => OURS,
        }
    }
}

/// What this library's figure must be.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    /// At least so many times that contestant's.
    AtLeast(f64, &'static str),
    /// At most so many times that contestant's.
    AtMost(f64, &'static str),
    /// No more than this.
    NoMoreThan(f64),
    /// Yes in every round.
    Always,
    /// Only to be seen.
    Free,
}

use Bar::{Always, AtLeast, AtMost, Free, NoMoreThan};

macro_rules! rows {
    ($($id:literal, $title:literal, $unit:literal, $workload:ident($size:expr), $bar:expr;)*) => {
        [$(Row {
            id: $id,
            title: $title,
            unit: $unit,
            workload: Workload::$workload,
            size: $size,
            bar: $bar,
        }),*]
    };
}

/// All rows.
pub(crate) const ROWS: [Row; 15] = rows![
    "burst", "no-op tasks, submit and collect", "tasks/s", Burst(0), AtLeast(20.0, PROCSPAWN);
    "map", "map of no-ops, chunk 64", "items/s", Map(200_000), AtLeast(8.0, MULTIPROCESSING);
    "map-auto", "map of no-ops, chunks by itself", "items/s", MapAuto(200_000), Free;
    "round-trip-p50", "sequential round trip, median", "µs", RoundTrip(5000), AtMost(1.5, SOCKETPAIR);
    "round-trip-p99", "sequential round trip, p99", "µs", RoundTrip(5000), AtMost(1.5, SOCKETPAIR);
    "echo-1m", "echo of 1 MiB, shared memory where there is some", "MB/s", Echo(1 << 20), AtLeast(2.0, PROCSPAWN_SHARED);
    "echo-64m", "echo of 64 MiB, shared memory where there is some", "MB/s", Echo(64 << 20), AtLeast(2.0, PROCSPAWN_SHARED);
    "first", "pool made to first result", "ms", First(0), AtMost(1.0, PROCSPAWN);
    "notice", "SIGKILL of a busy worker noticed", "ms", Notice(0), AtMost(1.0, PROCSPAWN);
    "survives", "another worker's task survives it (1: yes)", "", Notice(0), Always;
    "queued", "queued tasks run elsewhere (1: yes)", "", Notice(0), Always;
    "pss", "idle worker, PSS", "MiB", Outside(0), NoMoreThan(1.0);
    "orphans", "alive 1.5 s after the parent's SIGKILL (1 busy, 1 idle)", "processes", Outside(0), NoMoreThan(0.0);
    "inherited", "parent's descriptors inherited by a worker (parent holds 100)", "", Outside(0), NoMoreThan(5.0);
    "descriptors", "descriptors a worker has in all", "", Outside(0), Free;
];
