//! Models of the ring: its owner against those who steal from it.
#![cfg(cf_loom)]
#![allow(unsafe_code)]

use future_core::executor::{PoolToken, Ran, Task};
use future_core::shim::Arc;
use future_core::shim::model::{Model, Reached};
use loom::thread;
use pool_thread::parts::Ring;

fn run_all(ring: &Ring) -> usize {
    let mut ran = 0;
    while let Some(task) = ring.pop() {
        assert_eq!(task.run(|| {}), Ran::Finished);
        ran += 1;
    }
    ran
}

// P5
#[test]
fn each_task_is_popped_once() {
    static STOLEN: Reached = Reached::new("a task was stolen");
    static OWN: Reached = Reached::new("the owner popped a task");
    static REFILLED: Reached = Reached::new("a place was filled again while somebody stole");
    Model::new(
        "each_task_is_popped_once",
        "a ring that is filled again and again gives each task to one thread, owner or thief",
        3,
    )
    .check(|| {
        let pool = PoolToken::new(1);
        let ring = Arc::new(Ring::new());
        let (tasks, mut futures): (Vec<_>, Vec<_>) =
            (0..4).map(|n| Task::new(move || n, &pool)).unzip();
        let mut tasks = tasks.into_iter();
        // SAFETY: an empty ring, one batch, this thread only.
        unsafe { ring.fill(tasks.by_ref().take(2)) };
        let thieves: Vec<_> = (0..2)
            .map(|_| {
                let ring = ring.clone();
                thread::spawn(move || ring.pop().map(|task| task.run(|| {})))
            })
            .collect();
        let mut own = run_all(&ring);
        let before = ring.head();
        // SAFETY: as above.
        unsafe { ring.fill(tasks) };
        own += run_all(&ring);
        let mut stolen = 0;
        for thief in thieves {
            if let Some(ran) = thief.join().unwrap() {
                assert_eq!(ran, Ran::Finished);
                stolen += 1;
            }
        }
        assert_eq!(own + stolen, 4, "popped twice or lost");
        assert_eq!(ring.head(), 4);
        for (n, future) in futures.drain(..).enumerate() {
            assert_eq!(future.result().unwrap(), n);
        }
        if stolen > 0 {
            STOLEN.mark();
        }
        if own > 0 {
            OWN.mark();
        }
        if before + own > 4 || stolen == 2 {
            REFILLED.mark();
        }
    });
    STOLEN.assert();
    OWN.assert();
    REFILLED.assert();
}

// P1
#[test]
fn a_dropped_ring_resolves_its_tasks() {
    static STOLEN: Reached = Reached::new("the thief came first");
    static BROKEN: Reached = Reached::new("the ring was dropped with the task");
    Model::new(
        "a_dropped_ring_resolves_its_tasks",
        "a task left in a dropped ring resolves as broken; one that was taken out before runs",
        2,
    )
    .check(|| {
        let pool = PoolToken::new(1);
        let ring = Arc::new(Ring::new());
        let (task, future) = Task::new(|| 1, &pool);
        // SAFETY: an empty ring, one task, this thread only.
        unsafe { ring.fill(std::iter::once(task)) };
        let other = Arc::new(loom::sync::Mutex::new(Some(ring.clone())));
        let shared = other.clone();
        let thief = thread::spawn(move || {
            let ring = shared.lock().unwrap().clone();
            ring.and_then(|ring| ring.pop()).map(|task| task.run(|| {}))
        });
        other.lock().unwrap().take();
        drop(ring);
        let ran = thief.join().unwrap();
        match future.result() {
            Ok(value) => {
                assert_eq!((ran, value), (Some(Ran::Finished), 1));
                STOLEN.mark();
            }
            Err(error) => {
                assert!(matches!(error, future_core::TaskError::Broken(_)));
                assert_eq!(ran, None);
                BROKEN.mark();
            }
        }
    });
    STOLEN.assert();
    BROKEN.assert();
}
