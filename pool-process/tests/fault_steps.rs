//! What a task does to its worker at every step of its life without ending it at once: it hangs,
//! panics, closes, floods, or writes nonsense. Each in a process that counts what is left: nothing.

#![cfg(not(cf_loom))]

mod fault_support;
mod pool_support;

use std::time::Duration;

use fault_support::alone;
use fault_support::fatal::{STEPS, call_fatal, call_fatal_with};
use pool_process::{Future, ProcessPoolExecutor, TaskError, TaskOptions, WorkerEnd};
use pool_support::{Folder, LONG, died, exists, goes_on_and_leaves_nothing, pid, wait_at};

fn quiet() -> ProcessPoolExecutor {
    ProcessPoolExecutor::builder()
        .max_workers(2)
        .pass_stderr_on(false)
        .grace(Duration::from_millis(10))
        .build()
        .unwrap()
}

fn some(pool: &ProcessPoolExecutor) -> Vec<Future<u32>> {
    (0..10).map(|n| pool.call(pid, (n,)).unwrap()).collect()
}

fn resolve(futures: Vec<Future<u32>>) {
    for future in futures {
        future.result_timeout(LONG).unwrap().unwrap();
    }
}

// D-3, P1, P4, P9
#[test]
fn stopped_or_deaf_until_the_deadline() {
    alone("stopped_or_deaf_until_the_deadline", || {
        let pool = quiet();
        let limit = Duration::from_millis(50);
        for way in ["stop", "deaf"] {
            for step in STEPS {
                let before = some(&pool);
                let options = TaskOptions::new().deadline(limit);
                let victim = call_fatal_with(&pool, options, &format!("{step}-{way}"));
                let after = some(&pool);
                let error = died(victim);
                assert_eq!(*error.end(), WorkerEnd::Deadline(limit), "{step} {way}");
                assert!(error.task().ends_with("::fatal"), "{error}");
                assert!(!exists(error.pid()), "{error}");
                resolve(before);
                resolve(after);
            }
        }
        goes_on_and_leaves_nothing(pool);
    });
}

// C-117, C-161, C-162, P4, P9
#[test]
fn panics() {
    alone("panics", || {
        let pool = quiet();
        resolve(some(&pool));
        for step in ["read", "run", "write"] {
            let before = some(&pool);
            let victim = call_fatal(&pool, &format!("{step}-panic"));
            let after = some(&pool);
            match victim.result() {
                Err(TaskError::Panicked(panicked)) => {
                    assert_eq!(panicked.message(), "as told", "{step}");
                    assert!(panicked.task().ends_with("::fatal"));
                    let at = panicked.location().unwrap();
                    assert!(at.file().ends_with("fatal.rs"), "{at:?}");
                }
                other => panic!("{step}: {other:?}"),
            }
            resolve(before);
            resolve(after);
        }
        assert_eq!(pool.stats().restarts(), 0);
        goes_on_and_leaves_nothing(pool);
    });
}

// C-159, C-160, C-162, C-163, D-14, P4, P9
#[test]
fn values_that_cannot_be_written_or_read() {
    alone("values_that_cannot_be_written_or_read", || {
        let pool = quiet();
        resolve(some(&pool));
        // The argument or the result, in a worker or here.
        for way in ["error", "refuse"] {
            for step in ["write", "read"] {
                let before = some(&pool);
                let victim = call_fatal(&pool, &format!("{step}-{way}"));
                let after = some(&pool);
                match victim.result() {
                    Err(TaskError::Portable(error)) => {
                        assert_eq!(error.is_writing(), step == "write", "{error}");
                        assert!(error.type_name().contains("Fatal"), "{step} {way}: {error}");
                    }
                    other => panic!("{step} {way}: {other:?}"),
                }
                resolve(before);
                resolve(after);
            }
        }
        assert_eq!(pool.stats().restarts(), 0);
        goes_on_and_leaves_nothing(pool);
    });
}

// P1, P4, P9
#[test]
fn closed_descriptors() {
    alone("closed_descriptors", || {
        let pool = quiet();
        for step in STEPS {
            let before = some(&pool);
            let victim = call_fatal(&pool, &format!("{step}-close"));
            let after = some(&pool);
            // It is finished, or its worker died before it could say so.
            match victim.result() {
                Ok(_) => {}
                Err(TaskError::Died(error)) => assert!(!exists(error.pid()), "{error}"),
                Err(other) => panic!("{step}: {other}"),
            }
            resolve(before);
            resolve(after);
        }
        goes_on_and_leaves_nothing(pool);
    });
}

// P1, P4, P9
#[test]
fn floods_of_output() {
    alone("floods_of_output", || {
        let pool = quiet();
        for step in STEPS {
            let victim = call_fatal(&pool, &format!("{step}-flood"));
            let after = some(&pool);
            assert!(victim.result().is_ok(), "{step}");
            resolve(after);
        }
        assert_eq!(pool.stats().restarts(), 0);
        goes_on_and_leaves_nothing(pool);
    });
}

// D-14, P1, P4, P9
#[test]
fn nonsense_on_the_channel() {
    alone("nonsense_on_the_channel", || {
        let pool = quiet();
        for way in ["garbage", "oversize", "half"] {
            for step in STEPS {
                let folder = Folder::new();
                // Another worker is in the middle of a task.
                let neighbour = pool
                    .call(wait_at, (folder.file("began"), folder.file("go")))
                    .unwrap();
                folder.await_file("began");
                let victim = call_fatal(&pool, &format!("{step}-{way}"));
                let after = some(&pool);
                let error = died(victim);
                let is_right = match error.end() {
                    WorkerEnd::Protocol(_) => true,
                    WorkerEnd::Signalled { signal, .. } => {
                        way == "half" && *signal == libc::SIGKILL
                    }
                    _ => false,
                };
                assert!(is_right, "{step} {way}: {error}");
                assert!(!exists(error.pid()), "{error}");
                resolve(after);
                assert!(!neighbour.done());
                folder.create("go");
                neighbour.result().unwrap();
            }
        }
        goes_on_and_leaves_nothing(pool);
    });
}
