//! Each step of the counters alone; what the steps of several threads give together is the models'.

use super::*;

/// live, idle, running, searching, spawning, initializing, leaving.
fn numbers(counters: &Counters) -> [usize; 7] {
    [
        counters.live(),
        counters.idle(),
        counters.running(),
        counters.searching,
        counters.spawning,
        counters.initializing,
        counters.leaving,
    ]
}

/// Workers that were spawned and are at work.
fn at_work(max: usize, workers: usize) -> Counters {
    let mut counters = Counters::new(max);
    for worker in 0..workers {
        assert_eq!(counters.next(|| 1), Next::Spawn(worker));
        counters.spawned();
        assert_eq!(counters.arrive(worker), Arrival::Claimed);
    }
    counters
}

#[test]
fn a_worker_is_spawned_looks_works_rests_and_is_called_again() {
    let mut counters = Counters::new(2);
    assert_eq!(numbers(&counters), [0; 7]);
    assert!(counters.nobody() && !counters.is_full() && !counters.is_settled());
    assert_eq!(counters.next(|| 1), Next::Spawn(0));
    assert_eq!(numbers(&counters), [1, 0, 0, 1, 1, 0, 0]);
    assert!(!counters.nobody() && !counters.is_full());
    // One is on its way: nobody else is called.
    assert!(counters.is_settled());
    assert_eq!(counters.next(|| 9), Next::Nobody);
    counters.spawned();
    assert_eq!(numbers(&counters), [1, 0, 0, 1, 0, 0, 0]);
    assert!(!counters.nobody());
    assert_eq!(counters.arrive(0), Arrival::Claimed);
    assert_eq!(numbers(&counters), [1, 0, 1, 0, 0, 0, 0]);
    assert!(!counters.is_settled());
    assert_eq!(counters.arrive(0), Arrival::Busy);
    counters.rest(0);
    assert_eq!(numbers(&counters), [1, 1, 0, 0, 0, 0, 0]);
    assert_eq!(counters.arrive(0), Arrival::Idle);
    assert!(!counters.is_settled());
    assert_eq!(counters.next(|| 1), Next::Wake(0));
    assert_eq!(numbers(&counters), [1, 0, 0, 1, 0, 0, 0]);
    assert_eq!(counters.arrive(0), Arrival::Claimed);
    assert_eq!(numbers(&counters), [1, 0, 1, 0, 0, 0, 0]);
}

#[test]
fn a_full_pool_whose_workers_are_busy_is_settled() {
    let mut counters = at_work(2, 1);
    assert!(!counters.is_full() && !counters.is_settled());
    let mut counters_full = at_work(2, 2);
    assert!(counters_full.is_full() && counters_full.is_settled());
    assert_eq!(counters_full.running(), 2);
    assert_eq!(counters_full.next(|| 5), Next::Nobody);
    counters_full.rest(1);
    assert!(counters_full.is_full() && !counters_full.is_settled());
    assert_eq!(counters.next(|| 1), Next::Spawn(1));
    assert!(counters.is_full());
}

#[test]
fn the_warmest_is_woken_first_and_nobody_is_spawned_while_one_is_idle() {
    let mut counters = at_work(4, 3);
    for worker in [2, 0, 1] {
        counters.rest(worker);
    }
    assert_eq!(numbers(&counters), [3, 3, 0, 0, 0, 0, 0]);
    for worker in [1, 0, 2] {
        assert_eq!(counters.next(|| 1), Next::Wake(worker));
        assert_eq!(counters.arrive(worker), Arrival::Claimed);
    }
    assert_eq!(counters.next(|| 1), Next::Spawn(3));
}

#[test]
fn after_a_refusal_only_who_is_idle_is_called() {
    let mut counters = at_work(3, 2);
    assert_eq!(counters.next_idle(), Next::Nobody);
    counters.rest(1);
    assert_eq!(counters.next_idle(), Next::Wake(1));
    assert_eq!(counters.next_idle(), Next::Nobody);
    assert_eq!(counters.arrive(1), Arrival::Claimed);
    assert_eq!(counters.next(|| 1), Next::Spawn(2));
    counters.refused(2);
    assert_eq!(numbers(&counters), [2, 0, 2, 0, 0, 0, 0]);
    // Its place is free again.
    assert_eq!(counters.next(|| 1), Next::Spawn(2));
}

