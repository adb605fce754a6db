use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::failed::short_name;

/// How a worker process ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkerEnd {
    /// It exited with this code: the task, or another thread of it, called `exit`.
    Exited(i32),
    /// A signal that the pool did not send ended it.
    Signalled {
        /// The signal's number.
        signal: i32,
        /// Whether the system wrote a core file.
        core: bool,
    },
    /// A thread's stack overflowed.
    StackOverflow,
    /// The pool ended it, because it was asked to kill the task.
    Killed,
    /// The pool ended it, because the task ran for longer than it was given.
    Deadline(Duration),
    /// The pool ended it together with all others.
    ShutDown,
    /// The pool ended it, because what it sent was no answer.
    Protocol(String),
    /// It is gone, and the system does not say how.
    Unknown,
}

/// The worker process died while it ran the task. Other tasks are not touched: the pool has a new
/// worker for them.
///
/// ```
/// use future_core::{WorkerDied, WorkerEnd};
///
/// let died = WorkerDied::new(4711, WorkerEnd::Signalled { signal: 11, core: false }, "decode_image")
///     .with_stderr("libpng: bad header\n");
/// assert_eq!(died.signal_name(), Some("SIGSEGV"));
/// assert!(died.to_string().starts_with(
///     "worker process 4711 was killed by SIGSEGV (11) while it ran task `decode_image`"
/// ));
/// ```
#[derive(Clone, Debug)]
pub struct WorkerDied(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    pid: u32,
    end: WorkerEnd,
    task: &'static str,
    stderr: String,
    attempts: u32,
}

impl WorkerDied {
    /// For authors of executors: worker `pid` ended so while it ran `task`.
    #[must_use]
    pub fn new(pid: u32, end: WorkerEnd, task: &'static str) -> Self {
        Self(Arc::new(Inner {
            pid,
            end,
            task,
            stderr: String::new(),
            attempts: 1,
        }))
    }

    /// For authors of executors: the last that the worker wrote to its standard error.
    #[must_use]
    pub fn with_stderr(mut self, text: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).stderr = text.into();
        self
    }

    /// For authors of executors: how many workers the task was given to, one after the other.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        Arc::make_mut(&mut self.0).attempts = attempts;
        self
    }

    /// The number of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.pid
    }

    /// How it ended.
    #[must_use]
    pub fn end(&self) -> &WorkerEnd {
        &self.0.end
    }

    /// The exit code, when it exited by itself.
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        match self.0.end {
            WorkerEnd::Exited(code) => Some(code),
            _ => None,
        }
    }

    /// The signal that ended it, when the pool did not send it.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        match self.0.end {
            WorkerEnd::Signalled { signal, .. } => Some(signal),
            _ => None,
        }
    }

    /// The name of that signal, where it has one.
    #[must_use]
    pub fn signal_name(&self) -> Option<&'static str> {
        self.signal().and_then(signal_name)
    }

    /// Whether the pool ended it: the task was killed, its deadline passed, or all workers were
    /// terminated.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        matches!(
            self.0.end,
            WorkerEnd::Killed | WorkerEnd::Deadline(_) | WorkerEnd::ShutDown
        )
    }

    /// Whether the task's deadline passed.
    #[must_use]
    pub fn is_deadline(&self) -> bool {
        matches!(self.0.end, WorkerEnd::Deadline(_))
    }

    /// The name of the task that it ran.
    #[must_use]
    pub fn task(&self) -> &str {
        short_name(self.0.task)
    }

    /// The last that the worker wrote to its standard error; empty when it wrote nothing.
    #[must_use]
    pub fn stderr(&self) -> &str {
        &self.0.stderr
    }

    /// How many workers the task was given to, one after the other, from 1.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    fn advice(&self) -> &'static str {
        match self.0.end {
            WorkerEnd::Exited(_) => "return an error from the task instead of ending the process",
            WorkerEnd::Signalled { signal: 9, .. } => {
                "the system kills so when memory is short: look into the kernel's log, or give \
                 the tasks less at once"
            }
            WorkerEnd::Signalled { .. } => {
                "the fault is in the task or in a library that it calls; run the task alone \
                 under a debugger, in the program itself"
            }
            WorkerEnd::StackOverflow => {
                "recurse less deeply, or run what does in a thread with a larger stack"
            }
            WorkerEnd::Deadline(_) => "give the task more time, or less to do",
            WorkerEnd::Protocol(_) => {
                "the task wrote over the worker's memory or into a descriptor that is not its own"
            }
            WorkerEnd::Killed | WorkerEnd::ShutDown | WorkerEnd::Unknown => "",
        }
    }
}

