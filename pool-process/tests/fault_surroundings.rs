//! What happens around a pool: interrupts, forks, full pipes, programs that change on disk.

#![cfg(not(cf_loom))]

mod fault_support;
mod pool_support;

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use fault_support::{alone, in_group};
use pool_process::parts::{LaunchError, LaunchSpec, Launched, Launcher, LocalLauncher};
use pool_process::{ProcessPoolExecutor, TaskError};
use pool_support::{
    Folder, died, eventually, exists, goes_on_and_leaves_nothing, hang, lives, mark, pid, signal,
    state, wait_at,
};

/// The processes that a file tells of.
fn pids_in(path: &str) -> Vec<u32> {
    let text = fs::read_to_string(path).unwrap();
    text.split(' ').map(|pid| pid.parse().unwrap()).collect()
}

/// A pool with a busy, an idle and a stopped worker. Their numbers are in a file.
fn three_workers(folder: &str) -> ProcessPoolExecutor {
    let pool = ProcessPoolExecutor::new(3).unwrap();
    let at = |name: &str| (format!("{folder}/{name}"), format!("{folder}/go"));
    let three = ["a", "b", "c"].map(|name| pool.call(wait_at, at(name)).unwrap());
    eventually("all run", || three.iter().all(|future| future.running()));
    mark(&format!("{folder}/go"));
    let workers = three.map(|future| future.result().unwrap());
    signal(workers[2], libc::SIGSTOP);
    let text = workers.map(|pid| pid.to_string()).join(" ");
    fs::write(format!("{folder}/workers"), text).unwrap();
    pool
}

// D-32, P9
#[test]
fn an_interrupt_of_the_group_ends_the_program_and_its_workers() {
    in_group(
        "an_interrupt_of_the_group_ends_the_program_and_its_workers",
        |folder| {
            // Whoever runs tests in the background may have it ignored.
            // SAFETY: it only sets a signal's disposition.
            unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
            let pool = three_workers(folder);
            let hangs = pool.call(hang, (format!("{folder}/hangs"),)).unwrap();
            let _ = hangs.result();
        },
        |child, folder| {
            folder.await_file("hangs");
            let workers = pids_in(&folder.file("workers"));
            assert!(workers.iter().all(|&pid| lives(pid)));
            // SAFETY: it only sends a signal, to the group of which the child is the leader.
            assert_eq!(unsafe { libc::kill(-(child.id() as i32), libc::SIGINT) }, 0);
            assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGINT));
            eventually("no worker is left", || {
                workers.iter().all(|&pid| !lives(pid))
            });
        },
    );
}

// D-32, P4, P9
#[test]
fn a_program_that_minds_no_interrupt_goes_on_with_all_its_tasks() {
    in_group(
        "a_program_that_minds_no_interrupt_goes_on_with_all_its_tasks",
        |folder| {
            // SAFETY: it only sets a signal's disposition.
            unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
            let pool = ProcessPoolExecutor::new(2).unwrap();
            let at = (format!("{folder}/began"), format!("{folder}/go"));
            let running = pool.call(wait_at, at).unwrap();
            let queued: Vec<_> = (0..50).map(|n| pool.call(pid, (n,)).unwrap()).collect();
            running.result().unwrap();
            for future in queued {
                future.result().unwrap();
            }
            assert_eq!(pool.stats().restarts(), 0);
            goes_on_and_leaves_nothing(pool);
        },
        |child, folder| {
            folder.await_file("began");
            // To the group and to the worker, as often as an impatient user presses it.
            for _ in 0..3 {
                for pid in [-(child.id() as i32), folder.pid("began") as i32] {
                    // SAFETY: it only sends a signal.
                    assert_eq!(unsafe { libc::kill(pid, libc::SIGINT) }, 0);
                }
            }
            folder.create("go");
            assert!(child.wait().unwrap().success());
        },
    );
}

/// How long tasks may run here: less than the program is stopped.
const LIMIT: Duration = Duration::from_secs(2);

fn wait_and_tell(began: String, go: String) -> u32 {
    let own = wait_at(began, go.clone());
    mark(&format!("{go}-ended"));
    own
}

