//! Helpers of the pool's tests: gates that tasks wait at, and what the system says of processes.

#![allow(dead_code, reason = "each test binary uses some")]

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pool_process::{Future, ProcessPoolExecutor, TaskError, WorkerDied};

/// Longer than any healthy step takes; only a failing test waits for it.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Asks again and again until it is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LONG, "never: {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// A folder of its own, which is gone when it is dropped. Tasks in other processes write there
/// what they did, and wait there for what they may do.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("pool-process-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Self(path),
                // Of a process of the same number that was killed.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// One inside another, which sees to it that this one goes.
    pub(crate) fn inside(outer: &str) -> Self {
        let path = Path::new(outer).join("inside");
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// The path of a file in it, as it is sent to tasks.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn create(&self, name: &str) {
        mark(&self.file(name));
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        Path::new(&self.file(name)).exists()
    }

    pub(crate) fn await_file(&self, name: &str) {
        eventually(name, || self.has(name));
    }

    pub(crate) fn files(&self) -> usize {
        let entries = fs::read_dir(&self.0).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| !name.to_string_lossy().ends_with(".new"))
            .count()
    }

    /// The process that has marked a file.
    pub(crate) fn pid(&self, name: &str) -> u32 {
        fs::read_to_string(self.file(name))
            .unwrap()
            .parse()
            .unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes a file that tells which process has made it.
pub(crate) fn mark(path: &str) {
    let new = format!("{path}.new");
    fs::write(&new, std::process::id().to_string()).unwrap();
    fs::rename(new, path).unwrap();
}

/// A task: says that it runs, and waits until it may end.
pub(crate) fn wait_at(began: String, go: String) -> u32 {
    mark(&began);
    eventually(&go, || Path::new(&go).exists());
    std::process::id()
}

/// A task: runs until its process ends.
pub(crate) fn hang(began: String) {
    mark(&began);
    loop {
        std::thread::park();
    }
}

pub(crate) fn pid(_: u32) -> u32 {
    std::process::id()
}

/// Whether the process exists, a zombie included.
pub(crate) fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// The state of a process, as the system abbreviates it.
pub(crate) fn state(pid: u32) -> Option<char> {
    state_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn state_in(stat: &str) -> Option<char> {
    stat.rsplit(')').next()?.chars().nth(1)
}

/// Whether the process runs, sleeps or is stopped.
pub(crate) fn lives(pid: u32) -> bool {
    state(pid).is_some_and(|state| state != 'Z')
}

pub(crate) fn signal(pid: u32, signal: i32) {
    // SAFETY: it only sends a signal.
    assert_eq!(unsafe { libc::kill(pid as i32, signal) }, 0);
}

/// Stops a process, all its threads.
pub(crate) fn stop(pid: u32) {
    signal(pid, libc::SIGSTOP);
    eventually("all threads are stopped", || {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        threads.flatten().all(|thread| {
            let stat = fs::read_to_string(thread.path().join("stat"));
            stat.is_ok_and(|stat| state_in(&stat) == Some('T'))
        })
    });
}

/// The error of a task whose worker died.
#[track_caller]
pub(crate) fn died<T: std::fmt::Debug>(future: Future<T>) -> WorkerDied {
    match future.result() {
        Err(TaskError::Died(died)) => died,
        other => panic!("not dead: {other:?}"),
    }
}

/// The pool works, ends, and leaves no process.
#[track_caller]
pub(crate) fn goes_on_and_leaves_nothing(pool: ProcessPoolExecutor) {
    let mut pids = pool.stats().pids().to_vec();
    let futures: Vec<_> = (0..20).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    for future in futures {
        pids.push(future.result().unwrap());
    }
    pool.shutdown();
    let stats = pool.stats();
    assert_eq!(
        (stats.workers(), stats.queued(), stats.completing()),
        (0, 0, 0)
    );
    for pid in pids {
        assert!(!exists(pid), "{pid} is left");
    }
}
