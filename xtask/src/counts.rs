//! `cargo xtask counts`: costs that repeat, counted instead of timed. Valgrind runs the program of
//! `xtask/counts`. The heap's counts are tests of the crates: their allocator counts.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use xshell::cmd;

use crate::process::{cargo, run, say};
use crate::sections::Outcome;
use crate::workspace::Workspace;

/// A task may cost so many instructions, from submit to result.
const MOST_OF_A_TASK: f64 = 650.0;

/// Per completion the costs may differ by so much between 1000 and 100 000 futures: tables grow,
/// and the last wait is longer or shorter.
const SAME: f64 = 1.15;

/// Calls of the system that get memory, now and then.
const MEMORY: [&str; 5] = ["brk", "mmap", "munmap", "mremap", "madvise"];

/// Checks all counts; skipped without valgrind, which in CI is a failure.
pub(crate) fn run_all(workspace: &Workspace) -> Result<Outcome> {
    let Some(program) = Program::build(workspace)? else {
        let what = "valgrind is not installed";
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            bail!(what);
        }
        return Ok(Outcome::Skipped(what.to_owned()));
    };
    let mut wrong = Vec::new();
    let mut check = |what: String, holds: bool| {
        say(&format!(
            "{} {what}",
            if holds { "ok    " } else { "FAILED" }
        ));
        if !holds {
            wrong.push(what);
        }
    };
    let task = program.of_a_task()?;
    check(
        format!("{task:.0} instructions a task in W1, at most {MOST_OF_A_TASK}"),
        task <= MOST_OF_A_TASK,
    );
    for what in ["wait", "as-completed"] {
        let none = program.instructions(what, 0)?;
        let mut each = Vec::new();
        for number in [1_000, 10_000, 100_000] {
            let all = program.instructions(what, number)?;
            each.push((all - none) / number as f64);
        }
        let low = each.iter().copied().fold(f64::INFINITY, f64::min);
        let high = each.iter().copied().fold(0.0, f64::max);
        let [few, more, many] = each[..] else {
            bail!("three numbers were counted");
        };
        check(
            format!(
                "{what}: {few:.0}, {more:.0} and {many:.0} instructions a completion of 1000, \
                 10 000 and 100 000"
            ),
            high <= low * SAME,
        );
    }
    let calls = program.calls_of_submits()?;
    let (memory, others): (Vec<_>, Vec<_>) =
        calls.iter().partition(|call| MEMORY.contains(&&***call));
    check(
        format!(
            "{SUBMITS} submits to busy workers: {} system calls for memory, others: {others:?}",
            memory.len()
        ),
        others.is_empty() && memory.len() <= SUBMITS / 100,
    );
    if !wrong.is_empty() {
        bail!("{} counts do not hold", wrong.len());
    }
    Ok(Outcome::Passed)
}

/// Instructions of a task in W1; None: there is no valgrind.
pub(crate) fn instructions_of_a_task(workspace: &Workspace) -> Result<Option<f64>> {
    match Program::build(workspace)? {
        Some(program) => program.of_a_task().map(Some),
        None => Ok(None),
    }
}

/// So many submits are looked at for system calls.
const SUBMITS: usize = 10_000;

/// The program that does what is counted.
struct Program {
    path: PathBuf,
    counted: PathBuf,
}

impl Program {
    fn build(workspace: &Workspace) -> Result<Option<Self>> {
        let sh = workspace.shell()?;
        let version = cmd!(sh, "valgrind --version").quiet().ignore_stdout();
        if version.ignore_stderr().run().is_err() {
            return Ok(None);
        }
        let cargo = cargo();
        run(cmd!(sh, "{cargo} build --release -p counts"))?;
        let built = workspace.target.join("release");
        Ok(Some(Self {
            path: built.join("counts"),
            counted: built.join("counts.callgrind"),
        }))
    }

    /// What twice as many tasks take more, which leaves out what is done once.
    fn of_a_task(&self) -> Result<f64> {
        const TASKS: usize = 20_000;
        let once = self.instructions("burst", TASKS)?;
        let twice = self.instructions("burst", 2 * TASKS)?;
        Ok((twice - once) / TASKS as f64)
    }

    /// All instructions of one run, of all threads.
    fn instructions(&self, what: &str, number: usize) -> Result<f64> {
        let mut out = std::ffi::OsString::from("--callgrind-out-file=");
        out.push(&self.counted);
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--quiet"]).arg(out);
        self.finish(valgrind, what, number)?;
        let counted = std::fs::read_to_string(&self.counted)?;
        std::fs::remove_file(&self.counted)?;
        total(&counted).context("callgrind counted nothing")
    }

    /// The system calls of the whole process while it submits.
    fn calls_of_submits(&self) -> Result<Vec<String>> {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=none", "--trace-syscalls=yes"]);
        let trace = self.finish(valgrind, "submit", SUBMITS)?;
        between_marks(&trace).context("the program made no marks")
    }

    /// Runs it; gives back what valgrind said.
    fn finish(&self, mut valgrind: Command, what: &str, number: usize) -> Result<String> {
        valgrind.arg(&self.path).args([what, &number.to_string()]);
        let output = valgrind.output().context("starting valgrind")?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            output.status.success(),
            "counts {what} {number} failed: {said}"
        );
        Ok(said)
    }
}

/// The sum in callgrind's file.
fn total(counted: &str) -> Option<f64> {
    let line = counted.lines().find_map(|l| l.strip_prefix("totals: "))?;
    line.trim().parse().ok()
}

/// The system call with which the program marks where to look.
const MARK: &str = "getppid";

/// The names of the calls between the first two marks.
fn between_marks(trace: &str) -> Option<Vec<String>> {
    let calls = trace.lines().filter_map(|line| {
        let (_, call) = line.split_once("SYSCALL[")?.1.split_once(" sys_")?;
        call.split([' ', '(']).next()
    });
    let calls: Vec<&str> = calls.collect();
    let mut parts = calls.split(|call| *call == MARK);
    let _before = parts.next()?;
    let between = parts.next()?;
    // Without a second mark there is no end.
    parts.next()?;
    Some(between.iter().map(|&call| call.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::{between_marks, total};

    #[test]
    fn the_total_is_found() {
        assert_eq!(
            total("summary: 1\nfn=(1)\n12 3\ntotals: 7124177\n"),
            Some(7_124_177.0)
        );
        assert_eq!(total("fn=(1)\n"), None);
    }

    #[test]
    fn only_calls_between_the_marks_count() {
        let trace = "SYSCALL[9,1](12) sys_brk ( 0x0 ) --> [pre-success] Success(0x4)\n\
                     SYSCALL[9,1](110) sys_getppid ()[sync] --> Success(0xb1e)\n\
                     ==9== noise\n\
                     SYSCALL[9,2](202) sys_futex ( 0x1 ) --> [async] ...\n\
                     SYSCALL[9,1](110) sys_getppid ()[sync] --> Success(0xb1e)\n\
                     SYSCALL[9,1](231) exit_group( 0 )\n";
        assert_eq!(between_marks(trace).unwrap(), ["futex"]);
        assert_eq!(between_marks("SYSCALL[9,1](12) sys_brk ( 0x0 )\n"), None);
    }
}