// D-3, P1, P9
#[test]
fn a_program_that_is_stopped_beyond_its_tasks_deadlines() {
    in_group(
        "a_program_that_is_stopped_beyond_its_tasks_deadlines",
        |folder| {
            let pool = ProcessPoolExecutor::builder()
                .max_workers(2)
                .deadline(LIMIT)
                .grace(Duration::from_millis(10))
                .build()
                .unwrap();
            pool.call(pid, (0,)).unwrap().result().unwrap();
            let at = (format!("{folder}/began"), format!("{folder}/go"));
            let ends = pool.call(wait_and_tell, at).unwrap();
            let late = pool.call(hang, (format!("{folder}/hangs"),)).unwrap();
            let queued: Vec<_> = (0..20).map(|n| pool.call(pid, (n,)).unwrap()).collect();
            // It ended in time, though nobody could take note of it.
            ends.result().unwrap();
            assert!(died(late).is_deadline());
            for future in queued {
                future.result().unwrap();
            }
            goes_on_and_leaves_nothing(pool);
        },
        |child, folder| {
            folder.await_file("began");
            folder.await_file("hangs");
            let start = std::time::Instant::now();
            signal(child.id(), libc::SIGSTOP);
            eventually("it is stopped", || state(child.id()) == Some('T'));
            folder.create("go");
            folder.await_file("go-ended");
            while start.elapsed() < LIMIT * 2 {
                std::thread::park_timeout(LIMIT);
            }
            signal(child.id(), libc::SIGCONT);
            assert!(child.wait().unwrap().success());
        },
    );
}

/// A copy of this process that sleeps until it is killed, in a session of its own.
fn fork_sleeper() -> i32 {
    // SAFETY: the copy calls nothing but the two, which may be called in it.
    match unsafe { libc::fork() } {
        0 => loop {
            // SAFETY: as above.
            unsafe {
                libc::setsid();
                libc::pause();
            }
        },
        pid => {
            assert!(pid > 0);
            pid
        }
    }
}

fn end_sleeper(pid: i32) {
    signal(pid as u32, libc::SIGKILL);
    // SAFETY: it waits for a child of this process.
    assert_eq!(unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) }, pid);
}

// C-140, D-6, P4, P9
#[test]
fn a_fork_of_the_parent_that_lives_on_holds_nobody_up() {
    alone("a_fork_of_the_parent_that_lives_on_holds_nobody_up", || {
        let pool = ProcessPoolExecutor::builder()
            .max_workers(2)
            .grace(Duration::ZERO)
            .build()
            .unwrap();
        let folder = Folder::new();
        let victim = pool.call(hang, (folder.file("a"),)).unwrap();
        pool.call(pid, (0,)).unwrap().result().unwrap();
        folder.await_file("a");
        // It has copies of every channel.
        let sleeper = fork_sleeper();
        signal(folder.pid("a"), libc::SIGKILL);
        assert_eq!(died(victim).signal_name(), Some("SIGKILL"));
        let queued: Vec<_> = (0..50).map(|n| pool.call(pid, (n,)).unwrap()).collect();
        for future in queued {
            future.result().unwrap();
        }
        let hangs = pool.call(hang, (folder.file("b"),)).unwrap();
        folder.await_file("b");
        assert!(pool.kill(&hangs));
        assert!(died(hangs).is_killed());
        goes_on_and_leaves_nothing(pool);
        end_sleeper(sleeper);
    });
}

// D-32, P9
#[test]
fn workers_end_with_their_parent_though_a_fork_of_it_lives_on() {
    in_group(
        "workers_end_with_their_parent_though_a_fork_of_it_lives_on",
        |folder| {
            let pool = three_workers(folder);
            let hangs = pool.call(hang, (format!("{folder}/hangs"),)).unwrap();
            eventually("it runs", || hangs.running());
            let sleeper = fork_sleeper();
            fs::write(format!("{folder}/sleeper"), sleeper.to_string()).unwrap();
            mark(&format!("{folder}/forked"));
            let _ = hangs.result();
        },
        |child, folder| {
            folder.await_file("forked");
            let workers = pids_in(&folder.file("workers"));
            let sleeper = pids_in(&folder.file("sleeper"))[0];
            signal(child.id(), libc::SIGKILL);
            child.wait().unwrap();
            eventually("no worker is left", || {
                workers.iter().all(|&pid| !lives(pid))
            });
            assert!(lives(sleeper), "it holds their channels all the time");
            signal(sleeper, libc::SIGKILL);
        },
    );
}

