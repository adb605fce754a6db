//! Each rule of the supervision by an example.

mod supervisor_world;

use std::num::NonZeroU32;

use pool_process::parts::supervisor::{
    Action, Because, Break, Config, Event, OnCrash, Signal, Why,
};
use supervisor_world::{Claim, Did, End, MS, World, config, launches};

/// A pool with `up` workers, each with a task that it has started.
fn busy(config: Config, up: usize) -> World {
    let mut world = World::new(config);
    world.submit_many(up);
    for slot in 0..up {
        world.bring_up(slot);
        assert!(world.start(slot).is_some());
    }
    assert_eq!(world.processes(), up);
    world.take_log();
    world
}

fn signals(log: &[Did]) -> Vec<(usize, Signal, Because)> {
    let of = |action: &Did| match action {
        Action::Signal {
            worker,
            signal,
            because,
        } => Some((worker.slot(), *signal, *because)),
        _ => None,
    };
    log.iter().filter_map(of).collect()
}

fn failed(world: &World, task: usize) -> &Why<&'static str> {
    match world.end_of(task) {
        Some(End::Failed(why)) => why,
        end => panic!("task {task}: {end:?}"),
    }
}

// C-152, C-153
#[test]
fn workers_come_with_tasks_up_to_the_limit() {
    let mut world = World::new(config(5));
    assert_eq!(world.processes(), 0);
    world.submit_many(3);
    assert_eq!(world.processes(), 3);
    world.submit_many(75);
    assert_eq!(world.processes(), 5);
    world.play_to_the_end();
    assert_eq!(world.launches, 5);
}

// P7, C-154
#[test]
fn one_task_after_the_other_uses_one_worker() {
    let mut world = World::new(config(5));
    for _ in 0..10 {
        world.submit_many(1);
        world.play();
    }
    assert_eq!(world.launches, 1);
    world.play_to_the_end();
}

// C-118, P12
#[test]
fn one_worker_starts_tasks_in_their_order_also_after_a_death() {
    let mut world = World::new(config(1));
    world.submit_many(40);
    world.bring_up(0);
    let mut order = Vec::new();
    for round in 0..40 {
        if round == 7 {
            // Its second task is with it, and goes back to its place.
            order.extend(world.start(0));
            world.die(0, "SIGKILL");
            world.settle();
            world.advance(MS);
            world.settle();
            world.bring_up(0);
        } else {
            order.extend(world.run(0));
        }
    }
    assert_eq!(order, (0..40).collect::<Vec<_>>());
    world.play_to_the_end();
}

// P12
#[test]
fn a_long_task_is_not_given_others_for_long() {
    let mut world = busy(config(2), 1);
    // The second worker comes; meanwhile one task is waiting behind the first.
    world.submit_many(1);
    assert_eq!(world.frames(0), [1]);
    world.bring_up(1);
    assert_eq!(world.frames(0), []);
    assert_eq!(world.frames(1), [1]);
    world.play_to_the_end();
}

// P12
#[test]
fn tasks_behind_a_worker_that_hangs_run_elsewhere_within_the_bound() {
    // The world checks the bound at every start.
    let mut world = busy(config(2), 2);
    world.submit_many(1_000);
    // Both have become fast and have full windows, when the first hangs.
    for _ in 0..20 {
        for slot in 0..2 {
            world.finish(slot);
            while world.start(slot).is_some() {
                world.finish(slot);
            }
            world.read(slot);
        }
        world.advance(MS / 100);
        world.settle();
    }
    assert!(world.frames(0).len() > 20);
    let hung = world.start(0).unwrap();
    let waiting = world.frames(0);
    for _ in 0..2_000 {
        world.run(1);
        world.advance(10_000);
        world.settle();
    }
    for task in waiting {
        assert_eq!(world.end_of(task), Some(&End::Delivered));
    }
    let left = world.tasks.iter().filter(|task| task.end.is_none()).count();
    assert_eq!((left, world.end_of(hung)), (1, None));
    world.play_to_the_end();
}

