//! A batch in which some tasks take their process with them, and all others finish.
//!
//! Each worker is a process: what crashes, hangs or ends it costs the task that it was running, and
//! the pool starts another.
//!
//! Output:
//! ```text
//! task  0 finished: 2360 primes
//! task  1 finished: 2360 primes
//! task  2 crashed: SIGSEGV
//! task  3 finished: 2360 primes
//! task  4 hung: ended at its deadline of 300ms
//! task  5 finished: 2360 primes
//! task  6 crashed: SIGABRT
//! task  7 panicked: no primes today, in …unruly.rs
//! task  8 finished: 2360 primes
//! task  9 left: exit code 3
//! task 10 finished: 2360 primes
//! task 11 recursed without end: its stack overflowed
//! task 12 finished: 2360 primes
//! 7 of 13 tasks finished, 6 failed; 5 workers were replaced
//!
//! in full: worker process … was killed by SIGSEGV (11)… while it ran task `unruly::batch::primes`; …
//! ```

#[cfg(target_os = "linux")]
mod batch {
    use concurrent_futures::process::TaskOptions;
    use concurrent_futures::{ProcessPoolExecutor, TaskError, WorkerDied, WorkerEnd};
    use rustix::process::{Signal, getpid, kill_process};
    use serde::{Deserialize, Serialize};
    use std::error::Error;
    use std::time::Duration;

    #[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
    enum Mood {
        Good,
        Segfault,
        Hang,
        Abort,
        Panic,
        Exit,
        Recurse,
    }

    /// How many primes there are below `end`, unless the mood is another.
    fn primes(mood: Mood, end: u32) -> usize {
        match mood {
            Mood::Good => {}
            Mood::Segfault => segfault(),
            Mood::Hang => loop {
                std::thread::park();
            },
            Mood::Abort => std::process::abort(),
            Mood::Panic => panic!("no primes today"),
            Mood::Exit => std::process::exit(3),
            Mood::Recurse => return depth(u64::MAX) as usize,
        }
        let mut composite = vec![false; end as usize];
        let mut count = 0;
        for n in 2..end as usize {
            if !composite[n] {
                count += 1;
                composite[n..].iter_mut().step_by(n).for_each(|c| *c = true);
            }
        }
        count
    }

    /// Ends as a wild pointer would end it, which safe code cannot have: by the system's signal
    /// for that. In the example `c_library` there is one.
    fn segfault() -> ! {
        kill_process(getpid(), Signal::SEGV).expect("a process may signal itself");
        loop {
            // The signal comes to whichever thread is at hand.
            std::thread::park();
        }
    }

    /// Deeper than any stack.
    fn depth(left: u64) -> u64 {
        match std::hint::black_box(left) {
            0 => 0,
            left => 1 + std::hint::black_box(depth(left - 1)),
        }
    }

    /// What became of it, in a few words.
    fn told(outcome: &Result<usize, TaskError>) -> String {
        match outcome {
            Ok(count) => format!("finished: {count} primes"),
            Err(TaskError::Died(died)) => ended(died),
            Err(TaskError::Panicked(panic)) => {
                let file = panic.location().map_or("?", |place| place.file());
                format!("panicked: {}, in {file}", panic.message())
            }
            Err(error) => error.to_string(),
        }
    }

    /// The error's parts can be had one by one.
    fn ended(died: &WorkerDied) -> String {
        match died.end() {
            WorkerEnd::Signalled { .. } => {
                format!("crashed: {}", died.signal_name().unwrap_or("?"))
            }
            WorkerEnd::Deadline(limit) => format!("hung: ended at its deadline of {limit:?}"),
            WorkerEnd::Exited(code) => format!("left: exit code {code}"),
            WorkerEnd::StackOverflow => "recursed without end: its stack overflowed".to_owned(),
            _ => died.to_string(),
        }
    }

    pub(crate) fn run() -> Result<(), Box<dyn Error>> {
        use Mood::{Abort, Exit, Good, Hang, Panic, Recurse, Segfault};
        let moods = [
            Good, Good, Segfault, Good, Hang, Good, Abort, Panic, Good, Exit, Good, Recurse, Good,
        ];
        let pool = ProcessPoolExecutor::builder()
            .max_workers(3)
            // What dying workers say would stand between the lines of the report. The last of it
            // is in their errors.
            .pass_stderr_on(false)
            .build()?;

        let mut futures = Vec::new();
        for mood in moods {
            let options = match mood {
                Hang => TaskOptions::new().deadline(Duration::from_millis(300)),
                _ => TaskOptions::new(),
            };
            futures.push(pool.call_with(options, primes, (mood, 21_000))?);
        }
        let mut outcomes = Vec::new();
        for (number, future) in futures.into_iter().enumerate() {
            let outcome = future.result();
            println!("task {number:>2} {}", told(&outcome));
            outcomes.push(outcome);
        }
        pool.shutdown();

        let failed: Vec<&TaskError> = outcomes.iter().filter_map(|o| o.as_ref().err()).collect();
        println!(
            "{} of {} tasks finished, {} failed; {} workers were replaced",
            outcomes.len() - failed.len(),
            outcomes.len(),
            failed.len(),
            pool.stats().restarts(),
        );
        println!("\nin full: {}", failed[0]);
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    batch::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("processes are for Linux");
}
