//! Nothing is kept. The only test of its process: it counts the process's bytes.
#![cfg(not(cf_loom))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};
use std::task::{Context, Wake};
use std::time::{Duration, Instant};

use future_core::executor::{PoolToken, Task};
use future_core::{AsFuture, CompletionQueue, Map, MapOptions, promise, wait_all};

struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

fn count(layout: Layout, sign: isize) {
    let size = isize::try_from(layout.size()).expect("no block is that large");
    LIVE.fetch_add(sign * size, Relaxed);
}

// SAFETY: the system's allocator does the work; the counter allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout, 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(layout, -1);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const TIMES: usize = 100_000;
/// What the test's own harness may keep meanwhile.
const SLACK: isize = 4 * 1024;

fn keeps_nothing(what: &str, f: impl FnOnce()) {
    let before = LIVE.load(Relaxed);
    f();
    let kept = LIVE.load(Relaxed) - before;
    assert!(kept < SLACK, "{what}: {kept} bytes kept");
}

struct Sleeper;

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {}
}

// C-055, D-31, P6
#[test]
fn a_hundred_thousand_times_anything_keeps_nothing() {
    let zero = Duration::ZERO;
    let (mut end, mut pending) = promise::<u64>();
    keeps_nothing("waits with a limit", || {
        for _ in 0..TIMES {
            assert!(!pending.wait_timeout(zero));
            assert!(pending.exception_timeout(zero).is_err());
            assert!(!wait_all(&[pending.as_future()], Some(Instant::now())).unwrap());
        }
    });
    keeps_nothing("polls by ever new tasks", || {
        for _ in 0..TIMES {
            let waker = Arc::new(Sleeper).into();
            let mut context = Context::from_waker(&waker);
            let polled = std::future::Future::poll(Pin::new(&mut pending), &mut context);
            assert!(polled.is_pending());
        }
    });
    keeps_nothing("watching and giving up", || {
        let (mut _end, mut other) = promise::<u64>();
        let mut queue = CompletionQueue::new();
        for n in 0..TIMES {
            assert!(queue.watch(0, pending.as_future()));
            assert!(queue.watch(1, other.as_future()));
            if n % 2 == 0 {
                // Settled, and given up before it was fetched.
                assert!(other.cancel());
                (_end, other) = promise();
            }
            assert!(queue.unwatch(0) && queue.unwatch(1));
        }
    });
    keeps_nothing("handles", || {
        for _ in 0..TIMES {
            drop(pending.handle().clone());
        }
    });
    end.set_result(1).unwrap();
    keeps_nothing("callbacks on a future that is done", || {
        for _ in 0..TIMES {
            let capture = Box::new(1_u64);
            pending.add_done_callback(move |_| drop(capture));
        }
    });
    drop((end, pending));
    keeps_nothing("tasks of every end", || {
        let pool = PoolToken::new(1);
        for n in 0..TIMES {
            let capture = vec![n; 8];
            let (task, future) = Task::new(move || capture, &pool);
            match n % 5 {
                0 => drop(task.run(|| {})),
                1 => assert!(task.cancel()),
                2 => assert!(future.cancel()),
                3 => drop(task),
                _ => {
                    drop(future);
                    task.run(|| {});
                    continue;
                }
            }
            if n % 2 == 0 {
                drop(future.result());
            }
        }
    });
    keeps_nothing("a window over a long map", || {
        let map = Map::new(MapOptions::new(), 4, 0..TIMES, |n| {
            let (mut promise, future) = promise();
            promise.set_result(vec![n; 8]).unwrap();
            Ok(future)
        });
        let before = LIVE.load(Relaxed);
        for outcome in map {
            drop(outcome.unwrap());
            assert!(LIVE.load(Relaxed) - before < SLACK);
        }
    });
    keeps_nothing("pools", || {
        for _ in 0..TIMES {
            drop(PoolToken::new(3));
        }
    });
}
