//! Lines of `concurrent.futures`' behaviour that are the process pool's, and that no other file
//! here is about.

#![cfg(not(cf_loom))]

mod fault_support;
mod pool_support;

use std::collections::HashSet;
use std::fs;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

use fault_support::{alone, in_group};
use pool_process::parts::BuildId;
use pool_process::{MapOptions, ProcessPoolExecutor, TaskError};
use pool_support::{
    Folder, died, eventually, goes_on_and_leaves_nothing, hang, mark, pid, signal, wait_at,
};
use serde::{Deserialize, Serialize};

fn windows() -> impl Iterator<Item = MapOptions> {
    [1, 2, 7, 40, 1000].into_iter().flat_map(|window| {
        let options = MapOptions::new().buffersize(NonZeroUsize::new(window).unwrap());
        let three = NonZeroUsize::new(3).unwrap();
        [options, options.chunksize(three)]
    })
}

// C-080, C-081, C-092, C-093, C-094
#[test]
fn zipped_inputs_through_any_window() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let expected: Vec<u64> = (0..40).map(|n| n * (n + 5)).collect();
    for options in windows() {
        // The shorter one ends it.
        let inputs = (0..40_u64).zip(5..);
        let products = pool.map_with(options, |(a, b): (u64, u64)| a * b, inputs);
        let products: Result<Vec<_>, _> = products.collect();
        assert_eq!(products.unwrap(), expected);
    }
    assert_eq!(NonZeroUsize::new(0), None, "a window of zero has no value");
    goes_on_and_leaves_nothing(pool);
}

/// How many of them are in this process.
static HERE: AtomicIsize = AtomicIsize::new(0);

#[derive(Serialize)]
struct Counted(u32);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(from)?;
        HERE.fetch_add(1, Ordering::SeqCst);
        Ok(Self(number))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        HERE.fetch_sub(1, Ordering::SeqCst);
    }
}

// C-102
#[test]
fn a_map_keeps_no_result_that_it_has_yielded() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let one = NonZeroUsize::MIN;
    let options = MapOptions::new().buffersize(one).chunksize(one);
    let mut map = pool.map_with(options, Counted, 0..5_u32);
    for n in 0..5 {
        let counted = map.next().unwrap().unwrap();
        assert_eq!(counted.0, n);
        let before = HERE.load(Ordering::SeqCst);
        drop(counted);
        // The next one may come meanwhile, and nothing else.
        let after = HERE.load(Ordering::SeqCst);
        assert!((0..=1).contains(&after), "{before} {after}");
    }
    assert!(map.next().is_none());
    assert_eq!(HERE.load(Ordering::SeqCst), 0);
}

// C-080, C-198
#[test]
fn a_maps_results_are_complete_when_its_pool_is_left() {
    alone("a_maps_results_are_complete_when_its_pool_is_left", || {
        let results: Vec<u32> = {
            let pool = ProcessPoolExecutor::new(3).unwrap();
            pool.map(|n: u32| n + 1, 0..200).flatten().collect()
        };
        assert!(results.into_iter().eq(1..=200));
    });
}

// C-153, D-34
#[test]
fn more_workers_than_a_windows_wait_could_take() {
    alone("more_workers_than_a_windows_wait_could_take", || {
        let pool = ProcessPoolExecutor::new(70).unwrap();
        let folder = Folder::new();
        let futures: Vec<_> = (0..70)
            .map(|n| {
                let at = (folder.file(&format!("{n}")), folder.file("go"));
                pool.call(wait_at, at).unwrap()
            })
            .collect();
        eventually("all run", || folder.files() == 70);
        folder.create("go");
        let pids: HashSet<_> = futures.into_iter().map(|f| f.result().unwrap()).collect();
        assert_eq!(pids.len(), 70);
        goes_on_and_leaves_nothing(pool);
    });
}

// C-167, C-188, P11
#[test]
fn a_worker_of_another_build_says_so() {
    alone("a_worker_of_another_build_says_so", || {
        let own = BuildId::own().to_string();
        let hex = own.split('-').next().unwrap();
        let Ok(identity) = (0..hex.len() / 2)
            .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16))
            .collect::<Result<Vec<_>, _>>()
        else {
            // The linker wrote no identity; then a copy is another build already.
            return;
        };
        let folder = Folder::new();
        let program = folder.file("program");
        fs::copy("/proc/self/exe", &program).unwrap();
        let mut bytes = fs::read(&program).unwrap();
        let at = bytes.windows(identity.len()).position(|w| w == identity);
        bytes[at.unwrap()] ^= 1;
        fs::write(&program, bytes).unwrap();
        let pool = ProcessPoolExecutor::builder()
            .max_workers(2)
            .worker_program(&program)
            .pass_stderr_on(false)
            .build()
            .unwrap();
        let error = pool.call(pid, (0,)).unwrap().result().unwrap_err();
        assert!(matches!(error, TaskError::Broken(_)), "{error}");
        assert!(error.to_string().contains("another build"), "{error}");
    });
}

