//! Who takes part, and how its host is started.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::workload::Workload;

/// What a host of this program runs its workload on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Host {
    Ours,
    OursShared,
    Procspawn,
    ProcspawnShared,
    ProcspawnRenewed,
    Socketpair,
    SocketpairEnd,
}

/// Somebody who is measured.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    /// None: it is built into this program.
    pub(crate) version: Option<String>,
    program: Program,
}

enum Program {
    This(Host),
    /// The pool's name for the script.
    Python(&'static str),
}

pub(crate) const OURS: &str = "ours";
pub(crate) const OURS_SHARED: &str = "ours, shared memory";
pub(crate) const PROCSPAWN: &str = "procspawn";
pub(crate) const PROCSPAWN_SHARED: &str = "procspawn, shared memory";
pub(crate) const SOCKETPAIR: &str = "bare socketpair";
pub(crate) const MULTIPROCESSING: &str = "multiprocessing.Pool";

const PYTHON: [(&str, &str); 5] = [
    ("CPython, fork", "fork"),
    ("CPython, spawn", "spawn"),
    ("loky", "loky"),
    ("pebble", "pebble"),
    (MULTIPROCESSING, "multiprocessing"),
];

/// Everybody that is here, this library first.
pub(crate) fn contestants() -> Vec<Contestant> {
    let this = |name, host| Contestant {
        name,
        version: None,
        program: Program::This(host),
    };
    let mut all = vec![
        this(OURS, Host::Ours),
        this(OURS_SHARED, Host::OursShared),
        this(PROCSPAWN, Host::Procspawn),
        this(PROCSPAWN_SHARED, Host::ProcspawnShared),
        this("procspawn, shared memory anew", Host::ProcspawnRenewed),
        this(SOCKETPAIR, Host::Socketpair),
    ];
    for (name, word) in PYTHON {
        if let Some(version) = python_version(word) {
            all.push(Contestant {
                name,
                version: Some(version),
                program: Program::Python(word),
            });
        }
    }
    all
}

impl Contestant {
    /// The program that runs `workload`. None: it has no part in it.
    pub(crate) fn command(&self, workload: Workload, size: u64) -> Result<Option<Command>> {
        let plays = match self.program {
            Program::This(Host::Ours) => true,
            Program::This(Host::Procspawn) => !is_map(workload),
            Program::This(Host::OursShared | Host::ProcspawnShared | Host::ProcspawnRenewed) => {
                workload == Workload::Echo
            }
            Program::This(_) => workload == Workload::RoundTrip,
            Program::Python(_) => workload != Workload::MapAuto,
        };
        if !plays {
            return Ok(None);
        }
        let mut command = match self.program {
            Program::This(host) => {
                let this = std::env::current_exe().context("finding this program")?;
                let mut command = Command::new(this);
                let host = host.to_possible_value().context("a host without a name")?;
                command.args(["host", host.get_name()]);
                command
            }
            Program::Python(pool) => {
                let mut command = Command::new("python3");
                // What some of them say when a worker is killed is of no interest here.
                command.arg(script()).arg(pool).stderr(Stdio::null());
                command
            }
        };
        command.arg(workload.word()).arg(size.to_string());
        Ok(Some(command))
    }
}

fn is_map(workload: Workload) -> bool {
    matches!(workload, Workload::Map | Workload::MapAuto)
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/pool.py")
}

/// None: there is no Python, or it lacks the module.
fn python_version(pool: &str) -> Option<String> {
    let mut command = Command::new("python3");
    command.arg(script()).args([pool, "version", "0"]);
    let output = command.stderr(Stdio::null()).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !said.trim().is_empty()).then(|| said.trim().to_owned())
}
