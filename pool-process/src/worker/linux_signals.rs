//! What signals mean to a worker, and how it ends.

#![allow(unsafe_code)]

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::process::{
    Pid, Signal, getpgrp, getpid, getppid, kill_current_process_group,
    set_parent_process_death_signal,
};

/// The parent's number.
static PARENT: AtomicI32 = AtomicI32::new(0);

/// First of all: a closed pipe is an error of the write, and an interrupt from the keyboard is for
/// the parent to decide about.
///
/// SIGINT is caught, not ignored, since programs that a task starts would inherit that.
pub(super) fn prepare() {
    set(libc::SIGPIPE, libc::SIG_IGN);
    set(libc::SIGINT, handler(nothing));
    // A worker is in the background of a terminal: what it prints must not stop it.
    set(libc::SIGTTOU, libc::SIG_IGN);
}

/// Has the worker end with its parent, also when it was stopped.
///
/// The kernel sends SIGCONT when the parent ends: the one signal that reaches a stopped process
/// and can be caught, so that what the worker has started ends with it. It comes as well when
/// only the thread ends that started the worker; then the parent's number is still the same.
pub(super) fn end_with(parent: Pid) {
    // ORDERING: read by the handler in this process, whose signal is asked for afterwards.
    PARENT.store(parent.as_raw_nonzero().get(), Ordering::Relaxed);
    set(libc::SIGCONT, handler(parent_may_be_gone));
    // Where it cannot be had, the channel's end tells.
    let _ = set_parent_process_death_signal(Some(Signal::CONT));
    // It may have ended before it was asked for.
    if getppid() != Some(parent) {
        end_group();
    }
}

/// Ends the process and what it has started, at once.
pub(super) fn end_group() -> ! {
    // A worker that is no leader of its group would kill others with it.
    if getpgrp() == getpid() {
        let _ = kill_current_process_group(Signal::KILL);
    }
    exit_now(0)
}

/// Ends the process without running anything.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: no preconditions.
    unsafe { libc::_exit(code) }
}

extern "C" fn nothing(_: c_int) {}

extern "C" fn parent_may_be_gone(_: c_int) {
    let parent = getppid().map_or(0, |parent| parent.as_raw_nonzero().get());
    // ORDERING: see `end_with`.
    if parent != PARENT.load(Ordering::Relaxed) {
        end_group();
    }
}

fn handler(function: extern "C" fn(c_int)) -> libc::sighandler_t {
    function as *const () as libc::sighandler_t
}

fn set(signal: c_int, action: libc::sighandler_t) {
    // SAFETY: an action of all zeros is a valid one, with an empty mask. The handlers call nothing
    // but system calls.
    unsafe {
        let mut new: libc::sigaction = MaybeUninit::zeroed().assume_init();
        new.sa_sigaction = action;
        new.sa_flags = libc::SA_RESTART;
        libc::sigaction(signal, &raw const new, std::ptr::null_mut());
    }
}
