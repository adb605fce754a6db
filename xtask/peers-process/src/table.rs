//! Everybody in turn, round by round.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::contestant::Contestant;
use crate::outside;
use crate::row::Row;
use crate::session::Session;
use crate::spread::Spread;
use crate::workload::Workload;

/// Figures of one host by row. None: it never happened.
pub(crate) type Figures = BTreeMap<String, Option<f64>>;

/// What the command line may say about the rows' sizes.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) tasks: u64,
}

/// One number a round, by row and contestant; infinite: it never happened.
#[derive(Default, Serialize)]
pub(crate) struct Table(BTreeMap<String, BTreeMap<String, Vec<f64>>>);

impl Table {
    /// Measures the rows; those of one workload and size at once.
    pub(crate) fn measure(
        rows: &[&Row],
        contestants: &[Contestant],
        rounds: usize,
        sizes: Sizes,
    ) -> Result<Self> {
        let mut runs: Vec<(Workload, u64)> = Vec::new();
        for row in rows {
            let size = match row.workload {
                Workload::Burst => sizes.tasks,
                _ => row.size,
            };
            if !runs.contains(&(row.workload, size)) {
                runs.push((row.workload, size));
            }
        }
        let mut table = Self::default();
        for (workload, size) in runs {
            for _ in 0..rounds {
                for contestant in contestants {
                    table.take(contestant, workload, size);
                }
            }
            table.show(rows, workload, size);
        }
        Ok(table)
    }

    /// One host. Who fails is said so, and has no figure for this round.
    fn take(&mut self, contestant: &Contestant, workload: Workload, size: u64) {
        let figures = match run(contestant, workload, size) {
            Ok(figures) => figures,
            Err(error) => {
                eprintln!("{}, {}: {error:#}", contestant.name, workload.word());
                return;
            }
        };
        for (row, figure) in figures {
            let by_contestant = self.0.entry(row).or_default();
            let rounds = by_contestant.entry(contestant.name.into()).or_default();
            rounds.push(figure.unwrap_or(f64::INFINITY));
        }
    }

    pub(crate) fn rounds(&self, row: &str, contestant: &str) -> &[f64] {
        let rounds = self.0.get(row).and_then(|row| row.get(contestant));
        rounds.map_or(&[], Vec::as_slice)
    }

    /// Progress for whoever waits.
    fn show(&self, rows: &[&Row], workload: Workload, size: u64) {
        let same = |row: &&&Row| row.workload == workload && (row.size == 0 || row.size == size);
        for row in rows.iter().filter(same) {
            println!("{} ({})", row.title, row.unit);
            for (name, rounds) in self.0.get(row.id).into_iter().flatten() {
                if let Some(Spread { low, median, high }) = Spread::of(rounds) {
                    println!("  {name:<30} {median:>12.2}  ({low:.2} to {high:.2})");
                }
            }
        }
    }
}

fn run(contestant: &Contestant, workload: Workload, size: u64) -> Result<Figures> {
    let Some(command) = contestant.command(workload, size)? else {
        return Ok(Figures::new());
    };
    if workload == Workload::Outside {
        return outside::look(command);
    }
    let session = Session::start(command)?;
    let line = session.line()?;
    serde_json::from_str(&line).with_context(|| format!("the host said {line}"))
}
