//! What keeps a scope open.

use crate::shim::{Arc, Condvar, Mutex};

/// Counts the cells of a scope that may still be touched.
#[derive(Debug)]
pub struct ScopeLatch {
    open: Mutex<usize>,
    closed: Condvar,
}

impl ScopeLatch {
    /// Nothing is open.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            open: Mutex::new(0),
            closed: Condvar::new(),
        })
    }

    /// One more cell; it is closed by dropping the guard.
    #[must_use]
    pub(crate) fn guard(this: &Arc<Self>) -> ScopeGuard {
        *this.open.lock() += 1;
        ScopeGuard(this.clone())
    }

    /// Sleeps until every cell was touched for the last time. For a thread that knows them to
    /// be settled, so that what is left is no user's code but a `Drop` or a callback.
    pub fn wait(&self) {
        let mut open = self.open.lock();
        while *open > 0 {
            (open, _) = self.closed.wait(open, None);
        }
    }
}

/// One cell of a scope.
#[derive(Debug)]
pub(crate) struct ScopeGuard(Arc<ScopeLatch>);

impl Drop for ScopeGuard {
    fn drop(&mut self) {
        let mut open = self.0.open.lock();
        *open -= 1;
        if *open == 0 {
            self.0.closed.notify_all();
        }
    }
}
