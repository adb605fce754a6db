//! Helpers of the tests: gates that tasks wait at, and who runs where.

#![allow(dead_code, reason = "each test binary uses some")]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use pool_thread::{Future, SubmitError, ThreadPoolExecutor};

/// Longer than any healthy step takes; only a failing test waits for it.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Holds tasks back until it is opened, or dropped.
#[derive(Debug)]
pub(crate) struct Gate {
    open: Option<Sender<()>>,
}

/// The side of a [`Gate`] that waits.
#[derive(Debug)]
pub(crate) struct Pass(Receiver<()>);

impl Gate {
    pub(crate) fn new() -> (Self, Pass) {
        let (open, pass) = channel();
        (Self { open: Some(open) }, Pass(pass))
    }

    pub(crate) fn open(mut self) {
        self.open = None;
    }
}

impl Pass {
    pub(crate) fn wait(&self) {
        let _ = self.0.recv_timeout(LONG);
    }
}

/// Occupies `workers` workers until the gates are dropped; when this returns, all of them run.
pub(crate) fn occupy<S: 'static>(
    pool: &ThreadPoolExecutor<S>,
    workers: usize,
) -> (Vec<Gate>, Vec<Future<()>>) {
    let (tell, told) = channel();
    let mut gates = Vec::new();
    let mut futures = Vec::new();
    for _ in 0..workers {
        let (gate, pass) = Gate::new();
        let tell = tell.clone();
        gates.push(gate);
        futures.push(
            pool.submit(move || {
                tell.send(()).unwrap();
                pass.wait();
            })
            .map_err(SubmitError::without_job)
            .unwrap(),
        );
    }
    for _ in 0..workers {
        told.recv_timeout(LONG).expect("each task starts");
    }
    (gates, futures)
}

/// The name of the current thread.
pub(crate) fn thread_name() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

/// A number that counts its living copies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alive(std::sync::Arc<()>);

impl Alive {
    pub(crate) fn others(&self) -> usize {
        std::sync::Arc::strong_count(&self.0) - 1
    }
}