// P4, P12
#[test]
fn a_task_that_a_stopped_worker_does_not_start_runs_elsewhere() {
    let mut world = World::new(config(2));
    world.submit_many(1);
    world.bring_up(0);
    world.worker_mut(0).stopped = true;
    assert_eq!(world.frames(0), [0]);
    let at = world.supervisor.next_deadline().unwrap();
    assert!(at <= world.now + 10 * MS);
    world.now = at;
    world.settle();
    assert_eq!(world.processes(), 2, "one that is alive is launched");
    world.bring_up(1);
    assert_eq!(world.run(1), Some(0));
    // It is not given more until it is heard of.
    world.submit_many(1);
    assert_eq!(world.run(1), Some(1));
    world.worker_mut(0).stopped = false;
    world.start(0);
    world.read(0);
    world.settle();
    world.submit_many(1);
    assert_eq!(world.run(0), Some(2));
    world.play_to_the_end();
}

// P4, D-2
#[test]
fn a_death_costs_the_task_that_ran() {
    let mut world = busy(config(1), 1);
    world.submit_many(3);
    let worker = world.worker(0).id;
    world.die(0, "SIGSEGV");
    world.settle();
    let report = "SIGSEGV";
    assert_eq!(failed(&world, 0), &Why::Died { worker, report });
    world.play_to_the_end();
    for task in 1..4 {
        assert_eq!(world.end_of(task), Some(&End::Delivered));
    }
}

// P1
#[test]
fn what_was_answered_before_the_death_is_delivered() {
    let mut world = busy(config(1), 1);
    world.finish(0);
    world.die(0, "SIGKILL");
    world.settle();
    assert_eq!(world.end_of(0), Some(&End::Delivered));
    world.play_to_the_end();
}

// D-2
#[test]
fn a_task_is_tried_again_as_often_as_asked() {
    let mut config = config(1);
    config.on_crash = OnCrash::FailTask { retries: 2 };
    let mut world = World::new(config);
    world.submit_many(2);
    for round in 0..3 {
        assert_eq!(world.end_of(0), None, "in round {round}");
        world.bring_up(0);
        assert_eq!(world.start(0), Some(0), "it keeps its place");
        world.die(0, "abort");
        world.settle();
    }
    assert!(matches!(failed(&world, 0), Why::Died { .. }));
    world.play_to_the_end();
    assert_eq!(world.end_of(1), Some(&End::Delivered));
}

// C-170, C-171, C-172, C-175
#[test]
fn a_pool_that_breaks_fails_everything_and_ends_all_workers() {
    let mut config = config(2);
    config.on_crash = OnCrash::BreakPool;
    let grace = config.grace;
    let mut world = busy(config, 2);
    world.submit_many(5);
    let worker = world.worker(0).id;
    world.die(0, "SIGKILL");
    world.settle();
    let report = "SIGKILL";
    assert_eq!(failed(&world, 0), &Why::Died { worker, report });
    let cause = Break::Crash { worker, report };
    for task in 1..7 {
        assert_eq!(failed(&world, task), &Why::Broken(cause.clone()));
    }
    let log = world.take_log();
    let term = (1, Signal::Terminate, Because::Broken);
    assert_eq!(signals(&log), [term]);
    world.worker_mut(1).stopped = true;
    world.advance(grace);
    world.settle();
    let kill = (1, Signal::Kill, Because::Broken);
    assert_eq!(signals(&world.take_log()), [kill]);
    world.submit_many(1);
    assert_eq!(failed(&world, 7), &Why::Broken(cause));
    world.play_to_the_end();
    assert_eq!(world.launches, 2);
}

// C-115
#[test]
fn a_failing_initializer_breaks_the_pool() {
    let mut world = World::new(config(2));
    world.submit_many(2);
    world.launched(0);
    let worker = world.worker(0).id;
    world.fail_initializer(0);
    world.settle();
    let report = "initializer";
    let cause = Break::Initializer { worker, report };
    assert_eq!(failed(&world, 0), &Why::Broken(cause.clone()));
    assert_eq!(failed(&world, 1), &Why::Broken(cause));
    // The other one is ended as soon as it is there.
    world.take_log();
    world.launched(1);
    let term = (1, Signal::Terminate, Because::Broken);
    assert_eq!(signals(&world.take_log()), [term]);
    world.play_to_the_end();
}

// P8
#[test]
fn an_initializer_may_be_bounded() {
    let mut config = config(1);
    config.start_limit = Some(7 * MS);
    let mut world = World::new(config);
    world.submit_many(1);
    world.launched(0);
    world.settle();
    assert_eq!(world.supervisor.next_deadline(), Some(world.now + 7 * MS));
    let worker = world.worker(0).id;
    world.worker_mut(0).stopped = true;
    world.advance(7 * MS);
    world.settle();
    let cause = Break::StartLimit { worker };
    assert_eq!(failed(&world, 0), &Why::Broken(cause));
    let kill = (0, Signal::Kill, Because::StartLimit);
    assert_eq!(signals(&world.take_log()), [kill]);
    world.play_to_the_end();
}

