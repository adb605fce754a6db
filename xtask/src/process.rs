//! Child processes: shown as they run, read as they run, or bounded in time.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// The cargo that runs us, so that a toolchain chosen by `cargo +x` is kept.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Runs `command`, showing its output as it comes; gives back what it wrote to stdout and
/// its exit code. No code: a signal ended it.
pub(crate) fn run_shown(command: impl Into<Command>) -> Result<(String, Option<i32>)> {
    let mut command = command.into();
    say(&format!("$ {}", shown(&command)));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", shown(&command)))?;
    let stdout = child.stdout.take().context("the child has no stdout")?;
    let mut stdout = BufReader::new(stdout);
    let mut read = String::new();
    let mut line = Vec::new();
    while stdout.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        read += &text;
        line.clear();
    }
    let status = child.wait()?;
    Ok((read, status.code()))
}

/// Runs `command`, showing its output; anything but success is an error.
pub(crate) fn run(command: impl Into<Command>) -> Result<()> {
    let command = command.into();
    let line = shown(&command);
    let (_, code) = run_shown(command)?;
    ensure!(code == Some(0), "failed: {line}");
    Ok(())
}

/// What a child that had a time limit did.
pub(crate) struct Bounded {
    /// None: it was killed because its time was up.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `command` without showing its output; kills it when it takes longer than `limit`.
pub(crate) fn run_bounded(mut command: Command, limit: Duration) -> Result<Bounded> {
    let end = Instant::now() + limit;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", shown(&command)))?;
    let (sender, pieces) = mpsc::channel();
    read_to(child.stdout.take(), 0, sender.clone());
    read_to(child.stderr.take(), 1, sender);
    let mut read = [Vec::new(), Vec::new()];
    let in_time = loop {
        let left = end.saturating_duration_since(Instant::now());
        match pieces.recv_timeout(left) {
            Ok((pipe, bytes)) => read[pipe].extend(bytes),
            Err(mpsc::RecvTimeoutError::Disconnected) => break true,
            // The readers are left alone: a grandchild may hold the pipes for ever.
            Err(mpsc::RecvTimeoutError::Timeout) => {
                child.kill()?;
                break false;
            }
        }
    };
    let status = child.wait().context("waiting for a child")?;
    let [stdout, stderr] = read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(Bounded {
        status: in_time.then_some(status),
        stdout,
        stderr,
    })
}

/// Sends what comes out of a pipe, as number `pipe`; hangs up when the pipe closes.
fn read_to(
    from: Option<impl Read + Send + 'static>,
    pipe: usize,
    to: mpsc::Sender<(usize, Vec<u8>)>,
) {
    thread::spawn(move || {
        let Some(mut from) = from else { return };
        let mut buffer = [0; 4096];
        // A pipe that breaks is one that closes.
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if to.send((pipe, buffer[..n].to_vec())).is_err() {
                return;
            }
        }
    });
}

/// `command` as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let mut line = String::new();
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            line += &format!("{}={:?} ", key.to_string_lossy(), value);
        }
    }
    let program = std::path::Path::new(command.get_program());
    line += &program.file_name().map_or_else(
        || program.display().to_string(),
        |n| n.to_string_lossy().into_owned(),
    );
    for arg in command.get_args() {
        line.push(' ');
        line += &arg.to_string_lossy();
    }
    line
}

/// Tells the reader of the check something.
pub(crate) fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::{run_bounded, shown};
    use std::process::Command;
    use std::time::Duration;

    #[test]
    fn a_child_that_never_ends_is_killed_at_its_limit() {
        let mut forever = Command::new(std::env::current_exe().unwrap());
        forever.args(["--exact", "process::tests::never_ends"]);
        forever.env(NEVER_ENDS, "1");
        let seen = run_bounded(forever, Duration::from_millis(300)).unwrap();
        assert!(seen.status.is_none());
    }

    #[test]
    fn a_child_that_ends_is_read_whole() {
        let mut list = Command::new(std::env::current_exe().unwrap());
        list.arg("--list");
        let seen = run_bounded(list, Duration::from_secs(60)).unwrap();
        assert!(seen.status.unwrap().success());
        assert!(seen.stdout.contains("a_child_that_ends_is_read_whole"));
    }

    const NEVER_ENDS: &str = "XTASK_TEST_NEVER_ENDS";

    /// The child of the test above; run by itself it ends at once.
    #[test]
    fn never_ends() {
        while std::env::var_os(NEVER_ENDS).is_some() {
            std::thread::park();
        }
    }

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["test", "-p", "x"]).env("A", "b c");
        assert_eq!(shown(&command), "A=\"b c\" cargo test -p x");
    }
}
