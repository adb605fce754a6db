//! Workers that send nonsense: it costs the task that sent it, and no other.

#![cfg(not(cf_loom))]

mod fault_support;
mod pool_support;

use std::time::Duration;

use fault_support::{alone, send_raw};
use pool_process::parts::wire::{Encoder, Payload, Ticket};
use pool_process::{Bytes, ProcessPoolExecutor, TaskError, WorkerEnd};
use pool_support::{Folder, died, eventually, goes_on_and_leaves_nothing, pid, signal, wait_at};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

fn quiet(workers: usize) -> ProcessPoolExecutor {
    ProcessPoolExecutor::builder()
        .max_workers(workers)
        .pass_stderr_on(false)
        .grace(Duration::from_millis(10))
        .build()
        .unwrap()
}

/// Sends the bytes, and goes on as if nothing were.
fn send_and_stay(bytes: Bytes) {
    send_raw(&bytes.0);
    loop {
        std::thread::park();
    }
}

fn send_and_die(bytes: Bytes) {
    send_raw(&bytes.0);
    signal(std::process::id(), libc::SIGKILL);
}

fn header(length: u32, kind: u8) -> Vec<u8> {
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend([kind, 0, 0, 0]);
    bytes
}

fn frame(write: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut Encoder(&mut bytes));
    bytes
}

fn finished(slot: u16, generation: u32) -> Vec<u8> {
    let ticket = Ticket { slot, generation };
    frame(|to| to.finished(ticket, &Payload::Inline(b"an answer")))
}

// D-14, P4, P9
#[test]
fn garbage_costs_the_task_that_sent_it() {
    alone("garbage_costs_the_task_that_sent_it", || {
        let pool = quiet(2);
        let all = [
            b"some text that a library prints\n".to_vec(),
            vec![0; 100],
            vec![0xff; 100_000],
            // A length that nobody may send, and one whose body never comes whole.
            header(u32::MAX, 19),
            frame(|to| to.goodbye()),
            frame(|to| to.ready()),
            frame(|to| to.refused("no")),
            finished(1023, 1 << 29),
            finished(700, 3),
        ];
        for bytes in all {
            let folder = Folder::new();
            // Another worker is in the middle of a task.
            let neighbour = pool
                .call(wait_at, (folder.file("began"), folder.file("go")))
                .unwrap();
            folder.await_file("began");
            let victim = pool.call(send_and_stay, (Bytes(bytes.clone()),)).unwrap();
            let others: Vec<_> = (0..10).map(|n| pool.call(pid, (n,)).unwrap()).collect();
            let error = died(victim);
            assert!(
                matches!(error.end(), WorkerEnd::Protocol(_)),
                "{error}: {bytes:?}"
            );
            assert!(error.task().ends_with("::send_and_stay"), "{error}");
            for other in others {
                other.result().unwrap();
            }
            assert!(!neighbour.done());
            folder.create("go");
            assert_eq!(neighbour.result().unwrap(), folder.pid("began"));
        }
        goes_on_and_leaves_nothing(pool);
    });
}

// P4, P9
#[test]
fn half_a_frame_and_then_nothing() {
    alone("half_a_frame_and_then_nothing", || {
        let pool = quiet(2);
        let whole = finished(0, 0);
        for len in 1..whole.len() {
            let half = Bytes(whole[..len].to_vec());
            let victim = pool.call(send_and_die, (half,)).unwrap();
            let others: Vec<_> = (0..5).map(|n| pool.call(pid, (n,)).unwrap()).collect();
            let error = died(victim);
            assert!(error.task().ends_with("::send_and_die"), "{error}");
            for other in others {
                other.result().unwrap();
            }
        }
        // Half of a long one, from a worker that lives on.
        let mut half = header(1 << 20, 19);
        half.extend([1; 1000]);
        let victim = pool.call(send_and_stay, (Bytes(half),)).unwrap();
        let others: Vec<_> = (0..5).map(|n| pool.call(pid, (n,)).unwrap()).collect();
        for other in others {
            other.result().unwrap();
        }
        eventually("it runs", || victim.running());
        assert!(pool.kill(&victim));
        assert!(died(victim).is_killed());
        goes_on_and_leaves_nothing(pool);
    });
}

/// Writes more than it reads.
#[derive(Debug)]
struct Long(u32);

impl Serialize for Long {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut tuple = to.serialize_tuple(2)?;
        tuple.serialize_element(&self.0)?;
        tuple.serialize_element("what nobody reads")?;
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Long {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        u32::deserialize(from).map(Self)
    }
}

// C-162, C-163, D-14, P4
#[test]
fn bytes_behind_a_value_fail_its_task_only() {
    alone("bytes_behind_a_value_fail_its_task_only", || {
        let pool = quiet(1);
        let worker = pool.call(pid, (0,)).unwrap().result().unwrap();
        let argument = pool.call(|long: Long| long.0, (Long(1),)).unwrap();
        let output = pool.call(|n: u32| Long(n), (1,)).unwrap();
        let fine = pool.call(pid, (0,)).unwrap();
        let errors = [argument.result().unwrap_err(), output.result().unwrap_err()];
        for error in errors {
            let TaskError::Portable(error) = error else {
                panic!("{error}");
            };
            assert!(!error.is_writing(), "{error}");
        }
        assert_eq!(fine.result().unwrap(), worker);
        goes_on_and_leaves_nothing(pool);
    });
}

// D-31, P4
#[test]
fn panics_of_any_payload_and_in_any_drop() {
    alone("panics_of_any_payload_and_in_any_drop", || {
        struct Loud;
        impl Drop for Loud {
            fn drop(&mut self) {
                if !std::thread::panicking() {
                    panic!("in the payload's drop");
                }
            }
        }
        #[derive(Serialize, Deserialize)]
        struct Trap(bool);
        impl Drop for Trap {
            fn drop(&mut self) {
                if pool_process::is_worker() && self.0 {
                    panic!("in a drop");
                }
            }
        }
        let pool = quiet(1);
        let worker = pool.call(pid, (0,)).unwrap().result().unwrap();
        let number = pool.call(|n: u32| -> u32 { std::panic::panic_any(n) }, (7,));
        let loud = pool.call(|_: u32| -> u32 { std::panic::panic_any(Loud) }, (7,));
        for future in [number.unwrap(), loud.unwrap()] {
            let error = future.result().unwrap_err();
            assert!(matches!(error, TaskError::Panicked(_)), "{error}");
        }
        let argument = pool.call(|_: Trap| 5_u32, (Trap(true),)).unwrap();
        let error = argument.result().unwrap_err();
        assert!(matches!(&error, TaskError::Panicked(p) if p.message() == "in a drop"));
        // An output is dropped when it was written: the value is there.
        let output = pool.call(Trap, (true,)).unwrap().result();
        match output {
            Ok(mut trap) => trap.0 = false,
            Err(error) => assert!(matches!(error, TaskError::Panicked(_)), "{error}"),
        }
        assert_eq!(pool.call(pid, (0,)).unwrap().result().unwrap(), worker);
        goes_on_and_leaves_nothing(pool);
    });
}
