//! Every combination of how a future ends, who leaves first, who cancels when and who watches,
//! on one thread: the outcome is the expected one and everything is dropped once.
#![cfg(not(cf_loom))]

use std::fmt;
use std::future::Future as _;
use std::panic::panic_any;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Wake};

use future_core::executor::{PoolToken, Ran, Task};
use future_core::{
    AsFuture, CompletionQueue, Future, FutureHandle, Promise, State, TaskError, promise,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Value,
    Failure,
    Panic,
    Cancelled,
    Broken,
}
use Outcome::{Broken, Cancelled, Failure, Panic, Value};

/// What the owner does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    LeavesBefore,
    LeavesUnread,
    TakesIt,
    ReadsAndLeaves,
}

/// When somebody cancels, besides an outcome that is a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Canceller {
    Never,
    Before,
    During,
    After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watchers {
    Nobody,
    OneQueue,
    TwoQueues,
    Callback,
    Waker,
    All,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    task: bool,
    outcome: Outcome,
    owner: Owner,
    canceller: Canceller,
    watchers: Watchers,
    /// Whether a handle is dropped before all others, or after them.
    handle_outlives: bool,
}

/// What was made and what was dropped.
#[derive(Debug, Default)]
struct Ledger {
    made: AtomicUsize,
    dropped: AtomicUsize,
    called: AtomicUsize,
    woken: AtomicUsize,
}

#[derive(Debug)]
struct Entry(Arc<Ledger>);

impl Entry {
    fn new(ledger: &Arc<Ledger>) -> Self {
        ledger.made.fetch_add(1, SeqCst);
        Self(ledger.clone())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, SeqCst);
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task's own")
    }
}

impl std::error::Error for Entry {}

impl Wake for Entry {
    fn wake(self: Arc<Self>) {
        self.0.woken.fetch_add(1, SeqCst);
    }
}

/// The end that an executor holds.
enum Source {
    Task(Task),
    Promise(Promise<Entry>),
}

fn make(
    case: Case,
    ledger: &Arc<Ledger>,
    own: &Arc<OnceLock<FutureHandle>>,
) -> (Source, Future<Entry>) {
    if !case.task {
        let (promise, future) = promise();
        return (Source::Promise(promise), future);
    }
    let capture = Entry::new(ledger);
    let own = own.clone();
    let job = move || -> Result<Entry, Entry> {
        if case.canceller == Canceller::During {
            assert!(!own.get().unwrap().cancel());
        }
        match case.outcome {
            Value => Ok(Entry::new(&capture.0)),
            Failure => Err(Entry::new(&capture.0)),
            _ => panic_any(Entry::new(&capture.0)),
        }
    };
    let (task, future) = Task::new_fallible(job, &PoolToken::new(1));
    (Source::Task(task), future)
}

/// Ends it, and says how it really ended.
fn end(case: Case, source: Source, handle: &FutureHandle, ledger: &Arc<Ledger>) -> Outcome {
    if case.canceller == Canceller::Before || case.outcome == Cancelled {
        assert!(handle.cancel());
        assert!(handle.cancel());
    }
    let cancelled = handle.cancelled();
    match source {
        Source::Task(task) => {
            let ran = if case.outcome == Broken {
                drop(task);
                None
            } else {
                Some(task.run(|| {}))
            };
            match ran {
                Some(Ran::Cancelled) => assert!(cancelled),
                Some(Ran::Finished) => assert_eq!(case.outcome, Value),
                Some(Ran::Failed) => assert!(matches!(case.outcome, Failure | Panic)),
                Some(Ran::NotRun) => unreachable!(),
                None => {}
            }
        }
        Source::Promise(mut promise) => {
            if case.canceller == Canceller::During {
                assert!(promise.set_running_or_notify_cancel().unwrap());
                assert!(handle.running() && !handle.cancel());
            }
            let taken = match case.outcome {
                Value => promise
                    .set_result(Entry::new(ledger))
                    .map_err(|e| drop(e.into_value())),
                Failure => promise
                    .set_exception(Entry::new(ledger))
                    .map_err(|e| drop(e.into_value())),
                _ => Err(()),
            };
            assert_eq!(
                taken.is_ok(),
                matches!(case.outcome, Value | Failure) && !cancelled
            );
            if taken.is_ok() {
                assert!(promise.set_result(Entry::new(ledger)).is_err());
            }
        }
    }
    if cancelled { Cancelled } else { case.outcome }
}

fn matches_outcome(outcome: Result<&Entry, &TaskError>, expected: Outcome) -> bool {
    match outcome {
        Ok(_) => expected == Value,
        Err(TaskError::Failed(failed)) => {
            expected == Failure && failed.downcast_ref::<Entry>().is_some()
        }
        Err(TaskError::Panicked(_)) => expected == Panic,
        Err(TaskError::Cancelled(_)) => expected == Cancelled,
        Err(TaskError::Broken(_)) => expected == Broken,
        Err(_) => false,
    }
}

