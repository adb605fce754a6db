//! A worker that sends what no worker would: it concerns its own tasks, and nothing else.

#![cfg(not(cf_loom))]
#![allow(unsafe_code)]

mod support;

use std::io::Write;

use pool_process::Bytes;
use pool_process::parts::wire::{
    Encoder, Failure, Hello, MAX_BODY, Payload, Placed, Ticket, WireError,
};
use pool_process::parts::{BuildId, Exit, LinkError, Lost, Output, Report};
use support::Driver;

fn channel() -> std::fs::File {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap();
    let number = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let is_socket = std::fs::read_link(&path)
                .ok()?
                .to_str()?
                .starts_with("socket:");
            is_socket.then(|| path.file_name()?.to_str()?.parse::<i32>().ok())?
        })
        .next();
    // SAFETY: none; this is the fault. It is not closed: the file is never dropped.
    unsafe { std::os::fd::FromRawFd::from_raw_fd(number.unwrap()) }
}

/// Sends the bytes as if they were answers.
fn send(bytes: Bytes) {
    let mut channel = std::mem::ManuallyDrop::new(channel());
    channel.write_all(&bytes).unwrap();
}

fn send_and_die(bytes: Bytes) {
    send(bytes);
    // SAFETY: no preconditions.
    unsafe { libc::raise(libc::SIGKILL) };
}

fn send_and_stay(bytes: Bytes) {
    send(bytes);
    loop {
        std::thread::park();
    }
}

