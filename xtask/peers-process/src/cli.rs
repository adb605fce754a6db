//! The command line: of whoever measures, and of the hosts that it starts.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::contestant::{Host, contestants};
use crate::host;
use crate::report::markdown;
use crate::row::ROWS;
use crate::table::{Sizes, Table};
use crate::workload::Workload;

/// Measures process pools side by side.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    host: Option<Role>,
    /// Only these rows: burst, map, round-trip-p50, echo-1m, first, notice, ...
    rows: Vec<String>,
    /// Fewer rounds
    #[arg(long)]
    quick: bool,
    /// How many rounds (default: 9; 3 when quick)
    #[arg(long)]
    rounds: Option<usize>,
    /// Only contestants whose name contains one of these: `--only ours --only procspawn`
    #[arg(long)]
    only: Vec<String>,
    /// How many tasks of a burst (default: 20000)
    #[arg(long, default_value_t = 20_000)]
    tasks: u64,
    /// Write the table here, as Markdown
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Write everything measured here
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Role {
    /// Runs one workload on one pool and writes what it found; for this program itself.
    #[command(hide = true)]
    Host {
        pool: Host,
        workload: Workload,
        size: u64,
    },
}

/// Does what the command line says.
pub(crate) fn run() -> Result<()> {
    let cli = Cli::parse();
    if let Some(Role::Host {
        pool,
        workload,
        size,
    }) = cli.host
    {
        return host::run(pool, workload, size);
    }
    let rounds = cli.rounds.unwrap_or(if cli.quick { 3 } else { 9 });
    let asked = |id: &str| cli.rows.is_empty() || cli.rows.iter().any(|row| row == id);
    let rows: Vec<_> = ROWS.iter().filter(|row| asked(row.id)).collect();
    let mut contestants = contestants();
    contestants.retain(|c| {
        let name = c.name.to_lowercase();
        cli.only.is_empty() || cli.only.iter().any(|o| name.contains(&o.to_lowercase()))
    });
    let sizes = Sizes { tasks: cli.tasks };
    let table = Table::measure(&rows, &contestants, rounds, sizes)?;
    let text = markdown(&rows, &contestants, &table, rounds);
    println!("\n{text}");
    if let Some(path) = &cli.markdown {
        std::fs::write(path, &text).with_context(|| format!("writing {}", path.display()))?;
    }
    if let Some(path) = &cli.json {
        let file =
            std::fs::File::create(path).with_context(|| format!("writing {}", path.display()))?;
        serde_json::to_writer(file, &table)?;
    }
    Ok(())
}