fn play(case: Case) {
    let ledger = Arc::new(Ledger::default());
    let own = Arc::new(OnceLock::new());
    let (source, mut future) = make(case, &ledger, &own);
    let handle = future.handle();
    own.set(future.handle()).unwrap();

    let with = |which| case.watchers == which || case.watchers == Watchers::All;
    let mut queues = Vec::new();
    for _ in 0..match case.watchers {
        Watchers::OneQueue => 1,
        Watchers::TwoQueues | Watchers::All => 2,
        _ => 0,
    } {
        let mut queue = CompletionQueue::new();
        assert!(queue.watch(7, future.as_future()));
        queues.push(queue);
    }
    if with(Watchers::Callback) {
        let capture = Entry::new(&ledger);
        future.add_done_callback(move |f| {
            assert!(f.done() && f.result_ref().is_some());
            capture.0.called.fetch_add(1, SeqCst);
        });
    }
    if with(Watchers::Waker) {
        let waker = Arc::new(Entry::new(&ledger)).into();
        let mut context = Context::from_waker(&waker);
        assert!(Pin::new(&mut future).poll(&mut context).is_pending());
    }
    let mut owner = Some(future);
    if case.owner == Owner::LeavesBefore {
        owner = None;
    }

    let really = end(case, source, &handle, &ledger);

    let state = if really == Cancelled {
        State::Cancelled
    } else {
        State::Finished
    };
    assert_eq!(handle.state(), state);
    assert!(handle.settled() && handle.done() && !handle.running());
    assert_eq!(handle.failed(), !matches!(really, Value | Cancelled));
    if case.canceller == Canceller::After {
        assert_eq!(handle.cancel(), really == Cancelled);
        assert_eq!(handle.state(), state);
    }
    let mut handle = Some(handle);
    if !case.handle_outlives {
        handle = None;
        drop(own);
    }
    if let Some(future) = owner {
        match case.owner {
            Owner::ReadsAndLeaves => {
                assert!(matches_outcome(future.result_ref().unwrap(), really));
                assert_eq!(future.exception().is_none(), really == Value);
            }
            Owner::TakesIt => {
                let outcome = future.result();
                assert!(matches_outcome(outcome.as_ref(), really));
            }
            Owner::LeavesBefore | Owner::LeavesUnread => {}
        }
    }
    for (n, queue) in queues.iter_mut().enumerate() {
        // One of them goes with its entry unfetched in every other case.
        if n == 0 || case.handle_outlives {
            assert_eq!(queue.pop(), Some(7));
            assert_eq!(queue.pop(), None);
        }
    }
    drop(queues);
    drop(handle);

    let read = |count: &AtomicUsize| count.load(SeqCst);
    assert_eq!(
        read(&ledger.called),
        usize::from(with(Watchers::Callback)),
        "callbacks"
    );
    let to_wake = with(Watchers::Waker) && case.owner != Owner::LeavesBefore;
    assert_eq!(read(&ledger.woken), usize::from(to_wake), "wakers");
    assert_eq!(read(&ledger.made), read(&ledger.dropped), "drops");
    // Nobody else keeps the ledger: no value, closure or callback is left anywhere.
    assert_eq!(Arc::strong_count(&ledger), 1);
}

// P1, P3, P6, C-009, C-022, C-025, C-027, C-029
#[test]
fn the_full_product_of_small_choices() {
    std::panic::set_hook(Box::new(|info| {
        // The tasks' own panics are part of the product.
        if !info.payload().is::<Entry>() {
            eprintln!("{info}");
        }
    }));
    let mut played = 0;
    for task in [true, false] {
        for outcome in [Value, Failure, Panic, Cancelled, Broken] {
            for owner in [
                Owner::LeavesBefore,
                Owner::LeavesUnread,
                Owner::TakesIt,
                Owner::ReadsAndLeaves,
            ] {
                for canceller in [
                    Canceller::Never,
                    Canceller::Before,
                    Canceller::During,
                    Canceller::After,
                ] {
                    for watchers in [
                        Watchers::Nobody,
                        Watchers::OneQueue,
                        Watchers::TwoQueues,
                        Watchers::Callback,
                        Watchers::Waker,
                        Watchers::All,
                    ] {
                        for handle_outlives in [true, false] {
                            // A promise cannot panic, and what is cancelled is never under way.
                            if !task && outcome == Panic
                                || outcome == Cancelled && canceller == Canceller::During
                            {
                                continue;
                            }
                            let case = Case {
                                task,
                                outcome,
                                owner,
                                canceller,
                                watchers,
                                handle_outlives,
                            };
                            let result = std::panic::catch_unwind(|| play(case));
                            assert!(result.is_ok(), "{case:?}");
                            played += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(
        played,
        2 * 5 * 4 * 4 * 6 * 2 - 4 * 4 * 6 * 2 - 2 * 4 * 6 * 2
    );
}
