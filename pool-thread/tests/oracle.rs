//! Random sequences of operations on a pool against a plain oracle.
//!
//! Tasks are gated and the test opens the gates, so it decides in which order they end; after
//! each step it waits until the pool has come to rest where the oracle says it must.
#![cfg(not(cf_loom))]

mod common;

use std::sync::mpsc::{Receiver, Sender, channel};

use common::LONG;
use pool_thread::{Future, ShutdownOptions, SubmitError, TaskError, ThreadPoolExecutor};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Submit,
    SubmitTwo,
    /// Ends one of the running tasks, with a value or a panic.
    End(usize, bool),
    Cancel(usize),
    Result(usize),
    Forget(usize),
    Shutdown(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Submit),
        2 => Just(Step::SubmitTwo),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(n, ok)| Step::End(n, ok)),
        3 => any::<usize>().prop_map(Step::Cancel),
        2 => any::<usize>().prop_map(Step::Result),
        1 => any::<usize>().prop_map(Step::Forget),
        1 => any::<bool>().prop_map(Step::Shutdown),
    ];
    proptest::collection::vec(step, 1..60)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    Queued,
    Running,
    Value,
    Panic,
    Cancelled,
}

struct Task {
    future: Option<Future<usize>>,
    expected: Expected,
    end: Option<Sender<bool>>,
}

/// The pool and what it must be.
struct World {
    pool: ThreadPoolExecutor,
    workers: usize,
    tasks: Vec<Task>,
    /// Workers that live.
    live: usize,
    closed: bool,
    starts: Sender<usize>,
    started: Receiver<usize>,
}

impl World {
    fn new(workers: usize) -> Self {
        let (starts, started) = channel();
        Self {
            pool: ThreadPoolExecutor::new(workers).unwrap(),
            workers,
            tasks: Vec::new(),
            live: 0,
            closed: false,
            starts,
            started,
        }
    }

    fn count(&self, expected: Expected) -> usize {
        let is = |task: &&Task| task.expected == expected;
        self.tasks.iter().filter(is).count()
    }

    /// The number of the `pick`th task that is as expected.
    fn find(&self, pick: usize, expected: impl Fn(Expected) -> bool) -> Option<usize> {
        let mut fits: Vec<_> = (0..self.tasks.len()).collect();
        fits.retain(|n| self.tasks[*n].future.is_some() && expected(self.tasks[*n].expected));
        (!fits.is_empty()).then(|| fits[pick % fits.len()])
    }

    fn submit(&mut self, jobs: usize) {
        let first = self.tasks.len();
        let mut ends = Vec::new();
        let made = (first..first + jobs).map(|number| {
            let (end, wait) = channel::<bool>();
            ends.push(end);
            let starts = self.starts.clone();
            move || {
                starts.send(number).unwrap();
                assert!(wait.recv_timeout(LONG).unwrap(), "as the oracle wishes");
                number
            }
        });
        let made: Vec<_> = made.collect();
        let submitted = self.pool.submit_all(made).map_err(SubmitError::without_job);
        if self.closed {
            assert!(submitted.unwrap_err().is_shutdown());
            return;
        }
        for (future, end) in submitted.unwrap().into_iter().zip(ends) {
            self.tasks.push(Task {
                future: Some(future),
                expected: Expected::Queued,
                end: Some(end),
            });
        }
        // Lazily: one thread for each task that finds nobody idle.
        let wanted = self.count(Expected::Running) + self.count(Expected::Queued);
        self.live = self.live.max(wanted.min(self.workers));
    }

    fn end(&mut self, number: usize, ok: bool) {
        let task = &mut self.tasks[number];
        task.end.take().unwrap().send(ok).unwrap();
        task.expected = if ok { Expected::Value } else { Expected::Panic };
        assert!(task.future.as_ref().unwrap().wait_timeout(LONG));
    }

    fn shutdown(&mut self, cancel: bool) {
        let options = ShutdownOptions::new().wait(false).cancel_futures(cancel);
        self.pool.shutdown_with(options).unwrap();
        self.closed = true;
        for task in &mut self.tasks {
            if cancel && task.expected == Expected::Queued {
                task.expected = Expected::Cancelled;
            }
        }
    }

    fn take(&mut self, number: usize) {
        let task = &mut self.tasks[number];
        let outcome = task.future.take().unwrap().result();
        match task.expected {
            Expected::Value => assert_eq!(outcome.unwrap(), number),
            Expected::Panic => assert!(matches!(outcome, Err(TaskError::Panicked(_)))),
            Expected::Cancelled => assert!(matches!(outcome, Err(TaskError::Cancelled(_)))),
            Expected::Queued | Expected::Running => unreachable!("not asked for"),
        }
    }

