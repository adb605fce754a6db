//! The command line of both programs: everybody in turn, round by round.

use std::path::PathBuf;

use crate::contestant::{Contestant, Kind, foreign, in_process};
use crate::heap;
use crate::plan::{DRAWN, Field, Occasion, Row, rows};
use crate::record::{Record, Run};
use anyhow::{Context, Result};
use clap::Parser;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Measures thread pools side by side.
#[derive(Parser)]
struct Cli {
    /// Only these rows: w1, w2hot, w5, w6-10us, pending, length-10, ...
    rows: Vec<String>,
    /// Fewer tasks and rounds
    #[arg(long)]
    quick: bool,
    /// How many rounds (default: 9; 3 when quick)
    #[arg(long)]
    rounds: Option<usize>,
    /// Only contestants whose name contains one of these: `--only concurrent --only rayon`
    #[arg(long)]
    only: Vec<String>,
    /// Bind the process to one processor, and time the rows for that
    #[arg(long)]
    one_processor: bool,
    /// Write everything measured here
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Measures what the command line says.
pub fn run() -> Result<()> {
    let cli = Cli::parse();
    if cli.one_processor {
        bind_to_one().context("binding to one processor")?;
    }
    let occasion = if heap::is_counted() {
        Occasion::Memory
    } else if cli.one_processor {
        Occasion::OneProcessor
    } else {
        Occasion::Times
    };
    let rounds = match occasion {
        // Counts repeat.
        Occasion::Memory => 1,
        _ if cli.quick => 3,
        _ => 9,
    };
    let rounds = cli.rounds.unwrap_or(rounds);
    let rows = rows(cli.quick, occasion);
    let rows: Vec<Row> = rows.into_iter().filter(|r| r.is_asked(&cli.rows)).collect();
    let mut contestants = in_process();
    if rows.iter().any(|row| row.field == Field::All) {
        contestants.extend(foreign());
    }
    contestants.retain(|c| {
        let name = c.name().to_lowercase();
        cli.only.is_empty() || cli.only.iter().any(|o| name.contains(&o.to_lowercase()))
    });
    let versions = contestants.iter();
    let versions = versions.filter_map(|c| Some((c.name(), c.version()?)));
    let mut run = Run {
        versions: versions.collect(),
        records: Vec::new(),
    };
    for row in &rows {
        let records = measure_row(row, &mut contestants, rounds)?;
        show(row, &records);
        run.records.extend(records);
    }
    if let Some(path) = cli.json {
        let file =
            std::fs::File::create(&path).with_context(|| format!("writing {}", path.display()))?;
        serde_json::to_writer(file, &run)?;
    }
    Ok(())
}

/// All rounds of one row; in each round it is everybody's turn once.
fn measure_row(
    row: &Row,
    contestants: &mut [Box<dyn Contestant>],
    rounds: usize,
) -> Result<Vec<Record>> {
    let mut field: Vec<_> = contestants
        .iter_mut()
        .filter(|c| takes_part(row, &***c))
        .map(|c| (c, Vec::new(), Vec::new()))
        .collect();
    for _ in 0..rounds {
        for (contestant, values, quantiles) in &mut field {
            if let Some(sample) = contestant.run(row.workload)? {
                values.push(sample.value);
                quantiles.push(sample.quantiles);
            }
        }
    }
    let record = |(contestant, rounds, quantiles): (&mut Box<dyn Contestant>, Vec<f64>, Vec<_>)| {
        let mut record = Record {
            row: row.name.clone(),
            title: row.title.clone(),
            unit: row.unit,
            x: row.x,
            contestant: contestant.name(),
            kind: contestant.kind(),
            no_measure: contestant.no_measure(row.workload.work),
            rounds,
            quantiles: Vec::new(),
        };
        record.set_quantiles(&quantiles);
        record
    };
    let records = field.into_iter().map(record);
    Ok(records.filter(|r| !r.rounds.is_empty()).collect())
}

fn takes_part(row: &Row, contestant: &dyn Contestant) -> bool {
    let foreign = matches!(contestant.kind(), Kind::Java | Kind::Python);
    match row.field {
        Field::All => true,
        Field::Rust => !foreign,
        Field::Drawn => DRAWN.contains(&contestant.name()),
    }
}

/// Progress for whoever waits: medians, the fastest first.
fn show(row: &Row, records: &[Record]) {
    println!("{} ({})", row.title, row.unit);
    let mut lines: Vec<(f64, String)> = records
        .iter()
        .map(|record| {
            let mut rounds = record.rounds.clone();
            rounds.sort_by(f64::total_cmp);
            let (low, median) = (rounds[0], rounds[rounds.len() / 2]);
            let high = rounds[rounds.len() - 1];
            let name = record.contestant;
            let digits = if median < 10.0 { 2 } else { 0 };
            let line =
                format!("  {name:<28} {median:>10.digits$}  ({low:.digits$} to {high:.digits$})");
            (median, line)
        })
        .collect();
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (_, line) in lines {
        println!("{line}");
    }
}

fn bind_to_one() -> rustix::io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let first = (0..CpuSet::MAX_CPU).find(|&cpu| allowed.is_set(cpu));
    let mut one = CpuSet::new();
    one.set(first.unwrap_or(0));
    sched_setaffinity(None, &one)
}
