//! When to launch again after a launch that came to nothing.

/// The first wait, in nanoseconds; each failure doubles it.
const FIRST_WAIT: u64 = 1_000_000;
/// It is doubled so often at most: about a second.
const DOUBLINGS: u32 = 10;

/// The launches that have failed since a worker last did something.
#[derive(Debug)]
pub(super) struct Launches<R> {
    failures: u32,
    not_before: u64,
    last: Option<(R, bool)>,
}

impl<R> Launches<R> {
    pub(super) const fn new() -> Self {
        Self {
            failures: 0,
            not_before: 0,
            last: None,
        }
    }

    pub(super) fn failed(&mut self, now: u64, report: R, lasting: bool) {
        let wait = FIRST_WAIT << self.failures.min(DOUBLINGS);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.saturating_add(wait);
        self.last = Some((report, lasting));
    }

    pub(super) fn succeeded(&mut self) {
        if self.failures > 0 {
            *self = Self::new();
        }
    }

    pub(super) fn failing(&self) -> bool {
        self.failures > 0
    }

    pub(super) fn not_before(&self) -> u64 {
        self.not_before
    }

    /// The last failure, if it is of no use to try again: it says so itself, or it is number
    /// `attempts`.
    pub(super) fn hopeless(&self, attempts: u32) -> Option<&R> {
        let (report, lasting) = self.last.as_ref()?;
        (*lasting || self.failures >= attempts).then_some(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_second_and_a_success_ends_it() {
        let mut launches = Launches::new();
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024] {
            launches.failed(5, "no memory", false);
            assert_eq!(launches.not_before(), 5 + wait * FIRST_WAIT);
        }
        assert_eq!(launches.hopeless(14), None);
        assert_eq!(launches.hopeless(13), Some(&"no memory"));
        launches.succeeded();
        assert!(!launches.failing());
        assert_eq!(launches.not_before(), 0);
        launches.failed(5, "no such file", true);
        assert_eq!(launches.hopeless(14), Some(&"no such file"));
    }
}
