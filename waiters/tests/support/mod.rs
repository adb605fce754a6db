//! Promises in bulk.

use future_core::{Future, Promise, promise};

/// `n` promises and their futures.
pub(crate) fn promises<T: Send>(n: usize) -> (Vec<Promise<T>>, Vec<Future<T>>) {
    (0..n).map(|_| promise()).unzip()
}
