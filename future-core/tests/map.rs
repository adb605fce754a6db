//! `Map` over an executor whose tasks the test runs when and in the order it likes.
#![cfg(not(cf_loom))]

mod support {
    pub(crate) mod counted;
}

use std::collections::VecDeque;
use std::iter::repeat_with;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use future_core::executor::{PoolToken, Ran, Task};
use future_core::{
    BrokenExecutor, ForEachError, Future, Map, MapOptions, SubmitError, SubmitErrorKind, TaskError,
    TimeoutError,
};
use support::counted::{Counted, Drops};

/// A queue of tasks that run when the test says so.
struct Queue {
    token: PoolToken,
    tasks: Mutex<VecDeque<Task>>,
    /// How many submits it takes.
    takes: AtomicUsize,
    /// Tasks run in `submit`.
    at_once: bool,
}

impl Queue {
    fn new(at_once: bool) -> Self {
        Self {
            token: PoolToken::new(1),
            tasks: Mutex::default(),
            takes: AtomicUsize::new(usize::MAX),
            at_once,
        }
    }

    /// Runs each task in `submit`.
    fn at_once() -> Self {
        Self::new(true)
    }

    fn later() -> Self {
        Self::new(false)
    }

    fn put<T>(&self, (task, future): (Task, Future<T>)) -> Result<Future<T>, SubmitError> {
        if self.takes.load(SeqCst) == 0 {
            return Err(SubmitError::new(SubmitErrorKind::Shutdown, "<test>", ()));
        }
        self.takes.fetch_sub(1, SeqCst);
        if self.at_once {
            task.run(|| {});
        } else {
            self.tasks.lock().unwrap().push_back(task);
        }
        Ok(future)
    }

    fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Future<T>, SubmitError> {
        self.put(Task::new(job, &self.token))
    }

    fn map<'a, I, R>(
        &'a self,
        options: MapOptions,
        f: fn(I::Item) -> R,
        items: I,
    ) -> Map<'a, I::IntoIter, R>
    where
        I: IntoIterator<Item: Send + 'static>,
        R: Send + 'static,
    {
        Map::new(options, 4, items.into_iter(), move |item| {
            self.submit(move || f(item))
        })
    }

    fn shut_down(&self) {
        self.takes.store(0, SeqCst);
    }

    /// Runs what is queued, first in first.
    fn run(&self) -> Vec<Ran> {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        tasks.into_iter().map(|task| task.run(|| {})).collect()
    }

    fn run_backwards(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        for task in tasks.into_iter().rev() {
            task.run(|| {});
        }
    }

    fn queued(&self) -> usize {
        self.tasks.lock().unwrap().len()
    }
}

fn square(n: u64) -> u64 {
    n * n
}

fn window(items: usize) -> MapOptions {
    MapOptions::new().buffersize(NonZeroUsize::new(items).unwrap())
}

fn values<I: Iterator, R>(map: Map<'_, I, R>) -> Vec<R> {
    map.map(Result::unwrap).collect()
}

// C-080
#[test]
fn results_come_in_the_order_of_the_items() {
    let queue = Queue::later();
    let map = queue.map(MapOptions::new().eager(), square, 0..5);
    queue.run_backwards();
    assert_eq!(values(map), [0, 1, 4, 9, 16]);
}

// C-080, C-094
#[test]
fn zipped_inputs_end_with_the_shortest() {
    let queue = Queue::at_once();
    for size in [1, 2, 3, 10] {
        let zipped = (1_u64..).zip([10, 20, 30]);
        assert_eq!(
            values(queue.map(window(size), |(a, b)| a * b, zipped)),
            [10, 40, 90]
        );
    }
}

// C-093, C-081, C-103
#[test]
fn no_window_and_no_chunk_size_changes_a_result() {
    let queue = Queue::at_once();
    let plain: Vec<_> = (0..40).map(square).collect();
    for size in [1, 6, 39, 40, 41, 1000] {
        assert_eq!(values(queue.map(window(size), square, 0..40)), plain);
        let size = NonZeroUsize::new(size).unwrap();
        let chunks = MapOptions::new().chunksize(size);
        assert_eq!(chunks.get_chunksize(), Some(size));
        assert_eq!(values(queue.map(chunks, square, 0..40)), plain);
        assert_eq!(values(queue.map(chunks.eager(), square, 0..40)), plain);
    }
}

fn no_three(n: u64) -> u64 {
    assert_ne!(n, 3, "three");
    n
}

