//! Runs every example, bounded in time, and compares what it prints with what it declares.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use xshell::cmd;

use crate::expectation::{Expectation, compare, declared};
use crate::process::{cargo, run, run_bounded, say};
use crate::workspace::{Package, Target, Workspace};

/// No example may take longer than this.
const LIMIT: Duration = Duration::from_secs(120);

/// Builds and runs the examples of all packages.
pub(crate) fn run_all(workspace: &Workspace) -> Result<()> {
    let mut wrong = Vec::new();
    let mut ran = 0;
    for package in &workspace.packages {
        for (features, examples) in by_features(package) {
            build(workspace, package, &features, &examples)?;
            for example in examples {
                ran += 1;
                let start = Instant::now();
                let outcome = run_one(workspace, example);
                let took = start.elapsed().as_secs_f64();
                let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
                say(&format!(
                    "example {:<28} {took:>6.1} s  {verdict}",
                    example.name
                ));
                if let Err(error) = outcome {
                    wrong.push(format!("example {}: {error:#}", example.name));
                }
            }
        }
    }
    say(&format!("{ran} examples ran, {} failed", wrong.len()));
    if ran == 0 {
        bail!("no example found");
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n\n"));
    }
    Ok(())
}

/// The examples, grouped by the features they need: each is built with no more than these.
fn by_features(package: &Package) -> BTreeMap<Vec<String>, Vec<&Target>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for example in package.examples() {
        let mut features = example.required_features.clone();
        features.sort();
        groups.entry(features).or_default().push(example);
    }
    groups
}

fn build(
    workspace: &Workspace,
    package: &Package,
    features: &[String],
    examples: &[&Target],
) -> Result<()> {
    let sh = workspace.shell()?;
    let cargo = cargo();
    let name = &package.name;
    let features = features.iter().flat_map(|f| ["--features", f]);
    let names = examples.iter().flat_map(|e| ["--example", &*e.name]);
    let target = &workspace.target;
    run(cmd!(
        sh,
        "{cargo} build -p {name} {features...} {names...} --target-dir {target}"
    ))
}

fn run_one(workspace: &Workspace, example: &Target) -> Result<()> {
    let source = std::fs::read_to_string(&example.src_path)?;
    let expected = declared(&source).context(
        "its header has neither an `Output:` block nor a line `Output is not checked: <reason>`",
    )?;
    let binary = workspace
        .target
        .join("debug/examples")
        .join(&example.name)
        .with_extension(std::env::consts::EXE_EXTENSION);
    let mut command = Command::new(binary);
    command.current_dir(&workspace.root);
    // What an example prints must not depend on the caller's wish for backtraces.
    command.env("RUST_BACKTRACE", "0");
    let seen = run_bounded(command, LIMIT)?;
    match seen.status {
        None => bail!(
            "killed after {} s; it had printed\n{}{}",
            LIMIT.as_secs(),
            seen.stdout,
            seen.stderr
        ),
        Some(status) if !status.success() => {
            bail!("{status}\n{}{}", seen.stdout, seen.stderr)
        }
        Some(_) => {}
    }
    match expected {
        Expectation::Unchecked(reason) => {
            say(&format!("output of {} not checked: {reason}", example.name));
            Ok(())
        }
        Expectation::Lines(lines) => compare(&lines, &seen.stdout).map_err(anyhow::Error::msg),
    }
}