fn frame(write: impl FnOnce(&mut Encoder<'_>)) -> Bytes {
    let mut bytes = Vec::new();
    write(&mut Encoder(&mut bytes));
    Bytes(bytes)
}

/// What the link says to bytes that a task sends.
fn refusal(make: impl FnOnce(Ticket, &Driver) -> Bytes) -> WireError {
    let mut worker = Driver::ready();
    // The ticket of the task that sends is the second one.
    let first = worker.push(|a: u32| a, (1,));
    worker.output(first);
    let second = Ticket {
        slot: first.slot,
        generation: first.generation + 1,
    };
    let bytes = make(second, &worker);
    assert_eq!(worker.push(send, (bytes,)), second);
    loop {
        match worker.next() {
            Ok(Report::Finished { .. } | Report::Failed { .. }) => {}
            Err(Some(LinkError::Wire(error))) => break error,
            other => panic!("{other:?}"),
        }
    }
}

// P11
#[test]
fn garbage_is_refused() {
    let error = refusal(|_, _| Bytes(b"some text that a library prints\n".to_vec()));
    assert_eq!(error, WireError::UnknownKind { kind: b' ' });
    let error = refusal(|_, _| Bytes(vec![0; 100]));
    assert_eq!(error, WireError::UnknownKind { kind: 0 });
}

// P11
#[test]
fn an_oversize_length_is_refused_before_the_body_comes() {
    for length in [MAX_BODY + 1, u32::MAX as usize] {
        let error = refusal(|_, _| {
            let mut bytes = (length as u32).to_le_bytes().to_vec();
            bytes.extend([19, 0, 0, 0]);
            Bytes(bytes)
        });
        assert_eq!(error, WireError::Oversize { length });
    }
}

// P11
#[test]
fn orders_are_no_answers() {
    assert_eq!(
        refusal(|_, _| frame(|to| to.goodbye())),
        WireError::UnknownKind { kind: 4 }
    );
    let error = refusal(|_, _| frame(|to| to.begin(None)));
    assert_eq!(error, WireError::UnknownKind { kind: 2 });
}

// P11
#[test]
fn what_a_ready_worker_does_not_say_is_refused() {
    let out_of_turn = |error| matches!(error, WireError::OutOfTurn { .. });
    assert!(out_of_turn(refusal(|_, _| frame(|to| to.ready()))));
    assert!(out_of_turn(refusal(|_, _| frame(|to| to.refused("no")))));
    assert!(out_of_turn(refusal(|_, _| frame(|to| to.hello(&Hello {
        build: BuildId::own(),
        name: String::new(),
    })))));
    let failure = Failure::Initializer {
        message: String::new(),
    };
    assert!(out_of_turn(refusal(|_, _| frame(
        |to| to.initializer_failed(&failure)
    ))));
}

// P11
#[test]
fn an_answer_to_a_task_that_is_not_there_is_refused() {
    let finished = |ticket| frame(|to| to.finished(ticket, &Payload::Inline(&[])));
    for change in [(0, 7), (5, 0), (1023, 1 << 29)] {
        let mut named = None;
        let error = refusal(|ticket, _| {
            let other = Ticket {
                slot: ticket.slot + change.0,
                generation: ticket.generation + change.1,
            };
            named = Some(other);
            finished(other)
        });
        let Ticket { slot, generation } = named.unwrap();
        assert_eq!(error, WireError::NotInFlight { slot, generation });
    }
    let error = refusal(|ticket, _| frame(|to| to.skipped(ticket)));
    assert!(matches!(error, WireError::NotInFlight { .. }));
    // Twice the same answer: its own, and then the worker's.
    let error = refusal(|ticket, _| finished(ticket));
    assert!(matches!(error, WireError::NotInFlight { .. }));
}

// P11
#[test]
fn an_answer_to_a_task_that_was_not_begun_is_refused() {
    let mut worker = Driver::ready();
    let first = worker.push(|a: u32| a, (1,));
    worker.output(first);
    // The task that sends has the same slot again, so the one behind it has the next.
    let queued = Ticket {
        slot: first.slot + 1,
        generation: first.generation + 2,
    };
    let bytes = frame(|to| to.finished(queued, &Payload::Inline(&[])));
    worker.push(send_and_stay, (bytes,));
    assert_eq!(worker.push(|a: u32| a, (1,)), queued);
    let Ticket { slot, generation } = queued;
    match worker.next() {
        Err(Some(LinkError::Wire(error))) => {
            assert_eq!(error, WireError::NotInFlight { slot, generation });
        }
        other => panic!("{other:?}"),
    }
}

// P11
#[test]
fn an_output_that_was_never_written_fails_when_it_is_read() {
    for (place, at, len) in [
        (0, 1 << 40, 10),
        (63, u64::MAX, 10),
        (1, 0, u64::MAX),
        (2, 1 << 41, 1 << 50),
    ] {
        let mut worker = Driver::ready();
        let first = worker.push(|a: u32| a, (1,));
        worker.output(first);
        let second = Ticket {
            slot: first.slot,
            generation: first.generation + 1,
        };
        let payload = Payload::Placed(Placed { place, at, len });
        let bytes = frame(|to| to.finished(second, &payload));
        assert_eq!(worker.push(send_and_stay, (bytes,)), second);
        let output = worker.output(second);
        assert!(matches!(output, Output::Large(_)));
        assert!(output.read().is_err());
    }
    let error = refusal(|ticket, _| {
        frame(|to| {
            to.finished(
                ticket,
                &Payload::Placed(Placed {
                    place: 64,
                    at: 0,
                    len: 1,
                }),
            );
        })
    });
    assert_eq!(error, WireError::BadPlace { place: 64 });
}

// P11
#[test]
fn half_a_frame_of_a_worker_that_dies_is_no_answer() {
    let whole = frame(|to| {
        let ticket = Ticket {
            slot: 0,
            generation: 0,
        };
        to.finished(ticket, &Payload::Inline(b"output"));
    });
    for len in 1..whole.len() {
        let mut worker = Driver::ready();
        let task = worker.push(send_and_die, (Bytes(whole[..len].to_vec()),));
        let after = worker.push(|a: u32| a, (1,));
        let (exit, reports, lost) = worker.death();
        assert!(matches!(exit, Exit::Signal { number: 9, .. }));
        assert!(reports.is_empty(), "{reports:?}");
        assert_eq!(
            lost,
            [
                Lost {
                    ticket: task,
                    started: true
                },
                Lost {
                    ticket: after,
                    started: false
                }
            ]
        );
    }
}

// P11
#[test]
fn a_worker_that_writes_over_the_shared_memory_harms_only_its_own_tasks() {
    fn scribble() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let line = maps
            .lines()
            .find(|line| line.contains("memfd:concurrent-futures"));
        let (from, rest) = line.unwrap().split_once('-').unwrap();
        let (to, _) = rest.split_once(' ').unwrap();
        let from = usize::from_str_radix(from, 16).unwrap();
        let to = usize::from_str_radix(to, 16).unwrap();
        // SAFETY: none; this is the fault.
        unsafe {
            std::ptr::write_bytes(
                std::ptr::with_exposed_provenance_mut::<u8>(from),
                0xa5,
                to - from,
            );
            libc::raise(libc::SIGKILL);
        }
    }
    let mut worker = Driver::ready();
    let task = worker.push(scribble, ());
    let after = worker.push(|a: u32| a, (1,));
    worker.flush();
    let control = worker.link.control().clone();
    let (_, reports, lost) = worker.death();
    assert!(reports.is_empty());
    let tickets: Vec<_> = lost.iter().map(|lost| lost.ticket).collect();
    assert_eq!(tickets, [task, after]);
    assert!(!control.revoke(after) && control.started_at(after).is_none());
}
