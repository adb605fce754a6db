//! Where and with what it was measured.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::process::cargo;

/// As the report names it.
pub(crate) struct Machine {
    pub(crate) hardware: String,
    pub(crate) system: String,
    pub(crate) compiler: String,
    pub(crate) commit: String,
    pub(crate) date: String,
    /// Of the last minute before the run; a quiet machine has next to none.
    pub(crate) load: String,
    /// The peers, each with its version.
    pub(crate) peers: Vec<String>,
}

const UNKNOWN: &str = "unknown";

impl Machine {
    /// Asks the system. What cannot be found out is unknown, not an error.
    pub(crate) fn describe(sh: &Shell) -> Result<Self> {
        let cpuinfo = sh.read_file("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo
            .lines()
            .find_map(|l| l.strip_prefix("model name")?.split(':').nth(1))
            .map_or(std::env::consts::ARCH, str::trim);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let load = sh.read_file("/proc/loadavg").unwrap_or_default();
        let commit = words(sh, "git", &["describe", "--always", "--dirty"]);
        Ok(Self {
            hardware: format!("{processors} × {model}"),
            system: words(sh, "uname", &["-sr"]),
            compiler: words(sh, "rustc", &["--version"]),
            commit,
            date: words(sh, "date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            load: load.split(' ').next().unwrap_or(UNKNOWN).to_owned(),
            peers: peers(sh)?,
        })
    }

    /// In one line.
    pub(crate) fn line(&self) -> String {
        let Self {
            hardware,
            system,
            compiler,
            commit,
            date,
            load,
            ..
        } = self;
        format!("{hardware}, {system}, {compiler}, commit {commit}, {date}, load before {load}")
    }
}

fn words(sh: &Shell, program: &str, arguments: &[&str]) -> String {
    let answer = cmd!(sh, "{program} {arguments...}")
        .quiet()
        .ignore_stderr()
        .read();
    answer.unwrap_or_else(|_| UNKNOWN.to_owned())
}

/// Crates that are compared, as the lock file has them.
const COMPARED: [&str; 9] = [
    "affinitypool",
    "async-task",
    "crossbeam-channel",
    "executors",
    "oneshot",
    "rayon",
    "threadpool",
    "threadpool-executor",
    "tokio",
];

fn peers(sh: &Shell) -> Result<Vec<String>> {
    let cargo = cargo();
    let tree = cmd!(sh, "{cargo} tree -p peers --depth 1 --prefix none")
        .quiet()
        .read()?;
    let compared = tree.lines().filter_map(|line| {
        let (name, version) = line.split_once(" v")?;
        let compared = COMPARED.contains(&name);
        compared.then(|| format!("{name} {version}"))
    });
    Ok(compared.collect())
}
