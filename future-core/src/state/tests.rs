//! Each step of the word alone; what the steps of several threads give together is the models'.

use super::*;

fn text(word: &Word) -> String {
    format!("{:?}", word.read())
}

fn running(refs: usize) -> Word {
    let word = Word::new(refs);
    assert!(word.start());
    assert!(!word.start());
    word
}

#[test]
fn a_reading_says_what_the_word_holds() {
    let word = Word::new(2);
    assert_eq!(text(&word), "pending refs=2");
    assert!(word.read().is_pending() && word.read().is_plain() && !word.read().has_side());
    assert!(!word.lock().has_side());
    assert_eq!(text(&word), "pending locked refs=2");
    assert!(!word.read().is_plain());
    word.unlock_with_callback();
    assert_eq!(text(&word), "pending side callback refs=2");
    let seen = word.read();
    assert!(seen.has_side() && seen.has_callbacks() && !seen.is_plain());
    assert!(word.start());
    assert_eq!(text(&word), "running side callback refs=2");
    assert!(!word.read().is_pending() && word.read().is_running());
    word.mark_taken();
    assert!(word.read().is_taken() && !word.read().is_failed());
}

#[test]
fn a_release_gives_up_as_many_references_as_it_is_told() {
    for (refs, given, left) in [
        (1, 0, Left::Shared),
        (1, 1, Left::Last),
        (2, 1, Left::Shared),
        (3, 2, Left::Shared),
        (2, 2, Left::Last),
    ] {
        let word = running(refs);
        assert_eq!(word.release(word.read(), false, given), Ok(left));
        assert_eq!(text(&word), format!("released refs={}", refs - given));
        let word = running(refs);
        word.lock();
        assert_eq!(word.settle_locked(true, false, given), Ok(left));
        assert_eq!(
            text(&word),
            format!("released failed refs={}", refs - given)
        );
    }
    let word = running(1);
    let seen = word.read();
    word.add_ref();
    assert_eq!(
        word.release(seen, false, 0),
        Err(()),
        "the word has changed"
    );
}

#[test]
fn an_owner_that_left_keeps_a_value_from_being_released() {
    let word = running(2);
    assert_eq!(word.leave().ok(), Some(Left::Shared));
    assert_eq!(text(&word), "running unwanted refs=1");
    word.lock();
    assert_eq!(word.settle_locked(false, false, 1), Err(()));
    assert_eq!(text(&word), "running locked unwanted refs=1");
    assert_eq!(word.settle_locked(false, true, 1), Ok(Left::Last));
    assert_eq!(Word::new(1).leave().ok(), Some(Left::Last));
    let word = running(1);
    assert_eq!(word.release(word.read(), false, 0), Ok(Left::Shared));
    assert!(word.leave().is_err_and(Snapshot::is_released));
}

#[test]
fn callbacks_are_told_between_the_end_and_the_release() {
    let word = running(2);
    word.lock();
    word.unlock_with_callback();
    word.lock();
    word.unlock_finished(true, true);
    assert_eq!(text(&word), "finished failed side refs=2");
    assert!(word.read().is_done() && word.read().is_telling() && !word.read().is_settled());
    word.lock();
    word.unlock(true, 3);
    assert_eq!(text(&word), "finished failed side refs=5");
    word.lock();
    assert_eq!(word.settle_locked(true, false, 2), Ok(Left::Shared));
    assert_eq!(text(&word), "released failed refs=3");
}

#[test]
fn a_cancellation_locks_what_is_registered() {
    let word = Word::new(2);
    assert_eq!(word.cancel(), Cancel::Won);
    assert_eq!(text(&word), "cancelled refs=2");
    assert_eq!(word.cancel(), Cancel::Already);
    let word = Word::new(2);
    word.lock();
    word.unlock_with_callback();
    assert_eq!(word.cancel(), Cancel::WonLocked);
    assert_eq!(text(&word), "cancelled locked side callback refs=2");
    word.unlock(false, 0);
    assert_eq!(text(&word), "cancelled callback refs=2");
    assert_eq!(running(1).cancel(), Cancel::Lost);
}

#[test]
fn a_lent_word_goes_back_on_or_out() {
    let lent = || {
        let word = Word::new(2);
        word.lock();
        word.unlock_lent();
        assert_eq!(text(&word), "lent refs=2");
        assert!(word.read().is_lent() && !word.start());
        assert_eq!(word.cancel(), Cancel::Lent);
        word
    };
    let word = lent();
    assert!(word.start_lent());
    assert!(!word.start_lent());
    assert_eq!(text(&word), "running refs=2");
    let word = lent();
    word.lock();
    word.unlock_unlent();
    assert_eq!(text(&word), "pending refs=2");
    let word = lent();
    let seen = word.lock();
    assert_eq!(word.cancel_locked(seen), Cancel::Won);
    assert_eq!(text(&word), "cancelled refs=2");
    let word = lent();
    word.lock();
    word.unlock_with_callback();
    let seen = word.lock();
    assert_eq!(word.cancel_locked(seen), Cancel::WonLocked);
    assert_eq!(text(&word), "cancelled locked side callback refs=2");
}

#[test]
fn references_are_counted() {
    let word = Word::new(1);
    word.add_ref();
    assert_eq!(text(&word), "pending refs=2");
    assert_eq!(word.drop_ref(), Left::Shared);
    assert_eq!(word.drop_ref(), Left::Last);
}
