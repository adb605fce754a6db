//! `cargo xtask bench process`: the process pool beside its peers. Its program writes the report.

use anyhow::Result;
use std::process::Command;
use xshell::cmd;

use super::Options;
use super::machine::Machine;
use super::publish::{self, Place};
use crate::process::{cargo, run, say};
use crate::workspace::Workspace;

/// The row that stands for all of them; those after it are the program's.
pub(super) const PROCESS: &str = "process";

/// Builds and measures.
pub(super) fn run_all(workspace: &Workspace, options: &Options, rows: &[String]) -> Result<()> {
    let sh = workspace.shell()?;
    let cargo = cargo();
    run(cmd!(sh, "{cargo} build --release -p peers-process"))?;
    let out = match &options.out {
        Some(out) => std::path::absolute(out)?,
        None => workspace.target.join("bench"),
    };
    sh.create_dir(&out)?;
    // Described before it gets warm.
    let machine = Machine::describe(&sh)?;
    let report = out.join("process.md");
    let mut command = Command::new(workspace.target.join("release/peers-process"));
    command.arg("--markdown").arg(&report);
    command.arg("--json").arg(out.join("process.json"));
    if options.quick {
        command.arg("--quick");
    }
    if let Some(rounds) = options.rounds {
        command.arg("--rounds").arg(rounds.to_string());
    }
    command.args(rows);
    run(command)?;
    let table = format!("{}.\n\n{}", machine.line(), sh.read_file(&report)?);
    sh.write_file(&report, &table)?;
    if options.publish {
        publish::publish(workspace, Place::Processes, table.trim_end())?;
    }
    say(&report.display().to_string());
    Ok(())
}
