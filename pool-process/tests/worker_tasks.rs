//! What a worker does with tasks: values, failures, claims, large payloads.

#![cfg(not(cf_loom))]

mod support;

use std::sync::atomic::{AtomicU32, Ordering};

use future_core::{Call, Job};
use pool_process::parts::wire::{Failure, Ticket};
use pool_process::parts::{Exit, NotQueued, Output, Report, TaskToSend};
use pool_process::{Bytes, is_worker};
use serde::{Deserialize, Serialize};
use support::{Driver, entry_of, eventually};

fn add(a: u32, b: u32) -> u32 {
    a + b
}

#[test]
fn functions_closures_and_own_jobs_run_in_another_process() {
    #[derive(Serialize, Deserialize)]
    struct Double(u32);
    impl Job for Double {
        type Output = u32;
        fn run(self) -> u32 {
            self.0 * 2
        }
    }

    let mut worker = Driver::ready();
    assert_eq!(worker.call(add, (2, 3)), 5);
    assert_eq!(worker.call(|s: String| s.len(), ("four".to_owned(),)), 4);
    assert_eq!(worker.call(std::process::id, ()), worker.link.process.id());
    assert!(worker.call(is_worker, ()) && !is_worker());
    let ticket = worker.push_job(&Double(21), false);
    let output = worker.output(ticket).read().unwrap();
    assert_eq!(postcard::from_bytes::<u32>(&output).unwrap(), 42);
    worker.retire();
}

#[test]
fn many_tasks_are_answered_in_their_order() {
    let mut worker = Driver::ready();
    for round in 0..20 {
        let tickets: Vec<Ticket> = (0..1000).map(|i| worker.push(add, (round, i))).collect();
        assert_eq!(worker.link.in_flight(), 1000);
        for (i, ticket) in (0..).zip(tickets) {
            let output = worker.output(ticket).read().unwrap();
            assert_eq!(postcard::from_bytes::<u32>(&output).unwrap(), round + i);
        }
        assert_eq!(worker.link.in_flight(), 0);
    }
    worker.retire();
}

#[test]
fn a_full_window_says_so_and_has_room_again() {
    let mut worker = Driver::ready();
    let tickets: Vec<Ticket> = (0..1024).map(|i| worker.push(add, (i, 1))).collect();
    let payload = postcard::to_stdvec(&(1_u32, 2_u32)).unwrap();
    let task = TaskToSend {
        entry: entry_of(&Call(add, (1, 2))),
        payload: &payload,
        attached: &[],
        timed: false,
    };
    assert_eq!(worker.link.push(task), Err(NotQueued::Full));
    for ticket in tickets {
        worker.output(ticket);
    }
    assert_eq!(worker.call(add, (2, 3)), 5);
    worker.retire();
}

#[test]
fn a_panic_tells_its_message_and_where_it_was() {
    fn fail(n: u32) -> u32 {
        panic!("no {n}")
    }
    let line = line!() - 2;

    let mut worker = Driver::ready();
    let ticket = worker.push(fail, (7,));
    let Failure::Panicked {
        message, location, ..
    } = worker.failure(ticket)
    else {
        panic!("not a panic")
    };
    let location = location.unwrap();
    assert_eq!(message.as_deref(), Some("no 7"));
    assert_eq!((location.file.as_str(), location.line), (file!(), line));
    assert!(worker.stderr().contains("no 7"));
    // The worker goes on.
    assert_eq!(worker.call(add, (2, 3)), 5);
    worker.retire();
}

#[test]
fn a_panic_without_a_text_is_a_panic() {
    struct Twice;
    impl Drop for Twice {
        fn drop(&mut self) {
            panic!("dropped")
        }
    }

    let mut worker = Driver::ready();
    let ticket = worker.push(|| -> u32 { std::panic::panic_any(5) }, ());
    let failure = worker.failure(ticket);
    assert!(
        matches!(
            &failure,
            Failure::Panicked {
                message: None,
                location: Some(_),
                ..
            }
        ),
        "{failure:?}"
    );
    // One that panics when it is dropped, too.
    let ticket = worker.push(|| -> u32 { std::panic::panic_any(Twice) }, ());
    let failure = worker.failure(ticket);
    assert!(
        matches!(&failure, Failure::Panicked { message: None, .. }),
        "{failure:?}"
    );
    assert_eq!(worker.call(add, (2, 3)), 5);
    worker.retire();
}

