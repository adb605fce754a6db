//! A host: runs one workload and writes what it found, a line of JSON.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use crate::contestant::Host;
use crate::pool::Pool;
use crate::pools::ours::{self, Ours, Owned};
use crate::pools::procspawn::{Copied, Procspawn, Renewed, Shared};
use crate::socketpair;
use crate::task::{Nothing, Sleep};
use crate::workload::Workload;

/// Figures by the name of their row. None: it never happened.
pub(crate) type Found = BTreeMap<&'static str, Option<f64>>;

/// All rows are with two.
const WORKERS: usize = 2;

/// What a program has open that its workers have no business with.
const HELD: usize = 100;

/// Runs the workload and writes the answer.
pub(crate) fn run(host: Host, workload: Workload, size: u64) -> Result<()> {
    raise_descriptor_limit()?;
    let found = match host {
        Host::Ours => run_on::<Ours<Owned>>(workload, size)?,
        Host::OursShared => run_on::<Ours<ours::Shared>>(workload, size)?,
        Host::Procspawn => run_on::<Procspawn<Copied>>(workload, size)?,
        Host::ProcspawnShared => run_on::<Procspawn<Shared>>(workload, size)?,
        Host::ProcspawnRenewed => run_on::<Procspawn<Renewed>>(workload, size)?,
        Host::Socketpair => socketpair::round_trips(size)?,
        Host::SocketpairEnd => return socketpair::answer(),
    };
    println!("{}", serde_json::to_string(&found)?);
    Ok(())
}

/// Some pools take descriptors by the task.
fn raise_descriptor_limit() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

fn run_on<P: Pool>(workload: Workload, size: u64) -> Result<Found> {
    let mut found = Found::new();
    match workload {
        Workload::Burst => {
            found.insert("burst", Some(burst::<P>(size)?));
        }
        Workload::Map | Workload::MapAuto => {
            let chunk = NonZeroUsize::new(64).filter(|_| workload == Workload::Map);
            if let Some(rate) = map::<P>(size, chunk) {
                found.insert(
                    if chunk.is_some() { "map" } else { "map-auto" },
                    Some(rate?),
                );
            }
        }
        Workload::RoundTrip => {
            let pool = warm_pool::<P>()?;
            let mut times = Vec::new();
            for n in 0..size {
                let start = Instant::now();
                ensure!(P::result(pool.submit::<Nothing>(n)?)? == n);
                times.push(start.elapsed());
            }
            insert_quantiles(&mut found, times);
        }
        Workload::Echo => {
            found.insert(echo_row(size), Some(echo::<P>(size as usize)?));
        }
        Workload::First => {
            let start = Instant::now();
            let pool = P::new(WORKERS)?;
            ensure!(P::result(pool.submit::<Nothing>(7)?)? == 7);
            found.insert("first", Some(milliseconds(start.elapsed())));
        }
        Workload::Notice => notice::<P>(&mut found)?,
        Workload::Outside => be_looked_at::<P>()?,
    }
    Ok(found)
}

pub(crate) fn echo_row(size: u64) -> &'static str {
    if size > 1 << 20 {
        "echo-64m"
    } else {
        "echo-1m"
    }
}

/// The middle and the slow ones, in µs.
pub(crate) fn insert_quantiles(found: &mut Found, mut times: Vec<Duration>) {
    times.sort();
    let at = |q: f64| {
        let index = (q * (times.len() - 1) as f64).round() as usize;
        times.get(index).map(|t| t.as_nanos() as f64 / 1e3)
    };
    found.insert("round-trip-p50", at(0.5));
    found.insert("round-trip-p99", at(0.99));
}

fn milliseconds(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}

/// Both workers are there and have worked.
fn warm_pool<P: Pool>() -> Result<P> {
    let pool = P::new(WORKERS)?;
    let meet = |n| pool.submit::<Sleep>((String::new(), n));
    for handle in [meet(100)?, meet(101)?] {
        P::result(handle)?;
    }
    submit_and_take(&pool, 1000)?;
    Ok(pool)
}

fn submit_and_take<P: Pool>(pool: &P, tasks: u64) -> Result<()> {
    let part = tasks.min(P::MOST_PENDING as u64);
    let mut handles = Vec::with_capacity(part as usize);
    let (mut submitted, mut sum) = (0, 0);
    while submitted < tasks {
        let end = tasks.min(submitted + part);
        for n in submitted..end {
            handles.push(pool.submit::<Nothing>(n)?);
        }
        for handle in handles.drain(..) {
            sum += P::result(handle)?;
        }
        submitted = end;
    }
    ensure!(sum == tasks * (tasks - 1) / 2);
    Ok(())
}