// C-188, P1
#[test]
fn launches_that_fail_are_tried_again_and_break_the_pool_in_the_end() {
    let mut world = World::new(config(1));
    world.submit_many(1);
    let mut waits = Vec::new();
    while world.broken.is_none() {
        world.refuse(0, false);
        world.settle();
        if let Some(at) = world.supervisor.next_deadline() {
            waits.push((at - world.now) / MS);
            world.now = at;
            world.settle();
        }
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64]);
    let report = "refused";
    let cause = Break::Launch { report };
    assert_eq!(failed(&world, 0), &Why::Broken(cause));
    world.play_to_the_end();
}

// D-27, P5
#[test]
fn a_refused_launch_costs_nothing_while_another_worker_lives() {
    let mut world = busy(config(2), 1);
    world.submit_many(3);
    world.refuse(1, true);
    world.settle();
    assert!(world.broken.is_none());
    assert_eq!(launches(&world.take_log()), 1, "not again at once");
    world.finish(0);
    world.read(0);
    world.play_to_the_end();
}

// C-188
#[test]
fn a_launch_that_will_never_do_breaks_the_pool_at_once() {
    let mut world = World::new(config(4));
    world.submit_many(2);
    world.refuse(0, true);
    world.settle();
    assert!(world.broken.is_none(), "the other may still come");
    world.refuse(1, true);
    world.settle();
    assert!(world.broken.is_some());
    world.play_to_the_end();
}

// C-180, C-183, P5
#[test]
fn a_worker_runs_as_many_tasks_as_it_may_and_is_replaced() {
    // The world checks that no worker starts more, and none retires before.
    for (workers, limit, tasks) in [(1, 3, 7), (1, 2, 6), (2, 2, 8), (3, 1, 20)] {
        let mut config = config(workers);
        config.max_tasks_per_child = NonZeroU32::new(limit);
        let mut world = World::new(config);
        world.submit_many(tasks);
        world.play();
        assert_eq!(world.launches as usize, tasks.div_ceil(limit as usize));
        world.play_to_the_end();
    }
}

// C-180
#[test]
fn cancelled_tasks_do_not_count_for_retirement() {
    let mut config = config(1);
    config.max_tasks_per_child = NonZeroU32::new(2);
    let mut world = World::new(config);
    world.submit_many(4);
    world.bring_up(0);
    assert_eq!(world.frames(0), [0, 1]);
    assert!(world.cancel(1));
    world.settle();
    assert_eq!(world.frames(0), [0, 2]);
    world.play_to_the_end();
    assert_eq!(world.launches, 2);
}

// P9
#[test]
fn a_worker_that_does_not_exit_is_killed() {
    let mut world = busy(config(1), 1);
    let limit = world.config.exit_limit.unwrap();
    world.finish(0);
    world.read(0);
    world.close(false);
    world.settle();
    assert!(world.worker(0).channel_closed);
    world.worker_mut(0).stopped = true;
    world.advance(limit);
    world.settle();
    let kill = (0, Signal::Kill, Because::ExitLimit);
    assert_eq!(signals(&world.take_log()), [kill]);
    world.play();
    assert!(world.over);
}

// D-3
#[test]
fn a_limit_counts_from_the_start_and_ends_the_worker_with_grace() {
    let mut world = World::new(config(1));
    let grace = world.config.grace;
    world.submit(Some(100 * MS));
    world.settle();
    world.bring_up(0);
    // A worker that does not start it uses none of its time.
    world.advance(200 * MS);
    world.settle();
    assert_eq!(signals(&world.take_log()), []);
    assert_eq!(world.start(0), Some(0));
    let started = world.now;
    while signals(&world.log).is_empty() {
        world.now = world.supervisor.next_deadline().unwrap();
        world.settle();
    }
    assert_eq!(world.now, started + 100 * MS);
    let term = (0, Signal::Terminate, Because::Deadline);
    assert_eq!(signals(&world.take_log()), [term]);
    world.worker_mut(0).stopped = true;
    world.advance(grace);
    world.settle();
    let kill = (0, Signal::Kill, Because::Deadline);
    assert_eq!(signals(&world.take_log()), [kill]);
    let worker = world.worker(0).id;
    world.die(0, "SIGKILL");
    world.settle();
    let deadline = Why::Deadline {
        worker,
        limit: 100 * MS,
        report: "SIGKILL",
    };
    assert_eq!(failed(&world, 0), &deadline);
    world.submit_many(1);
    world.play_to_the_end();
    assert_eq!(world.launches, 2);
}

