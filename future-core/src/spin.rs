//! Spins for a moment where that was worth it before.
//!
//! A round trip between two running threads takes some 0.2 µs, one through the kernel 1.4 to
//! 10 µs. So a waiter first looks again and again for up to 4 µs. It halves that budget each time
//! it looked in vain and doubles it when it did not; every 16th failure tries the whole budget
//! again, or it would never notice that answers come fast again.

#[cfg(not(cf_loom))]
mod adaptive {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    /// Pauses that take about 4 µs.
    const WHOLE: u32 = 400;
    const LEAST: u32 = 64;
    const RETRY: u32 = 15;

    /// What spinning has been worth to one thread.
    #[derive(Debug)]
    pub struct Spin {
        budget: Cell<u32>,
        misses: Cell<u32>,
    }

    impl Default for Spin {
        fn default() -> Self {
            Self::new()
        }
    }

    impl Spin {
        /// Nothing is known yet.
        #[must_use]
        pub const fn new() -> Self {
            Self {
                budget: Cell::new(WHOLE),
                misses: Cell::new(0),
            }
        }

        /// Waits for `ready` for as long as that is likely to pay; whether it came true.
        pub fn until(&self, ready: impl Fn() -> bool) -> bool {
            if cores() < 2 {
                // Whoever is waited for needs this processor.
                return ready();
            }
            let budget = self.budget.get();
            for _ in 0..budget {
                if ready() {
                    self.budget.set((budget * 2).clamp(LEAST, WHOLE));
                    self.misses.set(0);
                    return true;
                }
                std::hint::spin_loop();
            }
            if self.misses.get() >= RETRY {
                self.budget.set(WHOLE);
                self.misses.set(0);
            } else {
                self.budget.set(budget / 2);
                self.misses.set(self.misses.get() + 1);
            }
            ready()
        }
    }

    /// Lets other threads run before this one goes to sleep, and says whether it did: not so
    /// near to a time limit.
    ///
    /// Whoever collects many results and sleeps for each would be woken for each, by a worker
    /// that then hands its processor over: that took a third of the time of tasks of 1 µs on two
    /// busy processors. A thread that gives way instead finds dozens when its turn comes, and
    /// nobody had to wake it. With a free processor its turn comes at once. Otherwise it comes
    /// after the others' time slices, some milliseconds at most.
    pub(crate) fn give_way(deadline: Option<Instant>) -> bool {
        const NEAR: Duration = Duration::from_millis(20);
        if deadline.is_some_and(|at| at.saturating_duration_since(Instant::now()) < NEAR) {
            return false;
        }
        std::thread::yield_now();
        true
    }

    /// Processors this process may use, asked once.
    fn cores() -> usize {
        static CORES: AtomicUsize = AtomicUsize::new(0);
        // ORDERING: the same number whoever stores it.
        match CORES.load(Ordering::Relaxed) {
            0 => {
                let cores = std::thread::available_parallelism().map_or(1, Into::into);
                // ORDERING: as above.
                CORES.store(cores, Ordering::Relaxed);
                cores
            }
            cores => cores,
        }
    }
}

#[cfg(cf_loom)]
mod adaptive {
    /// In a model spinning is looking once.
    #[derive(Debug, Default)]
    pub struct Spin;

    impl Spin {
        /// Nothing to know.
        #[must_use]
        pub const fn new() -> Self {
            Self
        }

        /// Whether it is so now.
        pub fn until(&self, ready: impl Fn() -> bool) -> bool {
            ready()
        }
    }

    /// In a model the scheduler tries every order anyway.
    pub(crate) fn give_way(_deadline: Option<std::time::Instant>) -> bool {
        false
    }
}

pub use adaptive::Spin;
pub(crate) use adaptive::give_way;
