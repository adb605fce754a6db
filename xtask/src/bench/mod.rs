//! `cargo xtask bench`: this library beside its peers, and the report about it.

mod axis;
mod bars;
mod chart;
mod html;
mod machine;
mod markdown;
mod process;
mod publish;
mod ratios;
mod results;
mod svg;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use machine::Machine;
use publish::Place;
use results::Results;
use xshell::cmd;

use crate::counts;
use crate::process::{cargo, run, say};
use crate::workspace::Workspace;

/// What was asked for.
pub(crate) struct Options {
    /// Fewer tasks and rounds.
    pub(crate) quick: bool,
    /// Of the times; each program has its own number when not given.
    pub(crate) rounds: Option<usize>,
    /// Only these rows; all when empty.
    pub(crate) rows: Vec<String>,
    /// Where the report goes; `bench` below the build output when not given.
    pub(crate) out: Option<PathBuf>,
    /// Also put the table into docs/performance.md.
    pub(crate) publish: bool,
}

/// All that the report is made of.
pub(crate) struct Report {
    machine: Machine,
    quick: bool,
    results: Results,
}

/// The program that counts instead of taking times.
const MEMORY: &str = "peers-memory";

/// Builds, measures, writes.
pub(crate) fn run_all(workspace: &Workspace, options: &Options) -> Result<()> {
    let all = matches!(&options.rows[..], [] | [_]) && options.rows.first().is_none_or(is_process);
    ensure!(
        all || !options.publish,
        "only a run of all rows can be published, not of {}",
        options.rows.join(" ")
    );
    if let Some((first, rows)) = options.rows.split_first() {
        if is_process(first) {
            return process::run_all(workspace, options, rows);
        }
    }
    let sh = workspace.shell()?;
    let cargo = cargo();
    run(cmd!(sh, "{cargo} build --release -p peers"))?;
    let out = match &options.out {
        Some(out) => std::path::absolute(out)?,
        None => workspace.target.join("bench"),
    };
    sh.create_dir(&out)?;
    // Described before it gets warm.
    let machine = Machine::describe(&sh)?;
    let mut results = Results::default();
    let built = workspace.target.join("release");
    let runs: [(&str, &[&str]); 3] = [
        ("peers", &[]),
        ("peers", &["--one-processor"]),
        (MEMORY, &[]),
    ];
    for (program, arguments) in runs {
        let program = built.join(program);
        results.merge(measure(&program, arguments, &out, options)?);
    }
    if options.rows.is_empty() {
        results.merge(instructions(workspace)?);
    }
    let report = Report {
        machine,
        quick: options.quick,
        results,
    };
    let table = markdown::table(&report);
    sh.write_file(out.join("report.md"), markdown::page(&report))?;
    sh.write_file(out.join("report.html"), html::page(&report))?;
    if options.publish {
        publish::publish(workspace, Place::Threads, &table)?;
    }
    say(&format!("\n{table}\n{}", out.join("report.html").display()));
    Ok(())
}

/// Whether this row stands for all of the process pool's.
fn is_process(row: &String) -> bool {
    row == process::PROCESS
}

/// One run of one of the programs.
fn measure(program: &Path, arguments: &[&str], out: &Path, options: &Options) -> Result<Results> {
    let times = !program.ends_with(MEMORY);
    let json = out.join("measured.json");
    let mut command = Command::new(program);
    command.args(arguments).arg("--json").arg(&json);
    if options.quick {
        command.arg("--quick");
    }
    if let Some(rounds) = options.rounds.filter(|_| times) {
        command.arg("--rounds").arg(rounds.to_string());
    }
    command.args(&options.rows);
    run(command)?;
    let results = Results::read(&json)?;
    std::fs::remove_file(&json).with_context(|| format!("removing {}", json.display()))?;
    Ok(results)
}

/// Instructions a task, where there is a tool that counts them.
fn instructions(workspace: &Workspace) -> Result<Results> {
    let mut results = Results::default();
    if let Some(count) = counts::instructions_of_a_task(workspace)? {
        results.records.push(results::Record {
            row: "instructions".into(),
            title: "instructions in W1".into(),
            unit: "instructions/task".into(),
            x: None,
            contestant: "concurrent-futures".into(),
            kind: results::Kind::Ours,
            no_measure: None,
            rounds: vec![count],
            quantiles: vec![],
        });
    }
    Ok(results)
}
