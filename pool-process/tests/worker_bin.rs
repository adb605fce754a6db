//! A program with a `main` of its own, without the test harness: its workers never reach it.
//!
//! `cargo xtask ci` also builds it with fat LTO and a static C library.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use pool_process::parts::LocalLauncher;
use support::Driver;

static MAIN: AtomicBool = AtomicBool::new(false);

fn in_main() -> bool {
    MAIN.load(Ordering::Relaxed)
}

fn fails() -> u32 {
    panic!("in a task")
}

/// Test runners ask every test program what is in it.
fn is_asked_for_its_tests() -> bool {
    let is_there = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    let asked = is_there("--list");
    if asked && !is_there("--ignored") {
        println!("workers_work: test");
    }
    asked
}

fn main() {
    MAIN.store(true, Ordering::Relaxed);
    if is_asked_for_its_tests() {
        return;
    }
    // Where workers cannot work, that is known before one is started.
    if let Err(error) = LocalLauncher::new() {
        println!("{error}");
        return;
    }
    let mut worker = Driver::ready();
    assert!(in_main() && !worker.call(in_main, ()));
    assert_eq!(worker.call(|a: u64, b: u64| a + b, (2, 3)), 5);
    let arguments: Vec<String> = worker.call(|| std::env::args().collect(), ());
    assert_eq!(arguments, [std::env::args().next().unwrap()]);
    let ticket = worker.push(fails, ());
    let failure = worker.failure(ticket).to_string();
    assert!(failure.ends_with(": in a task"), "{failure}");
    let depth = worker.call(
        || {
            let mut worker = Driver::ready();
            let main = worker.call(in_main, ());
            worker.retire();
            main
        },
        (),
    );
    assert!(!depth);
    worker.retire();
    println!("workers work");
}