#[test]
fn a_panic_while_values_are_dropped_does_not_end_the_worker() {
    #[derive(Serialize, Deserialize)]
    struct Bomb(u32);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if is_worker() {
                panic!("dropped {}", self.0)
            }
        }
    }

    let mut worker = Driver::ready();
    // The argument's drop is part of the task, the output's is not.
    let ticket = worker.push(|bomb: Bomb| bomb.0, (Bomb(1),));
    let failure = worker.failure(ticket);
    assert!(failure.to_string().contains("dropped 1"), "{failure}");
    assert_eq!(worker.call(|n: u32| Bomb(n), (2,)).0, 2);
    assert_eq!(worker.call(add, (2, 3)), 5);
    worker.retire();
}

#[test]
fn data_that_cannot_be_read_or_written_names_its_type() {
    #[derive(Deserialize)]
    struct Stubborn;
    impl Serialize for Stubborn {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("never"))
        }
    }

    let mut worker = Driver::ready();
    let entry = entry_of(&Call(add, (1, 1)));
    let ticket = worker.push_raw(entry, &[1, 2, 3], false);
    let failure = worker.failure(ticket);
    assert!(
        matches!(&failure, Failure::Undecodable { type_name, .. } if type_name == "(u32, u32)"),
        "{failure:?}"
    );
    let ticket = worker.push(|| Stubborn, ());
    let failure = worker.failure(ticket);
    assert!(
        matches!(&failure, Failure::Unencodable { type_name, .. } if type_name.ends_with("Stubborn")),
        "{failure:?}"
    );
    worker.retire();
}

// P5
#[test]
fn a_task_that_was_taken_back_never_runs() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    fn run() -> u32 {
        RUNS.fetch_add(1, Ordering::Relaxed) + 1
    }

    let mut worker = Driver::ready();
    let first = worker.push(run, ());
    let second = worker.push(run, ());
    let third = worker.push(run, ());
    assert!(worker.link.revoke(second));
    assert!(!worker.link.revoke(second));
    // Its slot is used again at once.
    let fourth = worker.push(run, ());
    assert_eq!(fourth.slot, second.slot);
    for (ticket, count) in [(first, 1), (third, 2), (fourth, 3)] {
        if count == 2 {
            // The worker says so when it comes to it.
            match worker.next() {
                Ok(Report::Skipped { ticket }) => assert_eq!(ticket, second),
                other => panic!("{other:?}"),
            }
        }
        let output = worker.output(ticket).read().unwrap();
        assert_eq!(postcard::from_bytes::<u32>(&output).unwrap(), count);
        assert!(!worker.link.control().revoke(ticket));
    }
    worker.retire();
}

#[test]
fn the_parent_sees_what_runs_and_since_when() {
    fn wait_for_file(path: String) {
        while !std::fs::exists(&path).unwrap() {
            std::thread::yield_now();
        }
    }

    let directory = Directory::new("runs");
    let gate = directory.0.join("gate").to_str().unwrap().to_owned();
    let mut worker = Driver::ready();
    let before = now();
    let running = worker.push_job(&Call(wait_for_file, (gate.clone(),)), true);
    let queued = worker.push_job(&Call(wait_for_file, (gate.clone(),)), true);
    let control = worker.link.control().clone();
    worker.flush();
    eventually("the first task did not start", || control.started(running));
    let at = control.started_at(running).unwrap();
    assert!(before <= at && at <= now());
    assert!(!control.started(queued) && control.started_at(queued).is_none());
    assert!(!control.revoke(running));
    assert!(control.revoke(queued));
    worker.link.forget(queued);
    std::fs::write(gate, "").unwrap();
    worker.output(running);
    assert!(matches!(worker.next(), Ok(Report::Skipped { ticket }) if ticket == queued));
    assert_eq!(worker.link.in_flight(), 0);
    worker.retire();
}

