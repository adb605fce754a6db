//! Functions out of nothing.

#![allow(unsafe_code)]

use crate::Captureless;

/// A value of a type that has no data: a function item, or a closure without captures.
///
/// The code of such a function is its type, so every process of the same build can call it.
/// Closures that captured a zero-sized value may not rely on that value's having been made.
pub(crate) fn conjure<F: Captureless>() -> F {
    const { F::CHECK };
    // SAFETY: the type has no bytes, so there is nothing to be initialised, and `Copy` rules out
    // a `Drop`. A value of it exists in the process that encoded the call.
    unsafe { std::mem::zeroed() }
}
