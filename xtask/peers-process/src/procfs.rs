//! What the system says about processes.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};

/// A process, and no other one that gets its number later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pid: i32,
    parent: i32,
    started: u64,
}

impl Process {
    fn read(pid: i32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // A name may have spaces and brackets in it; its end is the last bracket.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        // A zombie is not alive.
        if *fields.first()? == "Z" {
            return None;
        }
        Some(Self {
            pid,
            parent: fields.get(1)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
        })
    }

    /// All that live and descend from the process `ancestor`.
    pub(crate) fn descendants(ancestor: u32) -> Vec<Self> {
        let Ok(folder) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        let pids = folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let all: Vec<Self> = pids.filter_map(Self::read).collect();
        let mut found: Vec<Self> = Vec::new();
        let mut parents = vec![ancestor as i32];
        while let Some(parent) = parents.pop() {
            let children = all.iter().filter(|p| p.parent == parent);
            for child in children.filter(|c| c.pid != ancestor as i32) {
                found.push(*child);
                parents.push(child.pid);
            }
        }
        found
    }

    /// Whether it is a helper that some pools have besides their workers.
    pub(crate) fn is_helper(&self) -> bool {
        let words = std::fs::read_to_string(format!("/proc/{}/cmdline", self.pid));
        words.is_ok_and(|words| words.contains("resource_tracker"))
    }

    pub(crate) fn is_alive(&self) -> bool {
        let now = Self::read(self.pid);
        now.is_some_and(|now| now.started == self.started)
    }

    /// Ends it, if it is still the one that it was.
    pub(crate) fn kill(&self) {
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.is_alive()) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// Its share of memory, in MiB.
    pub(crate) fn pss(&self) -> Option<f64> {
        let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid)).ok()?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kib / 1024.0)
    }

    /// How many descriptors it has.
    pub(crate) fn descriptors(&self) -> usize {
        numbers(self.pid as u32).len()
    }

    /// How many of them are of files that the process `of` has open, too: what it has inherited,
    /// and what the two share on purpose. Those of `but` are not its doing.
    pub(crate) fn inherited(&self, of: u32, but: &[File]) -> usize {
        let theirs = files(of);
        let own = files(self.pid as u32);
        let inherited = |file: &&File| !but.contains(file) && theirs.contains(file);
        own.iter().filter(inherited).count()
    }
}

/// What this program has open besides its standard streams. Before it has started a host, that is
/// what it was left by whoever started it, and every host has it, too.
pub(crate) fn left_open() -> Vec<File> {
    let numbers = 3..1024;
    let own = std::process::id();
    numbers.filter_map(|number| file(own, number)).collect()
}

/// Where it is, and what it is called.
pub(crate) type File = (u64, u64, PathBuf);

/// None: there is no such descriptor, or one of a timer or the like, which all look the same.
fn file(pid: u32, number: u32) -> Option<File> {
    let path = PathBuf::from(format!("/proc/{pid}/fd/{number}"));
    let data = std::fs::metadata(&path).ok()?;
    let name = std::fs::read_link(path).ok()?;
    let anonymous = name.to_string_lossy().starts_with("anon_inode:");
    (!anonymous).then(|| (data.dev(), data.ino(), name))
}

/// The numbers of a process's descriptors.
fn numbers(pid: u32) -> Vec<u32> {
    let Ok(folder) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Vec::new();
    };
    let numbers = folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers.collect()
}

/// The files that a process has open, one for each descriptor.
fn files(pid: u32) -> Vec<File> {
    let files = numbers(pid).into_iter();
    files.filter_map(|number| file(pid, number)).collect()
}