// C-082, C-083, C-104, D-13
#[test]
fn a_failure_belongs_to_its_item() {
    for options in [
        window(1),
        window(2),
        MapOptions::new(),
        MapOptions::new().eager(),
        MapOptions::new().chunksize(NonZeroUsize::new(3).unwrap()),
    ] {
        let queue = Queue::at_once();
        let mut map = queue.map(options, no_three, 0..6);
        for n in 0..6 {
            match map.next().unwrap() {
                Ok(value) => assert_eq!(value, n),
                Err(TaskError::Panicked(panicked)) => {
                    assert_eq!(n, 3);
                    assert!(panicked.message().contains("three"));
                }
                Err(other) => panic!("{other}"),
            }
        }
        for _ in 0..3 {
            assert!(map.next().is_none());
        }
        assert_eq!(map.size_hint(), (0, Some(0)));
    }
}

// C-085, D-13
#[test]
fn a_time_out_that_the_function_returns_is_an_ordinary_failure() {
    let queue = Queue::at_once();
    let hour = Duration::from_secs(3600);
    for options in [MapOptions::new(), MapOptions::new().timeout(hour)] {
        let mut map = Map::new(options, 4, 0..3, |n| {
            let job = move || match n {
                1 => Err(TimeoutError::new(Duration::from_secs(7), ())),
                n => Ok(n),
            };
            queue.put(Task::new_fallible(job, &queue.token))
        });
        assert_eq!(map.next().unwrap().unwrap(), 0);
        let error = map.next().unwrap().unwrap_err();
        let own: &TimeoutError = error.downcast_ref().unwrap();
        assert_eq!(own.limit(), Duration::from_secs(7));
        assert_eq!(map.next().unwrap().unwrap(), 2);
        assert!(map.next().is_none());
    }
}

// C-086, C-087
#[test]
fn when_time_is_up_all_is_cancelled_and_it_ends() {
    let queue = Queue::later();
    let options = MapOptions::new().timeout(Duration::ZERO).eager();
    let mut map = queue.map(options, square, 0..5);
    // The first two were in time.
    let mut tasks = std::mem::take(&mut *queue.tasks.lock().unwrap());
    for task in tasks.drain(..2) {
        task.run(|| {});
    }
    assert_eq!(map.next().unwrap().unwrap(), 0);
    assert_eq!(map.next().unwrap().unwrap(), 1);
    match map.next().unwrap() {
        Err(TaskError::TimedOut(late)) => {
            assert_eq!((late.unfinished(), late.total()), (3, 5));
            assert_eq!(late.limit(), Duration::ZERO);
        }
        other => panic!("{other:?}"),
    }
    for _ in 0..2 {
        assert!(map.next().is_none());
    }
    // Neither the awaited item nor a later one runs.
    for task in tasks {
        assert_eq!(task.run(|| {}), Ran::Cancelled);
    }
}

/// How long `next` takes for the time-out when all the time passed before it.
fn late_time_out(limit: Duration) -> Duration {
    let queue = Queue::later();
    let mut map = queue.map(MapOptions::new().timeout(limit), square, 0..3);
    let called = Instant::now();
    while called.elapsed() < limit {
        thread::yield_now();
    }
    let asked = Instant::now();
    assert!(matches!(map.next(), Some(Err(TaskError::TimedOut(_)))));
    let took = asked.elapsed();
    assert!(map.next().is_none());
    took
}

/// A clock that started at the first `next` would let no call return before all of the limit has
/// passed once more; ours lets all do so that are not held up by the machine, and one is enough.
// C-086
#[test]
fn the_limit_counts_from_the_call() {
    let limit = Duration::from_millis(5);
    assert!((0..1000).any(|_| late_time_out(limit) < limit));
    // A limit beyond the end of the clock is none.
    let queue = Queue::at_once();
    let endless = MapOptions::new().timeout(Duration::MAX);
    assert_eq!(values(queue.map(endless, square, 0..3)), [0, 1, 4]);
}

// C-086, D-13
#[test]
fn a_blocked_map_goes_on_when_its_task_ends() {
    let queue = Arc::new(Queue::later());
    let (go, gate) = channel::<()>();
    let runner = {
        let queue = queue.clone();
        thread::spawn(move || {
            for () in gate {
                queue.run();
            }
        })
    };
    let hour = Duration::from_secs(3600);
    for options in [window(1), window(1).timeout(hour)] {
        let mut map = queue.map(options, square, [3, 4]);
        go.send(()).unwrap();
        assert_eq!(map.next().unwrap().unwrap(), 9);
        go.send(()).unwrap();
        assert_eq!(map.next().unwrap().unwrap(), 16);
    }
    drop(go);
    runner.join().unwrap();
}

// C-088
#[test]
fn dropping_it_cancels_what_has_not_started() {
    let queue = Queue::later();
    let mut map = queue.map(window(3), square, 0..);
    queue.run();
    assert_eq!(map.next().unwrap().unwrap(), 0);
    drop(map);
    // The one submitted after the first was yielded.
    assert_eq!(queue.run(), [Ran::Cancelled]);
    let mut map = queue.map(window(3), square, 0..);
    assert_eq!(map.in_flight(), 3);
    map.cancel();
    assert!(map.next().is_none());
    assert_eq!(queue.run(), [Ran::Cancelled; 3]);
}

