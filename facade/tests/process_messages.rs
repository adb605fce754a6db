//! The headings of the troubleshooting chapter's part on processes are what their pool prints.
#![cfg(all(feature = "process", target_os = "linux", not(cf_loom)))]

mod headings;

use concurrent_futures::process::{Builder, OnCrash, ShutdownOptions, TaskOptions};
use concurrent_futures::*;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

const CHAPTER: &str = include_str!("../src/doc/troubleshooting_processes.md");
const MOMENT: Duration = Duration::from_millis(1);

fn exits() {
    std::process::exit(3);
}

fn aborts() {
    std::process::abort();
}

fn is_killed() {
    let shell = Command::new("sh").args(["-c", "kill -9 $PPID"]).status();
    panic!("it is still there: {shell:?}");
}

fn overflows(left: u64) -> u64 {
    match std::hint::black_box(left) {
        0 => 0,
        left => 1 + std::hint::black_box(overflows(left - 1)),
    }
}

fn hangs() {
    loop {
        std::thread::park();
    }
}

fn fails(_: ()) -> Result<(), String> {
    Err("no route to host".to_owned())
}

fn not_utf8() -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&[0xff]))
}

/// Can be written, and not be read.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
struct OneWay;

impl From<OneWay> for u8 {
    fn from(_: OneWay) -> u8 {
        1
    }
}

impl TryFrom<u8> for OneWay {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        Err(format!("{number} is not what it was"))
    }
}

fn pool() -> Builder {
    ProcessPoolExecutor::builder()
        .max_workers(1)
        .pass_stderr_on(false)
}

/// How a task's worker may die.
fn deaths() -> Result<Vec<TaskError>, Box<dyn Error>> {
    let pool = pool().grace(MOMENT).build()?;
    let mut errors = vec![
        pool.call(exits, ())?.result().unwrap_err(),
        pool.call(aborts, ())?.result().unwrap_err(),
        pool.call(is_killed, ())?.result().unwrap_err(),
        pool.call(overflows, (u64::MAX,))?.result().unwrap_err(),
    ];
    let deadline = TaskOptions::new().deadline(MOMENT);
    let late = pool.call_with(deadline, hangs, ())?;
    errors.push(late.result().unwrap_err());

    let running = || -> Result<_, Box<dyn Error>> {
        let future = pool.call(hangs, ())?;
        while !future.running() {
            std::thread::yield_now();
        }
        Ok(future)
    };
    let future = running()?;
    pool.kill(&future);
    errors.push(future.result().unwrap_err());
    let future = running()?;
    pool.terminate_workers(MOMENT);
    errors.push(future.result().unwrap_err());

    // No task can be trusted to do these.
    for end in [
        WorkerEnd::Protocol("an unknown frame".to_owned()),
        WorkerEnd::Unknown,
    ] {
        errors.push(WorkerDied::new(4711, end, "task").into());
    }
    Ok(errors)
}

/// How a pool may break.
fn broken_pools() -> Result<Vec<TaskError>, Box<dyn Error>> {
    let breaks = pool().on_crash(OnCrash::BreakPool).build()?;
    let fails = pool().initializer(fails, ((),)).build()?;
    let late = pool().worker_state(hangs, ()).start_limit(MOMENT).build()?;
    let missing = pool().worker_program("/bin/true").build()?;
    let culprit = breaks.call(aborts, ())?;
    let queued = breaks.call(hangs, ())?;
    let mut errors = vec![culprit.result().unwrap_err(), queued.result().unwrap_err()];
    for pool in [fails, late, missing] {
        errors.push(pool.call(u32::count_ones, (7,))?.result().unwrap_err());
    }
    Ok(errors)
}

/// What `build` says when this process may have no more descriptors.
fn without_descriptors() -> Result<String, Box<dyn Error>> {
    let child = Command::new("sh")
        .args(["-c", "ulimit -n 5 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe()?)
        .args(["--ignored", "--exact", "prints_a_refusal", "--nocapture"])
        .output()?;
    let printed = String::from_utf8(child.stdout)?;
    let message = printed.lines().find_map(|line| line.split_once("error: "));
    Ok(message.expect("it prints an error").1.to_owned())
}

#[test]
#[ignore = "for without_descriptors, in a process of its own"]
fn prints_a_refusal() {
    match pool().build() {
        Ok(pool) => println!("{pool:?}"),
        Err(error) => println!("error: {error}"),
    }
}

/// What a callback hears that shuts its own pool down.
fn in_a_callback() -> Result<String, Box<dyn Error>> {
    let pool = pool().build()?;
    let handle = pool.handle();
    let (tell, told) = channel();
    pool.call(u32::count_ones, (7,))?
        .add_done_callback(move |_| {
            let refused = handle.shutdown_with(ShutdownOptions::new());
            let _ = tell.send(refused.unwrap_err().to_string());
        });
    Ok(told.recv()?)
}

#[test]
fn every_message_is_a_heading_and_every_heading_a_message() -> Result<(), Box<dyn Error>> {
    let mut errors = deaths()?;
    errors.extend(broken_pools()?);
    let pool = pool().build()?;
    errors.push(pool.call(not_utf8, ())?.result().unwrap_err());
    errors.push(pool.call(|_: OneWay| (), (OneWay,))?.result().unwrap_err());

    let mut messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
    messages.push(without_descriptors()?);
    messages.push(in_a_callback()?);
    // No test is linked so.
    messages.push(pool_process::parts::LaunchError::not_entered().to_string());
    headings::check(&messages, &headings::headings(CHAPTER));
    Ok(())
}
