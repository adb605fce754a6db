//! The limit: two processes with nothing but a socket between them.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::host::{Found, insert_quantiles};

/// About what a small task is with what goes round it.
const MESSAGE: usize = 64;

/// So many messages there and back.
pub(crate) fn round_trips(turns: u64) -> Result<Found> {
    let (mut near, far) = UnixStream::pair()?;
    let this = std::env::current_exe().context("finding this program")?;
    let mut child = Command::new(this)
        .args(["host", "socketpair-end", "round-trip", "0"])
        .stdin(Stdio::from(OwnedFd::from(far)))
        .spawn()?;
    let mut message = [7; MESSAGE];
    let mut turn = || -> Result<()> {
        near.write_all(&message)?;
        Ok(near.read_exact(&mut message)?)
    };
    for _ in 0..1000 {
        turn()?;
    }
    let mut times = Vec::new();
    for _ in 0..turns {
        let start = Instant::now();
        turn()?;
        times.push(start.elapsed());
    }
    drop(near);
    child.wait()?;
    let mut found = Found::new();
    insert_quantiles(&mut found, times);
    Ok(found)
}

/// The other process.
pub(crate) fn answer() -> Result<()> {
    let mut socket = UnixStream::from(rustix::io::dup(std::io::stdin())?);
    let mut message = [0; MESSAGE];
    while socket.read_exact(&mut message).is_ok() {
        socket.write_all(&message)?;
    }
    Ok(())
}
