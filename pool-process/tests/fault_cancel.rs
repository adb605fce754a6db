//! Cancels that race with a start, an end, a kill and a death: one of both happens, and whoever
//! asked learns which.

#![cfg(not(cf_loom))]

mod fault_support;
mod pool_support;

use std::num::NonZeroU32;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fault_support::alone;
use pool_process::parts::supervisor::{Action, Config, Event, Supervisor, Why};
use pool_process::{Future, OnCrash, ProcessPoolExecutor, TaskError};
use pool_support::{Folder, LONG, died, goes_on_and_leaves_nothing, hang, mark, pid, signal};

fn once(path: String) -> u32 {
    assert!(!std::path::Path::new(&path).exists(), "run twice");
    mark(&path);
    std::process::id()
}

// C-156, C-196, D-26, P3, P5
#[test]
fn a_cancel_against_a_start_and_an_end() {
    alone("a_cancel_against_a_start_and_an_end", || {
        let pool = ProcessPoolExecutor::new(2).unwrap();
        let folder = Folder::new();
        let file = |n: usize| folder.file(&format!("ran-{n}"));
        let futures: Vec<_> = (0..600)
            .map(|n| pool.call(once, (file(n),)).unwrap())
            .collect();
        // From both ends, and each by two threads.
        let barrier = Barrier::new(4);
        let cancelled: Vec<bool> = std::thread::scope(|scope| {
            let (futures, barrier) = (&futures, &barrier);
            let threads: Vec<_> = (0..4)
                .map(|thread| {
                    scope.spawn(move || {
                        barrier.wait();
                        let mut won = vec![false; futures.len()];
                        for n in 0..futures.len() {
                            let n = if thread % 2 == 0 {
                                n
                            } else {
                                futures.len() - 1 - n
                            };
                            // Those that are over or running say no.
                            won[n] = futures[n].cancel();
                        }
                        won
                    })
                })
                .collect();
            let won: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
            (0..futures.len())
                .map(|n| {
                    // All are told the same: a cancelled future says so to whoever asks.
                    let last = futures[n].cancel();
                    assert!(won.iter().all(|won| won[n] == last), "{n}");
                    last
                })
                .collect()
        });
        for (n, future) in futures.into_iter().enumerate() {
            match future.result() {
                Ok(_) => assert!(!cancelled[n] && folder.has(&format!("ran-{n}"))),
                Err(error) => assert!(error.is_cancelled() && cancelled[n], "{error}"),
            }
        }
        // What was cancelled has not run, and will not.
        pool.call(pid, (0,)).unwrap().result().unwrap();
        for (n, _) in cancelled.iter().enumerate().filter(|(_, yes)| **yes) {
            assert!(!folder.has(&format!("ran-{n}")), "{n} was cancelled");
        }
        goes_on_and_leaves_nothing(pool);
    });
}

// D-3, P1, P3, P4
#[test]
fn a_cancel_and_two_kills_at_once() {
    alone("a_cancel_and_two_kills_at_once", || {
        let pool = ProcessPoolExecutor::builder()
            .max_workers(2)
            .grace(Duration::ZERO)
            .build()
            .unwrap();
        for n in 0..40 {
            let folder = Folder::new();
            let victim = pool.call(hang, (folder.file("a"),)).unwrap();
            if n % 2 == 0 {
                folder.await_file("a");
            }
            let other = pool.call(pid, (0,)).unwrap();
            let barrier = Barrier::new(3);
            let cancelled = std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        barrier.wait();
                        pool.kill(&victim);
                    });
                }
                barrier.wait();
                victim.cancel()
            });
            match victim.result_timeout(LONG).unwrap() {
                Err(TaskError::Died(error)) => assert!(error.is_killed() && !cancelled, "{error}"),
                Err(error) if error.is_cancelled() => assert!(n % 2 != 0),
                ended => panic!("{ended:?}"),
            }
            other.result().unwrap();
        }
        goes_on_and_leaves_nothing(pool);
    });
}

// D-3, P1, P3, P4
#[test]
fn a_kill_against_an_end() {
    alone("a_kill_against_an_end", || {
        let pool = ProcessPoolExecutor::builder()
            .max_workers(2)
            .grace(Duration::ZERO)
            .build()
            .unwrap();
        let mut ends = [0; 3];
        for n in 0..300 {
            let victim = pool.call(pid, (n,)).unwrap();
            let others: Vec<_> = (0..3).map(|n| pool.call(pid, (n,)).unwrap()).collect();
            while n % 3 == 0 && !victim.running() && !victim.done() {
                std::thread::yield_now();
            }
            let was_in_time = pool.kill(&victim);
            match victim.result() {
                Ok(_) => ends[0] += 1,
                Err(TaskError::Died(error)) => {
                    ends[1] += 1;
                    assert!(was_in_time && error.is_killed(), "{error}");
                }
                Err(error) => {
                    ends[2] += 1;
                    assert!(was_in_time && error.is_cancelled(), "{error}");
                }
            }
            for other in others {
                other.result().unwrap();
            }
        }
        assert_eq!(ends.iter().sum::<u32>(), 300);
        goes_on_and_leaves_nothing(pool);
    });
}

