//! The rows: which workloads, with which numbers.

use std::time::Duration;

use crate::workload::{Work, Workload};

/// One row of the table, or one point of a chart.
pub(crate) struct Row {
    pub name: String,
    pub title: String,
    pub unit: &'static str,
    pub workload: Workload,
    pub x: Option<f64>,
    /// Who takes part.
    pub field: Field,
}

/// Who takes part in a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// Everybody who can.
    All,
    /// Without the programs of other languages.
    Rust,
    /// This library and the few that are drawn in charts.
    Drawn,
}

/// Whose curves a chart has beside ours: the best of each kind. More could not be told apart.
pub(crate) const DRAWN: [&str; 5] = [
    "concurrent-futures",
    "async-task + channel",
    "rayon spawn",
    "tokio spawn",
    "naive port",
];

const MICROSECOND: Duration = Duration::from_micros(1);

/// The workers of all rows that do not say otherwise.
const WORKERS: usize = 2;

struct Plan {
    rows: Vec<Row>,
    /// Tasks are divided by this.
    less: u64,
}

impl Plan {
    fn row(&mut self, name: &str, title: &str, work: Work, workers: usize, field: Field) {
        let unit = match work {
            Work::Effort { .. } => "efficiency",
            Work::Pending { .. } => "bytes/task",
            Work::Allocations { .. } => "allocations/task",
            Work::Start { .. } | Work::PingPong { .. } => "ns",
            Work::Idle => "us/s",
            _ => "ns/task",
        };
        self.rows.push(Row {
            name: name.to_owned(),
            title: title.to_owned(),
            unit,
            workload: Workload { work, workers }.divided(self.less),
            x: None,
            field,
        });
    }

    /// A point of the chart `chart`.
    fn point(&mut self, chart: &str, title: &str, x: f64, work: Work, workers: usize) {
        self.row(&format!("{chart}-{x}"), title, work, workers, Field::Drawn);
        if let Some(row) = self.rows.last_mut() {
            row.x = Some(x);
        }
    }

    fn workloads(&mut self) {
        let all = Field::All;
        let burst = Work::Burst { tasks: 200_000 };
        self.row("w1", "W1 burst", burst, WORKERS, all);
        self.ping_pong("w2hot", "W2 ping-pong, hot", Duration::ZERO);
        self.ping_pong("w2cold", "W2 ping-pong, cold", MICROSECOND * 1000);
        let completed = Work::AsCompleted { tasks: 50_000 };
        self.row("w3", "W3 as completed", completed, WORKERS, all);
        self.row("w4", "W4 tree", Work::Tree { depth: 16 }, WORKERS, all);
        for producers in [2, 8] {
            let work = Work::Producers {
                producers,
                tasks: 200_000,
            };
            let title = format!("W5 {producers} producers");
            self.row(&format!("w5x{producers}"), &title, work, WORKERS, all);
        }
        for (us, tasks) in [(1, 100_000), (10, 10_000), (100, 1_000)] {
            let title = format!("W6 tasks of {us} µs");
            let work = effort(us as f64, tasks);
            self.row(&format!("w6-{us}us"), &title, work, WORKERS, all);
        }
        let all_done = Work::WaitAll { tasks: 100_000 };
        self.row("w8", "W8 wait for all", all_done, WORKERS, all);
        let start = Work::Start { times: 50 };
        self.row("w9", "W9 cold start", start, WORKERS, all);
        let cancel = Work::Cancel { tasks: 100_000 };
        self.row("w10", "W10 cancel", cancel, WORKERS, all);
    }

    fn ping_pong(&mut self, name: &str, title: &str, gap: Duration) {
        let turns = if gap.is_zero() { 20_000 } else { 200 };
        let work = Work::PingPong { turns, gap };
        self.row(name, title, work, WORKERS, Field::All);
    }

    /// Rows that must not collapse.
    fn hard_conditions(&mut self) {
        let eight = |name: &str| format!("{name}, 8 workers");
        let rows = [
            ("w1", "W1 burst", Work::Burst { tasks: 200_000 }),
            ("w4", "W4 tree", Work::Tree { depth: 16 }),
            ("w6-10us", "W6 tasks of 10 µs", effort(10.0, 10_000)),
            (
                "w2hot",
                "W2 ping-pong, hot",
                Work::PingPong {
                    turns: 10_000,
                    gap: Duration::ZERO,
                },
            ),
        ];
        for (name, title, work) in rows {
            let name = format!("{name}-8workers");
            self.row(&name, &eight(title), work, 8, Field::Rust);
        }
        self.row(
            "idle",
            "idle processor time",
            Work::Idle,
            WORKERS,
            Field::Drawn,
        );
    }

