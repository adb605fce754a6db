//! How long tasks may run whose worker has answers that it cannot send any more.

mod supervisor_world;

use std::num::NonZeroU32;

use pool_process::parts::supervisor::{Action, Because, Config, Signal, Why};
use supervisor_world::{End, MS, World};

const LIMIT: u64 = 50 * MS;

/// A worker that was stopped in the second of two tasks, just before it would have sent the answer
/// to the first.
fn stopped_in_the_second(limits: [Option<u64>; 2]) -> World {
    let mut world = World::new(Config::new(NonZeroU32::MIN));
    for limit in limits {
        world.submit(limit);
    }
    world.settle();
    world.bring_up(0);
    assert_eq!(world.frames(0), [0, 1]);
    assert_eq!(world.start(0), Some(0));
    assert!(world.finish(0));
    assert_eq!(world.start(0), Some(1));
    world.worker_mut(0).stopped = true;
    world
}

/// Lets time pass, as the supervisor wants it, until a worker is signalled. When that was.
fn signalled(world: &mut World) -> u64 {
    for _ in 0..1000 {
        for action in world.take_log() {
            if let Action::Signal {
                signal, because, ..
            } = action
            {
                assert_eq!((signal, because), (Signal::Terminate, Because::Deadline));
                return world.now;
            }
        }
        let at = world.supervisor.next_deadline();
        world.now = world.now.max(at.expect("nobody watches the limit"));
        world.settle();
    }
    panic!("never");
}

// D-3, P1, P4
#[test]
fn the_limit_of_a_task_behind_an_answer_that_does_not_come() {
    for first in [None, Some(LIMIT), Some(10 * LIMIT)] {
        let mut world = stopped_in_the_second([first, Some(LIMIT)]);
        let at = signalled(&mut world);
        assert!((LIMIT..2 * LIMIT).contains(&at), "{first:?}: {at}");
        world.die(0, "killed");
        world.settle();
        // The dead worker's answer is read, and only the task that it was in is lost.
        assert!(matches!(world.end_of(0), Some(End::Delivered)));
        match world.end_of(1) {
            Some(End::Failed(Why::Deadline { limit, .. })) => assert_eq!(*limit, LIMIT),
            other => panic!("{other:?}"),
        }
        world.play_to_the_end();
    }
}

// D-3
#[test]
fn a_task_that_is_over_is_not_too_late() {
    // Whose answer it is that does not come, nobody can say who waits; that it is over, is known.
    let mut world = stopped_in_the_second([Some(LIMIT), None]);
    for _ in 0..20 {
        world.advance(LIMIT);
        world.settle();
    }
    let is_signal = |action: &_| matches!(action, Action::Signal { .. });
    assert!(!world.take_log().iter().any(is_signal));
    world.worker_mut(0).stopped = false;
    world.play_to_the_end();
}