// C-088, C-104
#[test]
fn dropping_it_leaves_what_runs_alone() {
    let queue = Arc::new(Queue::later());
    let (entered, running) = channel();
    let (go, gate) = channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let map = Map::new(MapOptions::new(), 2, 0..9, |n| {
        let (entered, gate) = (entered.clone(), gate.clone());
        queue.submit(move || {
            entered.send(n).unwrap();
            gate.lock().unwrap().recv().unwrap();
        })
    });
    let first = queue.tasks.lock().unwrap().pop_front().unwrap();
    let worker = thread::spawn(move || first.run(|| {}));
    assert_eq!(running.recv().unwrap(), 0);
    drop(map);
    go.send(()).unwrap();
    assert_eq!(worker.join().unwrap(), Ran::Finished);
    assert_eq!(queue.run(), [Ran::Cancelled]);
}

/// Counts what is taken of an endless input.
fn counted_input() -> (Arc<AtomicUsize>, impl Iterator<Item = u64>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = taken.clone();
    let mut next = 0;
    let items = repeat_with(move || {
        counter.fetch_add(1, SeqCst);
        next += 1;
        next - 1
    });
    (taken, items)
}

// C-089
#[test]
fn an_eager_one_submits_every_input_at_the_call() {
    let queue = Queue::later();
    let (taken, items) = counted_input();
    let map = queue.map(MapOptions::new().eager(), square, items.take(50));
    assert_eq!((taken.load(SeqCst), queue.queued()), (50, 50));
    // An eager one has no window, whatever was chosen.
    let queue_two = Queue::later();
    let both = window(2).eager();
    drop(queue_two.map(both, square, 0..10));
    assert_eq!(queue_two.queued(), 10);
    queue.run();
    assert_eq!(map.count(), 50);
}

// C-090
#[test]
fn a_shutdown_right_after_an_eager_one_completes_all_calls() {
    let queue = Queue::later();
    let map = queue.map(MapOptions::new().eager(), square, 0..10);
    queue.shut_down();
    assert_eq!(queue.run(), [Ran::Finished; 10]);
    assert_eq!(values(map).len(), 10);
}

// C-097, C-095, D-10
#[test]
fn exactly_one_window_is_taken_before_the_first_item_is_asked_for() {
    for size in [1, 2, 7] {
        let queue = Queue::later();
        let (taken, items) = counted_input();
        let map = queue.map(window(size), square, items);
        assert_eq!(map.in_flight(), size);
        assert_eq!((taken.load(SeqCst), queue.queued()), (size, size));
        assert_eq!(window(size).get_buffersize(), NonZeroUsize::new(size));
    }
    // The executor's own window, which is one at the least.
    let queue = Queue::later();
    assert_eq!(queue.map(MapOptions::new(), square, 0..).in_flight(), 4);
    let map = Map::new(MapOptions::new(), 0, 0.., |n| {
        queue.submit(move || square(n))
    });
    assert_eq!(map.in_flight(), 1);
}

// C-098, C-095, D-10
#[test]
fn never_more_than_one_window_is_unread() {
    let queue = Queue::later();
    let (taken, items) = counted_input();
    let mut map = queue.map(window(3), square, items);
    for n in 0..20 {
        queue.run();
        assert_eq!(map.next().unwrap().unwrap(), square(n));
        assert_eq!(map.in_flight(), 3);
        let unread = taken.load(SeqCst) as u64 - (n + 1);
        assert_eq!(unread, 3);
    }
}

// C-099
#[test]
fn the_window_counts_items_whatever_the_chunk() {
    let queue = Queue::later();
    let options = window(4).chunksize(NonZeroUsize::new(3).unwrap());
    let map = queue.map(options, square, 0..);
    assert_eq!((map.in_flight(), queue.queued()), (4, 4));
}

// C-092
#[test]
fn a_window_of_zero_cannot_be_written() {
    let _: fn(MapOptions, NonZeroUsize) -> MapOptions = MapOptions::buffersize;
    let _: fn(MapOptions, NonZeroUsize) -> MapOptions = MapOptions::chunksize;
    assert!(NonZeroUsize::new(0).is_none());
}

// C-095
#[test]
fn inputs_without_end() {
    let queue = Queue::at_once();
    let firsts: Vec<_> = queue
        .map(window(3), |(a, b)| a + b, (0_u64..).zip(10_u64..))
        .take(4)
        .map(Result::unwrap)
        .collect();
    assert_eq!(firsts, [10, 12, 14, 16]);
}