// P1, P4, P9
#[test]
fn a_standard_output_that_nobody_reads_holds_up_its_writer_only() {
    alone(
        "a_standard_output_that_nobody_reads_holds_up_its_writer_only",
        || {
            let (reader, writer) = std::io::pipe().unwrap();
            // SAFETY: the descriptors are open; the copy is put back and closed below.
            let before = unsafe { libc::dup(1) };
            // SAFETY: as above.
            assert_eq!(unsafe { libc::dup2(writer.as_raw_fd(), 1) }, 1);
            let pool = ProcessPoolExecutor::builder()
                .max_workers(2)
                .pass_stderr_on(false)
                .grace(Duration::ZERO)
                .build()
                .unwrap();
            pool.call(pid, (0,)).unwrap().result().unwrap();
            let flood = |began: String| {
                mark(&began);
                for _ in 0..10_000 {
                    println!("a line of a flood that is longer than any pipe");
                }
            };
            let folder = Folder::new();
            let victim = pool.call(flood, (folder.file("a"),)).unwrap();
            folder.await_file("a");
            let others: Vec<_> = (0..50).map(|n| pool.call(pid, (n,)).unwrap()).collect();
            for other in others {
                other.result().unwrap();
            }
            assert!(pool.kill(&victim));
            assert!(died(victim).is_killed());
            goes_on_and_leaves_nothing(pool);
            // SAFETY: as above.
            unsafe {
                assert_eq!(libc::dup2(before, 1), 1);
                assert_eq!(libc::close(before), 0);
            }
            drop((reader, writer));
        },
    );
}

// P1, P4, P9
#[test]
fn a_standard_error_that_nobody_reads_holds_up_nobody() {
    alone("a_standard_error_that_nobody_reads_holds_up_nobody", || {
        let (reader, writer) = std::io::pipe().unwrap();
        // SAFETY: the descriptors are open; the copy is put back and closed below.
        let before = unsafe { libc::dup(2) };
        // SAFETY: as above.
        assert_eq!(unsafe { libc::dup2(writer.as_raw_fd(), 2) }, 2);
        // Passed on to where nobody reads: the supervisor must not wait for that.
        let pool = ProcessPoolExecutor::builder()
            .max_workers(2)
            .grace(Duration::ZERO)
            .build()
            .unwrap();
        let flood = |began: String| {
            mark(&began);
            for _ in 0..10_000 {
                eprintln!("a line of a flood that is longer than any pipe");
            }
        };
        let folder = Folder::new();
        let writer_task = pool.call(flood, (folder.file("a"),)).unwrap();
        folder.await_file("a");
        let others: Vec<_> = (0..50).map(|n| pool.call(pid, (n,)).unwrap()).collect();
        for other in others {
            other.result().unwrap();
        }
        // It waits for its reader, or was let go on; it can be ended.
        pool.kill(&writer_task);
        match writer_task.result() {
            Ok(()) => {}
            Err(TaskError::Died(error)) => assert!(error.is_killed(), "{error}"),
            Err(other) => panic!("{other}"),
        }
        goes_on_and_leaves_nothing(pool);
        // SAFETY: as above.
        unsafe {
            assert_eq!(libc::dup2(before, 2), 2);
            assert_eq!(libc::close(before), 0);
        }
        drop((reader, writer));
    });
}

