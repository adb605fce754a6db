//! Random lives of a pool against a plain account of what must hold.

mod supervisor_world;

use std::num::NonZeroU32;

use pool_process::parts::supervisor::{Config, Event, OnCrash};
use proptest::prelude::*;
use supervisor_world::{MS, Stage, World};

/// Something that happens. Workers and tasks are chosen among those there are.
#[derive(Clone, Copy, Debug)]
enum Op {
    Submit(u8),
    SubmitLimited(u16),
    Cancel(u16),
    Kill(u16, u8),
    /// A worker's next step, as it should be.
    Step(u8),
    /// A worker takes many steps before anybody reads its answers.
    Busy(u8, u8),
    /// It starts a task and stays with it.
    Start(u8),
    Read(u8),
    Refuse(u8, bool),
    FailInitializer(u8),
    /// It dies; if asked so, when it has just started something.
    Die(u8, bool),
    Stop(u8),
    Continue(u8),
    Garbage(u8),
    /// It answers a task that may not be its own.
    Lie(u8, u16),
    Advance(u32),
    AdvanceToDeadline,
    Prestart(u8),
    Close(bool),
    KillAll(u8),
    Settle,
}

/// What happens often, what seldom, and what once in a while.
fn ops(ends: u32) -> impl Strategy<Value = Op> {
    let often = prop_oneof![
        3 => (0u8..40).prop_map(Op::Submit),
        12 => any::<u8>().prop_map(Op::Step),
        8 => any::<(u8, u8)>().prop_map(|(w, n)| Op::Busy(w, n)),
        4 => any::<u8>().prop_map(Op::Start),
        4 => any::<u8>().prop_map(Op::Read),
        8 => Just(Op::Settle),
        3 => (0u32..200_000).prop_map(Op::Advance),
        2 => Just(Op::AdvanceToDeadline),
    ];
    let seldom = prop_oneof![
        4 => any::<u16>().prop_map(Op::SubmitLimited),
        1 => any::<u16>().prop_map(Op::Cancel),
        2 => any::<(u16, u8)>().prop_map(|(t, g)| Op::Kill(t, g)),
        5 => any::<(u8, bool)>().prop_map(|(w, runs)| Op::Die(w, runs)),
        1 => any::<u8>().prop_map(Op::Stop),
        2 => any::<u8>().prop_map(Op::Continue),
        1 => any::<u8>().prop_map(|w| Op::Refuse(w, false)),
        1 => (0u8..6).prop_map(Op::Prestart),
        2 => (0u32..30_000_000).prop_map(Op::Advance),
    ];
    let ending = prop_oneof![
        any::<u8>().prop_map(Op::FailInitializer),
        any::<u8>().prop_map(|w| Op::Refuse(w, true)),
        any::<u8>().prop_map(Op::Garbage),
        any::<(u8, u16)>().prop_map(|(w, t)| Op::Lie(w, t)),
        any::<bool>().prop_map(Op::Close),
        any::<u8>().prop_map(Op::KillAll),
    ];
    prop_oneof![60 => often, 15 => seldom, ends => ending]
}

fn configs() -> impl Strategy<Value = Config> {
    let crash = prop_oneof![
        9 => (0u32..3).prop_map(|retries| OnCrash::FailTask { retries }),
        1 => Just(OnCrash::BreakPool),
    ];
    let limit = prop_oneof![2 => Just(None), 1 => (1u32..9).prop_map(NonZeroU32::new)];
    let start = prop_oneof![9 => Just(None), 1 => Just(Some(50 * MS))];
    (1u32..5, limit, crash, start, 1u32..40).prop_map(|(workers, limit, crash, start, window)| {
        let mut config = Config::new(NonZeroU32::new(workers).unwrap());
        config.max_tasks_per_child = limit;
        config.on_crash = crash;
        config.start_limit = start;
        config.window_max = NonZeroU32::new(window).unwrap();
        config
    })
}