#[test]
fn who_runs_its_initializer_will_take_a_task() {
    let mut counters = Counters::new(3);
    assert_eq!(counters.next(|| 1), Next::Spawn(0));
    counters.spawned();
    assert_eq!(counters.arrive(0), Arrival::Claimed);
    counters.initializing(0);
    assert_eq!(numbers(&counters), [1, 0, 0, 0, 0, 1, 0]);
    assert_eq!(counters.arrive(0), Arrival::Busy);
    assert_eq!(counters.next(|| 1), Next::Nobody);
    assert_eq!(counters.next(|| 2), Next::Spawn(1));
    counters.spawned();
    assert_eq!(counters.arrive(1), Arrival::Claimed);
    counters.initializing(1);
    assert_eq!(numbers(&counters), [2, 0, 0, 0, 0, 2, 0]);
    assert_eq!(counters.next(|| 2), Next::Nobody);
    counters.initialized(0);
    assert_eq!(numbers(&counters), [2, 0, 1, 0, 0, 1, 0]);
    // It is told once.
    counters.initialized(0);
    assert_eq!(numbers(&counters), [2, 0, 1, 0, 0, 1, 0]);
    counters.initialized(1);
    assert_eq!(numbers(&counters), [2, 0, 2, 0, 0, 0, 0]);
    // With nobody on its way, a spawn does not ask how many tasks wait.
    let asked = std::cell::Cell::new(false);
    let next = counters.next(|| {
        asked.set(true);
        1
    });
    assert_eq!((next, asked.get()), (Next::Spawn(2), false));
}

#[test]
fn who_finds_work_by_itself_rests_no_more() {
    let mut counters = at_work(3, 3);
    for worker in [0, 1, 2] {
        counters.rest(worker);
    }
    assert_eq!(counters.rouse(1), Arrival::Idle);
    assert_eq!(numbers(&counters), [3, 2, 1, 0, 0, 0, 0]);
    assert_eq!(counters.rouse(1), Arrival::Busy);
    assert_eq!(counters.next(|| 1), Next::Wake(2));
    assert_eq!(counters.rouse(2), Arrival::Claimed);
    assert_eq!(numbers(&counters), [3, 1, 2, 0, 0, 0, 0]);
    assert_eq!(counters.next(|| 1), Next::Wake(0));
}

#[test]
fn all_who_are_idle_are_claimed_at_once() {
    let mut counters = at_work(4, 3);
    assert_eq!(counters.claim_all(), []);
    counters.rest(2);
    counters.rest(0);
    assert_eq!(counters.claim_all(), [2, 0]);
    assert_eq!(numbers(&counters), [3, 0, 1, 2, 0, 0, 0]);
    assert!(counters.is_settled());
    for worker in [0, 2] {
        assert_eq!(counters.arrive(worker), Arrival::Claimed);
    }
    assert_eq!(numbers(&counters), [3, 0, 3, 0, 0, 0, 0]);
}

#[test]
fn as_many_retire_as_are_too_many() {
    let mut counters = at_work(3, 3);
    assert!(counters.may_retire(2) && !counters.may_retire(3));
    counters.retire(0);
    assert_eq!(counters.leaving, 1);
    // It still lives, and is not counted on.
    assert_eq!(counters.live(), 3);
    assert!(counters.may_retire(1) && !counters.may_retire(2));
    assert_eq!(counters.arrive(0), Arrival::Busy);
    counters.retire(1);
    assert!(counters.may_retire(0) && !counters.may_retire(1));
    counters.leave(0);
    assert_eq!(numbers(&counters), [2, 0, 2, 0, 0, 0, 1]);
    assert!(counters.may_retire(0) && !counters.may_retire(1));
    counters.leave(1);
    assert_eq!(numbers(&counters), [1, 0, 1, 0, 0, 0, 0]);
    // One that ends otherwise was not about to leave.
    counters.leave(2);
    assert_eq!(numbers(&counters), [0; 7]);
    assert!(counters.nobody());
}

#[test]
fn the_lowest_free_place_is_used_first() {
    let mut counters = at_work(4, 3);
    counters.leave(2);
    counters.leave(0);
    assert_eq!(counters.add(), 0);
    assert_eq!(counters.add(), 2);
    assert_eq!(counters.add(), 3);
    assert_eq!(numbers(&counters), [4, 0, 1, 3, 3, 0, 0]);
    assert_eq!(counters.arrive(2), Arrival::Claimed);
}