// C-188, P1, P9
#[test]
fn a_program_that_is_replaced_before_the_next_start() {
    alone("a_program_that_is_replaced_before_the_next_start", || {
        let folder = Folder::new();
        let program = folder.file("program");
        fs::copy("/proc/self/exe", &program).unwrap();
        let pool = ProcessPoolExecutor::builder()
            .max_workers(1)
            .worker_program(&program)
            .pass_stderr_on(false)
            .build()
            .unwrap();
        let first = pool.call(pid, (0,)).unwrap().result().unwrap();
        fs::remove_file(&program).unwrap();
        fs::copy("/bin/true", &program).unwrap();
        // The worker that runs is what it was.
        assert_eq!(pool.call(pid, (0,)).unwrap().result().unwrap(), first);
        signal(first, libc::SIGKILL);
        eventually("it is gone", || !exists(first));
        let error = pool.call(pid, (0,)).map(|future| future.result());
        match error {
            Ok(Err(TaskError::Broken(broken))) => {
                let text = broken.to_string();
                assert!(
                    text.contains("no worker process could be started"),
                    "{text}"
                );
            }
            // It has broken already.
            Err(error) => assert!(!error.is_shutdown(), "{error}"),
            Ok(other) => panic!("{other:?}"),
        }
    });
}

// P1, P9
#[test]
fn this_very_program_is_replaced_before_the_next_start() {
    let folder = Folder::new();
    let program = folder.file("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fault_support::in_group_of(
        Path::new(&program),
        "this_very_program_is_replaced_before_the_next_start",
        |folder| {
            let own = std::env::current_exe().unwrap();
            let pool = ProcessPoolExecutor::new(1).unwrap();
            let first = pool.call(pid, (0,)).unwrap().result().unwrap();
            fs::remove_file(&own).unwrap();
            fs::copy("/bin/true", &own).unwrap();
            signal(first, libc::SIGKILL);
            eventually("it is gone", || !exists(first));
            // Workers are what runs, not what lies where it was.
            assert_ne!(pool.call(pid, (0,)).unwrap().result().unwrap(), first);
            goes_on_and_leaves_nothing(pool);
            mark(&format!("{folder}/done"));
        },
        |child, folder| {
            assert!(child.wait().unwrap().success());
            assert!(folder.has("done"));
        },
    );
}

/// Starts so many workers, and then none.
struct Refuses {
    inner: LocalLauncher,
    error: i32,
    launches: u32,
    allowed: u32,
}

impl Launcher for Refuses {
    fn launch(&mut self, spec: &LaunchSpec) -> Result<Launched, LaunchError> {
        self.launches += 1;
        if self.launches > self.allowed {
            return Err(LaunchError::Refused {
                step: "starting the program",
                source: std::io::Error::from_raw_os_error(self.error),
            });
        }
        self.inner.launch(spec)
    }
}

// C-177, C-188, P1, P9
#[test]
fn starts_that_are_refused_at_first_and_later() {
    alone("starts_that_are_refused_at_first_and_later", || {
        for error in [libc::EAGAIN, libc::ENOENT, libc::ENOMEM, libc::EMFILE] {
            for allowed in [0, 1] {
                let pool = ProcessPoolExecutor::builder()
                    .max_workers(2)
                    .launcher(Refuses {
                        inner: LocalLauncher::new().unwrap(),
                        error,
                        launches: 0,
                        allowed,
                    })
                    .build()
                    .unwrap();
                let submit = || (0..20).flat_map(|n| pool.call(pid, (n,)));
                if allowed > 0 {
                    // The one that there is serves all.
                    let futures: Vec<_> = submit().collect();
                    let workers = futures.into_iter().map(|f| f.result().unwrap());
                    let workers: Vec<_> = workers.collect();
                    assert!(workers.iter().all(|&worker| worker == workers[0]));
                    signal(workers[0], libc::SIGKILL);
                    eventually("it is gone", || !exists(workers[0]));
                }
                let text = std::io::Error::from_raw_os_error(error).to_string();
                for future in submit().collect::<Vec<_>>() {
                    let error = future.result().unwrap_err();
                    assert!(matches!(error, TaskError::Broken(_)), "{error}");
                    assert!(error.to_string().contains(&text), "{error}");
                }
                eventually("submits are refused", || pool.call(pid, (0,)).is_err());
                let error = pool.call(pid, (0,)).unwrap_err();
                assert!(error.to_string().contains(&text), "{error}");
            }
        }
    });
}
