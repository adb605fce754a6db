//! Random sequences of operations on one future, against an oracle that is a few plain fields.
#![cfg(not(cf_loom))]

mod support {
    pub(crate) mod counted;
    pub(crate) mod woken;
}

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use future_core::{
    AsFuture, CompletionQueue, Future, FutureHandle, Promise, SharedFuture, State, TaskError,
    promise, wait_all,
};
use proptest::collection::vec;
use proptest::prelude::*;
use support::counted::{Counted, Drops};
use support::woken::Woken;

#[derive(Clone, Copy, Debug)]
enum Op {
    SetRunning,
    SetResult,
    SetException,
    DropPromise,
    Cancel,
    AddCallback,
    /// A callback that adds another.
    AddNested,
    Watch(usize, usize),
    Unwatch(usize, usize),
    Pop(usize),
    DropQueue(usize),
    Poll(usize),
    Wait,
    ResultRef,
    TryResult,
    ResultTimeout,
    CloneHandle,
    DropHandle,
    Share,
    CloneShared,
    DropShared,
    Unshare,
    DropOwner,
}

const QUEUES: usize = 2;
const TOKENS: usize = 3;
const WAKERS: usize = 2;

fn op() -> impl Strategy<Value = Op> {
    use Op::*;
    prop_oneof![
        2 => Just(SetRunning),
        2 => Just(SetResult),
        1 => Just(SetException),
        1 => Just(DropPromise),
        1 => Just(Cancel),
        3 => Just(AddCallback),
        1 => Just(AddNested),
        6 => (0..QUEUES, 0..TOKENS).prop_map(|(q, t)| Watch(q, t)),
        3 => (0..QUEUES, 0..TOKENS).prop_map(|(q, t)| Unwatch(q, t)),
        3 => (0..QUEUES).prop_map(Pop),
        1 => (0..QUEUES).prop_map(DropQueue),
        4 => (0..WAKERS).prop_map(Poll),
        2 => Just(Wait),
        4 => Just(ResultRef),
        1 => Just(TryResult),
        1 => Just(ResultTimeout),
        2 => Just(CloneHandle),
        2 => Just(DropHandle),
        1 => Just(Share),
        2 => Just(CloneShared),
        2 => Just(DropShared),
        1 => Just(Unshare),
        1 => Just(DropOwner),
    ]
}

/// What the future should be, as plain as can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Pending,
    Running,
    Cancelled,
    Value,
    Failed,
    Broken,
}
use Expected::{Broken, Cancelled, Failed, Pending, Running, Value};

impl Expected {
    fn state(self) -> State {
        match self {
            Pending => State::Pending,
            Running => State::Running,
            Cancelled => State::Cancelled,
            Value | Failed | Broken => State::Finished,
        }
    }

    fn is_done(self) -> bool {
        !matches!(self, Pending | Running)
    }

    fn fits(self, outcome: Result<&Counted, &TaskError>) -> bool {
        match outcome {
            Ok(_) => self == Value,
            Err(TaskError::Failed(_)) => self == Failed,
            Err(TaskError::Broken(_)) => self == Broken,
            Err(TaskError::Cancelled(_)) => self == Cancelled,
            Err(_) => false,
        }
    }
}

enum Owner {
    Alone(Future<Counted>),
    Shared(Vec<SharedFuture<Counted>>),
    Gone,
}

/// The future under test with everything that holds it.
struct Stage {
    promise: Option<Promise<Counted>>,
    owner: Owner,
    handles: Vec<FutureHandle>,
    queues: Vec<CompletionQueue>,
    wakers: Vec<(Arc<Woken>, Waker)>,
    called: Receiver<u32>,
    call: Sender<u32>,
    drops: Drops,

    // The oracle.
    expected: Expected,
    /// The value was moved out by a poll.
    taken: bool,
    made: usize,
    dropped: usize,
    /// By queue: tokens registered, and those that are ready.
    watched: Vec<Vec<usize>>,
    ready: Vec<Vec<usize>>,
    /// Callbacks that wait, in order; those with a second one to add.
    callbacks: Vec<(u32, bool)>,
    due: Vec<u32>,
    next: u32,
    registered: Vec<bool>,
    woken: Vec<usize>,
}