// D-3, P1
#[test]
fn a_kill_against_a_death_after_which_the_task_is_tried_again() {
    alone(
        "a_kill_against_a_death_after_which_the_task_is_tried_again",
        || {
            let pool = ProcessPoolExecutor::builder()
                .max_workers(2)
                .grace(Duration::ZERO)
                .on_crash(OnCrash::FailTask { retries: 1000 })
                .build()
                .unwrap();
            for _ in 0..30 {
                let folder = Folder::new();
                let victim = pool.call(hang, (folder.file("a"),)).unwrap();
                folder.await_file("a");
                signal(folder.pid("a"), libc::SIGKILL);
                assert!(pool.kill(&victim));
                match victim.result_timeout(LONG).unwrap() {
                    Err(TaskError::Died(error)) => assert!(error.is_killed(), "{error}"),
                    Err(error) => assert!(error.is_cancelled(), "{error}"),
                    Ok(()) => panic!("it hangs"),
                }
            }
            goes_on_and_leaves_nothing(pool);
        },
    );
}

// D-3
#[test]
fn a_task_that_is_to_be_tried_again_can_be_found_and_killed() {
    let mut config = Config::new(NonZeroU32::MIN);
    config.on_crash = OnCrash::FailTask { retries: 1 };
    let mut supervisor = Supervisor::<u32, &str>::new(config);
    let mut out: Vec<Action<u32, (), &str>> = Vec::new();
    let (task, limit) = (7, None);
    supervisor.handle(0, Event::Submit { task, limit }, &mut out);
    supervisor.settle(0, &mut out);
    let Some(Action::Launch { worker }) = out.pop() else {
        panic!("no launch");
    };
    supervisor.handle(0, Event::Launched { worker, pid: 1 }, &mut out);
    supervisor.handle(0, Event::Ready { worker }, &mut out);
    supervisor.settle(0, &mut out);
    let sent = out.drain(..).find_map(|action| match action {
        Action::Send { key, .. } => Some(key),
        _ => None,
    });
    let key = sent.unwrap();
    assert_eq!(supervisor.tried_again(|&task| task == 7), None);
    let started = vec![key];
    let report = "SIGKILL";
    let death = Event::Died {
        worker,
        report,
        started,
    };
    supervisor.handle(0, death, &mut out);
    assert_eq!(supervisor.tried_again(|&task| task == 8), None);
    assert_eq!(supervisor.tried_again(|&task| task == 7), Some(key));
    out.clear();
    supervisor.handle(0, Event::Kill { key, grace: 0 }, &mut out);
    assert!(matches!(
        out[..],
        [Action::Fail {
            task: 7,
            why: Why::Killed { ran: None },
            ..
        }]
    ));
}

// C-176, P1, P3, P5
#[test]
fn a_cancel_against_a_death() {
    alone("a_cancel_against_a_death", || {
        let pool = ProcessPoolExecutor::builder()
            .max_workers(1)
            .build()
            .unwrap();
        for _ in 0..20 {
            let folder = Folder::new();
            let victim = pool.call(hang, (folder.file("hangs"),)).unwrap();
            let queued: Vec<_> = (0..30)
                .map(|n| pool.call(once, (folder.file(&format!("{n}")),)).unwrap())
                .collect();
            folder.await_file("hangs");
            let barrier = Barrier::new(2);
            let cancelled = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    barrier.wait();
                    let won = queued.iter().filter(|future| future.cancel());
                    cancelled.store(won.count(), Ordering::Relaxed);
                });
                barrier.wait();
                signal(folder.pid("hangs"), libc::SIGKILL);
            });
            assert_eq!(died(victim).signal_name(), Some("SIGKILL"));
            let ran = queued.into_iter().map(Future::result).filter(|ended| {
                assert!(ended.as_ref().err().is_none_or(TaskError::is_cancelled));
                ended.is_ok()
            });
            let ran = ran.count();
            assert_eq!(ran + cancelled.load(Ordering::Relaxed), 30);
            pool.call(pid, (0,)).unwrap().result().unwrap();
            assert_eq!(folder.files(), ran + 1, "the cancelled ones have not run");
        }
        goes_on_and_leaves_nothing(pool);
    });
}
