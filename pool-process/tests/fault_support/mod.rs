//! A test in a process of its own, which must own at its end what it owned at its beginning.

#![allow(dead_code, reason = "each test binary uses some")]

pub(crate) mod fatal;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::pool_support::{Folder, LONG};

/// The folder of a test in a process of its own.
const ALONE: &str = "POOL_PROCESS_FAULT_ALONE";

/// Runs `body` in a process of its own, this test's program once more, and counts there what it
/// leaves. `name` is the test's path.
pub(crate) fn alone(name: &str, body: fn()) {
    if std::env::var_os(ALONE).is_some() {
        let before = Census::now();
        body();
        before.is_restored();
        return;
    }
    let folder = Folder::new();
    let mut child = Alone::spawn(&std::env::current_exe().unwrap(), name, &folder);
    let start = Instant::now();
    while child.0.try_wait().unwrap().is_none() && start.elapsed() < LONG * 2 {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    child.has_passed(&folder);
}

/// The folder of this process, if it is one of a test alone; it goes with the test.
pub(crate) fn own_folder() -> String {
    std::env::var(ALONE).expect("called by a test alone")
}

/// Runs `inside` in a process of its own, the leader of its group, and `outside` here beside it.
/// Both are given the same folder.
pub(crate) fn in_group(name: &str, inside: fn(&str), outside: impl FnOnce(&mut Child, &Folder)) {
    in_group_of(&std::env::current_exe().unwrap(), name, inside, outside);
}

/// The same, with a copy of this program.
pub(crate) fn in_group_of(
    program: &Path,
    name: &str,
    inside: fn(&str),
    outside: impl FnOnce(&mut Child, &Folder),
) {
    if let Some(folder) = std::env::var_os(ALONE) {
        return inside(folder.to_str().unwrap());
    }
    let folder = Folder::new();
    let mut child = Alone::spawn(program, name, &folder);
    outside(&mut child.0, &folder);
}

/// A process that does not outlive its test.
struct Alone(Child);

impl Alone {
    fn spawn(program: &Path, name: &str, folder: &Folder) -> Self {
        let file = |name: &str| fs::File::create(folder.file(name)).unwrap();
        let mut command = Command::new(program);
        command
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .env(ALONE, folder.file("").trim_end_matches('/'))
            .stdin(Stdio::null())
            // Files: whoever is left over does not keep them from being read to their ends.
            .stdout(file("out.new"))
            .stderr(file("err.new"))
            .process_group(0);
        loop {
            match command.spawn() {
                Ok(child) => return Self(child),
                // Another thread is starting a process, which has a copy of the descriptor that
                // the program was written through.
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                    std::thread::yield_now();
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// It has ended, and without a fault.
    fn has_passed(&mut self, folder: &Folder) {
        let status = self.0.try_wait().unwrap();
        let text = |name: &str| -> String {
            String::from_utf8_lossy(&fs::read(folder.file(name)).unwrap()).into_owned()
        };
        let (out, err) = (text("out.new"), text("err.new"));
        let has_ended = status.is_some_and(|status| status.success());
        assert!(
            has_ended && out.contains("1 passed"),
            "{status:?}\n{out}\n{err}"
        );
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // Both fail when it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What this process owns.
#[derive(Debug, PartialEq)]
struct Census {
    /// What its descriptors are, and how many of each.
    descriptors: BTreeMap<String, usize>,
    threads: usize,
    /// Zombies included.
    children: String,
    shared_memory: usize,
}

impl Census {
    fn now() -> Self {
        let mut descriptors = BTreeMap::new();
        for entry in fs::read_dir("/proc/self/fd").unwrap() {
            let Ok(target) = fs::read_link(entry.unwrap().path()) else {
                continue;
            };
            let target = target.to_string_lossy();
            // Without the numbers, which differ.
            let kind = target.split('[').next().unwrap_or_default().to_owned();
            *descriptors.entry(kind).or_insert(0) += 1;
        }
        let tasks = || fs::read_dir("/proc/self/task").unwrap();
        let children = tasks()
            .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok())
            .collect();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        Self {
            descriptors,
            threads: tasks().count(),
            children,
            shared_memory: maps.lines().filter(|line| line.contains("memfd:")).count(),
        }
    }

    /// Everything is as it was. A joined thread may stand in the system's list for a moment.
    fn is_restored(&self) {
        let start = Instant::now();
        loop {
            let now = Self::now();
            if now == *self {
                return;
            }
            assert!(start.elapsed() < LONG, "before {self:#?}, now {now:#?}");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// The socket to the parent, in a worker.
fn channel() -> i32 {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    let sockets = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let target = fs::read_link(&path).ok()?;
        let is_socket = target.to_str()?.starts_with("socket:");
        is_socket.then(|| path.file_name()?.to_str()?.parse().ok())?
    });
    sockets.min().unwrap()
}

/// In a worker: sends the bytes as if they were answers.
pub(crate) fn send_raw(bytes: &[u8]) {
    let mut left = bytes;
    let fd = channel();
    while !left.is_empty() {
        // SAFETY: the bytes are there. That the descriptor is another's is the fault.
        let sent = unsafe { libc::send(fd, left.as_ptr().cast(), left.len(), 0) };
        match usize::try_from(sent) {
            Ok(sent) => left = &left[sent..],
            Err(_) => std::thread::yield_now(),
        }
    }
}