impl fmt::Display for WorkerDied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker process {} ", self.0.pid)?;
        match &self.0.end {
            WorkerEnd::Exited(code) => write!(f, "exited with code {code}"),
            WorkerEnd::Signalled { signal, core } => {
                match signal_name(*signal) {
                    Some(name) => write!(f, "was killed by {name} ({signal})")?,
                    None => write!(f, "was killed by signal {signal}")?,
                }
                f.write_str(if *core { ", core dumped," } else { "" })
            }
            WorkerEnd::StackOverflow => f.write_str("overflowed its stack"),
            WorkerEnd::Killed => f.write_str("was ended, as was asked for,"),
            WorkerEnd::Deadline(limit) => write!(f, "was ended at the deadline of {limit:?}"),
            WorkerEnd::ShutDown => f.write_str("was ended with its pool"),
            WorkerEnd::Protocol(what) => write!(f, "was ended because of what it sent ({what})"),
            WorkerEnd::Unknown => f.write_str("ended, and the system does not say how,"),
        }?;
        write!(f, " while it ran task `{}`", self.task())?;
        if self.0.attempts > 1 {
            write!(f, ", the last of {} attempts", self.0.attempts)?;
        }
        let advice = self.advice();
        if !advice.is_empty() {
            write!(f, "; {advice}")?;
        }
        if let Some(last) = self.0.stderr.lines().rfind(|line| !line.trim().is_empty()) {
            write!(f, "; the last line of its stderr: {last}")?;
        }
        Ok(())
    }
}

impl Error for WorkerDied {}

/// The names of Linux's signals, which are those of most systems but for a few numbers.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        16 => "SIGSTKFLT",
        17 => "SIGCHLD",
        18 => "SIGCONT",
        19 => "SIGSTOP",
        20 => "SIGTSTP",
        21 => "SIGTTIN",
        22 => "SIGTTOU",
        23 => "SIGURG",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        26 => "SIGVTALRM",
        27 => "SIGPROF",
        28 => "SIGWINCH",
        29 => "SIGIO",
        30 => "SIGPWR",
        31 => "SIGSYS",
        _ => return None,
    })
}

#[cfg(all(test, not(cf_loom)))]
mod tests {
    use super::*;

    fn text(end: WorkerEnd) -> String {
        WorkerDied::new(7, end, "work::{{closure}}").to_string()
    }

    // C-173, D-15
    #[test]
    fn the_message_says_who_died_of_what() {
        let exited = text(WorkerEnd::Exited(3));
        assert!(exited.starts_with("worker process 7 exited with code 3 while it ran task `work`"));
        let dumped = WorkerEnd::Signalled {
            signal: 6,
            core: true,
        };
        assert!(text(dumped).contains("was killed by SIGABRT (6), core dumped, while"));
        let strange = WorkerEnd::Signalled {
            signal: 64,
            core: false,
        };
        assert!(text(strange).contains("was killed by signal 64 while"));
        let late = text(WorkerEnd::Deadline(Duration::from_secs(2)));
        assert!(
            late.contains("was ended at the deadline of 2s while"),
            "{late}"
        );
    }

    #[test]
    fn the_message_ends_with_the_last_words() {
        let died = WorkerDied::new(7, WorkerEnd::Killed, "work")
            .with_stderr("first\nlast\n\n")
            .with_attempts(3);
        assert_eq!(
            died.to_string(),
            "worker process 7 was ended, as was asked for, while it ran task `work`, \
             the last of 3 attempts; the last line of its stderr: last"
        );
        assert!(died.is_killed() && !died.is_deadline());
        assert_eq!((died.attempts(), died.exit_code()), (3, None));
    }
}
