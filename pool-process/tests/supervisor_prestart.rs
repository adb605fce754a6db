//! Workers that are asked for before a task needs them.

mod supervisor_world;

use supervisor_world::{World, config, launches};

// D-24
#[test]
fn workers_that_are_asked_for_come_before_there_is_work() {
    let mut world = World::new(config(3));
    world.prestart(2);
    world.settle();
    assert_eq!(world.processes(), 2);
    // They are as good as any other.
    world.submit_many(2);
    world.prestart(1);
    world.settle();
    assert_eq!(launches(&world.take_log()), 2);
    world.prestart(9);
    world.settle();
    assert_eq!(launches(&world.take_log()), 1, "no more than may be");
    world.play();
    world.close(false);
    world.prestart(9);
    world.play_to_the_end();
    assert_eq!(world.launches, 3);
}

// D-24
#[test]
fn a_worker_that_was_asked_for_and_refused_is_not_tried_again() {
    let mut world = World::new(config(2));
    for lasting in [false, true, false] {
        world.prestart(2);
        world.settle();
        world.refuse(0, lasting);
        world.refuse(1, lasting);
        world.settle();
        assert_eq!(world.supervisor.next_deadline(), None);
    }
    assert_eq!((world.launches, world.processes()), (6, 0));
    // Nothing is broken.
    world.submit_many(1);
    world.play_to_the_end();
}
