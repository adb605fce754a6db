//! Each future once.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use future_core::{AsFuture, FutureId};

/// Leaves out what carries a future that came before.
pub(crate) struct Distinct<I> {
    futures: I,
    seen: HashSet<FutureId, BuildHasherDefault<IdHasher>>,
}

pub(crate) fn distinct<I>(futures: I) -> Distinct<I::IntoIter>
where
    I: IntoIterator<Item: AsFuture>,
{
    Distinct {
        futures: futures.into_iter(),
        seen: HashSet::default(),
    }
}

impl<I: Iterator<Item: AsFuture>> Distinct<I> {
    /// How many to make room for: all are distinct, usually.
    pub(crate) fn expected(&self) -> usize {
        self.futures.size_hint().0
    }

    pub(crate) fn into_vec(self) -> Vec<I::Item> {
        let mut all = Vec::with_capacity(self.expected());
        all.extend(self);
        all
    }
}

impl<I: Iterator<Item: AsFuture>> Iterator for Distinct<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        loop {
            let future = self.futures.next()?;
            if future.is_sole() {
                return Some(future);
            }
            if self.seen.is_empty() {
                self.seen.reserve(1 + self.expected());
            }
            if self.seen.insert(future.as_future().id()) {
                return Some(future);
            }
        }
    }
}

/// Hashes the one number of a [`FutureId`], which nobody chooses: no defence against collisions
/// made on purpose is needed.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        // Multiplies and folds the halves, so that both ends of the hash depend on all bits.
        const ODD: u128 = 0x9e37_79b9_7f4a_7c15;
        let wide = u128::from(self.0 ^ number as u64) * ODD;
        self.0 = (wide ^ (wide >> 64)) as u64;
    }
}
