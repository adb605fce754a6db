//! waiters
