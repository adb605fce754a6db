//! A stack that overflows is reported as such.
//!
//! std does that only in processes that have gone through its `main`. Here it covers the thread
//! that runs the tasks. The fault itself then ends the process, as it would have.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::linux_memory::Page;

/// Enough for the frame that the kernel puts there, with any extension's registers, and for us.
const ALTERNATE_STACK: usize = 64 * 1024;

const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// The addresses below the stack of the tasks' thread that nothing may touch.
static GUARD: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

static PAGE: AtomicPtr<Page> = AtomicPtr::new(std::ptr::null_mut());

/// What the signals did before, for the faults that are no overflow.
static BEFORE: [AtomicPtr<libc::sigaction>; 2] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; 2];

/// To be called once, by the thread that runs the tasks. Where the system does not help, an
/// overflow is reported as the fault that it is.
pub(super) fn watch_this_thread(page: &'static Page) {
    let Some((low, high)) = guard() else { return };
    // ORDERING: the handler runs in this very thread, or finds no address of its own.
    GUARD[0].store(low, Ordering::Relaxed);
    GUARD[1].store(high, Ordering::Relaxed);
    PAGE.store(std::ptr::from_ref(page).cast_mut(), Ordering::Relaxed);
    // SAFETY: all zeros are a valid `stack_t` and `sigaction`. The alternate stack is leaked, so
    // it lives as long as the thread; one that is there already is left in place.
    unsafe {
        let mut old: libc::stack_t = MaybeUninit::zeroed().assume_init();
        libc::sigaltstack(std::ptr::null(), &raw mut old);
        if old.ss_flags & libc::SS_DISABLE != 0 {
            let stack = Box::leak(Box::new([MaybeUninit::<u8>::uninit(); ALTERNATE_STACK]));
            let new = libc::stack_t {
                ss_sp: stack.as_mut_ptr().cast(),
                ss_flags: 0,
                ss_size: ALTERNATE_STACK,
            };
            libc::sigaltstack(&raw const new, std::ptr::null_mut());
        }
        for (signal, before) in SIGNALS.into_iter().zip(&BEFORE) {
            let old = Box::leak(Box::new(MaybeUninit::<libc::sigaction>::zeroed()));
            let mut new: libc::sigaction = MaybeUninit::zeroed().assume_init();
            new.sa_sigaction = on_fault as *const () as libc::sighandler_t;
            new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigaction(signal, std::ptr::null(), old.as_mut_ptr());
            // ORDERING: as above.
            before.store(old.as_mut_ptr(), Ordering::Relaxed);
            libc::sigaction(signal, &raw const new, std::ptr::null_mut());
        }
    }
}

/// The pages at the low end of this thread's stack.
fn guard() -> Option<(usize, usize)> {
    // SAFETY: each function gets a valid attribute object and places to write to, and the object
    // is destroyed once, if it was made.
    unsafe {
        let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
        let thread = libc::pthread_self();
        if libc::pthread_getattr_np(thread, attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let (mut start, mut size) = (std::ptr::null_mut(), 0);
        let mut guard = 0;
        let told = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut size)
            == 0
            && libc::pthread_attr_getguardsize(attributes.as_ptr(), &raw mut guard) == 0;
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        // Some C libraries count the guard as a part of the stack, some do not.
        (told && guard != 0).then(|| {
            let start = start as usize;
            (start.saturating_sub(guard), start + guard)
        })
    }
}

/// Runs on the alternate stack, and calls nothing but system calls.
extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, _context: *mut c_void) {
    // SAFETY: the kernel passes the record of this signal.
    let (address, sent) = unsafe { ((*info).si_addr() as usize, (*info).si_code <= 0) };
    // ORDERING: stored by this thread, or the address is none of its stack's.
    let (low, high) = (
        GUARD[0].load(Ordering::Relaxed),
        GUARD[1].load(Ordering::Relaxed),
    );
    if !sent && (low..high).contains(&address) {
        // ORDERING: as above.
        let page = PAGE.load(Ordering::Relaxed);
        // SAFETY: stored from a reference that lives as long as the process.
        unsafe { &*page }.set_overflowed();
        let text = b"\nthe thread that runs the tasks has overflowed its stack\n";
        let _ = rustix::io::write(rustix::stdio::stderr(), text);
    }
    let place = usize::from(signal != SIGNALS[0]);
    // ORDERING: stored before this handler was installed.
    let before = BEFORE[place].load(Ordering::Relaxed);
    // SAFETY: the action that the system had for this signal. With it back in place, the same
    // instruction faults once more, or the same signal comes once more, and it decides.
    unsafe {
        libc::sigaction(signal, before, std::ptr::null_mut());
        if sent {
            libc::raise(signal);
        }
    }
}
