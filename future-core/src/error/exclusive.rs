//! A value that is only ever reached by its owner.

#![allow(unsafe_code)]

use std::fmt;

/// Makes errors `Sync` whatever they carry: a shared reference to it reaches nothing.
pub(crate) struct Exclusive<T>(T);

// SAFETY: `&Exclusive<T>` gives no access to the `T`: its only methods take it by value, and its
// `Debug` does not look inside.
unsafe impl<T> Sync for Exclusive<T> {}

impl<T> Exclusive<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(value)
    }

    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Exclusive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}
