//! Launches that work from odd places, and launches that do not work and leave nothing.

#![cfg(not(cf_loom))]
#![allow(unsafe_code)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pool_process::Bytes;
use pool_process::parts::{
    BuildId, Exit, LaunchError, LaunchSpec, Launched, Launcher, Link, LocalLauncher, Output, Report,
};
use support::{Driver, eventually};

/// A folder of one test's own.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pool-process-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// This executable, with a change.
    fn program(&self, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
        let mut bytes = std::fs::read("/proc/self/exe").unwrap();
        change(&mut bytes);
        let path = self.0.join("program");
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A worker from a program that was just written: until the last child of another test has gone
/// through its exec, the system may think that it is being written still.
fn launch(program: &Path) -> Launched {
    let mut launcher = LocalLauncher::with_program(program).unwrap();
    let mut launched = None;
    eventually("the program stays busy", || {
        match launcher.launch(&LaunchSpec::default()) {
            Ok(found) => launched = Some(found),
            Err(LaunchError::Refused { source, .. })
                if source.kind() == std::io::ErrorKind::ExecutableFileBusy => {}
            Err(error) => panic!("{error}"),
        }
        launched.is_some()
    });
    launched.unwrap()
}

/// The numbers of this process's children, dead ones included.
fn children() -> usize {
    let own = std::process::id().to_string();
    let entries = std::fs::read_dir("/proc").unwrap();
    entries
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok())
        .filter(|stat| {
            let after_name = stat.rsplit(") ").next().unwrap();
            after_name.split(' ').nth(1) == Some(&own)
        })
        .count()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn a_copy_of_the_program_is_as_good_and_its_file_may_vanish_while_it_runs() {
    fn start_another() -> u32 {
        let mut worker = Driver::ready();
        let sum = worker.call(|a: u32, b: u32| a + b, (2, 3));
        worker.retire();
        sum
    }
    let directory = Directory::new("copy");
    let program = directory.program(|_| ());
    let mut worker = Driver::over(Link::new(launch(&program)));
    worker.begin(None);
    std::fs::remove_file(&program).unwrap();
    assert_eq!(worker.call(start_another, ()), 5);
    // Another file in its place changes nothing either.
    std::fs::write(&program, "something else").unwrap();
    assert_eq!(worker.call(start_another, ()), 5);
    worker.retire();
}

#[test]
fn another_build_is_refused_and_says_so() {
    let directory = Directory::new("build");
    let own = BuildId::own().to_string();
    let hex = own.split('-').next().unwrap();
    if hex.starts_with("file") {
        // The linker wrote no identity; then a copy is another build already.
        return;
    }
    let identity: Vec<u8> = (0..hex.len() / 2)
        .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
        .collect();
    let program = directory.program(|bytes| {
        let at = bytes.windows(identity.len()).position(|w| w == identity);
        bytes[at.unwrap()] ^= 1;
    });
    let mut worker = Driver::over(Link::new(launch(&program)));
    worker.link.begin(None);
    match worker.next() {
        Ok(Report::Refused(why)) => assert!(why.contains("another build"), "{why}"),
        other => panic!("{other:?}"),
    }
    let (exit, _, _) = worker.death();
    assert_eq!(exit, Exit::Code(70));
    assert!(worker.stderr().contains("another build"));
}

#[test]
fn a_program_that_is_no_worker_ends_without_a_word() {
    let launched = LocalLauncher::with_program("/bin/true")
        .unwrap()
        .launch(&LaunchSpec::default())
        .unwrap();
    let mut worker = Driver::over(Link::new(launched));
    worker.link.begin(None);
    let task = worker.push(|| (), ());
    let (exit, reports, lost) = worker.death();
    assert_eq!(exit, Exit::Code(0));
    assert!(reports.is_empty());
    assert!(lost.len() == 1 && lost[0].ticket == task && !lost[0].started);
}

#[test]
fn the_variable_alone_makes_no_worker() {
    let output = std::process::Command::new("/proc/self/exe")
        .args(["--list"])
        .env("CONCURRENT_FUTURES_WORKER", std::process::id().to_string())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("the_variable_alone_makes_no_worker: test"),
        "{text}"
    );
}

