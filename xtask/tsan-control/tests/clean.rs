//! No race here. ThreadSanitizer must stay silent: if it does not, the suppressions of what the
//! standard library does have no effect.

use std::sync::Arc;
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

#[test]
fn the_last_of_several_owners_frees() {
    for n in 0..1_000 {
        let shared = Arc::new(vec![n; 3]);
        let other = Arc::clone(&shared);
        let thread = thread::spawn(move || assert_eq!(other[0], n));
        assert_eq!(shared[1], n);
        drop(shared);
        thread.join().unwrap();
    }
}