#[test]
fn large_payloads_go_through_the_arenas_both_ways() {
    fn reversed(text: String) -> String {
        text.chars().rev().collect()
    }

    let mut worker = Driver::ready();
    let mut buffer = Vec::new();
    for len in [64 * 1024 - 20, 64 * 1024, 100_000, 1 << 20, 5 << 20] {
        let text: String = ('a'..='z').cycle().take(len).collect();
        let tickets = [0, 1, 2].map(|_| worker.push(reversed, (text.clone(),)));
        for ticket in tickets {
            let output = worker.output(ticket);
            assert_eq!(matches!(output, Output::Large(_)), len >= 64 * 1024 - 3);
            let read = output.read_with(&mut buffer, |bytes| postcard::from_bytes::<String>(bytes));
            assert!(read.unwrap().unwrap().chars().eq(text.chars().rev()));
        }
    }
    worker.retire();
}

#[test]
fn large_bytes_go_out_of_band_both_ways() {
    fn reversed(mut bytes: Bytes) -> Bytes {
        bytes.reverse();
        bytes
    }

    let mut worker = Driver::ready();
    for len in [0, 64 * 1024 - 1, 64 * 1024, 100_000, 1 << 20, 5 << 20] {
        let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let tickets = [0, 1, 2].map(|_| worker.push(reversed, (Bytes(bytes.clone()),)));
        for ticket in tickets {
            let output = worker.output(ticket);
            assert_eq!(
                matches!(output, Output::WithBuffers(_)),
                len >= 64 * 1024,
                "{len}"
            );
            let read = output.read_with(&mut Vec::new(), |bytes| {
                // The bytes themselves are elsewhere.
                assert!(bytes.len() < 64 * 1024 + 3);
                postcard::from_bytes::<Bytes>(bytes)
            });
            assert!(read.unwrap().unwrap().iter().eq(bytes.iter().rev()));
        }
    }
    worker.retire();
}

#[test]
fn unread_large_outputs_do_not_stop_a_worker() {
    let mut worker = Driver::ready();
    let mut outputs = Vec::new();
    for _ in 0..100 {
        let ticket = worker.push(|n: usize| "7".repeat(n), (100_000,));
        outputs.push(worker.output(ticket));
    }
    // There are 64 places; what has none of them comes with the answer.
    let large = outputs
        .iter()
        .filter(|o| matches!(o, Output::Large(_)))
        .count();
    assert_eq!(large, 64);
    for output in outputs {
        assert_eq!(output.read().unwrap().len(), 100_003);
    }
    worker.retire();
}

#[test]
fn unread_large_bytes_do_not_stop_a_worker() {
    let mut worker = Driver::ready();
    let mut outputs = Vec::new();
    for _ in 0..50 {
        let two = |n: usize| (Bytes(vec![7; n]), Bytes(vec![8; n]));
        let ticket = worker.push(two, (100_000,));
        outputs.push(worker.output(ticket));
    }
    let with = |o: &&Output| matches!(o, Output::WithBuffers(_));
    assert_eq!(outputs.iter().filter(with).count(), 32);
    for output in outputs {
        let read = output.read_with(&mut Vec::new(), |bytes| {
            postcard::from_bytes::<(Bytes, Bytes)>(bytes)
        });
        let (a, b) = read.unwrap().unwrap();
        assert!(a.iter().eq(&[7; 100_000]) && b.iter().eq(&[8; 100_000]));
    }
    worker.retire();
}

// P1
#[test]
fn a_short_task_is_answered_though_a_long_one_follows() {
    fn wait_for_file(path: String) {
        while !std::fs::exists(&path).unwrap() {
            std::thread::yield_now();
        }
    }

    let directory = Directory::new("short");
    let gate = directory.0.join("gate").to_str().unwrap().to_owned();
    let mut worker = Driver::ready();
    let short = worker.push(add, (1, 2));
    let long = worker.push(wait_for_file, (gate.clone(),));
    worker.output(short);
    std::fs::write(gate, "").unwrap();
    worker.output(long);
    worker.retire();
}

#[test]
fn a_worker_that_is_told_to_ends_with_code_0_after_its_tasks() {
    let mut worker = Driver::ready();
    let ticket = worker.push(add, (2, 3));
    worker.link.retire();
    let (exit, reports, lost) = worker.death();
    assert_eq!(exit, Exit::Code(0));
    assert!(matches!(reports[..], [Report::Finished { ticket: t, .. }] if t == ticket));
    assert!(lost.is_empty());
}

fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// A folder of this test's own.
struct Directory(std::path::PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pool-process-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