impl Stage {
    fn new() -> Self {
        let (promise, future) = promise();
        let (call, called) = channel();
        Self {
            promise: Some(promise),
            owner: Owner::Alone(future),
            handles: Vec::new(),
            queues: (0..QUEUES).map(|_| CompletionQueue::new()).collect(),
            wakers: (0..WAKERS).map(|_| Woken::new()).collect(),
            called,
            call,
            drops: Drops::default(),
            expected: Pending,
            taken: false,
            made: 0,
            dropped: 0,
            watched: vec![Vec::new(); QUEUES],
            ready: vec![Vec::new(); QUEUES],
            callbacks: Vec::new(),
            due: Vec::new(),
            next: 0,
            registered: vec![false; WAKERS],
            woken: vec![0; WAKERS],
        }
    }

    /// Any handle, when there is one.
    fn handle(&self) -> Option<&FutureHandle> {
        match &self.owner {
            Owner::Alone(future) => Some(future.as_future()),
            Owner::Shared(all) => all.first().map(AsFuture::as_future),
            Owner::Gone => self
                .handles
                .first()
                .or_else(|| self.promise.as_ref().map(AsFuture::as_future)),
        }
    }

    fn has_owner(&self) -> bool {
        !matches!(self.owner, Owner::Gone)
    }

    /// The oracle's step when the future is settled.
    fn settle(&mut self, to: Expected) {
        self.expected = to;
        if to == Value && !self.has_owner() {
            self.dropped += 1;
        }
        for (watched, ready) in self.watched.iter_mut().zip(&mut self.ready) {
            ready.append(watched);
        }
        let callbacks = std::mem::take(&mut self.callbacks);
        let nested = callbacks.iter().filter(|c| c.1).map(|c| c.0 + 1);
        if to == Cancelled {
            // Settled before they run: what is added runs at once.
            for (number, nests) in &callbacks {
                self.due.push(*number);
                if *nests {
                    self.due.push(number + 1);
                }
            }
        } else {
            self.due.extend(callbacks.iter().map(|c| c.0));
            self.due.extend(nested);
        }
        for (registered, woken) in self.registered.iter_mut().zip(&mut self.woken) {
            *woken += usize::from(std::mem::take(registered));
        }
    }

    /// The oracle's step when the owner went.
    fn owner_went(&mut self) {
        self.owner = Owner::Gone;
        self.registered.fill(false);
        if self.expected == Value && !self.taken {
            self.dropped += 1;
        }
    }

    fn add_callback(&mut self, nests: bool) {
        let (call, number) = (self.call.clone(), self.next);
        self.next += 2;
        let settled = self.expected.is_done();
        let callback = move |f: &Future<Counted>| {
            assert!(f.done() && f.result_ref().is_some());
            f.wait().unwrap();
            call.send(number).unwrap();
            if nests {
                f.add_done_callback(move |f| {
                    assert!(f.done());
                    call.send(number + 1).unwrap();
                });
            }
        };
        match &self.owner {
            Owner::Alone(future) => future.add_done_callback(callback),
            Owner::Shared(all) => all[0].add_done_callback(callback),
            Owner::Gone => return,
        }
        if settled {
            self.due.push(number);
            if nests {
                self.due.push(number + 1);
            }
        } else {
            self.callbacks.push((number, nests));
        }
    }

