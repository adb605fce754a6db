//! Functions out of nothing.

#![allow(unsafe_code)]

use crate::Captureless;

/// A value of a type that has no data: a function item, or a closure without captures.
///
/// The code of such a function is its type, so every process of the same build can call it.
/// Closures that captured a zero-sized value may not rely on that value's having been made.
///
/// # Safety
///
/// A value of the type was encoded, in this process or another one of the same build.
pub(crate) unsafe fn conjure<F: Captureless>() -> F {
    const { F::CHECK };
    // SAFETY: the type has no bytes, so there is nothing to be initialised, and `Copy` rules out
    // a `Drop`. The caller promises that a value of it exists.
    unsafe { std::mem::zeroed() }
}