// P9
#[test]
fn refused_launches_leave_nothing() {
    // In a process of its own, whose limits can be lowered.
    fn refused() -> Vec<String> {
        let before = (children(), descriptors());
        let mut errors = Vec::new();
        let mut launch = |launcher: &mut LocalLauncher| {
            match launcher.launch(&LaunchSpec::default()) {
                Err(error @ LaunchError::Refused { .. }) => errors.push(error.to_string()),
                other => panic!("{other:?}"),
            }
            assert_eq!((children(), descriptors()), before);
        };
        launch(&mut LocalLauncher::with_program("/no/such/program").unwrap());
        launch(&mut LocalLauncher::with_program("/dev/null").unwrap());
        let mut launcher = LocalLauncher::new().unwrap();
        // Room for one descriptor more after the other, until there is enough.
        for limit in 3.. {
            let lowered = with_limit(libc::RLIMIT_NOFILE, limit, || {
                launcher.launch(&LaunchSpec::default()).map(|_| ())
            });
            match lowered {
                Ok(()) => break,
                Err(error) => errors.push(error.to_string()),
            }
            assert_eq!((children(), descriptors()), before);
        }
        assert_eq!((children(), descriptors()), before);
        errors
    }
    let mut worker = Driver::ready();
    let errors = worker.call(refused, ());
    assert!(errors.len() > 4, "{errors:?}");
    assert!(
        errors[0].contains("starting the program: No such file"),
        "{errors:?}"
    );
    assert!(
        errors[1].contains("starting the program: Permission denied"),
        "{errors:?}"
    );
    assert!(
        errors[2..]
            .iter()
            .all(|e| e.contains("Too many open files")),
        "{errors:?}"
    );
    worker.retire();
}

#[test]
fn a_program_that_ignores_its_childrens_ends_learns_that_they_ended() {
    fn ignoring() -> bool {
        // SAFETY: an action that needs nothing.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        let mut worker = Driver::ready();
        let sum = worker.call(|a: u32, b: u32| a + b, (2, 3));
        worker.link.retire();
        let (exit, _, lost) = worker.death();
        sum == 5 && exit == Exit::Unknown && lost.is_empty()
    }
    let mut worker = Driver::ready();
    assert!(worker.call(ignoring, ()));
    worker.retire();
}

#[test]
fn a_limit_on_the_size_of_files_ends_nobody() {
    fn with_limits() -> (String, Vec<bool>) {
        let start = || LocalLauncher::new().unwrap().launch(&LaunchSpec::default());
        let error = with_limit(libc::RLIMIT_FSIZE, 4096, || {
            start().unwrap_err().to_string()
        });
        let large = with_limit(libc::RLIMIT_FSIZE, 1 << 21, || {
            let mut worker = Driver::over(Link::new(start().unwrap()));
            worker.begin(None);
            let outputs = [100_000, 3_000_000].map(|len| {
                let ticket = worker.push(|b: Bytes| b, (Bytes(vec![1; len]),));
                let output = worker.output(ticket);
                let is_large = matches!(output, Output::Large(_));
                assert!(output.read().unwrap().len() > len);
                is_large
            });
            worker.retire();
            outputs.to_vec()
        });
        (error, large)
    }
    let mut worker = Driver::ready();
    let (error, large) = worker.call(with_limits, ());
    assert!(error.contains("ulimit -f"), "{error}");
    // The worker's arena lies beyond any limit: everything comes with the answers.
    assert_eq!(large, [false, false]);
    worker.retire();
}

/// Calls with a limit of this process lowered.
fn with_limit<T>(limit: libc::__rlimit_resource_t, to: u64, call: impl FnOnce() -> T) -> T {
    // SAFETY: reads and writes a limit of this process.
    unsafe {
        let mut before: libc::rlimit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(limit, &raw mut before), 0);
        let lowered = libc::rlimit {
            rlim_cur: to,
            ..before
        };
        assert_eq!(libc::setrlimit(limit, &raw const lowered), 0);
        let result = call();
        assert_eq!(libc::setrlimit(limit, &raw const before), 0);
        result
    }
}
