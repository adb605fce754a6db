//! No race here. ThreadSanitizer must stay silent: if it does not, the suppression of what the
//! test harness does has no effect.

use std::thread;

#[test]
fn threads_that_share_nothing() {
    let threads: Vec<_> = (0..3u64)
        .map(|i| thread::spawn(move || (0..1_000).map(|x| x ^ i).sum::<u64>()))
        .collect();
    for thread in threads {
        assert!(thread.join().unwrap() > 0);
    }
}