fn pick(choice: usize, of: usize) -> Option<usize> {
    (of > 0).then(|| choice % of)
}

/// One of the tasks that have not ended, among the first, which are at workers.
fn pick_open(world: &World, choice: u16) -> Option<usize> {
    let open = (0..world.tasks.len()).filter(|&task| world.tasks[task].end.is_none());
    let open: Vec<usize> = open.take(12).collect();
    Some(open[pick(choice.into(), open.len())?])
}

fn apply(world: &mut World, op: Op) {
    let places = world.workers.len();
    let slot = |choice: u8| choice as usize % places;
    let lives = |world: &World, slot: usize| world.workers[slot].is_some();
    let in_stage = |world: &World, slot: usize, stage: Stage| {
        world.workers[slot]
            .as_ref()
            .is_some_and(|worker| worker.stage == stage)
    };
    match op {
        Op::Submit(count) => {
            for _ in 0..count {
                world.submit(None);
            }
        }
        Op::SubmitLimited(limit) => {
            world.submit(Some(u64::from(limit) * 1_000));
        }
        Op::Cancel(task) => {
            if let Some(task) = pick_open(world, task) {
                world.cancel(task);
            }
        }
        Op::Kill(task, grace) => {
            if let Some(task) = pick_open(world, task) {
                world.kill(task, u64::from(grace % 3) * MS);
            }
        }
        Op::Step(w) => {
            world.step(slot(w));
        }
        Op::Busy(w, steps) => {
            for _ in 0..steps % 40 {
                world.start(slot(w));
                world.now += u64::from(steps) * 100;
                world.finish(slot(w));
            }
            if steps % 3 == 0 {
                world.start(slot(w));
            }
        }
        Op::Start(w) => {
            world.start(slot(w));
        }
        Op::Prestart(workers) => world.prestart(workers.into()),
        Op::Read(w) => world.read(slot(w)),
        Op::Refuse(w, lasting) => {
            if in_stage(world, slot(w), Stage::Launching) {
                world.refuse(slot(w), lasting);
            }
        }
        Op::FailInitializer(w) => {
            if in_stage(world, slot(w), Stage::Starting) {
                world.fail_initializer(slot(w));
            }
        }
        Op::Die(w, runs) => {
            if runs {
                world.start(slot(w));
            }
            if lives(world, slot(w)) && !in_stage(world, slot(w), Stage::Launching) {
                world.die(slot(w), "died");
            }
        }
        Op::Stop(w) => {
            if let Some(worker) = &mut world.workers[slot(w)] {
                worker.stopped = true;
            }
        }
        Op::Continue(w) => {
            if let Some(worker) = &mut world.workers[slot(w)] {
                worker.stopped = false;
            }
        }
        Op::Garbage(w) => {
            if let Some(worker) = &world.workers[slot(w)] {
                let worker = worker.id;
                world.tell(Event::ProtocolError { worker });
            }
        }
        Op::Lie(w, task) => lie(world, slot(w), task),
        Op::Advance(by) => world.advance(by.into()),
        Op::AdvanceToDeadline => {
            if let Some(at) = world.supervisor.next_deadline() {
                world.now = world.now.max(at);
            }
        }
        Op::Close(cancel) => world.close(cancel),
        Op::KillAll(grace) => world.kill_all(u64::from(grace % 3) * MS),
        Op::Settle => world.settle(),
    }
}

/// A worker answers a task of another worker, or one that is not there any more.
fn lie(world: &mut World, slot: usize, task: u16) {
    let (Some(task), Some(worker)) = (pick(task.into(), world.tasks.len()), &world.workers[slot])
    else {
        return;
    };
    let Some(key) = world.tasks[task].key else {
        return;
    };
    // A worker that answers its own task before it has claimed it is the claims' matter.
    if !worker.claims.contains_key(&key) {
        let worker = worker.id;
        world.tell(Event::Answered {
            worker,
            key,
            answer: u32::MAX,
        });
    }
}

