//! Workers end with their parent, whatever ends it, and take along what they have started.
//!
//! Each test starts a worker, the middle one, that starts workers of its own; they tell their
//! numbers, and then the middle one is killed.

#![cfg(not(cf_loom))]
#![allow(unsafe_code)]

mod support;

use support::{Driver, eventually};

fn for_ever() {
    loop {
        std::thread::park();
    }
}

fn start_child() -> u32 {
    let child = std::process::Command::new("sleep").arg("1000").spawn();
    child.unwrap().id()
}

/// Starts an idle worker, a busy one, and one that is busy and was stopped; each has started a
/// process. Returns the numbers of all of them.
fn start_workers() -> Vec<u32> {
    let mut numbers = Vec::new();
    for (busy, stopped) in [(false, false), (true, false), (true, true)] {
        let mut worker = Driver::ready();
        numbers.push(worker.link.process.id());
        numbers.push(worker.call(start_child, ()));
        if busy {
            let task = worker.push(for_ever, ());
            worker.flush();
            let control = worker.link.control().clone();
            eventually("it did not start", || control.started(task));
        }
        if stopped {
            // SAFETY: a child of ours.
            unsafe { libc::kill(worker.link.process.id() as i32, libc::SIGSTOP) };
        }
        std::mem::forget(worker);
    }
    numbers
}

/// As [`start_workers`], in a thread that then ends. They do not end with it: one of them still
/// works.
fn start_workers_in_a_thread() -> Vec<u32> {
    let thread = std::thread::spawn(|| {
        let mut worker = Driver::ready();
        let child = worker.call(start_child, ());
        let mut numbers = start_workers();
        numbers.extend([worker.link.process.id(), child]);
        // SAFETY: no preconditions.
        (worker, numbers, unsafe { libc::gettid() })
    });
    let (mut worker, numbers, id) = thread.join().unwrap();
    // By then the kernel has sent the worker what it sends when the thread ends.
    eventually("the thread does not end", || {
        !std::fs::exists(format!("/proc/self/task/{id}")).unwrap()
    });
    for _ in 0..10 {
        assert_eq!(worker.call(std::process::id, ()), worker.link.process.id());
    }
    std::mem::forget(worker);
    numbers
}

fn lives(number: u32) -> bool {
    match std::fs::read_to_string(format!("/proc/{number}/stat")) {
        Ok(stat) => !stat.rsplit(") ").next().unwrap().starts_with(['Z', 'X']),
        Err(_) => false,
    }
}

fn all_end_with(mut middle: Driver, numbers: &[u32], kill: impl FnOnce(&mut Driver)) {
    assert!(numbers.iter().all(|&number| lives(number)));
    kill(&mut middle);
    middle.death();
    eventually("somebody is left", || {
        !numbers.iter().any(|&number| lives(number))
    });
}

// P9
#[test]
fn idle_busy_and_stopped_workers_and_what_they_started_end_when_the_parent_is_killed() {
    let mut middle = Driver::ready();
    let numbers = middle.call(start_workers, ());
    assert_eq!(numbers.len(), 6);
    all_end_with(middle, &numbers, |middle| {
        // SAFETY: a child of ours. Its group is not signalled.
        unsafe { libc::kill(middle.link.process.id() as i32, libc::SIGKILL) };
    });
}

// P9
#[test]
fn they_end_when_the_parent_exits_without_a_word() {
    let mut middle = Driver::ready();
    let numbers = middle.call(start_workers, ());
    all_end_with(middle, &numbers, |middle| {
        middle.push(|| -> u32 { std::process::exit(0) }, ());
    });
}

// P9
#[test]
fn they_live_on_when_only_the_thread_that_started_them_ends() {
    let mut middle = Driver::ready();
    let numbers = middle.call(start_workers_in_a_thread, ());
    all_end_with(middle, &numbers, |middle| {
        // SAFETY: as above.
        unsafe { libc::kill(middle.link.process.id() as i32, libc::SIGKILL) };
    });
}

// P9
#[test]
fn a_busy_worker_ends_when_its_channel_is_closed() {
    let mut worker = Driver::ready();
    let child = worker.call(start_child, ());
    let task = worker.push(for_ever, ());
    worker.flush();
    let control = worker.link.control().clone();
    eventually("it did not start", || control.started(task));
    rustix::net::shutdown(&worker.link, rustix::net::Shutdown::Write).unwrap();
    worker.death();
    eventually("what it started is left", || !lives(child));
}
