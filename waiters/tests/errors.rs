//! Error texts, word by word, and what errors can be sent as.
#![cfg(not(cf_loom))]

use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Duration;

use future_core::{Future, promise};
use waiters::{AddError, AddErrorKind, WaitError, bounded_future_set, future_set};

#[test]
fn errors_are_send_and_sync_when_their_futures_are_send() {
    fn check<T: Send + Sync>() {}
    // `Cell` is `Send` and not `Sync`.
    check::<WaitError<Future<std::cell::Cell<u8>>>>();
    check::<AddError<Future<std::cell::Cell<u8>>>>();
    fn is_error<T: Error + Send + Sync + 'static>() {}
    is_error::<AddError<Future<std::cell::Cell<u8>>>>();
}

#[test]
fn a_closed_set_says_so() {
    let (adder, set) = future_set();
    drop(set);
    let error = adder.add(promise::<u8>().1).unwrap_err();
    assert!(error.is_closed());
    assert_eq!(error.kind(), AddErrorKind::Closed);
    assert_eq!(format!("{error:?}"), "AddError { kind: Closed, .. }");
    assert_eq!(
        error.to_string(),
        "cannot add to a future set that was closed or dropped; \
         wait for the future itself or add it to another set"
    );
}

#[test]
fn a_full_set_says_so() {
    let (adder, _set) = bounded_future_set(NonZeroUsize::new(2).unwrap());
    for _ in 0..2 {
        adder.add(promise::<u8>().1).unwrap();
    }
    let (_promise, future) = promise::<u8>();
    let id = future.id();
    let error = adder.try_add(future).unwrap_err();
    assert!(!error.is_closed());
    assert_eq!(error.kind(), AddErrorKind::Full { capacity: 2 });
    assert_eq!(
        error.to_string(),
        "the future set is full, it takes 2; \
         take futures out first, or use `add`, which waits for room"
    );
    let limit = Duration::from_millis(1);
    let error = adder.add_timeout(error.into_future(), limit).unwrap_err();
    assert_eq!(error.kind(), AddErrorKind::TimedOut { capacity: 2, limit });
    assert_eq!(
        error.to_string(),
        "the future set, which takes 2, stayed full for 1ms; \
         take futures out faster or give it more room"
    );
    assert_eq!(error.into_future().id(), id);
}