    fn play(&mut self, op: Op) {
        match op {
            Op::SetRunning => {
                let Some(promise) = &mut self.promise else {
                    return;
                };
                match (promise.set_running_or_notify_cancel(), self.expected) {
                    (Ok(true), Pending) => self.expected = Running,
                    (Ok(false), Cancelled) => {}
                    (Err(refused), now) => {
                        assert!(!matches!(now, Pending | Cancelled));
                        assert_eq!(refused.state(), now.state());
                    }
                    other => panic!("{other:?}"),
                }
            }
            Op::SetResult => {
                let Some(promise) = &mut self.promise else {
                    return;
                };
                let set = promise.set_result(self.drops.counted());
                self.made += 1;
                assert_eq!(set.is_ok(), !self.expected.is_done());
                match set {
                    Ok(()) => self.settle(Value),
                    Err(refused) => {
                        assert_eq!(refused.state(), self.expected.state());
                        drop(refused);
                        self.dropped += 1;
                    }
                }
            }
            Op::SetException => {
                let Some(promise) = &mut self.promise else {
                    return;
                };
                let set = promise.set_exception("a failure");
                assert_eq!(set.is_ok(), !self.expected.is_done());
                if set.is_ok() {
                    self.settle(Failed);
                }
            }
            Op::DropPromise => {
                if self.promise.take().is_some() && !self.expected.is_done() {
                    self.settle(Broken);
                }
            }
            Op::Cancel => {
                let Some(handle) = self.handle() else { return };
                let cancelled = handle.cancel();
                assert_eq!(cancelled, matches!(self.expected, Pending | Cancelled));
                if self.expected == Pending {
                    self.settle(Cancelled);
                }
            }
            Op::AddCallback => self.add_callback(false),
            Op::AddNested => self.add_callback(true),
            Op::Watch(q, token) => {
                let Some(handle) = self.handle().cloned() else {
                    return;
                };
                if self.watched[q].contains(&token) || self.ready[q].contains(&token) {
                    return;
                }
                let watched = self.queues[q].watch(token, &handle);
                assert_eq!(watched, !self.expected.is_done());
                if watched {
                    self.watched[q].push(token);
                }
            }
            Op::Unwatch(q, token) => {
                let known = |all: &mut Vec<usize>| {
                    let at = all.iter().position(|t| *t == token)?;
                    Some(all.remove(at))
                };
                let expected = known(&mut self.watched[q]).or(known(&mut self.ready[q]));
                assert_eq!(self.queues[q].unwatch(token), expected.is_some());
            }
            Op::Pop(q) => match self.queues[q].pop() {
                // One future completes all its tokens at once, so in no promised order.
                Some(token) => {
                    let at = self.ready[q].iter().position(|t| *t == token);
                    self.ready[q].remove(at.expect("the token is ready"));
                }
                None => assert!(self.ready[q].is_empty()),
            },
            Op::DropQueue(q) => {
                self.queues[q] = CompletionQueue::new();
                self.watched[q].clear();
                self.ready[q].clear();
            }
            Op::Poll(w) => self.poll(w),
            Op::Wait => {
                let Some(handle) = self.handle() else { return };
                let done = self.expected.is_done();
                assert_eq!(handle.wait_timeout(Duration::ZERO), done);
                let past = Some(std::time::Instant::now());
                assert_eq!(wait_all(&[handle, handle], past).unwrap(), done);
                if done {
                    handle.wait().unwrap();
                }
            }
            Op::ResultRef => {
                let outcome = match &self.owner {
                    Owner::Alone(future) => future.result_ref(),
                    Owner::Shared(all) => all[0].result_ref(),
                    Owner::Gone => return,
                };
                match outcome {
                    None => assert!(!self.expected.is_done()),
                    Some(outcome) if self.taken => assert!(Broken.fits(outcome)),
                    Some(outcome) => assert!(self.expected.fits(outcome)),
                }
            }
            Op::TryResult | Op::ResultTimeout => self.take_result(matches!(op, Op::TryResult)),
            Op::CloneHandle => {
                if let Some(handle) = self.handle().cloned() {
                    self.handles.push(handle);
                }
            }
            Op::DropHandle => drop(self.handles.pop()),
            Op::Share => match std::mem::replace(&mut self.owner, Owner::Gone) {
                Owner::Alone(future) => self.owner = Owner::Shared(vec![future.shared()]),
                other => self.owner = other,
            },
            Op::CloneShared => {
                if let Owner::Shared(all) = &mut self.owner {
                    all.push(all[0].clone());
                }
            }
            Op::DropShared => {
                let Owner::Shared(all) = &mut self.owner else {
                    return;
                };
                all.pop();
                if all.is_empty() {
                    self.owner_went();
                }
            }
            Op::Unshare => match std::mem::replace(&mut self.owner, Owner::Gone) {
                Owner::Shared(mut all) => {
                    let last = all.len() == 1;
                    match all.pop().unwrap().try_unwrap() {
                        Ok(future) => {
                            assert!(last);
                            self.owner = Owner::Alone(future);
                        }
                        Err(shared) => {
                            assert!(!last);
                            all.push(shared);
                            self.owner = Owner::Shared(all);
                        }
                    }
                }
                other => self.owner = other,
            },
            Op::DropOwner => {
                if self.has_owner() {
                    self.owner = Owner::Gone;
                    self.owner_went();
                }
            }
        }
    }

