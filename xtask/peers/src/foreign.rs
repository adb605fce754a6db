//! Pools of other languages: a program that reads a workload a line and answers a line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::contestant::{Contestant, Kind};
use crate::sample::{QUANTILES, Sample};
use crate::workload::Workload;

/// A program that runs until it is dropped, so that its compiler is warm after the first round.
pub(crate) struct Foreign {
    name: &'static str,
    kind: Kind,
    version: String,
    slower: u64,
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Foreign {
    /// Java's ForkJoinPool. None: there is no `java`, or it is too old to run a source file.
    pub(crate) fn java() -> Option<Self> {
        let mut command = Command::new("java");
        command.args(["-Xms1g", "-Xmx4g", "-XX:+UseParallelGC"]);
        command.arg(program("Pool.java"));
        Self::start("Java ForkJoinPool", Kind::Java, 1, command)
    }

    /// Python's ThreadPoolExecutor. None: there is no `python3`.
    pub(crate) fn python() -> Option<Self> {
        let mut command = Command::new("python3");
        command.arg(program("pool.py"));
        Self::start("Python ThreadPoolExecutor", Kind::Python, 20, command)
    }

    fn start(name: &'static str, kind: Kind, slower: u64, mut command: Command) -> Option<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut program = Self {
            name,
            kind,
            version: String::new(),
            slower,
            requests: child.stdin.take(),
            answers: BufReader::new(child.stdout.take()?),
            child,
        };
        // Its answer is also the sign that the program runs.
        program.version = program.ask("version").ok()?;
        Some(program)
    }

    fn ask(&mut self, request: &str) -> Result<String> {
        let requests = self.requests.as_mut().context("the program has no input")?;
        writeln!(requests, "{request}")?;
        requests.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        ensure!(!answer.is_empty(), "{} ended at `{request}`", self.name);
        Ok(answer.trim().to_owned())
    }
}

fn program(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("foreign")
        .join(name)
}

impl Contestant for Foreign {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn version(&self) -> Option<String> {
        Some(self.version.clone())
    }

    fn run(&mut self, workload: Workload) -> Result<Option<Sample>> {
        let request = workload.divided(self.slower).to_string();
        let answer = self.ask(&request)?;
        if answer == "-" {
            return Ok(None);
        }
        let numbers: Result<Vec<f64>, _> = answer.split_whitespace().map(str::parse).collect();
        let numbers = numbers.with_context(|| format!("{} said {answer}", self.name))?;
        let (value, quantiles) = numbers
            .split_first()
            .context("an answer without a number")?;
        ensure!(quantiles.is_empty() || quantiles.len() == QUANTILES.len());
        Ok(Some(Sample {
            value: *value,
            quantiles: quantiles.to_vec(),
        }))
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // The end of its input ends it; whatever it returns then, its answers are in.
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}
