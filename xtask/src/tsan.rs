//! `cargo xtask tsan`: the stress tests under ThreadSanitizer, after a race that it must find.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::loom_output::passed_count;
use crate::process::{cargo, run_shown, say};
use crate::workspace::Workspace;

/// The crate with the seeded race, from the root.
pub(crate) const CONTROL: &str = "xtask/tsan-control";

const SEEDED: [&str; 2] = ["two_threads_race", "the_test_races_with_its_thread"];

const CLEAN: &str = "threads_that_share_nothing";

/// What is known to be reported falsely, from the root.
const SUPPRESSIONS: &str = "xtask/tsan.supp";

/// The line that ThreadSanitizer prints for each race.
const REPORT: &str = "WARNING: ThreadSanitizer: data race";

/// Runs the control, then the stress tests of all packages.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let sh = workspace.shell()?;
    let host = host(&sh)?;
    ensure!(
        ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"].contains(&&*host),
        "ThreadSanitizer is used on Linux with glibc only, this is {host}"
    );
    prepare(workspace, &sh);
    let target = workspace.target.join("tsan");
    control(&sh, &host, &target)?;
    let cargo = cargo();
    let mut ran = Vec::new();
    for package in &workspace.packages {
        for test in package.tests("stress") {
            let (name, test) = (&package.name, &test.name);
            let (output, code) = run_shown(cmd!(
                sh,
                "{cargo} test --release -p {name} --test {test} --target {host}
                 --target-dir {target}"
            ))?;
            ensure!(
                code == Some(0),
                "{name}, tests/{test}.rs failed under ThreadSanitizer"
            );
            let passed: usize = output.lines().filter_map(passed_count).sum();
            ensure!(passed > 0, "{name}, tests/{test}.rs ran no test");
            ran.push(format!(
                "{name:<18} {test:<18} {passed:>3} tests, no race seen"
            ));
        }
    }
    ensure!(!ran.is_empty(), "no package has a tests/stress*.rs");
    say(&format!(
        "\ncontrol            {} seeded races, all found\n{}",
        SEEDED.len(),
        ran.join("\n")
    ));
    Ok(())
}

/// Sets the environment. The sanitizer is not stable; the variable lets the stable compiler use
/// it, for a check only and never for what is shipped.
fn prepare(workspace: &Workspace, sh: &Shell) {
    let suppressions = workspace.root.join(SUPPRESSIONS);
    let options = format!("suppressions={} history_size=4", suppressions.display());
    sh.set_var("TSAN_OPTIONS", options);
    sh.set_var("RUSTC_BOOTSTRAP", "1");
    sh.set_var(
        "RUSTFLAGS",
        "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer -g",
    );
}

/// Each seeded race must be reported, and a test without one must not.
fn control(sh: &Shell, host: &str, target: &Path) -> Result<()> {
    for test in SEEDED {
        if !reports_race(sh, host, target, "race", test)? {
            bail!("the seeded race {test} was not found: {SUPPRESSIONS} hides too much");
        }
        say(&format!("control: the seeded race {test} was found"));
    }
    // Suppressions name functions; without a symbolizer there are only addresses.
    if reports_race(sh, host, target, "clean", CLEAN)? {
        bail!(
            "a race was reported where there is none: {SUPPRESSIONS} has no effect. \
             ThreadSanitizer needs llvm-symbolizer in the PATH (Debian: apt-get install llvm)"
        );
    }
    say("control: nothing was found where there is nothing");
    Ok(())
}

/// Runs one test of the control crate.
fn reports_race(sh: &Shell, host: &str, target: &Path, file: &str, test: &str) -> Result<bool> {
    let cargo = cargo();
    let manifest = format!("{CONTROL}/Cargo.toml");
    let run = cmd!(
        sh,
        "{cargo} test --release --manifest-path {manifest} --test {file} --target {host}
         --target-dir {target} -- --exact {test}"
    )
    .ignore_status()
    .output()?;
    let stdout = String::from_utf8_lossy(&run.stdout);
    let stderr = String::from_utf8_lossy(&run.stderr);
    let ran = stdout.lines().filter_map(passed_count).sum::<usize>() == 1;
    if !ran {
        bail!("the control {test} did not run:\n{stdout}{stderr}");
    }
    Ok(!run.status.success() && format!("{stdout}{stderr}").contains(REPORT))
}

fn host(sh: &Shell) -> Result<String> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let about = cmd!(sh, "{rustc} -vV").quiet().read()?;
    let host = about.lines().find_map(|l| l.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}
