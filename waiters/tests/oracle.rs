//! Random sequences of steps against a plain oracle.
#![cfg(not(cf_loom))]

mod support;

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use future_core::{Future, FutureHandle, FutureId, Promise, promise};
use proptest::collection::vec;
use proptest::prelude::*;
use support::promises;
use waiters::{AddErrorKind, ReturnWhen, as_completed, as_completed_timeout};
use waiters::{bounded_future_set, wait, wait_timeout};

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Value,
    Failure,
    Cancelled,
    Broken,
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        Just(End::Value),
        Just(End::Value),
        Just(End::Failure),
        Just(End::Cancelled),
        Just(End::Broken),
    ]
}

fn when() -> impl Strategy<Value = ReturnWhen> {
    prop_oneof![
        Just(ReturnWhen::FirstCompleted),
        Just(ReturnWhen::FirstException),
        Just(ReturnWhen::AllCompleted),
    ]
}

/// Which futures end, how, and in which order; `cut` of them do before the call.
#[derive(Clone, Debug)]
struct Script {
    futures: usize,
    steps: Vec<(usize, End)>,
    cut: usize,
    /// The input of the call: indices with duplicates, each future at least once.
    input: Vec<usize>,
}

fn script() -> impl Strategy<Value = Script> {
    (1_usize..12).prop_flat_map(|futures| {
        let order = Just((0..futures).collect::<Vec<_>>()).prop_shuffle();
        let input = vec(0..futures, 0..6).prop_flat_map(move |more| {
            let all: Vec<usize> = (0..futures).chain(more).collect();
            Just(all).prop_shuffle()
        });
        (order, vec(end(), futures), 0..=futures, 0..=futures, input).prop_map(
            move |(order, ends, cut, ending, input)| Script {
                futures,
                steps: order.into_iter().zip(ends).take(ending).collect(),
                cut: cut.min(ending),
                input,
            },
        )
    })
}

/// Futures whose promises end one by one.
struct Stage {
    promises: Vec<Option<Promise<usize>>>,
    handles: Vec<FutureHandle>,
}

impl Stage {
    fn new(n: usize) -> (Self, Vec<Future<usize>>) {
        let (promises, futures) = promises(n);
        let stage = Self {
            promises: promises.into_iter().map(Some).collect(),
            handles: futures.iter().map(Future::handle).collect(),
        };
        (stage, futures)
    }

    fn end(&mut self, (at, end): (usize, End)) {
        let mut promise = self.promises[at].take().expect("each ends once");
        match end {
            End::Value => promise.set_result(at).unwrap(),
            End::Failure => promise.set_exception("as scripted").unwrap(),
            End::Cancelled => assert!(self.handles[at].cancel()),
            End::Broken => drop(promise),
        }
    }
}

impl Script {
    /// The input's indices, each once.
    fn distinct(&self) -> Vec<usize> {
        let mut seen = Vec::new();
        for &at in &self.input {
            if !seen.contains(&at) {
                seen.push(at);
            }
        }
        seen
    }

    fn satisfied(&self, steps: &[(usize, End)], when: ReturnWhen) -> bool {
        let failed = |end: &End| matches!(end, End::Failure | End::Broken);
        steps.len() == self.futures
            || match when {
                ReturnWhen::FirstCompleted => !steps.is_empty(),
                ReturnWhen::FirstException => steps.iter().any(|(_, end)| failed(end)),
                ReturnWhen::AllCompleted => false,
            }
    }
}

fn ids(futures: &[&Future<usize>]) -> Vec<FutureId> {
    futures.iter().map(|f| f.id()).collect()
}

