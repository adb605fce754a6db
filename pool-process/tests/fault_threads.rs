//! Threads and processes that the system refuses: to a pool that is made, to its deliveries, to
//! its workers. Nothing is lost, and whoever cannot go on says what is missing.

#![cfg(not(cf_loom))]

mod fault_support;
mod pool_support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use fault_support::{alone, own_folder};
use pool_process::{ProcessPoolExecutor, TaskError};
use pool_support::{
    Folder, LONG, died, eventually, goes_on_and_leaves_nothing, hang, pid, signal, wait_at,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the system says.
const REFUSED: &str = "Resource temporarily unavailable";

fn quiet(workers: usize) -> ProcessPoolExecutor {
    ProcessPoolExecutor::builder()
        .max_workers(workers)
        .pass_stderr_on(false)
        .build()
        .unwrap()
}

/// A folder, and this process as one whose threads are limited. Root's are not, so it becomes a
/// user that nobody else is, who can remove nothing of root's: then exactly its threads and those of
/// its workers count. `None`:
/// whoever runs the tests has other threads, of which the number is not known.
fn alone_with_limits() -> (Folder, Option<()>) {
    let folder = Folder::inside(&own_folder());
    // SAFETY: reads who this process is, changes it as a whole, and has no pointers.
    unsafe {
        if libc::geteuid() != 0 {
            return (folder, None);
        }
        let everybody = fs::Permissions::from_mode(0o777);
        fs::set_permissions(folder.file(""), everybody).unwrap();
        let user = 1_000_000 + std::process::id();
        if libc::setresgid(user, user, user) != 0 || libc::setresuid(user, user, user) != 0 {
            return (folder, None);
        }
        // Otherwise what the system tells of this process would be root's.
        assert_eq!(libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
    }
    (folder, Some(()))
}

fn threads() -> u64 {
    fs::read_dir("/proc/self/task").unwrap().count() as u64
}

/// Allows this user so many threads from now on; what was allowed before.
fn allow(threads: u64) -> Rlimit {
    let before = getrlimit(Resource::Nproc);
    let limit = Rlimit {
        current: Some(threads),
        ..before
    };
    setrlimit(Resource::Nproc, limit).unwrap();
    before
}

/// Whether the system refuses a thread.
fn refuses() -> bool {
    match thread::Builder::new().spawn(|| ()) {
        Ok(thread) => {
            thread.join().unwrap();
            false
        }
        Err(_) => true,
    }
}

// C-177, P1, P9
#[test]
fn a_pool_that_is_short_of_threads_from_the_beginning() {
    alone("a_pool_that_is_short_of_threads_from_the_beginning", || {
        let (_folder, exact) = alone_with_limits();
        let (mut refused, mut broken, mut served) = (0, 0, 0);
        let own = threads();
        let limits = match exact {
            Some(()) => (own..own + 12).collect(),
            None => vec![0],
        };
        for limit in limits {
            eventually("threads that have ended are gone", || threads() == own);
            let before = allow(limit);
            let built = ProcessPoolExecutor::builder()
                .max_workers(2)
                .pass_stderr_on(false)
                .build();
            match built {
                Err(error) => {
                    refused += 1;
                    let text = error.to_string();
                    assert!(text.contains(REFUSED), "{text}");
                    assert!(text.contains("refused a thread"), "{text}");
                }
                Ok(pool) => {
                    let futures: Vec<_> = (0..30).flat_map(|n| pool.call(pid, (n,))).collect();
                    for future in futures {
                        match future.result_timeout(LONG).unwrap() {
                            Ok(_) => served += 1,
                            Err(error) => {
                                assert!(matches!(error, TaskError::Broken(_)), "{error}");
                                assert!(error.to_string().contains(REFUSED), "{error}");
                                broken += 1;
                            }
                        }
                    }
                }
            }
            setrlimit(Resource::Nproc, before).unwrap();
        }
        assert_eq!(served % 30, 0, "all of a pool's tasks, or none");
        if exact.is_some() {
            assert!(
                refused > 0 && broken > 0 && served > 0,
                "{refused} {broken} {served}"
            );
        }
        goes_on_and_leaves_nothing(quiet(2));
    });
}

/// How many threads complete futures.
fn delivery_threads() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    threads
        .filter(|thread| {
            let name = std::fs::read_to_string(thread.path().join("comm"));
            name.is_ok_and(|name| name.contains("-d"))
        })
        .count()
}

// C-177, P1, P2, P9
#[test]
fn a_thread_for_deliveries_that_is_refused() {
    alone("a_thread_for_deliveries_that_is_refused", || {
        let (folder, _) = alone_with_limits();
        for lifts in [true, false] {
            // On a busy machine a pool may have a second thread from the beginning.
            let mut attempts = 0..100;
            while !holds_its_only_thread_up(&folder, lifts, attempts.next().unwrap()) {}
        }
    });
}

/// False when the pool had another thread.
fn holds_its_only_thread_up(folder: &Folder, lifts: bool, attempt: u32) -> bool {
    let pool = quiet(2);
    pool.call(pid, (0,)).unwrap().result().unwrap();
    let (began, go) = (
        format!("began-{lifts}-{attempt}"),
        format!("go-{lifts}-{attempt}"),
    );
    let first = pool
        .call(wait_at, (folder.file(&began), folder.file(&go)))
        .unwrap();
    folder.await_file(&began);
    let before = allow(0);
    // Who may have as many threads as there are sees nothing of this.
    let refuses = refuses();
    if !refuses || delivery_threads() > 1 {
        setrlimit(Resource::Nproc, before).unwrap();
        folder.create(&go);
        return !refuses;
    }
    let (handle, (release, released)) = (pool.handle(), channel::<()>());
    let (tell, told) = channel();
    first.add_done_callback(move |_| {
        // It waits for another thread, or for its own pool.
        if lifts {
            let inner = handle.call(pid, (1,)).unwrap();
            tell.send(inner.result().is_ok()).unwrap();
        } else {
            tell.send(released.recv().is_ok()).unwrap();
        }
    });
    folder.create(&go);
    let others: Vec<_> = (0..50).map(|n| pool.call(pid, (n,)).unwrap()).collect();
    eventually("all is answered, and waits to be delivered", || {
        pool.stats().completing() >= 50
    });
    // Long enough for it to have been asked for, and refused.
    thread::park_timeout(Duration::from_millis(20));
    assert!(others.iter().all(|future| !future.done()));
    let late =
        pool.shutdown_with(pool_process::ShutdownOptions::new().timeout(Duration::from_millis(1)));
    let late = late.unwrap_err();
    assert!(late.is_timeout() && late.unfinished() >= 50, "{late}");
    if lifts {
        setrlimit(Resource::Nproc, before).unwrap();
    } else {
        release.send(()).unwrap();
    }
    assert_eq!(told.recv_timeout(LONG), Ok(true));
    for future in others {
        future.result_timeout(LONG).unwrap().unwrap();
    }
    first.result().unwrap();
    pool.shutdown();
    setrlimit(Resource::Nproc, before).unwrap();
    true
}

// C-177, C-188, P1, P9
#[test]
fn a_worker_that_is_refused_its_thread() {
    alone("a_worker_that_is_refused_its_thread", || {
        // A stack for which no address space is large enough.
        let pool = ProcessPoolExecutor::builder()
            .max_workers(2)
            .pass_stderr_on(false)
            .env("RUST_MIN_STACK", (1_u64 << 47).to_string())
            .build()
            .unwrap();
        for future in (0..20)
            .flat_map(|n| pool.call(pid, (n,)))
            .collect::<Vec<_>>()
        {
            let error = future.result().unwrap_err();
            assert!(matches!(error, TaskError::Broken(_)), "{error}");
            let text = error.to_string();
            assert!(
                text.contains("cannot start a thread for its tasks"),
                "{text}"
            );
            assert!(text.contains(REFUSED), "{text}");
        }
        eventually("submits are refused", || pool.call(pid, (0,)).is_err());
    });
}

// C-177, D-2, P1, P4, P9
#[test]
fn a_worker_that_cannot_be_replaced_for_a_while() {
    alone("a_worker_that_cannot_be_replaced_for_a_while", || {
        let (folder, exact) = alone_with_limits();
        let pool = quiet(2);
        let victim = pool.call(hang, (folder.file("a"),)).unwrap();
        let busy = pool
            .call(wait_at, (folder.file("b"), folder.file("go")))
            .unwrap();
        folder.await_file("a");
        folder.await_file("b");
        let (worker, other) = (folder.pid("a"), folder.pid("b"));
        // Two for each worker. One thread less than there are, once that one is dead: room for a
        // process and none for the thread that it needs.
        let limit = exact.map_or(0, |()| threads() + 2 + 1);
        let before = allow(limit);
        signal(worker, libc::SIGKILL);
        assert_eq!(died(victim).pid(), worker);
        let queued: Vec<_> = (0..30).map(|n| pool.call(pid, (n,)).unwrap()).collect();
        let refused = refuses();
        folder.create("go");
        assert_eq!(busy.result().unwrap(), other);
        for future in queued {
            let served = future.result_timeout(LONG).unwrap().unwrap();
            assert!(served == other || !refused, "there is no other worker");
        }
        assert!(!pool.stats().is_broken());
        setrlimit(Resource::Nproc, before).unwrap();
        // Then there is one again.
        let both: Vec<_> = ["c", "d"]
            .map(|n| {
                pool.call(wait_at, (folder.file(n), folder.file("end")))
                    .unwrap()
            })
            .into();
        folder.await_file("c");
        folder.await_file("d");
        folder.create("end");
        for future in both {
            future.result().unwrap();
        }
        goes_on_and_leaves_nothing(pool);
    });
}