// P4, D-3
#[test]
fn a_kill_takes_the_others_out_of_the_way_first() {
    let mut world = busy(config(1), 1);
    world.submit_many(1);
    assert_eq!(world.frames(0), [1]);
    world.take_log();
    world.kill(0, 0);
    let log = world.take_log();
    assert!(matches!(
        log[..],
        [Action::Revoke { .. }, Action::Revoke { .. }]
    ));
    world.settle();
    let kill = (0, Signal::Kill, Because::Killed);
    assert_eq!(signals(&world.take_log()), [kill]);
    let worker = world.worker(0).id;
    world.die(0, "SIGKILL");
    world.settle();
    let ran = Some((worker, "SIGKILL"));
    assert_eq!(failed(&world, 0), &Why::Killed { ran });
    world.play_to_the_end();
    assert_eq!(world.end_of(1), Some(&End::Delivered));
}

// P4
#[test]
fn a_kill_that_comes_too_late_harms_nobody() {
    let mut world = busy(config(1), 1);
    world.submit_many(1);
    // The first is done, the second runs, and nobody knows.
    world.finish(0);
    assert_eq!(world.start(0), Some(1));
    world.kill(0, 0);
    world.settle();
    assert_eq!(signals(&world.take_log()), []);
    world.finish(0);
    world.read(0);
    world.settle();
    assert_eq!(world.end_of(0), Some(&End::Delivered));
    assert_eq!(world.end_of(1), Some(&End::Delivered));
    world.play_to_the_end();
    assert_eq!(world.launches, 1);
}

#[test]
fn a_kill_of_what_has_not_started_ends_no_worker() {
    let mut world = busy(config(1), 1);
    world.submit_many(1);
    world.kill(1, 0);
    world.settle();
    assert_eq!(failed(&world, 1), &Why::Killed { ran: None });
    assert_eq!(signals(&world.take_log()), []);
    world.play_to_the_end();
    assert_eq!(world.launches, 1);
}

// P11
#[test]
fn a_worker_that_answers_what_it_was_not_asked_is_killed_and_concerns_no_other() {
    let mut world = busy(config(2), 2);
    let key = world.tasks[1].key.unwrap();
    let worker = world.worker(0).id;
    world.tell(Event::Answered {
        worker,
        key,
        answer: 1,
    });
    world.settle();
    let kill = (0, Signal::Kill, Because::Protocol);
    assert_eq!(signals(&world.take_log()), [kill]);
    assert_eq!(world.end_of(1), None);
    world.play_to_the_end();
    assert!(matches!(failed(&world, 0), Why::Died { .. }));
    assert_eq!(world.end_of(1), Some(&End::Delivered));
}

// P3, C-003
#[test]
fn cancelled_tasks_are_forgotten_wherever_they_are() {
    let mut world = busy(config(1), 1);
    world.submit_many(2);
    assert!(!world.cancel(0), "it runs");
    assert!(world.cancel(1), "it is at the worker");
    assert!(world.cancel(2), "it is queued");
    world.settle();
    world.play_to_the_end();
    assert_eq!(world.end_of(0), Some(&End::Delivered));
    assert_eq!(world.end_of(1), Some(&End::Forgotten));
    assert_eq!(world.end_of(2), Some(&End::Forgotten));
}

// C-192, C-193, C-203
#[test]
fn a_close_lets_everything_end_and_takes_nothing_more() {
    let mut world = busy(config(2), 2);
    world.submit_many(50);
    world.close(false);
    world.submit_many(1);
    assert_eq!(failed(&world, 52), &Why::Closed);
    world.close(false);
    world.play_to_the_end();
    for task in 0..52 {
        assert_eq!(world.end_of(task), Some(&End::Delivered));
    }
}

