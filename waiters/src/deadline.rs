//! From a limit to a moment.

use std::time::{Duration, Instant};

/// Further off than any program lasts, and still a moment that every clock can tell.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The moment `limit` from now. A limit beyond what the clock can tell is for ever; a wait with
/// it is a timed one still, which neither helps nor reports a deadlock.
pub(crate) fn after(limit: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(limit).unwrap_or_else(|| now + FOR_EVER)
}

/// Whether `deadline` has passed. In a model it may have, always.
pub(crate) fn passed(deadline: Instant) -> bool {
    cfg!(cf_loom) || Instant::now() >= deadline
}

#[cfg(all(test, not(cf_loom)))]
mod tests {
    use super::*;

    #[test]
    fn no_limit_overflows() {
        assert!(after(Duration::MAX) > Instant::now());
        assert!(!passed(after(Duration::MAX)));
        assert!(passed(after(Duration::ZERO)));
    }
}
