//! What a worker finds around it: descriptors, environment, signals, state, other workers.

#![cfg(not(cf_loom))]
#![allow(unsafe_code)]

mod support;

use std::ffi::OsString;
use std::rc::Rc;

use pool_process::parts::{Initializer, LaunchSpec};
use pool_process::worker_state;
use support::Driver;

/// What a process has open, without the folder that is read for it.
fn open_descriptors() -> Vec<String> {
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let target = std::fs::read_link(entry.path()).ok()?;
            Some(format!("{:?} {}", entry.file_name(), target.display()))
        })
        .filter(|line| !line.contains("/fd"))
        .collect()
}

// P9
#[test]
fn a_worker_has_few_descriptors_however_many_its_parent_has() {
    let held: Vec<_> = (0..100)
        .map(|_| std::fs::File::open("/dev/null").unwrap())
        .collect();
    // Whoever runs the tests may have left some that every child gets.
    let given: usize = (3..1024)
        .filter(|&number| {
            // SAFETY: asks for flags only, and says so if there is no such descriptor.
            let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
            flags >= 0 && flags & libc::FD_CLOEXEC == 0
        })
        .count();
    let mut worker = Driver::ready();
    let open = worker.call(open_descriptors, ());
    drop(held);
    // The standard ones, the channel, the shared memory; and a timer that it made itself.
    let inherited = open.iter().filter(|fd| !fd.contains("timerfd")).count();
    assert!(inherited - given <= 5, "{open:?}");
    assert!(
        open.iter().any(|fd| fd.starts_with("\"0\" /dev/null")),
        "{open:?}"
    );
    worker.retire();
}

#[test]
fn a_workers_standard_input_is_empty() {
    fn read() -> String {
        std::io::read_to_string(std::io::stdin()).unwrap()
    }
    let mut worker = Driver::ready();
    assert_eq!(worker.call(read, ()), "");
    worker.retire();
}

#[test]
fn the_variable_is_gone_and_changes_of_the_environment_are_there() {
    fn variable(name: String) -> Option<String> {
        std::env::var(name).ok()
    }
    fn variable_of_child(name: String) -> bool {
        let output = std::process::Command::new("env").output().unwrap();
        String::from_utf8_lossy(&output.stdout).contains(&name)
    }
    let os = OsString::from;
    let mut worker = Driver::launch(&LaunchSpec {
        env: vec![
            (os("POOL_PROCESS_TEST"), Some(os("there"))),
            (os("CARGO_MANIFEST_DIR"), None),
        ],
        ..LaunchSpec::default()
    });
    worker.begin(None);
    let ours = "CONCURRENT_FUTURES_WORKER".to_owned();
    assert_eq!(worker.call(variable, (ours.clone(),)), None);
    assert!(!worker.call(variable_of_child, (ours,)));
    let added = worker.call(variable, ("POOL_PROCESS_TEST".to_owned(),));
    assert_eq!(added.as_deref(), Some("there"));
    assert_eq!(
        worker.call(variable, ("CARGO_MANIFEST_DIR".to_owned(),)),
        None
    );
    worker.retire();
}

#[test]
fn tools_show_a_workers_name_and_tasks_run_on_a_thread_with_it() {
    fn names() -> (String, Option<String>) {
        let process = std::fs::read_to_string("/proc/self/comm").unwrap();
        let thread = std::thread::current().name().map(str::to_owned);
        (process.trim().to_owned(), thread)
    }
    let mut worker = Driver::launch(&LaunchSpec {
        name: "test-worker-7".to_owned(),
        ..LaunchSpec::default()
    });
    worker.begin(None);
    let name = "test-worker-7".to_owned();
    assert_eq!(worker.call(names, ()), (name.clone(), Some(name)));
    worker.retire();
}

#[test]
fn an_interrupt_and_a_closed_pipe_do_not_end_a_worker() {
    fn raise(number: i32) -> u32 {
        // SAFETY: no preconditions.
        unsafe { libc::raise(number) };
        std::process::id()
    }
    /// A program that the task starts is interrupted as any other.
    fn child_is_interrupted() -> bool {
        use std::os::unix::process::ExitStatusExt;
        let status = std::process::Command::new("sh")
            .args(["-c", "kill -INT $$; exit 0"])
            .status();
        status.unwrap().signal() == Some(libc::SIGINT)
    }
    let mut worker = Driver::ready();
    let id = worker.link.process.id();
    for number in [libc::SIGINT, libc::SIGPIPE, libc::SIGTTOU, libc::SIGCONT] {
        assert_eq!(worker.call(raise, (number,)), id);
    }
    assert!(worker.call(child_is_interrupted, ()));
    worker.retire();
}

#[test]
fn a_worker_is_a_process_group_of_its_own() {
    fn group() -> (u32, i32) {
        // SAFETY: no preconditions.
        (std::process::id(), unsafe { libc::getpgrp() })
    }
    let mut worker = Driver::ready();
    let (process, group) = worker.call(group, ());
    assert_eq!(process as i32, group);
    worker.retire();
}

#[test]
fn the_initializers_state_is_there_for_tasks_and_is_dropped_at_the_end() {
    struct State(String);
    impl Drop for State {
        fn drop(&mut self) {
            eprintln!("state {} is dropped", self.0);
        }
    }
    fn make(a: String, b: u32) -> Result<State, std::num::ParseIntError> {
        let a: u32 = a.parse()?;
        Ok(State((a + b).to_string()))
    }
    fn state() -> Option<String> {
        worker_state::<State>().map(|state: Rc<State>| state.0.clone())
    }
    fn other_type() -> bool {
        worker_state::<String>().is_some()
    }
    fn other_thread() -> bool {
        std::thread::spawn(|| worker_state::<State>().is_some())
            .join()
            .unwrap()
    }

    assert_eq!(state(), None);
    let initializer = Initializer::new(make, ("40".to_owned(), 2)).unwrap();
    let mut worker = Driver::with_initializer(&initializer);
    assert_eq!(worker.call(state, ()).as_deref(), Some("42"));
    assert!(!worker.call(other_type, ()) && !worker.call(other_thread, ()));
    worker.link.retire();
    worker.death();
    assert!(worker.stderr().contains("state 42 is dropped"));

    let initializer = Initializer::infallible(|n: u32| State(n.to_string()), (7,)).unwrap();
    let mut worker = Driver::with_initializer(&initializer);
    assert_eq!(worker.call(state, ()).as_deref(), Some("7"));
    worker.retire();
}

#[test]
fn workers_have_workers() {
    fn depth(n: u32) -> u32 {
        if n == 0 {
            return 0;
        }
        let mut worker = Driver::ready();
        let below = worker.call(depth, (n - 1,));
        worker.retire();
        below + 1
    }
    assert_eq!(depth(3), 3);
}

#[test]
fn what_a_worker_prints_to_its_standard_error_reaches_the_parent() {
    let mut worker = Driver::ready();
    worker.call(|| eprintln!("from the worker"), ());
    assert!(worker.stderr().contains("from the worker"));
    worker.retire();
}