/// Tasks a second.
fn burst<P: Pool>(tasks: u64) -> Result<f64> {
    let pool = warm_pool::<P>()?;
    let start = Instant::now();
    submit_and_take(&pool, tasks)?;
    Ok(tasks as f64 / start.elapsed().as_secs_f64())
}

/// Items a second.
fn map<P: Pool>(items: u64, chunk: Option<NonZeroUsize>) -> Option<Result<f64>> {
    let run = |pool: &P, items: u64| {
        pool.map(items, chunk).map(|sum| {
            ensure!(sum? == items * (items - 1) / 2);
            Ok(())
        })
    };
    let pool = match warm_pool::<P>() {
        Ok(pool) => pool,
        Err(error) => return Some(Err(error)),
    };
    if let Err(error) = run(&pool, 10_000)? {
        return Some(Err(error));
    }
    let start = Instant::now();
    let ran = run(&pool, items)?;
    Some(ran.map(|()| items as f64 / start.elapsed().as_secs_f64()))
}

/// Bytes a second there and back, each counted once, in MB/s.
fn echo<P: Pool>(size: usize) -> Result<f64> {
    let pool = warm_pool::<P>()?;
    let mut bytes = vec![7; size];
    let mut turn = || -> Result<()> {
        let back = pool.echo(P::payload(&mut bytes))?;
        ensure!(P::check(back, &mut bytes) == (size, 7));
        Ok(())
    };
    let turns = (256 << 20) / size.max(1);
    // The first ones bring memory.
    for _ in 0..turns.div_ceil(4) {
        turn()?;
    }
    let start = Instant::now();
    for _ in 0..turns {
        turn()?;
    }
    Ok((turns * size) as f64 / 1e6 / start.elapsed().as_secs_f64())
}

/// A worker is killed while both are busy and tasks are queued.
fn notice<P: Pool>(found: &mut Found) -> Result<()> {
    let pool = warm_pool::<P>()?;
    let folder = Folder::new()?;
    let victim = folder.path("victim");
    let other = folder.path("other");
    let doomed = pool.submit::<Sleep>((victim.display().to_string(), 20_000))?;
    let pid = read_pid(&victim)?;
    let surviving = pool.submit::<Sleep>((other.display().to_string(), 300))?;
    read_pid(&other)?;
    let queued: Result<Vec<_>> = (0..8).map(|n| pool.submit::<Nothing>(n)).collect();
    let start = Instant::now();
    kill_process(pid, Signal::KILL)?;
    ensure!(P::result(doomed).is_err(), "a killed task has a result");
    found.insert("notice", Some(milliseconds(start.elapsed())));
    let survived = P::result(surviving).is_ok();
    found.insert("survives", Some(f64::from(u8::from(survived))));
    let ran = queued?
        .into_iter()
        .filter_map(|q| P::result(q).ok())
        .count();
    found.insert("queued", Some(f64::from(u8::from(ran == 8))));
    Ok(())
}

/// Says `idle`, waits for a line, says `busy`, and waits for its end.
fn be_looked_at<P: Pool>() -> Result<()> {
    // Nobody else opens this one.
    let file = std::env::current_exe()?;
    let held: Result<Vec<File>, _> = (0..HELD).map(|_| File::open(&file)).collect();
    let held = held?;
    let pool = warm_pool::<P>()?;
    let folder = Folder::new()?;
    say("idle")?;
    std::io::stdin().lock().read_line(&mut String::new())?;
    let path = folder.path("busy");
    let busy = pool.submit::<Sleep>((path.display().to_string(), 30_000))?;
    read_pid(&path)?;
    // Nobody will: this host is killed.
    drop(folder);
    say("busy")?;
    P::result(busy)?;
    drop(held);
    Ok(())
}

fn say(word: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word}")?;
    Ok(out.flush()?)
}

/// Waits for the file in which a task says where it runs.
fn read_pid(path: &Path) -> Result<Pid> {
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        if let Ok(text) = std::fs::read_to_string(path) {
            return Pid::from_raw(text.parse()?).context("no process number");
        }
        ensure!(Instant::now() < patience, "a task did not start");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A folder that is removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let name = format!("peers-process-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
