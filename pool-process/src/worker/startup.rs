//! From the program's start to the first order.

#![allow(unsafe_code)]

use std::os::fd::{BorrowedFd, OwnedFd};
use std::thread;

use rustix::fs::{Mode, OFlags};
use rustix::net::RecvFlags;
use rustix::process::{Pid, getppid};

use super::{
    Shared, VARIABLE, answers::Answers, linux_fork, linux_overflow, linux_signals, panic_hook,
    runner, watcher,
};
use crate::build_id::BuildId;
use crate::linux_memory::Memory;
use crate::socket::{receive_with, send};
use crate::wire::{Decoder, Encoder, Hello, Order, ToWorker};

/// The exit code of a worker that cannot begin.
const CANNOT_BEGIN: i32 = 70;

/// The parent, if this process was started as a worker: the variable names the parent, and the
/// standard input is a socket whose other end it made. A program that merely finds the variable
/// in its environment is none.
pub(super) fn invitation() -> Option<Pid> {
    let parent: i32 = std::env::var(VARIABLE).ok()?.parse().ok()?;
    let parent = Pid::from_raw(parent)?;
    let peer = rustix::net::sockopt::socket_peercred(rustix::stdio::stdin()).ok()?;
    (getppid() == Some(parent) && peer.pid == parent).then_some(parent)
}

/// Sets the worker up and is one, until the process ends.
pub(super) fn run(parent: Pid, before_all: impl FnOnce()) -> ! {
    linux_signals::prepare();
    // SAFETY: before `main` there are no other threads, and `init` demands the same.
    unsafe { std::env::remove_var(VARIABLE) };
    linux_signals::end_with(parent);
    let channel = match take_channel() {
        Ok(channel) => channel,
        Err(error) => refuse(None, &format!("cannot move its channel: {error}")),
    };
    before_all();
    let mut decoder = Decoder::default();
    let (hello, memory, sent) = match meet(&channel, &mut decoder) {
        Ok(met) => met,
        Err(why) => refuse(Some(&channel), &why),
    };
    let shared = match share(channel, memory, sent) {
        Ok(shared) => shared,
        Err((channel, error)) => refuse(
            Some(&channel),
            &format!("cannot map the memory it shares with its parent: {error}"),
        ),
    };
    panic_hook::install();
    linux_fork::mark_copies();
    name_this_thread(&hello.name);
    let runner = thread::Builder::new().name(hello.name).spawn(move || {
        linux_overflow::watch_this_thread(shared.memory.page());
        runner::run(shared, decoder)
    });
    match runner {
        Ok(_) => watcher::run(shared),
        Err(error) => refuse(
            Some(&shared.channel),
            &format!("cannot start a thread for its tasks: {error}"),
        ),
    }
}

/// Moves the channel from the standard input to a descriptor that no child of ours gets, and
/// leaves an empty input behind.
fn take_channel() -> std::io::Result<OwnedFd> {
    let channel = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    // A stream that the parent had closed would otherwise be the next file that is opened.
    if rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err() {
        rustix::stdio::dup2_stdout(&null)?;
    }
    if rustix::io::fcntl_getfd(rustix::stdio::stderr()).is_err() {
        rustix::stdio::dup2_stderr(&null)?;
    }
    Ok(channel)
}

/// Reads the parent's hello, and says ours, whose length is returned too.
fn meet(
    channel: &OwnedFd,
    decoder: &mut Decoder<ToWorker>,
) -> Result<(Hello, OwnedFd, u64), String> {
    let mut memory = None;
    // Nothing behind the hello is read, for that came with a descriptor.
    let mut scratch = [0; 4096];
    let parent = loop {
        let (read, passed) = receive_with(
            borrowed(channel),
            RecvFlags::empty(),
            &mut scratch,
            decoder.space(),
        )
        .map_err(|error| format!("cannot read from its channel: {error}"))?;
        if read == 0 {
            watcher::end();
        }
        memory = memory.or(passed.and_then(|passed| passed.descriptors.into_iter().next()));
        match decoder.next() {
            Ok(Some(Order::Hello(hello))) => break hello,
            Ok(Some(_)) => return Err("its parent did not begin with a hello".to_owned()),
            Ok(None) => {}
            Err(error) => return Err(format!("its parent speaks otherwise: {error}")),
        }
    };
    let own = Hello {
        build: BuildId::own(),
        name: parent.name.clone(),
    };
    if let Some(why) = parent.mismatch(&own) {
        return Err(why);
    }
    let mut bytes = Vec::new();
    Encoder(&mut bytes).hello(&own);
    send_all(borrowed(channel), &bytes);
    let memory = memory.ok_or("its parent did not send the memory that they share")?;
    Ok((parent, memory, bytes.len() as u64))
}

fn share(
    channel: OwnedFd,
    memory: OwnedFd,
    sent: u64,
) -> Result<&'static Shared, (OwnedFd, std::io::Error)> {
    match Memory::open(memory).and_then(|memory| Ok((memory, Answers::new(sent)?))) {
        Ok((memory, answers)) => Ok(Box::leak(Box::new(Shared {
            channel,
            memory,
            answers,
        }))),
        Err(error) => Err((channel, error)),
    }
}

/// Says why this worker cannot begin, to whoever can still hear it, and ends.
fn refuse(channel: Option<&OwnedFd>, why: &str) -> ! {
    eprintln!("a worker process cannot begin: {why}");
    if let Some(channel) = channel {
        let mut bytes = Vec::new();
        Encoder(&mut bytes).refused(why);
        send_all(borrowed(channel), &bytes);
    }
    linux_signals::exit_now(CANNOT_BEGIN)
}

fn send_all(channel: BorrowedFd<'_>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let slices = [std::io::IoSlice::new(bytes)];
        match send(channel, &slices, rustix::net::SendFlags::empty()) {
            Ok(sent) => bytes = &bytes[sent..],
            // Nobody is there any more.
            Err(_) => watcher::end(),
        }
    }
}

fn borrowed(fd: &OwnedFd) -> BorrowedFd<'_> {
    std::os::fd::AsFd::as_fd(fd)
}

/// The first thread's name is what tools show for the process.
fn name_this_thread(name: &str) {
    if let Ok(name) = std::ffi::CString::new(name) {
        let _ = rustix::thread::set_name(&name);
    }
}