proptest! {
    // C-040, C-043, C-045, C-047, C-048, C-049
    #[test]
    fn wait_agrees_with_the_oracle(script in script(), when in when()) {
        let (mut stage, futures) = Stage::new(script.futures);
        let done = &script.steps[..script.cut];
        for step in done {
            stage.end(*step);
        }
        let input = script.input.iter().map(|at| &futures[*at]);
        let seen = if script.satisfied(done, when) {
            wait(input, when).unwrap()
        } else {
            wait_timeout(input, when, Duration::ZERO)
        };
        let (finished, pending): (Vec<_>, Vec<_>) = script
            .distinct()
            .into_iter()
            .partition(|at| done.iter().any(|(other, _)| other == at));
        let of = |some: Vec<usize>| some.iter().map(|at| futures[*at].id()).collect::<Vec<_>>();
        prop_assert_eq!(ids(&seen.done), of(finished));
        prop_assert_eq!(ids(&seen.not_done), of(pending));
    }

    // C-041, C-044, C-054
    #[test]
    fn wait_returns_no_earlier_than_it_may(script in script(), when in when()) {
        let (mut stage, futures) = Stage::new(script.futures);
        for step in &script.steps[..script.cut] {
            stage.end(*step);
        }
        let rest = script.steps[script.cut..].to_vec();
        let will_end = script.satisfied(&script.steps, when);
        let thread = thread::spawn(move || {
            for step in rest {
                stage.end(step);
            }
            stage
        });
        let input = script.input.iter().map(|at| &futures[*at]);
        let seen = if will_end {
            wait(input, when).unwrap()
        } else {
            wait_timeout(input, when, Duration::from_micros(50))
        };
        // What is done is the start of the script (the order of ending is the thread's), and
        // long enough.
        let done = ids(&seen.done);
        prop_assert_eq!(done.len() + seen.not_done.len(), script.futures);
        if will_end {
            let ended: Vec<_> = script.steps.iter().copied().filter(|(at, _)| {
                done.contains(&futures[*at].id())
            }).collect();
            prop_assert!(script.satisfied(&ended, when));
        }
        prop_assert!(seen.done.iter().all(|future| future.done()));
        drop(thread.join().unwrap());
    }

    // C-060, C-061, C-062, C-063, C-065, C-071
    #[test]
    fn as_completed_agrees_with_the_oracle(script in script()) {
        let (mut stage, futures) = Stage::new(script.futures);
        let (before, after) = script.steps.split_at(script.cut);
        for step in before {
            stage.end(*step);
        }
        let is_before = |at: &usize| before.iter().any(|(other, _)| other == at);
        let mut expected: Vec<usize> = script.distinct().into_iter().filter(is_before).collect();
        expected.extend(after.iter().map(|(at, _)| *at));

        let input = || script.input.iter().map(|at| &futures[*at]);
        let mut plain = as_completed(input());
        let limited = as_completed_timeout(input(), Duration::ZERO);
        for step in after {
            stage.end(*step);
        }
        for (out, at) in expected.iter().enumerate() {
            prop_assert_eq!(plain.len(), script.futures - out);
            prop_assert_eq!(plain.next().map(Future::id), Some(futures[*at].id()));
        }
        let mut limited_expected = expected.iter();
        for item in limited {
            match item {
                Ok(future) => {
                    let at = limited_expected.next().expect("no more than are done");
                    prop_assert_eq!(future.id(), futures[*at].id());
                }
                Err(late) => {
                    let left = script.futures - script.steps.len();
                    prop_assert_eq!((late.unfinished(), late.total()), (left, script.futures));
                    prop_assert!(left > 0);
                }
            }
        }
        prop_assert!(limited_expected.next().is_none());
        // The promises that are dropped now end the rest, in their order.
        let mut rest = (0..script.futures).filter(|at| !expected.contains(at));
        drop(stage);
        for future in plain {
            prop_assert_eq!(Some(future.id()), rest.next().map(|at| futures[at].id()));
        }
        prop_assert_eq!(rest.next(), None);
    }

    // C-060, C-070
    #[test]
    fn as_completed_follows_another_thread(script in script()) {
        let (mut stage, futures) = Stage::new(script.futures);
        let steps = script.steps.clone();
        let (go, may_go) = channel::<()>();
        let completed = as_completed(script.input.iter().map(|at| &futures[*at]));
        let thread = thread::spawn(move || {
            for step in steps {
                may_go.recv().unwrap();
                stage.end(step);
            }
        });
        let order = script.steps.iter().map(|(at, _)| *at);
        let rest = (0..script.futures).filter(|at| script.steps.iter().all(|(o, _)| o != at));
        let order: Vec<usize> = order.chain(rest).collect();
        // One at a time, so that the iterator has to sleep.
        let _ = go.send(());
        for (future, at) in completed.zip(&order) {
            prop_assert_eq!(future.id(), futures[*at].id());
            let _ = go.send(());
        }
        thread.join().unwrap();
    }
}

#[derive(Clone, Debug)]
enum Step {
    Add,
    /// Ends the future that was made at this place, counted round.
    End(usize, End),
    Next,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Add),
        6 => (any::<usize>(), end()).prop_map(|(at, end)| Step::End(at, end)),
        8 => Just(Step::Next),
        1 => Just(Step::Close),
    ]
}

proptest! {
    #[test]
    fn a_growing_set_agrees_with_the_oracle(
        steps in vec(step(), 0..60),
        capacity in 1_usize..6,
    ) {
        let capacity = NonZeroUsize::new(capacity).unwrap();
        let (adder, mut set) = bounded_future_set(capacity);
        // Futures that have not ended; and what is in the set, by id, done or not.
        let mut open: Vec<(Promise<u8>, FutureHandle)> = Vec::new();
        let mut held: VecDeque<FutureHandle> = VecDeque::new();
        let mut closed = false;
        for step in steps {
            match step {
                Step::Add => {
                    let (promise, future) = promise();
                    let handle = future.handle();
                    match adder.try_add(future) {
                        Ok(()) => {
                            prop_assert!(!closed && held.len() < capacity.get());
                            open.push((promise, handle.clone()));
                            held.push_back(handle);
                        }
                        Err(error) if closed => prop_assert!(error.is_closed()),
                        Err(error) => {
                            prop_assert_eq!(held.len(), capacity.get());
                            let full = AddErrorKind::Full { capacity: capacity.get() };
                            prop_assert_eq!(error.kind(), full);
                            prop_assert_eq!(error.into_future().handle(), handle);
                        }
                    }
                }
                Step::End(at, end) => {
                    if open.is_empty() {
                        continue;
                    }
                    let (mut promise, handle) = open.swap_remove(at % open.len());
                    match end {
                        End::Value => promise.set_result(1).unwrap(),
                        End::Failure => promise.set_exception("as scripted").unwrap(),
                        End::Cancelled => assert!(handle.cancel()),
                        End::Broken => drop(promise),
                    }
                }
                Step::Next => {
                    let is_one_done = held.iter().any(FutureHandle::done);
                    match set.next_timeout(Duration::ZERO) {
                        Ok(Some(future)) => {
                            prop_assert!(future.done());
                            let at = held.iter().position(|h| *h == future.handle());
                            prop_assert!(at.is_some(), "not in the set");
                            held.remove(at.unwrap());
                        }
                        Ok(None) => prop_assert!(closed && held.is_empty()),
                        Err(late) => {
                            let is_over = closed && held.is_empty();
                            prop_assert!(!is_one_done && !is_over);
                            prop_assert_eq!(late.unfinished(), held.len());
                        }
                    }
                }
                Step::Close => {
                    adder.close();
                    closed = true;
                }
            }
        }
        drop((open, adder));
        prop_assert_eq!(set.count(), held.len());
    }
}
