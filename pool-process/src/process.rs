//! A worker's process, as the supervisor sees it.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;

/// A process that was launched and has to be waited for.
///
/// Dropping it ends the process and its group, and waits for that.
pub trait Process: Send + fmt::Debug {
    /// Its number, for messages.
    fn id(&self) -> u32;

    /// A descriptor that is readable once the process has ended.
    fn as_fd(&self) -> BorrowedFd<'_>;

    /// Signals the process and its group. A process that has ended is no error.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn signal(&self, signal: Signal) -> io::Result<()>;

    /// How it ended, if it has; the same answer ever after. What is left of its group is killed
    /// first.
    ///
    /// # Errors
    ///
    /// Those of the system.
    fn try_wait(&mut self) -> io::Result<Option<Exit>>;
}

/// What a worker can be told by signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: end. Code of the task may catch it.
    Terminate,
    /// SIGKILL.
    Kill,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal {
        /// Its number.
        number: i32,
        /// Whether a core file was written.
        core_dumped: bool,
    },
    /// The system does not tell: the program ignores SIGCHLD, or something else in it waited for
    /// the process.
    Unknown,
}

impl Exit {
    /// The name of the signal that ended it, if one did and has a name.
    #[must_use]
    pub fn signal_name(&self) -> Option<&'static str> {
        match self {
            Self::Signal { number, .. } => signal_name(*number),
            Self::Code(_) | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal {
                number,
                core_dumped,
            } => {
                match signal_name(*number) {
                    Some(name) => f.write_str(name)?,
                    None => write!(f, "signal {number}")?,
                }
                f.write_str(if *core_dumped { " (core dumped)" } else { "" })
            }
            Self::Unknown => f.write_str("unknown exit status"),
        }
    }
}

fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGVTALRM => "SIGVTALRM",
        libc::SIGPROF => "SIGPROF",
        libc::SIGSYS => "SIGSYS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_happened() {
        let signal = |number, core_dumped| Exit::Signal {
            number,
            core_dumped,
        };
        assert_eq!(Exit::Code(3).to_string(), "exit code 3");
        assert_eq!(
            signal(libc::SIGSEGV, true).to_string(),
            "SIGSEGV (core dumped)"
        );
        assert_eq!(signal(libc::SIGKILL, false).to_string(), "SIGKILL");
        assert_eq!(signal(40, false).to_string(), "signal 40");
        assert_eq!(signal(libc::SIGABRT, false).signal_name(), Some("SIGABRT"));
        assert_eq!(Exit::Unknown.signal_name(), None);
    }
}
