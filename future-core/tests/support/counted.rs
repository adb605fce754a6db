//! Counts drops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// How often something was dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drops(Arc<AtomicUsize>);

/// Something that is dropped, once.
#[derive(Debug)]
pub(crate) struct Counted(Drops);

impl Drops {
    /// Something to count.
    pub(crate) fn counted(&self) -> Counted {
        Counted(self.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, SeqCst);
    }
}
