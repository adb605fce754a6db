//! Data that strikes at one step of its task's life in a worker.

use std::io::Write;

use pool_process::parts::wire::{Encoder, Payload, Ticket};
use pool_process::{Future, ProcessPoolExecutor, TaskOptions, is_worker};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::send_raw;
use crate::pool_support::signal;

/// The steps: it is read, its task runs, it is written as the output, and it is dropped.
pub(crate) const STEPS: [&str; 4] = ["read", "run", "write", "drop"];

/// `<step>-<way>`: what happens at which step, if it is in a worker.
#[derive(Debug)]
pub(crate) struct Fatal(pub(crate) String);

impl Fatal {
    fn at(&self, step: &str) {
        if !is_worker() {
            return;
        }
        let Some(way) = self.0.strip_prefix(step) else {
            return;
        };
        match way.trim_start_matches('-') {
            "abort" => std::process::abort(),
            "exit" => std::process::exit(0),
            // SAFETY: it only ends the process.
            "_exit" => unsafe { libc::_exit(0) },
            // SAFETY: not at all; that is what it is for.
            "segv" => unsafe { std::ptr::dangling_mut::<u32>().write_volatile(1) },
            "kill" => signal(std::process::id(), libc::SIGKILL),
            "overflow" => assert_ne!(overflow(1), 0),
            "thread" => {
                let thread = std::thread::spawn(|| std::process::exit(3));
                let _ = thread.join();
            }
            "panic" => panic!("as told"),
            // This very thread, so that it takes no further step.
            // SAFETY: it only sends a signal.
            "stop" => assert_eq!(unsafe { libc::raise(libc::SIGSTOP) }, 0),
            "deaf" => {
                // SAFETY: it only sets a signal's disposition.
                unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
                hang();
            }
            "close" => {
                // SAFETY: none; this is the fault.
                assert_eq!(unsafe { libc::close_range(0, u32::MAX, 0) }, 0);
            }
            "flood" => {
                let line = [b'x'; 99];
                for _ in 0..2000 {
                    // Not by `print`, which a test's harness may catch.
                    let mut out = std::io::stdout().lock();
                    out.write_all(&line)
                        .and_then(|()| out.write_all(b"\n"))
                        .unwrap();
                    std::io::stderr().write_all(&line).unwrap();
                    std::io::stderr().write_all(b"\n").unwrap();
                }
            }
            // It stays at that step: what a worker does after it has sent nonsense, nobody believes.
            "garbage" => {
                send_raw(&[0xff; 3000]);
                hang();
            }
            "oversize" => {
                send_raw(&[0xff, 0xff, 0xff, 0xff, 19, 0, 0, 0]);
                hang();
            }
            "half" => {
                let ticket = Ticket {
                    slot: 0,
                    generation: 0,
                };
                let mut frame = Vec::new();
                Encoder(&mut frame).finished(ticket, &Payload::Inline(b"an answer"));
                send_raw(&frame[..frame.len() / 2]);
                signal(std::process::id(), libc::SIGKILL);
            }
            _ => {}
        }
    }
}

fn hang() -> ! {
    loop {
        std::thread::park();
    }
}

#[expect(unconditional_recursion, reason = "so that the stack overflows")]
fn overflow(n: u32) -> u32 {
    let frame = [n; 1024];
    overflow(std::hint::black_box(&frame)[7]) + 1
}

impl Fatal {
    /// Whether reading or writing it fails: `error` in a worker, `refuse` in the parent.
    fn fails(&self, step: &str) -> bool {
        let way = if is_worker() { "error" } else { "refuse" };
        self.0 == format!("{step}-{way}")
    }
}

impl Serialize for Fatal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.at("write");
        if self.fails("write") {
            return Err(serde::ser::Error::custom("it will not be written"));
        }
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Fatal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let this = Self(String::deserialize(from)?);
        this.at("read");
        if this.fails("read") {
            return Err(serde::de::Error::custom("it will not be read"));
        }
        Ok(this)
    }
}

impl Drop for Fatal {
    fn drop(&mut self) {
        self.at("drop");
    }
}

/// The task.
pub(crate) fn fatal(given: Fatal) -> Fatal {
    given.at("run");
    given
}

pub(crate) fn call_fatal(pool: &ProcessPoolExecutor, how: &str) -> Future<Fatal> {
    call_fatal_with(pool, TaskOptions::new(), how)
}

pub(crate) fn call_fatal_with(
    pool: &ProcessPoolExecutor,
    options: TaskOptions,
    how: &str,
) -> Future<Fatal> {
    let given = Fatal(how.to_owned());
    pool.call_with(options, fatal, (given,)).unwrap()
}
