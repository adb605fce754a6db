//! `cargo xtask ci`: the whole pipeline, cheapest sections first.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::process::{cargo, run};
use crate::sections::{Outcome, Sections};
use crate::workspace::{Package, Workspace};
use crate::{conformance, counts, examples, loom, tidy, tsan};

/// The benchmarks against other pools are called so, or begin so. They are formatted and linted;
/// they have no tests, and building their dependencies once is enough.
const PEERS: &str = "peers";

/// The packages that are tested and documented.
fn tested(workspace: &Workspace) -> impl Iterator<Item = &Package> {
    let packages = workspace.packages.iter();
    packages.filter(|p| !p.name.starts_with(PEERS))
}

/// Runs all sections, or only those named.
pub(crate) fn run_all(workspace: &Workspace, only: &[String]) -> Result<()> {
    let sh = workspace.shell()?;
    let mut sections = Sections::only(only);
    sections.run("fmt", || fmt(&sh))?;
    sections.run("tidy", || tidy::run(workspace).map(|()| Outcome::Passed))?;
    sections.run("conformance", || {
        conformance::check(workspace).map(|()| Outcome::Passed)
    })?;
    sections.run("clippy", || clippy(workspace, &sh))?;
    sections.run("clippy-loom", || clippy_of_models(workspace, &sh))?;
    sections.run("test", || test(workspace, &sh))?;
    sections.run("static", || static_worker(&sh))?;
    sections.run("doctest", || doctest(workspace, &sh))?;
    sections.run("docs", || docs(workspace, &sh))?;
    sections.run("examples", || {
        examples::run_all(workspace).map(|()| Outcome::Passed)
    })?;
    sections.run("loom", || {
        loom::run(workspace, None, loom::GATE_BOUND).map(|()| Outcome::Passed)
    })?;
    sections.run("counts", || counts::run_all(workspace))?;
    sections.finish()
}

/// Workers of a program that is linked statically and optimised as a whole: where a linker would
/// leave out what nobody seems to call.
fn static_worker(sh: &Shell) -> Result<Outcome> {
    const TARGET: &str = "x86_64-unknown-linux-gnu";
    if !cfg!(all(
        target_arch = "x86_64",
        target_os = "linux",
        target_env = "gnu"
    )) {
        return Ok(Outcome::Skipped(format!("this is not {TARGET}")));
    }
    let cargo = cargo();
    let flags = format!("target.{TARGET}.rustflags=[\"-Ctarget-feature=+crt-static\"]");
    run(cmd!(
        sh,
        "{cargo} test --release -p pool-process --test worker_bin --target {TARGET}
         --config profile.release.lto=\"fat\" --config {flags}"
    ))?;
    Ok(Outcome::Passed)
}

fn fmt(sh: &Shell) -> Result<Outcome> {
    if let Some(outcome) = missing(sh, "fmt", "rustfmt")? {
        return Ok(outcome);
    }
    let cargo = cargo();
    let control = tsan::CONTROL;
    run(cmd!(sh, "{cargo} fmt --all --check"))?;
    run(cmd!(
        sh,
        "{cargo} fmt --manifest-path {control}/Cargo.toml --check"
    ))?;
    Ok(Outcome::Passed)
}

/// Each package alone, in each feature set: in a build of the whole workspace the features of
/// one package reach the others and hide what is missing.
fn clippy(workspace: &Workspace, sh: &Shell) -> Result<Outcome> {
    if let Some(outcome) = missing(sh, "clippy", "clippy")? {
        return Ok(outcome);
    }
    let cargo = cargo();
    for package in &workspace.packages {
        let name = &package.name;
        for features in package.feature_sets() {
            run(cmd!(
                sh,
                "{cargo} clippy -p {name} --all-targets {features...} -- -D warnings"
            ))?;
        }
    }
    Ok(Outcome::Passed)
}

fn clippy_of_models(workspace: &Workspace, sh: &Shell) -> Result<Outcome> {
    if let Some(outcome) = missing(sh, "clippy", "clippy")? {
        return Ok(outcome);
    }
    let cargo = cargo();
    let target = workspace.target.join("loom");
    for name in loom::MODELLED {
        run(cmd!(
            sh,
            "{cargo} clippy -p {name} --lib --tests --target-dir {target} -- -D warnings"
        )
        .env("RUSTFLAGS", loom::CFG)
        .env_remove("CARGO_ENCODED_RUSTFLAGS"))?;
    }
    Ok(Outcome::Passed)
}

/// Each package alone, in each feature set, then the newcomer's plain command.
fn test(workspace: &Workspace, sh: &Shell) -> Result<Outcome> {
    let cargo = cargo();
    for package in tested(workspace) {
        let name = &package.name;
        for features in package.feature_sets() {
            run(cmd!(sh, "{cargo} test -p {name} --tests {features...}"))?;
        }
    }
    run(cmd!(
        sh,
        "{cargo} test --workspace --exclude {PEERS}* --tests"
    ))?;
    Ok(Outcome::Passed)
}

fn doctest(workspace: &Workspace, sh: &Shell) -> Result<Outcome> {
    let cargo = cargo();
    for package in tested(workspace).filter(|p| p.has_library()) {
        let name = &package.name;
        run(cmd!(sh, "{cargo} test -p {name} --doc"))?;
        if !package.features.is_empty() {
            run(cmd!(sh, "{cargo} test -p {name} --doc --all-features"))?;
        }
    }
    Ok(Outcome::Passed)
}

fn docs(workspace: &Workspace, sh: &Shell) -> Result<Outcome> {
    let cargo = cargo();
    for package in tested(workspace) {
        let name = &package.name;
        run(cmd!(sh, "{cargo} doc -p {name} --no-deps").env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    run(cmd!(
        sh,
        "{cargo} doc --workspace --exclude {PEERS}* --no-deps --all-features"
    )
    .env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Outcome::Passed)
}

/// Whether `cargo <tool>` is not installed. A machine with only Rust then skips the section; in
/// CI, where `CI=true`, it fails.
fn missing(sh: &Shell, tool: &str, component: &str) -> Result<Option<Outcome>> {
    let cargo = cargo();
    let found = cmd!(sh, "{cargo} {tool} --version")
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()
        .is_ok();
    if found {
        return Ok(None);
    }
    let what = format!("{component} is not installed (rustup component add {component})");
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        bail!(what);
    }
    Ok(Some(Outcome::Skipped(what)))
}