    fn poll(&mut self, w: usize) {
        let mut context = Context::from_waker(&self.wakers[w].1);
        let polled = match &mut self.owner {
            Owner::Alone(future) => Pin::new(future).poll(&mut context),
            // Awaiting a shared future clones the value, which these values cannot.
            Owner::Shared(_) | Owner::Gone => return,
        };
        match polled {
            Poll::Pending => {
                assert!(!self.expected.is_done());
                self.registered.fill(false);
                self.registered[w] = true;
            }
            Poll::Ready(outcome) => {
                let expected = if self.taken { Broken } else { self.expected };
                assert!(expected.fits(outcome.as_ref()));
                self.dropped += usize::from(outcome.is_ok());
                self.taken |= matches!(self.expected, Value | Failed | Broken);
            }
        }
    }

    fn take_result(&mut self, at_once: bool) {
        let future = match std::mem::replace(&mut self.owner, Owner::Gone) {
            Owner::Alone(future) => future,
            other => return self.owner = other,
        };
        let taken = if at_once {
            future.try_result()
        } else {
            let limited = future.result_timeout(Duration::ZERO);
            limited.map_err(|late| late.into_future())
        };
        match taken {
            Err(future) => {
                assert!(!self.expected.is_done());
                self.owner = Owner::Alone(future);
            }
            Ok(outcome) => {
                let expected = if self.taken { Broken } else { self.expected };
                assert!(expected.fits(outcome.as_ref()));
                drop(outcome);
                self.owner_went();
            }
        }
    }

    /// Everything that can be seen is as the oracle says.
    fn check(&mut self) {
        if let Some(handle) = self.handle() {
            assert_eq!(handle.state(), self.expected.state());
            assert_eq!(handle.done(), self.expected.is_done());
            assert_eq!(handle.settled(), self.expected.is_done());
            assert_eq!(handle.running(), self.expected == Running);
            assert_eq!(handle.cancelled(), self.expected == Cancelled);
            assert_eq!(handle.failed(), matches!(self.expected, Failed | Broken));
        }
        assert_eq!(self.drops.count(), self.dropped);
        let due = std::mem::take(&mut self.due);
        assert_eq!(self.called.try_iter().collect::<Vec<_>>(), due);
        for (at, (woken, _)) in self.wakers.iter().enumerate() {
            assert_eq!(woken.count(), self.woken[at]);
            // The one here, and the registered one.
            let kept = 2 + usize::from(self.registered[at]);
            assert_eq!(Arc::strong_count(woken), kept);
        }
        for (q, queue) in self.queues.iter().enumerate() {
            assert_eq!(queue.len(), self.watched[q].len() + self.ready[q].len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    // P1, P3, P6, C-009, C-010, C-011, C-012, C-013, C-020, C-022, C-023
    #[test]
    fn a_future_agrees_with_its_oracle(ops in vec(op(), 0..60)) {
        let mut stage = Stage::new();
        for op in ops {
            stage.play(op);
            stage.check();
        }
        // Whatever was not settled, is: broken with its promise, or by itself long ago.
        stage.play(Op::DropPromise);
        stage.check();
        stage.play(Op::DropOwner);
        stage.check();
        prop_assert_eq!(stage.drops.count(), stage.made);
        for q in 0..QUEUES {
            while !stage.ready[q].is_empty() {
                stage.play(Op::Pop(q));
            }
            stage.play(Op::Pop(q));
        }
    }
}