    /// The workers that can take tasks do; one worker takes the oldest.
    fn settle(&mut self) {
        while self.count(Expected::Running) < self.live && self.count(Expected::Queued) > 0 {
            let number = self.started.recv_timeout(LONG).expect("a task starts");
            assert_eq!(self.tasks[number].expected, Expected::Queued);
            if self.workers == 1 {
                let oldest = self
                    .tasks
                    .iter()
                    .position(|t| t.expected == Expected::Queued);
                assert_eq!(Some(number), oldest, "not in order");
            }
            self.tasks[number].expected = Expected::Running;
        }
        if self.closed {
            self.live = self.count(Expected::Running);
        }
        assert!(self.started.try_recv().is_err(), "a task too many starts");
    }

    /// Waits until the pool is where it must be, and compares.
    fn check(&self) {
        let running = self.count(Expected::Running);
        let until = std::time::Instant::now() + LONG;
        loop {
            let stats = self.pool.stats();
            if (stats.workers(), stats.idle()) == (self.live, self.live - running) {
                break;
            }
            assert!(
                std::time::Instant::now() < until,
                "{stats} against {}",
                self.live
            );
            std::thread::yield_now();
        }
        let stats = self.pool.stats();
        assert_eq!(stats.finished() as usize, self.count(Expected::Value));
        assert_eq!(stats.failed() as usize, self.count(Expected::Panic));
        let queued = self.count(Expected::Queued);
        let cancelled = self.count(Expected::Cancelled);
        assert!((queued..=queued + cancelled).contains(&stats.queued()));
        for task in &self.tasks {
            let Some(future) = &task.future else { continue };
            let seen = (future.running(), future.cancelled(), future.done());
            let wanted = match task.expected {
                Expected::Queued => (false, false, false),
                Expected::Running => (true, false, false),
                Expected::Cancelled => (false, true, true),
                Expected::Value | Expected::Panic => (false, false, true),
            };
            assert_eq!(seen, wanted, "{:?}", task.expected);
        }
    }

    fn step(&mut self, step: &Step) {
        use Expected::{Cancelled, Panic, Queued, Running, Value};
        match *step {
            Step::Submit => self.submit(1),
            Step::SubmitTwo => self.submit(2),
            Step::End(pick, ok) => {
                if let Some(number) = self.find(pick, |e| e == Running) {
                    self.end(number, ok);
                }
            }
            Step::Cancel(pick) => {
                if let Some(number) = self.find(pick, |_| true) {
                    let task = &mut self.tasks[number];
                    let cancelled = task.future.as_ref().unwrap().cancel();
                    assert_eq!(cancelled, matches!(task.expected, Queued | Cancelled));
                    if cancelled {
                        task.expected = Cancelled;
                    }
                }
            }
            Step::Result(pick) => {
                if let Some(number) = self.find(pick, |e| matches!(e, Value | Panic | Cancelled)) {
                    self.take(number);
                }
            }
            Step::Forget(pick) => {
                if let Some(number) = self.find(pick, |e| e != Running) {
                    self.tasks[number].future = None;
                }
            }
            Step::Shutdown(cancel) => self.shutdown(cancel),
        }
        self.settle();
        self.check();
    }

    /// Everything ends, and every future has resolved.
    fn finish(mut self) {
        while let Some(number) = self
            .tasks
            .iter()
            .position(|t| t.expected == Expected::Running)
        {
            let task = &mut self.tasks[number];
            task.end.take().unwrap().send(true).unwrap();
            task.expected = Expected::Value;
            if let Some(future) = &task.future {
                assert!(future.wait_timeout(LONG));
            }
            self.settle();
        }
        self.pool.shutdown();
        self.live = 0;
        self.check();
        while let Some(number) = self.find(0, |_| true) {
            self.take(number);
        }
        let stats = self.pool.stats();
        let all = stats.finished() + stats.failed() + stats.cancelled();
        assert_eq!(all as usize, self.tasks.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    // P1, P3, P5, P7, C-131
    #[test]
    fn the_pool_does_what_the_oracle_says(workers in 1..4_usize, steps in steps()) {
        let mut world = World::new(workers);
        for step in &steps {
            world.step(step);
        }
        world.finish();
    }
}