// C-194, C-204
#[test]
fn a_cancelling_close_takes_back_what_has_not_started() {
    let mut world = busy(config(2), 2);
    world.submit_many(50);
    world.close(false);
    world.close(true);
    world.settle();
    for task in 2..52 {
        assert_eq!(world.end_of(task), Some(&End::Cancelled));
    }
    for slot in 0..2 {
        let claims = &world.worker(slot).claims;
        let live = claims
            .values()
            .filter(|(_, claim)| *claim != Claim::Revoked);
        assert_eq!(live.count(), 1);
    }
    world.play_to_the_end();
    assert_eq!(world.end_of(0), Some(&End::Delivered));
    assert_eq!(world.end_of(1), Some(&End::Delivered));
}

// C-220, C-185, C-189
#[test]
fn a_death_after_the_close_is_made_good() {
    let mut config = config(1);
    config.max_tasks_per_child = NonZeroU32::new(1);
    let mut world = busy(config, 1);
    world.submit_many(2);
    world.close(false);
    world.die(0, "SIGSEGV");
    world.settle();
    world.play_to_the_end();
    assert!(matches!(failed(&world, 0), Why::Died { .. }));
    assert_eq!(world.end_of(1), Some(&End::Delivered));
    assert_eq!(world.end_of(2), Some(&End::Delivered));
    assert_eq!(world.launches, 3);
}

// C-210, C-216, C-217, C-187
#[test]
fn kill_all_ends_every_worker_once_and_replaces_none() {
    let mut world = busy(config(2), 2);
    world.submit_many(5);
    world.kill_all(3 * MS);
    world.settle();
    let term = |slot| (slot, Signal::Terminate, Because::Shutdown);
    assert_eq!(signals(&world.take_log()), [term(0), term(1)]);
    for task in 2..7 {
        assert_eq!(world.end_of(task), Some(&End::Cancelled));
    }
    world.worker_mut(0).stopped = true;
    world.die(1, "SIGTERM");
    world.advance(3 * MS);
    world.settle();
    let kill = (0, Signal::Kill, Because::Shutdown);
    assert_eq!(signals(&world.take_log()), [kill]);
    world.die(0, "SIGKILL");
    world.settle();
    assert!(world.over);
    assert!(matches!(failed(&world, 0), Why::Killed { ran: Some(_) }));
    assert!(matches!(failed(&world, 1), Why::Killed { ran: Some(_) }));
    assert_eq!(world.launches, 2);
}

// C-213, C-214
#[test]
fn kill_all_of_a_pool_without_workers_or_broken_is_quiet() {
    let mut world = World::new(config(2));
    world.kill_all(0);
    world.settle();
    assert!(world.over);
    assert_eq!(signals(&world.take_log()), []);

    let mut world = World::new(config(1));
    world.submit_many(1);
    world.refuse(0, true);
    world.settle();
    assert!(world.broken.is_some());
    world.kill_all(0);
    world.settle();
    assert!(world.over);
    assert_eq!(signals(&world.take_log()), []);
}

#[test]
fn events_of_a_former_worker_are_ignored() {
    let mut world = busy(config(1), 1);
    let worker = world.worker(0).id;
    let key = world.tasks[0].key.unwrap();
    world.submit_many(1);
    world.die(0, "SIGKILL");
    world.settle();
    world.bring_up(0);
    world.take_log();
    let answer = 0;
    let report = "again";
    let started = vec![key];
    for event in [
        Event::Answered {
            worker,
            key,
            answer,
        },
        Event::ProtocolError { worker },
        Event::Died {
            worker,
            report,
            started,
        },
    ] {
        world.tell(event);
    }
    world.settle();
    assert!(world.take_log().is_empty());
    world.play_to_the_end();
}

#[test]
fn stats_say_what_there_is_and_what_was() {
    let mut world = busy(config(2), 2);
    world.submit_many(3);
    let stats = world.supervisor.stats();
    assert_eq!((stats.workers, stats.running, stats.queued), (2, 2, 3));
    let pids: Vec<u32> = world.supervisor.workers().map(|(_, pid, _)| pid).collect();
    assert_eq!(pids, [1, 2]);
    world.die(0, "SIGKILL");
    world.settle();
    world.play();
    let stats = world.supervisor.stats();
    assert_eq!((stats.delivered, stats.failed, stats.crashed), (4, 1, 1));
    assert_eq!((stats.running, stats.queued), (0, 0));
    world.play_to_the_end();
    let stats = world.supervisor.stats();
    assert_eq!((stats.workers, stats.starting, stats.leaving), (0, 0, 0));
    assert_eq!(u64::from(world.launches), stats.launched);
}
