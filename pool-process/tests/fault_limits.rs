//! Descriptors that run out at every point: a pool is refused, breaks or works with fewer
//! workers, and never hangs.

#![cfg(not(cf_loom))]

mod fault_support;
mod pool_support;

use std::fs::File;
use std::time::Duration;

use fault_support::alone;
use pool_process::{Bytes, ProcessPoolExecutor, TaskError};
use pool_support::{Folder, LONG, died, hang, pid, signal};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Opens files until only so many descriptors are left, for as long as it lives.
fn leave(left: usize) -> Vec<File> {
    let files = std::iter::from_fn(|| File::open("/dev/null").ok());
    let mut files: Vec<_> = files.take(10_000).collect();
    assert!(files.len() < 10_000, "the limit is not low");
    files.truncate(files.len() - left);
    files
}

/// With few descriptors at all, whatever numbers they have.
fn with_few(body: impl FnOnce()) {
    let before = getrlimit(Resource::Nofile);
    let few = Rlimit {
        current: Some(512),
        ..before
    };
    setrlimit(Resource::Nofile, few).unwrap();
    body();
    setrlimit(Resource::Nofile, before).unwrap();
}

// C-177, D-16, P1, P9
#[test]
fn a_pool_that_is_short_of_descriptors_from_the_beginning() {
    alone(
        "a_pool_that_is_short_of_descriptors_from_the_beginning",
        || {
            with_few(|| {
                let mut refused = 0;
                let mut broken = 0;
                let mut served = 0;
                for left in 0..30 {
                    let _files = leave(left);
                    let built = ProcessPoolExecutor::builder()
                        .max_workers(3)
                        .pass_stderr_on(false)
                        .build();
                    let Ok(pool) = built else {
                        refused += 1;
                        continue;
                    };
                    let futures: Vec<_> = (0..30).flat_map(|n| pool.call(pid, (n,))).collect();
                    for future in futures {
                        match future.result_timeout(LONG).unwrap() {
                            Ok(_) => served += 1,
                            Err(error) => {
                                assert!(matches!(error, TaskError::Broken(_)), "{error}");
                                assert!(error.to_string().contains("open files"), "{error}");
                                broken += 1;
                            }
                        }
                    }
                    drop(pool);
                }
                assert!(
                    refused > 0 && broken > 0 && served > 0,
                    "{refused} {broken} {served}"
                );
                assert_eq!(served % 30, 0, "all of a pool's tasks, or none");
            })
        },
    );
}

// C-177, D-2, P1, P4, P9
#[test]
fn a_worker_that_dies_when_descriptors_are_short() {
    alone("a_worker_that_dies_when_descriptors_are_short", || {
        with_few(|| {
            let folder = Folder::new();
            let pool = ProcessPoolExecutor::builder()
                .max_workers(2)
                .pass_stderr_on(false)
                .grace(Duration::ZERO)
                .build()
                .unwrap();
            let victim = pool.call(hang, (folder.file("a"),)).unwrap();
            folder.await_file("a");
            let worker = folder.pid("a");
            let files = leave(0);
            let length = |bytes: Bytes| bytes.0.len();
            // Large ones ask for shared memory, of which there can be no more.
            let queued: Vec<_> = (0..20)
                .map(|_| pool.call(length, (Bytes(vec![3; 1 << 20]),)).unwrap())
                .collect();
            signal(worker, libc::SIGKILL);
            let error = died(victim);
            assert_eq!(
                (error.pid(), error.signal_name()),
                (worker, Some("SIGKILL"))
            );
            // Its descriptors are free, so there is room for the next one.
            for future in queued {
                match future.result_timeout(LONG).unwrap() {
                    Ok(len) => assert_eq!(len, 1 << 20),
                    Err(error) => assert!(matches!(error, TaskError::Broken(_)), "{error}"),
                }
            }
            drop((pool, files));
        })
    });
}