    fn charts(&mut self) {
        for tasks in [10, 100, 1_000, 10_000, 100_000, 1_000_000] {
            if self.less > 1 && tasks > 100_000 {
                continue;
            }
            let x = tasks as f64;
            let title = format!("{tasks} pending futures, in order");
            let work = |in_order| Work::Backlog { tasks, in_order };
            self.point("pending", &title, x, work(true), WORKERS);
            let title = format!("{tasks} pending futures, as completed");
            self.point("completing", &title, x, work(false), WORKERS);
        }
        for (us, tasks) in [
            (0.3, 100_000),
            (1.0, 50_000),
            (3.0, 20_000),
            (10.0, 5_000),
            (30.0, 2_000),
            (100.0, 500),
        ] {
            let title = format!("tasks of {us} µs");
            self.point("length", &title, us, effort(us, tasks), WORKERS);
        }
        for workers in [1, 2, 4, 8, 16] {
            let title = format!("tasks of 10 µs, {workers} workers");
            let x = workers as f64;
            self.point("workers", &title, x, effort(10.0, 5_000), workers);
        }
        for producers in [1, 2, 4, 8, 16] {
            let work = Work::Producers {
                producers,
                tasks: 100_000,
            };
            let title = format!("{producers} producers");
            self.point("producers", &title, producers as f64, work, WORKERS);
        }
    }

    fn memory(&mut self) {
        let all = Field::All;
        let pending = Work::Pending { tasks: 1_000_000 };
        self.row("w7", "W7 pending tasks", pending, WORKERS, all);
        let allocations = Work::Allocations { tasks: 100_000 };
        self.row("allocations", "allocations", allocations, WORKERS, all);
    }

    fn one_processor(&mut self) {
        let rows = [
            ("w1", "W1 burst", Work::Burst { tasks: 200_000 }),
            (
                "w2hot",
                "W2 ping-pong, hot",
                Work::PingPong {
                    turns: 10_000,
                    gap: Duration::ZERO,
                },
            ),
            ("w3", "W3 as completed", Work::AsCompleted { tasks: 50_000 }),
            ("w4", "W4 tree", Work::Tree { depth: 16 }),
            (
                "w5x8",
                "W5 8 producers",
                Work::Producers {
                    producers: 8,
                    tasks: 200_000,
                },
            ),
            ("w6-10us", "W6 tasks of 10 µs", effort(10.0, 5_000)),
        ];
        for (name, title, work) in rows {
            let title = format!("{title}, one processor");
            let name = format!("{name}-1cpu");
            self.row(&name, &title, work, WORKERS, Field::Rust);
        }
    }
}

fn effort(microseconds: f64, tasks: u64) -> Work {
    Work::Effort {
        tasks,
        each: MICROSECOND.mul_f64(microseconds),
    }
}

/// What kind of run it is; each has rows of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    Times,
    /// Bound to one processor.
    OneProcessor,
    /// With an allocator that counts.
    Memory,
}

/// The rows of a run.
pub(crate) fn rows(quick: bool, occasion: Occasion) -> Vec<Row> {
    let mut plan = Plan {
        rows: Vec::new(),
        less: if quick { 4 } else { 1 },
    };
    match occasion {
        Occasion::OneProcessor => plan.one_processor(),
        Occasion::Memory => plan.memory(),
        Occasion::Times => {
            plan.workloads();
            plan.hard_conditions();
            plan.charts();
        }
    }
    plan.rows
}

impl Row {
    /// Whether one of `asked` names this row: whole, or as the start of its name up to a number
    /// or a dash. Nothing asked for is everything.
    pub(crate) fn is_asked(&self, asked: &[String]) -> bool {
        let matches = |name: &String| {
            let rest = self.name.strip_prefix(&**name);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        asked.is_empty() || asked.iter().any(matches)
    }
}
