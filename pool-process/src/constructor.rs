//! How a copy of the program becomes a worker before its `main`.
//!
//! The loader calls the functions whose addresses lie in `.init_array` before `main`. Ours looks
//! for the launcher's variable, which is there only in workers, and in a worker it never returns.
//! So a program that uses a process pool needs no call in its `main`, and a worker that would run
//! `main` once more, and start workers itself, cannot be.
//!
//! This is the only file that knows of it.

#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::linux_image::Image;
use crate::worker;

type Constructor =
    extern "C" fn(argc: c_int, argv: *const *const c_char, envp: *const *const c_char);

#[used]
// SAFETY: the section holds addresses of functions that the C library calls with these arguments,
// or with none; `enter` only passes them on.
#[unsafe(link_section = ".init_array")]
static ENTER: Constructor = enter;

/// Whether the constructor has run in this process.
static HAS_RUN: AtomicBool = AtomicBool::new(false);

extern "C" fn enter(argc: c_int, argv: *const *const c_char, envp: *const *const c_char) {
    // ORDERING: there is only this thread yet.
    HAS_RUN.store(true, Ordering::Relaxed);
    worker::enter_if_worker(|| {
        for constructor in later_constructors() {
            constructor(argc, argv, envp);
        }
    });
}

/// Becomes a worker if this process was started as one, and then does not return.
pub(crate) fn init() {
    // ORDERING: as above, or as good: all who ask come after `main` has begun.
    HAS_RUN.store(true, Ordering::Relaxed);
    worker::enter_if_worker(|| {});
}

/// Whether a copy of this process would become a worker.
pub(crate) fn will_be_entered() -> bool {
    // Asking for its address keeps the linker from leaving it out with this file.
    std::hint::black_box(&raw const ENTER);
    // ORDERING: stored before `main`.
    HAS_RUN.load(Ordering::Relaxed)
}

/// The constructors of the executable that come after ours. A worker does not return to the
/// loader, so it has to run them itself: C++ libraries make their globals there.
fn later_constructors() -> &'static [Constructor] {
    const DT_NULL: usize = 0;
    const DT_INIT_ARRAY: usize = 25;
    const DT_INIT_ARRAYSZ: usize = 27;

    let image = Image::get();
    let Some(dynamic) = image.dynamic else {
        return &[];
    };
    let mut entry = dynamic as *const [usize; 2];
    let (mut at, mut bytes) = (0, 0);
    loop {
        // SAFETY: the executable's dynamic section is an array of such pairs that ends with one
        // whose first number is DT_NULL.
        let [tag, value] = unsafe { entry.read() };
        match tag {
            DT_NULL => break,
            DT_INIT_ARRAY => at = image.base.wrapping_add(value),
            DT_INIT_ARRAYSZ => bytes = value,
            _ => {}
        }
        entry = entry.wrapping_add(1);
    }
    if at == 0 {
        return &[];
    }
    // SAFETY: so the executable says where its constructors are, and the loader has relocated
    // them. They stay, read-only.
    let all = unsafe { std::slice::from_raw_parts(at as *const usize, bytes / size_of::<usize>()) };
    let ours = enter as Constructor as usize;
    let Some(place) = all.iter().position(|&address| address == ours) else {
        // Not an array that we understand: better leave it alone.
        return &[];
    };
    let later = &all[place + 1..];
    // The loader skips these two, which some linkers leave as marks.
    if later
        .iter()
        .any(|&address| address == 0 || address == usize::MAX)
    {
        return &[];
    }
    // SAFETY: function addresses, called as the loader would.
    unsafe { std::slice::from_raw_parts(later.as_ptr().cast(), later.len()) }
}
