//! What futures cost. The only test of its process: it counts the process's allocations.
#![cfg(not(cf_loom))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use future_core::executor::{PoolToken, Task};
use future_core::{AsFuture, CompletionQueue, promise, wait_all};

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator does the work; the counters allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        BYTES.with(|bytes| bytes.set(bytes.get() + layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many blocks and bytes `f` allocates.
fn cost(f: impl FnOnce()) -> (usize, usize) {
    let before = (COUNT.get(), BYTES.get());
    f();
    (COUNT.get() - before.0, BYTES.get() - before.1)
}

/// The same, blocks alone.
fn blocks(f: impl FnOnce()) -> usize {
    cost(f).0
}

// P6
#[test]
fn what_futures_cost() {
    let pool = PoolToken::new(1);
    let number = black_box(5_u64);

    // Tasks with a small closure and a small value: 48 bytes each, and one block for 32.
    let job = move || number + 1;
    assert_eq!(size_of_val(&job), 8);
    fn size_of_task<J: future_core::Job>(_: &J) -> usize {
        Task::size_of::<J>()
    }
    assert_eq!(size_of_task(&job), 48);
    assert!(size_of::<Task>() == 8 && size_of::<future_core::Future<u64>>() == 8);
    let mut many: Vec<_> = Vec::with_capacity(320);
    let (count, bytes) = cost(|| many.extend((0..320).map(|_| Task::new(job, &pool))));
    assert!(count <= 14, "{count} blocks");
    // The last slab is not used up.
    assert!(bytes <= (320 + 32) * 48 + 14 * 16, "{bytes} bytes");
    for (task, future) in many {
        task.run(|| {});
        assert_eq!(future.result().unwrap(), 6);
    }
    // Blocks are free now: done or cancelled, no more of them.
    assert_eq!(
        blocks(|| {
            for _ in 0..100 {
                let (task, future) = Task::new(job, &pool);
                task.run(|| {});
                assert_eq!(future.result().unwrap(), 6);
                let (task, future) = Task::new(job, &pool);
                assert!(future.cancel());
                task.run(|| {});
            }
        }),
        0
    );
    // A promise likewise, with handles and without.
    drop(promise::<u64>());
    assert_eq!(
        blocks(|| {
            for _ in 0..100 {
                let (mut promise, future) = promise();
                let handle = future.handle();
                promise.set_result(number).unwrap();
                assert!(handle.clone().done());
                assert_eq!(future.result().unwrap(), number);
            }
        }),
        0
    );
    // A cell that is not small has a block of its own.
    // The closure's bytes are the value's: the larger of both counts.
    let large = [number; 100];
    let (count, bytes) = cost(|| {
        let (task, future) = Task::new(move || large, &pool);
        task.run(|| {});
        assert_eq!(future.result().unwrap()[99], number);
    });
    assert_eq!(count, 1);
    assert!(bytes < 840, "{bytes} bytes");

    // A wait for what is done costs nothing, nor does one that gives up at once more than its
    // own list.
    let (mut done, future) = promise();
    done.set_result(number).unwrap();
    assert_eq!(
        blocks(|| {
            future.wait().unwrap();
            assert!(future.wait_timeout(Duration::ZERO));
            assert!(wait_all(&[future.as_future()], None).unwrap());
            assert!(future.result_ref().is_some());
        }),
        0
    );

    // Watching: nothing for the first watcher of each future, a node for the next.
    let (_promises, futures): (Vec<_>, Vec<_>) = (0..64).map(|_| promise::<u64>()).unzip();
    let mut first = CompletionQueue::new();
    let mut second = CompletionQueue::new();
    first.reserve(64);
    second.reserve(64);
    let watch_all = |queue: &mut CompletionQueue| {
        for (token, future) in futures.iter().enumerate() {
            assert!(queue.watch(token, future.as_future()));
        }
    };
    assert_eq!(blocks(|| watch_all(&mut first)), 0);
    assert_eq!(blocks(|| watch_all(&mut second)), 64);
    assert_eq!(blocks(|| drop(second)), 0);
    // Completing allocates nothing, and fetching no more than the table of what came.
    assert_eq!(
        blocks(|| {
            for future in &futures {
                assert!(future.cancel());
            }
        }),
        0
    );
    assert!(blocks(|| while first.pop().is_some() {}) <= 8);

    // A callback and a waker cost a node each, and a closure with captures its box.
    let (mut set, future) = promise();
    assert_eq!(blocks(|| future.add_done_callback(|_| ())), 1);
    assert_eq!(
        blocks(|| future.add_done_callback(move |_| {
            black_box(number);
        })),
        2
    );
    let mut future = future;
    assert_eq!(
        blocks(|| {
            let mut context = Context::from_waker(Waker::noop());
            let polled = std::future::Future::poll(Pin::new(&mut future), &mut context);
            assert!(polled.is_pending());
        }),
        1
    );
    assert_eq!(blocks(|| set.set_result(1).unwrap()), 0);
    // On a future that is done none at all.
    assert_eq!(blocks(|| future.add_done_callback(|_| ())), 0);

    // An error is boxed, so that it takes no room in the tasks that have none.
    let (task, future) = Task::new_fallible(|| Err::<u64, _>(std::fmt::Error), &pool);
    let failing = blocks(|| {
        task.run(|| {});
    });
    assert!(failing <= 3, "{failing} blocks");
    assert!(future.result().is_err());
}
