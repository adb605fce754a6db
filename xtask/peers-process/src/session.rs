//! A host that runs, seen from the program that started it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::procfs::Process;

/// Longer than every workload; who takes longer stalls.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends the host and all that it has started when it is dropped.
pub(crate) struct Session {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Session {
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting a host")?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("the host has no output")?;
        let (tell, lines) = channel();
        // Ends with the host's output, or when nobody listens.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            input,
            lines,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the host says next.
    pub(crate) fn line(&self) -> Result<String> {
        self.lines
            .recv_timeout(PATIENCE)
            .context("the host ended or stalled without an answer")
    }

    pub(crate) fn go_on(&mut self) -> Result<()> {
        let input = self.input.as_mut().context("the host has no input")?;
        writeln!(input)?;
        Ok(input.flush()?)
    }

    /// Kills the host alone.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.input.take());
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let descendants = Process::descendants(self.child.id());
        let _ = self.kill();
        for process in descendants {
            process.kill();
        }
    }
}
