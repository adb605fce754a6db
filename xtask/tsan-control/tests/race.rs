//! Data races, seeded on purpose. ThreadSanitizer must report them: if it does not, its
//! suppressions hide too much, and its silence about our own tests means nothing.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

struct Racy(UnsafeCell<u64>);

// SAFETY: none. This is the bug: the counter is shared without any synchronisation.
unsafe impl Sync for Racy {}

impl Racy {
    fn bump(&self) {
        for _ in 0..10_000 {
            // SAFETY: none, see above; two threads write here at once.
            unsafe { *self.0.get() += 1 };
        }
    }
}

#[test]
fn two_threads_race() {
    static RACY: Racy = Racy(UnsafeCell::new(0));
    let first = thread::spawn(|| RACY.bump());
    let second = thread::spawn(|| RACY.bump());
    first.join().unwrap();
    second.join().unwrap();
}

/// A suppression of the harness by name, such as `race:^test::`, hides this one: the frames of
/// the harness stand below every test.
#[test]
fn the_test_races_with_its_thread() {
    static RACY: Racy = Racy(UnsafeCell::new(0));
    let other = thread::spawn(|| RACY.bump());
    RACY.bump();
    other.join().unwrap();
}

/// Found only with the orders as written.
#[test]
fn a_relaxed_flag_publishes_nothing() {
    static RACY: Racy = Racy(UnsafeCell::new(0));
    static READY: AtomicBool = AtomicBool::new(false);
    let other = thread::spawn(|| {
        RACY.bump();
        // The bug: Relaxed where Release is needed.
        READY.store(true, Ordering::Relaxed);
    });
    while !READY.load(Ordering::Acquire) {
        thread::yield_now();
    }
    RACY.bump();
    other.join().unwrap();
}
