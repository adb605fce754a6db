//! What the supervision of one task costs: submit, send, answer, deliver. No process, no channel.

use std::hint::black_box;
use std::num::NonZeroU32;

use criterion::{BenchmarkId, Criterion, Throughput};
use pool_process::parts::supervisor::{Action, Config, Event, Supervisor};

/// So many tasks are submitted before any is answered.
const TASKS: u64 = 10_000;

type Did = Action<u64, u64, ()>;

/// A pool whose workers are all up.
fn pool(workers: u32) -> Supervisor<u64, ()> {
    let workers = NonZeroU32::new(workers).unwrap_or(NonZeroU32::MIN);
    let mut supervisor = Supervisor::new(Config::new(workers));
    let mut out: Vec<Did> = Vec::new();
    for task in 0..2 * u64::from(workers.get()) {
        supervisor.handle(0, Event::Submit { task, limit: None }, &mut out);
    }
    let mut now = 0;
    run(&mut supervisor, &mut now, &mut out);
    supervisor
}

/// Carries out until nothing is left: every worker answers all that it was sent, at once.
fn run(supervisor: &mut Supervisor<u64, ()>, now: &mut u64, out: &mut Vec<Did>) {
    let mut next = Vec::new();
    loop {
        *now += 5_000;
        supervisor.settle(*now, out);
        if out.is_empty() {
            return;
        }
        for action in out.drain(..) {
            match action {
                Action::Launch { worker } => {
                    supervisor.handle(*now, Event::Launched { worker, pid: 1 }, &mut next);
                    supervisor.handle(*now, Event::Ready { worker }, &mut next);
                }
                Action::Send { worker, key } => {
                    let answer = supervisor.task(key).copied().unwrap_or_default();
                    let event = Event::Answered {
                        worker,
                        key,
                        answer,
                    };
                    supervisor.handle(*now, event, &mut next);
                }
                Action::Deliver { answer, .. } => {
                    black_box(answer);
                }
                _ => {}
            }
        }
        std::mem::swap(out, &mut next);
    }
}

fn tasks(c: &mut Criterion) {
    let mut group = c.benchmark_group("supervisor");
    group.throughput(Throughput::Elements(TASKS));
    for workers in [1, 2, 64] {
        let mut supervisor = pool(workers);
        let (mut now, mut out) = (1, Vec::new());
        group.bench_function(BenchmarkId::new("burst", workers), |b| {
            b.iter(|| {
                for task in 0..TASKS {
                    supervisor.handle(now, Event::Submit { task, limit: None }, &mut out);
                }
                run(&mut supervisor, &mut now, &mut out);
            });
        });
    }
    for workers in [1, 2, 64] {
        let mut supervisor = pool(workers);
        let (mut now, mut out) = (1, Vec::new());
        group.bench_function(BenchmarkId::new("one at a time", workers), |b| {
            b.iter(|| {
                for task in 0..TASKS {
                    supervisor.handle(now, Event::Submit { task, limit: None }, &mut out);
                    run(&mut supervisor, &mut now, &mut out);
                }
            });
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    tasks(&mut criterion);
    criterion.final_summary();
}