// C-096
#[test]
fn an_empty_input_yields_nothing() {
    let queue = Queue::at_once();
    for options in [window(3), MapOptions::new(), MapOptions::new().eager()] {
        let mut map = queue.map(options, square, []);
        assert_eq!(map.size_hint(), (0, Some(0)));
        assert!(map.next().is_none());
        assert!(map.next().is_none());
    }
}

// C-101, D-12
#[test]
fn after_a_shutdown_it_yields_what_it_has_then_says_why_it_ends() {
    let queue = Queue::at_once();
    let mut map = queue.map(window(3), square, 0..);
    assert_eq!(map.next().unwrap().unwrap(), 0);
    queue.shut_down();
    for n in 1..4 {
        assert_eq!(map.next().unwrap().unwrap(), square(n));
    }
    match map.next().unwrap() {
        Err(TaskError::Rejected(refused)) => assert!(refused.is_shutdown()),
        other => panic!("{other:?}"),
    }
    assert!(map.next().is_none());
    assert!(map.next().is_none());

    // Before the first; and in the middle of the first window.
    for takes in [0, 2] {
        let queue = Queue::at_once();
        queue.takes.store(takes, SeqCst);
        let mut map = queue.map(window(3), square, 0..);
        assert_eq!(
            map.by_ref().take(takes).filter(Result::is_ok).count(),
            takes
        );
        assert_eq!(map.size_hint(), (1, Some(1)));
        assert!(matches!(map.next(), Some(Err(TaskError::Rejected(_)))));
        assert!(map.next().is_none());
    }
}

// C-102, D-31
#[test]
fn a_result_that_was_yielded_is_not_kept() {
    let queue = Queue::at_once();
    let drops = Drops::default();
    let inner = drops.clone();
    let items = repeat_with(move || inner.counted());
    let mut map = queue.map(window(2), |counted: Counted| counted, items);
    for n in 1..5 {
        drop(map.next().unwrap().unwrap());
        assert_eq!(drops.count(), n);
    }
    // Those that nobody read go with it.
    drop(map);
    assert_eq!(drops.count(), 6);
}

// P2
#[test]
fn an_input_that_panics_cancels_what_was_submitted() {
    let queue = Queue::later();
    let items = (0..5).inspect(|n| assert!(*n < 3, "the input's own"));
    let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        queue.map(MapOptions::new().eager(), square, items)
    }));
    assert!(made.is_err());
    assert_eq!(queue.run(), [Ran::Cancelled; 3]);
}

#[test]
fn the_bounds_on_what_is_left() {
    let queue = Queue::at_once();
    let mut map = queue.map(window(2), square, 0..5);
    assert_eq!(map.size_hint(), (1, Some(5)));
    map.next();
    assert_eq!(map.size_hint(), (1, Some(4)));
    assert_eq!(map.count(), 4);
    let endless = queue.map(window(2), square, 0..);
    assert_eq!(endless.size_hint().0, 1);
}

// C-082, C-104
#[test]
fn for_each_runs_all_and_gives_the_failures() {
    let queue = Queue::at_once();
    let submit = |n: u64| queue.submit(move || no_three(n));
    ForEachError::collect((0..3).map(submit)).unwrap();
    ForEachError::collect((0..0).map(submit)).unwrap();
    // Item 3 panics, item 5 finds the queue shut.
    queue.takes.store(5, SeqCst);
    let error = ForEachError::collect((0..6).map(submit)).unwrap_err();
    assert_eq!(error.total(), 6);
    let places: Vec<_> = error.failures().iter().map(|(at, _)| *at).collect();
    assert_eq!(places, [3, 5]);
    assert!(matches!(error.failures()[0].1, TaskError::Panicked(_)));
    let failures = error.clone().into_failures();
    assert!(matches!(failures[1].1, TaskError::Rejected(_)));
    // Its source is the first failure.
    let broken = SubmitErrorKind::Broken(BrokenExecutor::with_source("it broke", "the cause"));
    let refused = SubmitError::new(broken, "<test>", ());
    let error = ForEachError::collect([Err::<Future<()>, _>(refused)]).unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    let refused = "cannot submit, the executor is broken: it broke [<test>]";
    assert_eq!(source.to_string(), refused);
}

// P5
#[test]
fn a_panicking_iterator_loses_no_result() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let queue = Queue::at_once();
    let items = (0..4_u64).inspect(|n| assert!(*n != 2, "the iterator panics"));
    let two = MapOptions::new().buffersize(NonZeroUsize::new(2).unwrap());
    let mut map = Map::new(two, 1, items, |n| queue.submit(move || n));
    assert!(catch_unwind(AssertUnwindSafe(|| map.next())).is_err());
    let rest: Vec<u64> = map.map(Result::unwrap).collect();
    assert_eq!(rest, [0, 1, 3]);
}