// C-180, C-181
#[test]
fn a_limit_of_one_task_is_the_least() {
    assert_eq!(NonZeroU32::new(0), None, "a limit of none has no value");
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .max_tasks_per_child(NonZeroU32::MIN)
        .build()
        .unwrap();
    let pids: Vec<_> = (0..4)
        .map(|n| pool.call(pid, (n,)).unwrap().result().unwrap())
        .collect();
    assert!(pids.windows(2).all(|two| two[0] != two[1]));
    pool.shutdown();
    assert_eq!(pool.stats().restarts(), 0);
}

// C-190, C-195, D-4
#[test]
fn a_program_ends_after_what_it_has_submitted() {
    in_group(
        "a_program_ends_after_what_it_has_submitted",
        |folder| {
            let pool = ProcessPoolExecutor::new(2).unwrap();
            for n in 0..20 {
                drop(pool.call(mark_in, (format!("{folder}/{n}"),)).unwrap());
            }
            // Its drop waits, and then nothing keeps the program.
        },
        |child, folder| {
            assert!(child.wait().unwrap().success());
            for n in 0..20 {
                assert!(folder.has(&format!("{n}")));
            }
        },
    );
}

fn mark_in(path: String) {
    mark(&path);
}

// C-195, C-200, D-4, P9
#[test]
fn a_program_ends_though_a_task_of_a_pool_that_is_shut_down_hangs() {
    in_group(
        "a_program_ends_though_a_task_of_a_pool_that_is_shut_down_hangs",
        |folder| {
            let pool = ProcessPoolExecutor::new(1).unwrap();
            let began = format!("{folder}/hangs");
            let hangs = pool.call(hang, (began.clone(),)).unwrap();
            eventually("it runs", || Path::new(&began).exists());
            pool.shutdown_with(pool_process::ShutdownOptions::new().wait(false))
                .unwrap();
            // Nobody drops it.
            std::mem::forget((pool, hangs));
        },
        |child, folder| {
            folder.await_file("hangs");
            assert!(child.wait().unwrap().success());
            let worker = folder.pid("hangs");
            eventually("its worker is gone", || !pool_support::lives(worker));
        },
    );
}

// C-119, C-171, C-172, D-2, D-7
#[test]
fn a_callback_that_submits_once_more_when_its_task_has_died() {
    alone(
        "a_callback_that_submits_once_more_when_its_task_has_died",
        || {
            let pool = ProcessPoolExecutor::new(2).unwrap();
            let folder = Folder::new();
            let (tell, told) = std::sync::mpsc::channel();
            let victims: Vec<_> = (0..2)
                .map(|n| {
                    let victim = pool.call(hang, (folder.file(&format!("{n}")),)).unwrap();
                    let (handle, tell) = (pool.handle(), tell.clone());
                    victim.add_done_callback(move |victim| {
                        assert!(victim.failed());
                        tell.send(handle.call(pid, (0,)).unwrap()).unwrap();
                    });
                    victim
                })
                .collect();
            for (n, victim) in victims.into_iter().enumerate() {
                folder.await_file(&format!("{n}"));
                let worker = folder.pid(&format!("{n}"));
                signal(worker, libc::SIGKILL);
                // Each has an error of its own.
                assert_eq!(died(victim).pid(), worker);
                let again = told.recv_timeout(pool_support::LONG).unwrap();
                assert_ne!(again.result().unwrap(), worker);
            }
            goes_on_and_leaves_nothing(pool);
        },
    );
}

// C-223, D-16, D-29
#[test]
fn many_threads_submit_while_callbacks_are_held_up() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let gate = Arc::new(std::sync::Barrier::new(2));
    let held = gate.clone();
    pool.call(pid, (0,)).unwrap().add_done_callback(move |_| {
        held.wait();
    });
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let futures: Vec<_> = (0..500).map(|n| pool.call(pid, (n,)).unwrap()).collect();
                for future in futures {
                    future.result().unwrap();
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    // All of them, although one callback has not returned yet.
    assert_eq!(done.load(Ordering::SeqCst), 2000);
    gate.wait();
    goes_on_and_leaves_nothing(pool);
}
