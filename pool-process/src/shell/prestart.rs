//! Those who have asked for workers, and wait to hear how many there are.

use std::io;
use std::sync::mpsc::Sender;

use super::Shell;
use crate::delivery::Delivery;
use crate::supervisor::Event;

/// Somebody who has asked.
#[derive(Debug)]
pub(super) struct Asking {
    workers: u32,
    answer: Sender<io::Result<usize>>,
}

/// Why the system did not give a worker.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) kind: io::ErrorKind,
    pub(super) message: String,
}

impl Shell {
    pub(super) fn prestart(
        &mut self,
        workers: u32,
        answer: Sender<io::Result<usize>>,
        ended: &mut Vec<Delivery>,
    ) {
        self.asking.push(Asking { workers, answer });
        self.tell(Event::Prestart { workers }, ended);
    }

    /// Answers those who have asked, once all launches were tried.
    pub(super) fn answer_asking(&mut self) {
        if !self.launches.is_empty() {
            return;
        }
        let refusal = self.refusal.take();
        if self.asking.is_empty() {
            return;
        }
        let live = self.members.iter().flatten().count();
        for Asking { workers, answer } in self.asking.drain(..) {
            let outcome = match &refusal {
                Some(refusal) if live < workers as usize => {
                    Err(io::Error::new(refusal.kind, refusal.message.clone()))
                }
                _ => Ok(live),
            };
            // Who asked waits for it.
            let _ = answer.send(outcome);
        }
    }
}
