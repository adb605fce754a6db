//! `cargo xtask tsan`: the stress tests under ThreadSanitizer, after races that it must find.
//!
//! It does not understand fences, and the last drop of an `Arc` is made of one. So everything runs
//! twice: once with the orders as written and such drops left out, and once with these but with
//! every atomic operation taken for an ordered one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::loom_output::passed_count;
use crate::process::{cargo, run_shown, say};
use crate::workspace::Workspace;

/// The crate with the seeded races, from the root.
pub(crate) const CONTROL: &str = "xtask/tsan-control";

/// The line that ThreadSanitizer prints for each race.
const REPORT: &str = "WARNING: ThreadSanitizer: data race";

/// One way to run everything.
struct Pass {
    name: &'static str,
    /// What is known to be reported falsely, from the root.
    suppressions: &'static str,
    options: &'static str,
    /// The seeded races that must be found.
    seeded: &'static [&'static str],
}

const PASSES: [Pass; 2] = [
    Pass {
        name: "orders as written",
        suppressions: "xtask/tsan-orders.supp",
        options: "force_seq_cst_atomics=0",
        seeded: &[
            "two_threads_race",
            "the_test_races_with_its_thread",
            "a_relaxed_flag_publishes_nothing",
        ],
    },
    Pass {
        name: "every atomic ordered",
        suppressions: "xtask/tsan.supp",
        options: "force_seq_cst_atomics=1",
        seeded: &["two_threads_race", "the_test_races_with_its_thread"],
    },
];

/// The tests without a race, on which it must stay silent.
const CLEAN: [&str; 2] = [
    "threads_that_share_nothing",
    "the_last_of_several_owners_frees",
];

/// Where and for what to build.
struct Build {
    sh: Shell,
    host: String,
    target: PathBuf,
}

/// Runs the controls, then the stress tests of all packages.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let sh = workspace.shell()?;
    let host = host(&sh)?;
    ensure!(
        ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"].contains(&&*host),
        "ThreadSanitizer is used on Linux with glibc only, this is {host}"
    );
    // The sanitizer is not stable; the variable lets the stable compiler use it, for a check only
    // and never for what is shipped.
    sh.set_var("RUSTC_BOOTSTRAP", "1");
    sh.set_var(
        "RUSTFLAGS",
        "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer -g",
    );
    let target = workspace.target.join("tsan");
    let build = Build { sh, host, target };
    let mut done = Vec::new();
    for pass in &PASSES {
        say(&format!("\n{}", pass.name));
        let suppressions = workspace.root.join(pass.suppressions);
        build.sh.set_var(
            "TSAN_OPTIONS",
            format!(
                "suppressions={} history_size=4 {}",
                suppressions.display(),
                pass.options
            ),
        );
        control(&build, pass)?;
        done.push(format!(
            "{}\n    {} seeded races found",
            pass.name,
            pass.seeded.len()
        ));
        done.extend(stress(workspace, &build)?);
    }
    say(&format!("\n{}", done.join("\n")));
    Ok(())
}

/// Runs the stress tests and says how many passed in each file.
fn stress(workspace: &Workspace, build: &Build) -> Result<Vec<String>> {
    let Build { sh, host, target } = build;
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
            ran.push(format!("    {name}, {test}: {passed} tests, no race seen"));
        }
    }
    ensure!(!ran.is_empty(), "no package has a tests/stress*.rs");
    Ok(ran)
}

/// Each seeded race must be reported, and a test without one must not.
fn control(build: &Build, pass: &Pass) -> Result<()> {
    let suppressions = pass.suppressions;
    for test in pass.seeded {
        if !reports_race(build, "race", test)? {
            bail!("the seeded race {test} was not found: {suppressions} hides too much");
        }
        say(&format!("control: the seeded race {test} was found"));
    }
    for test in CLEAN {
        // Suppressions name functions; without a symbolizer there are only addresses.
        if reports_race(build, "clean", test)? {
            bail!(
                "a race was reported in {test}, which has none: {suppressions} has no effect. \
                 ThreadSanitizer needs llvm-symbolizer in the PATH (Debian: apt-get install llvm)"
            );
        }
        say(&format!("control: nothing was found in {test}"));
    }
    Ok(())
}

/// Runs one test of the control crate.
fn reports_race(build: &Build, file: &str, test: &str) -> Result<bool> {
    let Build { sh, host, target } = build;
    let cargo = cargo();
    let manifest = Path::new(CONTROL).join("Cargo.toml");
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
