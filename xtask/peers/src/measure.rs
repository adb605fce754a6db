//! The workloads, for any pool of this process.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};

use crate::heap::heap;
use crate::pool::{Cancels, Pool};
use crate::sample::Sample;
use crate::work::{ideal, steps, steps_in, together};
use crate::workload::{Work, Workload};

/// Does one round. None: the pool has no such thing.
pub(crate) fn measure<P: Pool>(workload: Workload) -> Result<Option<Sample>> {
    let Workload { work, workers } = workload.divided(P::SLOWER);
    let sample = match work {
        Work::Burst { tasks } => with::<P, _>(workers, |pool| burst(pool, tasks)).into(),
        Work::PingPong { turns, gap } => with::<P, _>(workers, |pool| ping_pong(pool, turns, gap)),
        Work::AsCompleted { tasks } => with::<P, _>(workers, |p| as_completed(p, tasks)).into(),
        Work::Tree { .. } if !P::QUEUES => return Ok(None),
        Work::Tree { depth } => with::<P, _>(workers, |pool| tree(pool, depth)).into(),
        Work::Producers { producers, tasks } => {
            with::<P, _>(workers, |pool| several(pool, producers, tasks)).into()
        }
        Work::Effort { tasks, each } => {
            with::<P, _>(workers, |pool| effort(pool, workers, tasks, each)).into()
        }
        Work::WaitAll { tasks } => with::<P, _>(workers, |pool| wait_all(pool, tasks)).into(),
        Work::Start { .. } if !P::QUEUES => return Ok(None),
        Work::Start { times } => start::<P>(workers, times),
        Work::Cancel { .. } if P::CANCELS == Cancels::Never => return Ok(None),
        Work::Cancel { tasks } => with::<P, _>(workers, |p| cancel(p, workers, tasks)).into(),
        Work::Backlog { .. } if !P::QUEUES => return Ok(None),
        Work::Backlog { tasks, in_order } => {
            with::<P, _>(workers, |p| backlog(p, workers, tasks, in_order)).into()
        }
        Work::Idle => with::<P, _>(workers, idle)?.into(),
        Work::Pending { .. } | Work::Allocations { .. } if !P::QUEUES => return Ok(None),
        Work::Pending { tasks } => {
            return Ok(with::<P, _>(workers, |p| pending(p, workers, tasks)));
        }
        Work::Allocations { tasks } => return Ok(with::<P, _>(workers, |p| allocations(p, tasks))),
    };
    Ok(Some(sample))
}

/// Makes a pool, has it run a task, and ends it afterwards.
pub(crate) fn with<P: Pool, R>(workers: usize, body: impl FnOnce(&P) -> R) -> R {
    let pool = P::start(workers);
    P::take(pool.submit(|| ()));
    let result = body(&pool);
    pool.stop();
    result
}

fn each(elapsed: Duration, tasks: u64) -> f64 {
    elapsed.as_nanos() as f64 / tasks as f64
}

fn submit_and_take<P: Pool>(pool: &P, tasks: u64) {
    let handles: Vec<_> = (0..tasks).map(|n| pool.submit(move || n * 2)).collect();
    let sum: u64 = handles.into_iter().map(P::take).sum();
    assert_eq!(sum, tasks * (tasks - 1));
}

fn burst<P: Pool>(pool: &P, tasks: u64) -> f64 {
    let start = Instant::now();
    submit_and_take(pool, tasks);
    each(start.elapsed(), tasks)
}

fn ping_pong<P: Pool>(pool: &P, turns: u64, gap: Duration) -> Sample {
    let turn = |n: u64| {
        if !gap.is_zero() {
            thread::sleep(gap);
        }
        let start = Instant::now();
        assert_eq!(P::take(pool.submit(move || n)), n);
        start.elapsed().as_nanos() as f64
    };
    Sample::of((0..turns).map(turn).collect())
}

fn as_completed<P: Pool>(pool: &P, tasks: u64) -> f64 {
    let start = Instant::now();
    // Some take longer than their neighbours, so that they finish out of order.
    let jobs = (0..tasks).map(|n| {
        move || {
            steps(n.wrapping_mul(0x9e37_79b9) >> 4 & 15);
            n
        }
    });
    let mut sum = 0;
    pool.as_completed(jobs, |n| sum += n);
    assert_eq!(sum, tasks * (tasks - 1) / 2);
    each(start.elapsed(), tasks)
}

/// What the tasks of a tree share.
struct Leaves {
    left: AtomicU64,
    done: Sender<()>,
}

fn tree<P: Pool>(pool: &P, depth: u32) -> f64 {
    let (done, seen) = mpsc::channel();
    let left = AtomicU64::new(1 << depth);
    let leaves: &Leaves = Box::leak(Box::new(Leaves { left, done }));
    let inside = pool.inside();
    let start = Instant::now();
    // The root is a task too: some pools know their workers by their threads.
    let root = pool.submit(move || grow::<P>(inside, leaves, depth));
    seen.recv().expect("the sender is never dropped");
    let elapsed = start.elapsed();
    P::take(root);
    each(elapsed, (2 << depth) - 1)
}

fn grow<P: Pool>(inside: P::Inside, leaves: &'static Leaves, depth: u32) {
    if depth == 0 {
        // ORDERING: whoever takes the last one sends through a channel, which orders the rest.
        if leaves.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            leaves.done.send(()).expect("the tree is waited for");
        }
        return;
    }
    let first = inside.clone();
    P::spawn_inside(&inside, move || grow::<P>(first, leaves, depth - 1));
    let second = inside.clone();
    P::spawn_inside(&inside, move || grow::<P>(second, leaves, depth - 1));
}

