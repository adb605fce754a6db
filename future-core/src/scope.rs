//! What keeps a scope open.

use crate::shim::{Arc, Condvar, Mutex};

/// Counts the cells of a scope that may still be touched.
#[derive(Debug)]
pub struct ScopeLatch {
    count: Mutex<Count>,
    changed: Condvar,
}

#[derive(Debug)]
struct Count {
    open: usize,
    noted: usize,
}

impl ScopeLatch {
    /// Nothing is open.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            count: Mutex::new(Count { open: 0, noted: 0 }),
            changed: Condvar::new(),
        })
    }

    /// One more cell; it is closed by dropping the guard.
    #[must_use]
    pub(crate) fn guard(this: &Arc<Self>) -> ScopeGuard {
        this.count.lock().open += 1;
        ScopeGuard(this.clone())
    }

    /// A task's handle was put where the scope's end will find it.
    pub fn note(&self) {
        self.count.lock().noted += 1;
        self.changed.notify_all();
    }

    /// How many handles were noted.
    pub(crate) fn noted(&self) -> usize {
        self.count.lock().noted
    }

    /// Sleeps until every cell was touched for the last time: true; or until more than `seen`
    /// handles were noted: false. All that were noted are settled, so what is left to wait for is
    /// a `Drop` or a callback.
    pub(crate) fn wait(&self, seen: usize) -> bool {
        let mut count = self.count.lock();
        loop {
            if count.noted != seen {
                return false;
            }
            if count.open == 0 {
                return true;
            }
            (count, _) = self.changed.wait(count, None);
        }
    }
}

/// One cell of a scope.
#[derive(Debug)]
pub(crate) struct ScopeGuard(Arc<ScopeLatch>);

impl Drop for ScopeGuard {
    fn drop(&mut self) {
        let mut count = self.0.count.lock();
        count.open -= 1;
        if count.open == 0 {
            self.0.changed.notify_all();
        }
    }
}
