//! `cargo xtask loom`: runs the models and prints what each explored.

use anyhow::{Result, bail, ensure};
use xshell::cmd;

use crate::loom_output::{self, ModelRun};
use crate::process::{cargo, run_shown, say};
use crate::workspace::Workspace;

/// The crates whose interleavings are modelled. One that runs no model fails the verb.
pub(crate) const MODELLED: [&str; 4] = ["future-core", "waiters", "pool-thread", "pool-process"];

/// The bound of `cargo xtask ci`.
pub(crate) const GATE_BOUND: usize = 2;

/// The bound of `--deep`.
pub(crate) const DEEP_BOUND: usize = 3;

/// A project's own name for the cfg: rust flags reach every dependency, and plain `loom` would
/// switch on loom code in them.
pub(crate) const CFG: &str = "--cfg cf_loom";

/// Runs the models of `package`, or of all crates that have some.
pub(crate) fn run(workspace: &Workspace, package: Option<&str>, bound: usize) -> Result<()> {
    let crates = match package {
        Some(name) => vec![name],
        None => MODELLED.to_vec(),
    };
    let sh = workspace.shell()?;
    let cargo = cargo();
    let target = workspace.target.join("loom");
    let flags = format!("{CFG} -C debug-assertions=on");
    let mut rows = Vec::new();
    for name in crates {
        let package = workspace.package(name)?;
        let files: Vec<&str> = package.tests("loom_").map(|t| &*t.name).collect();
        ensure!(!files.is_empty(), "{name} has no tests/loom_*.rs");
        for file in files {
            let command = cmd!(
                sh,
                "{cargo} test --release -p {name} --test {file} --target-dir {target}
                 -- --nocapture --test-threads=1"
            )
            .env("RUSTFLAGS", &flags)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("LOOM_MAX_PREEMPTIONS", bound.to_string());
            let (output, code) = run_shown(command)?;
            if code != Some(0) {
                bail!("a model of {name}, tests/{file}.rs, failed");
            }
            match loom_output::models(&output) {
                Ok(runs) => rows.extend(runs.into_iter().map(|run| row(name, run))),
                Err(error) => return Err(error.context(format!("{name}, tests/{file}.rs"))),
            }
        }
    }
    say(&format!("\n{}", table(&rows)));
    Ok(())
}

type Row = [String; 8];

const HEAD: [&str; 8] = [
    "crate",
    "model",
    "what it shows",
    "threads",
    "bound",
    "executions",
    "seconds",
    "substitute",
];

fn row(package: &str, run: ModelRun) -> Row {
    [
        package.to_owned(),
        run.name,
        run.shows,
        run.threads,
        run.bound,
        run.executions,
        run.seconds,
        run.substitute,
    ]
}

fn table(rows: &[Row]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEAD[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; 8] = std::array::from_fn(width);
    let line = |cells: [&str; 8]| {
        let padded = cells.iter().zip(widths).enumerate().map(|(i, (cell, w))| {
            // Numbers to the right, words to the left.
            if (3..7).contains(&i) {
                format!("{cell:>w$}")
            } else {
                format!("{cell:<w$}")
            }
        });
        let padded: Vec<String> = padded.collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(HEAD)];
    lines.extend(
        rows.iter()
            .map(|row| line(std::array::from_fn(|i| &*row[i]))),
    );
    lines.push(format!("{} models", rows.len()));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{row, table};
    use crate::loom_output::models;

    #[test]
    fn the_table_is_aligned() {
        let output = "test one ... loom-model\tone\tcancel against start\t3\t2\t333\t0.01\t-\n\
             test result: ok. 1 passed; 0 failed\n";
        let runs = models(output).unwrap();
        let rows: Vec<_> = runs.into_iter().map(|r| row("future-core", r)).collect();
        assert_eq!(
            table(&rows),
            "crate        model  what it shows         threads  bound  executions  seconds  substitute\n\
             future-core  one    cancel against start        3      2         333     0.01  -\n\
             1 models"
        );
    }
}