fn several<P: Pool>(pool: &P, producers: u64, tasks: u64) -> f64 {
    let each_submits = tasks / producers;
    let elapsed = together(producers as usize, || submit_and_take(pool, each_submits));
    each(elapsed, each_submits * producers)
}

/// The time that as many threads as can run at once need without a pool, by the time with it.
fn effort<P: Pool>(pool: &P, workers: usize, tasks: u64, time: Duration) -> f64 {
    let steps_each = steps_in(time);
    let ideal = ideal(tasks, steps_each, workers);
    let start = Instant::now();
    let job = |_| pool.submit(move || steps(steps_each));
    let handles: Vec<_> = (0..tasks).map(job).collect();
    for handle in handles {
        black_box(P::take(handle));
    }
    ideal.as_secs_f64() / start.elapsed().as_secs_f64()
}

fn wait_all<P: Pool>(pool: &P, tasks: u64) -> f64 {
    let start = Instant::now();
    let handles: Vec<_> = (0..tasks).map(|n| pool.submit(move || n)).collect();
    pool.wait_all(handles);
    each(start.elapsed(), tasks)
}

fn start<P: Pool>(workers: usize, times: u64) -> Sample {
    let once = |n: u64| {
        let start = Instant::now();
        let pool = P::start(workers);
        assert_eq!(P::take(pool.submit(move || n)), n);
        pool.stop();
        start.elapsed().as_nanos() as f64
    };
    Sample::of((0..times).map(once).collect())
}

/// Keeps every worker busy until it is opened.
struct Gate<P: Pool> {
    barrier: Arc<Barrier>,
    held: Vec<P::Handle<()>>,
}

impl<P: Pool> Gate<P> {
    fn shut(pool: &P, workers: usize) -> Self {
        let barrier = Arc::new(Barrier::new(workers + 1));
        let (inside, arrivals) = mpsc::channel();
        let job = |_| {
            let (barrier, inside) = (barrier.clone(), inside.clone());
            pool.submit(move || {
                inside.send(()).expect("the arrivals are waited for");
                barrier.wait();
            })
        };
        let mut held: Vec<_> = (0..workers).map(job).collect();
        let mut missing = workers;
        while missing > 0 {
            match arrivals.recv_timeout(NUDGE) {
                Ok(()) => missing -= 1,
                // Some pools let a task wait behind one that blocks while another worker sleeps,
                // until something more is submitted.
                Err(_) => held.push(pool.submit(|| ())),
            }
        }
        Self { barrier, held }
    }

    /// Lets the workers go, once.
    fn open(&self) {
        self.barrier.wait();
    }

    /// Waits until they have gone.
    fn leave(self) {
        self.held.into_iter().for_each(P::take);
    }
}

/// A worker that has not come for so long has not been woken.
const NUDGE: Duration = Duration::from_millis(20);

/// Small numbers are done several times, until it is about so many tasks.
const ENOUGH: u64 = 20_000;

fn backlog<P: Pool>(pool: &P, workers: usize, tasks: u64, in_order: bool) -> f64 {
    let times = (ENOUGH / tasks).clamp(1, 200);
    let once = |_| {
        let gate = Gate::shut(pool, workers);
        let start = Instant::now();
        let jobs = (0..tasks).map(|n| {
            // The last one is made when all others are submitted.
            if n == tasks - 1 {
                gate.open();
            }
            move || n
        });
        let mut sum = 0;
        if in_order {
            let handles: Vec<_> = jobs.map(|job| pool.submit(job)).collect();
            sum = handles.into_iter().map(P::take).sum();
        } else {
            pool.as_completed(jobs, |n| sum += n);
        }
        let elapsed = start.elapsed();
        assert_eq!(sum, tasks * (tasks - 1) / 2);
        gate.leave();
        elapsed
    };
    each((0..times).map(once).sum(), times * tasks)
}

fn cancel<P: Pool>(pool: &P, workers: usize, tasks: u64) -> f64 {
    let gate = Gate::shut(pool, workers);
    let handles: Vec<_> = (0..tasks).map(|n| pool.submit(move || n)).collect();
    let start = Instant::now();
    handles.into_iter().for_each(P::cancel);
    let elapsed = start.elapsed();
    gate.open();
    gate.leave();
    each(elapsed, tasks)
}

/// None, as below: this program does not count.
fn pending<P: Pool>(pool: &P, workers: usize, tasks: u64) -> Option<Sample> {
    let gate = Gate::shut(pool, workers);
    let mut handles = Vec::with_capacity(tasks as usize);
    let before = heap()?.bytes_held;
    handles.extend((0..tasks).map(|n| pool.submit(move || n)));
    let bytes = heap()?.bytes_held - before;
    gate.open();
    gate.leave();
    handles.into_iter().map(P::take).for_each(drop);
    Some((bytes as f64 / tasks as f64).into())
}

fn allocations<P: Pool>(pool: &P, tasks: u64) -> Option<Sample> {
    submit_and_take(pool, tasks);
    let before = heap()?.allocations;
    submit_and_take(pool, tasks);
    let made = heap()?.allocations - before;
    Some((made as f64 / tasks as f64).into())
}

fn idle<P: Pool>(pool: &P) -> Result<f64> {
    submit_and_take(pool, 20_000 / P::SLOWER);
    thread::sleep(Duration::from_millis(50));
    let before = processor_time();
    thread::sleep(Duration::from_secs(1));
    Ok((processor_time() - before).as_nanos() as f64 / 1e3)
}

/// What this process has used of all processors.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
