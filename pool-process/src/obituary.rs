//! What is known of a worker that is gone, or never came, and the errors that tell of it.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use future_core::{BrokenExecutor, TaskError, WorkerDied, WorkerEnd};

use crate::process::Exit;
use crate::supervisor::{Because, Break, Why};

/// Shared by all whom it concerns.
pub(crate) type Report = Arc<Obituary>;

/// What is known of a worker that is gone, or never came.
#[derive(Debug)]
pub(crate) enum Obituary {
    /// It was a process.
    Died(Death),
    /// It never was one.
    Refused(String),
    /// Its initializer failed.
    Initializer { pid: u32, message: String },
}

/// The end of a worker process.
#[derive(Debug)]
pub(crate) struct Death {
    pub(crate) pid: u32,
    pub(crate) exit: Exit,
    /// Why the pool ended it, if it did.
    pub(crate) because: Option<Because>,
    /// How it broke the protocol, or why it refused to work.
    pub(crate) complaint: Option<String>,
    pub(crate) stack_overflowed: bool,
    /// The last that it wrote to its standard error.
    pub(crate) stderr: String,
}

impl Death {
    fn end(&self) -> WorkerEnd {
        match (self.because, &self.complaint) {
            (Some(Because::Killed), _) => return WorkerEnd::Killed,
            (Some(Because::Shutdown | Because::Broken), _) => return WorkerEnd::ShutDown,
            (_, Some(complaint)) => return WorkerEnd::Protocol(complaint.clone()),
            _ => {}
        }
        if self.stack_overflowed {
            return WorkerEnd::StackOverflow;
        }
        match self.exit {
            Exit::Code(code) => WorkerEnd::Exited(code),
            Exit::Signal {
                number,
                core_dumped,
            } => WorkerEnd::Signalled {
                signal: number,
                core: core_dumped,
            },
            Exit::Unknown => WorkerEnd::Unknown,
        }
    }
}

impl fmt::Display for Obituary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Died(death) => {
                write!(f, "worker process {} ended: {}", death.pid, death.exit)?;
                if death.stack_overflowed {
                    f.write_str(", its stack overflowed")?;
                }
                if let Some(complaint) = &death.complaint {
                    write!(f, ", {complaint}")?;
                }
                match last_line(&death.stderr) {
                    Some(line) => write!(f, "; the last line of its stderr: {line}"),
                    None => Ok(()),
                }
            }
            Self::Refused(why) => f.write_str(why),
            Self::Initializer { pid, message } => {
                write!(
                    f,
                    "the initializer of worker process {pid} failed: {message}"
                )
            }
        }
    }
}

fn last_line(text: &str) -> Option<&str> {
    text.lines().rfind(|line| !line.trim().is_empty())
}

fn died(report: &Obituary, end: Option<WorkerEnd>, task: &'static str, attempts: u32) -> TaskError {
    match report {
        Obituary::Died(death) => {
            WorkerDied::new(death.pid, end.unwrap_or_else(|| death.end()), task)
                .with_stderr(death.stderr.as_str())
                .with_attempts(attempts.max(1))
                .into()
        }
        other => BrokenExecutor::new(other.to_string()).into(),
    }
}

/// The error of a task that was begun `attempts` times. `None`: it is to be cancelled.
pub(crate) fn task_error(
    why: &Why<Report>,
    task: &'static str,
    attempts: u32,
) -> Option<TaskError> {
    Some(match why {
        Why::Died { report, .. } => died(report, None, task, attempts),
        Why::Killed {
            ran: Some((_, report)),
        } => {
            let by_all = matches!(
                &**report,
                Obituary::Died(Death {
                    because: Some(Because::Shutdown),
                    ..
                })
            );
            let end = if by_all {
                WorkerEnd::ShutDown
            } else {
                WorkerEnd::Killed
            };
            died(report, Some(end), task, attempts)
        }
        Why::Killed { ran: None } => return None,
        Why::Deadline { limit, report, .. } => {
            let end = WorkerEnd::Deadline(Duration::from_nanos(*limit));
            died(report, Some(end), task, attempts)
        }
        Why::Broken(cause) => broken(cause).into(),
        Why::Closed => BrokenExecutor::new("the pool was shut down").into(),
    })
}

/// Why a pool is broken.
pub(crate) fn broken(cause: &Break<Report>) -> BrokenExecutor {
    let mut text = String::new();
    let written = match cause {
        Break::Crash { report, .. } => write!(
            text,
            "the process pool is broken, as it is to be when a worker dies: {report}; a pool with \
             `OnCrash::FailTask` goes on"
        ),
        Break::Initializer { report, .. } => write!(text, "the process pool is broken: {report}"),
        Break::StartLimit { .. } => write!(
            text,
            "the process pool is broken: a worker was not ready in time; its initializer may need \
             a longer `start_limit`"
        ),
        Break::Launch { report } => write!(
            text,
            "the process pool is broken, no worker process could be started: {report}"
        ),
    };
    debug_assert!(written.is_ok());
    BrokenExecutor::new(text)
}