/// Lets everything that was stopped go on, then nothing goes wrong any more.
fn end(world: &mut World) {
    world.settle();
    for worker in world.workers.iter_mut().flatten() {
        worker.stopped = false;
    }
    world.play_to_the_end();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    })]

    // P1, P4, P5, P12, C-180, C-183
    #[test]
    fn every_task_ends_once_whatever_happens(
        config in configs(),
        ops in prop::collection::vec(ops(0), 1..300),
    ) {
        let mut world = World::new(config);
        for op in ops {
            apply(&mut world, op);
        }
        end(&mut world);
    }

    // P1, C-187, C-203, C-220
    #[test]
    fn every_task_ends_once_when_the_pool_ends_early(
        config in configs(),
        ops in prop::collection::vec(ops(3), 1..100),
    ) {
        let mut world = World::new(config);
        for op in ops {
            apply(&mut world, op);
            world.settle();
        }
        end(&mut world);
    }
}

/// What a shell would never tell.
fn nonsense(
    world: &World,
    kind: u8,
    worker: usize,
    task: usize,
) -> Option<Event<u32, u32, &'static str>> {
    let worker = world.workers.iter().flatten().nth(worker)?.id;
    let key = world.tasks.get(task).and_then(|task| task.key);
    Some(match kind % 10 {
        0 => Event::Ready { worker },
        1 => Event::Launched { worker, pid: 1 },
        2 => Event::LaunchRefused {
            worker,
            report: "nonsense",
            lasting: true,
        },
        3 => Event::InitializerFailed {
            worker,
            report: "nonsense",
        },
        4 => Event::Started {
            worker,
            key: key?,
            at: u64::MAX,
        },
        5 => Event::Revoked {
            worker,
            key: key?,
            revoked: true,
        },
        6 => Event::Revoked {
            worker,
            key: key?,
            revoked: false,
        },
        7 => Event::Died {
            worker,
            report: "nonsense",
            started: key.into_iter().collect(),
        },
        8 => Event::Cancelled { key: key? },
        _ => Event::Skipped { worker },
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Only that nothing panics and that no task is given back twice or kept: the workers that
    /// these events speak of never were.
    // P1, P11
    #[test]
    fn nonsense_is_survived(
        config in configs(),
        told in prop::collection::vec((any::<u8>(), 0usize..6, 0usize..30, any::<u64>()), 1..200),
    ) {
        use pool_process::parts::supervisor::{Action, Supervisor};

        // The world only makes names of workers and tasks; its own supervisor is another.
        let mut world = World::new(config.clone());
        world.submit_many(20);
        for slot in 0..world.workers.len() {
            if world.workers[slot].is_some() {
                world.bring_up(slot);
            }
        }
        let mut supervisor = Supervisor::new(config);
        let mut out: Vec<Action<u32, u32, &'static str>> = Vec::new();
        for task in 0..20 {
            supervisor.handle(0, Event::Submit { task, limit: Some(1) }, &mut out);
        }
        let mut given_back = 0;
        for (kind, worker, task, now) in told {
            if let Some(event) = nonsense(&world, kind, worker, task) {
                supervisor.handle(now, event, &mut out);
            }
            if kind % 3 == 0 {
                supervisor.settle(now, &mut out);
            }
        }
        supervisor.handle(0, Event::KillAll { grace: 0 }, &mut out);
        for worker in world.workers.iter().flatten() {
            let worker = worker.id;
            supervisor.handle(0, Event::Died { worker, report: "end", started: vec![] }, &mut out);
        }
        for action in out {
            given_back += u32::from(matches!(
                action,
                Action::Deliver { .. }
                    | Action::Fail { .. }
                    | Action::Cancel { .. }
                    | Action::Forget { .. }
            ));
        }
        let left = supervisor.stats();
        prop_assert!(given_back as usize + left.queued + left.running == 20);
    }
}
