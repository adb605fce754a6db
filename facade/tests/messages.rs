//! The headings of the troubleshooting chapter are the messages that the library prints.
#![cfg(not(cf_loom))]

mod headings;

use concurrent_futures::*;
use std::error::Error;
use std::io;
use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

const CHAPTER: &str = include_str!("../src/doc/troubleshooting.md");
const MOMENT: Duration = Duration::from_millis(1);

/// What the builder says when the environment asks for a wrong number of workers.
fn in_a_wrong_environment() -> Result<String, Box<dyn Error>> {
    let child = Command::new(std::env::current_exe()?)
        .args(["--ignored", "--exact", "prints_the_default", "--nocapture"])
        .env("CONCURRENT_FUTURES_MAX_WORKERS", "many")
        .output()?;
    let printed = String::from_utf8(child.stdout)?;
    let message = printed.lines().find_map(|line| line.split_once("error: "));
    Ok(message.expect("it prints an error").1.to_owned())
}

#[test]
#[ignore = "for in_a_wrong_environment, in a process of its own"]
fn prints_the_default() {
    match ThreadPoolExecutor::builder().build() {
        Ok(pool) => println!("{pool:?}"),
        Err(error) => println!("error: {error}"),
    }
}

/// One of each error that a user can meet.
fn messages() -> Result<Vec<String>, Box<dyn Error>> {
    let mut all: Vec<Box<dyn Error>> = Vec::new();

    let pool = ThreadPoolExecutor::new(1)?;
    let panicked = pool.submit(|| panic!("out of paper"))?;
    all.push(Future::<()>::result(panicked).unwrap_err().into());
    let failed = pool.submit_fallible(|| "x".parse::<u8>())?;
    all.push(failed.result().unwrap_err().into());
    all.push(
        pool.for_each(|n| assert!(n > 0, "zero"), 0..3)
            .unwrap_err()
            .into(),
    );
    // A task that is given its own future to wait for.
    let (give, given) = channel::<FutureHandle>();
    let waits = pool.submit(move || given.recv().expect("it is sent").wait())?;
    give.send(waits.handle())?;
    all.push(waits.result()?.unwrap_err().into());
    pool.shutdown();
    all.push(pool.submit(|| 7).unwrap_err().into());

    let broken = ThreadPoolExecutor::builder()
        .max_workers(1)
        .initializer(|| Err::<(), _>(io::Error::other("no route to host")))
        .build()?;
    if let Ok(future) = broken.submit(|| 7) {
        all.push(future.result().unwrap_err().into());
    }
    all.push(broken.submit(|| 7).unwrap_err().into());
    let refused = SubmitErrorKind::Spawn(Arc::new(io::ErrorKind::WouldBlock.into()));
    all.push(SubmitError::new(refused, "status", ()).into());

    let (_promise, future) = promise::<()>();
    future.cancel();
    all.push(future.result().unwrap_err().into());
    let (_promise, future) = promise::<()>();
    all.push(future.result_timeout(MOMENT).unwrap_err().into());
    let (mut set_twice, _future) = promise();
    set_twice.set_result(1)?;
    all.push(set_twice.set_result(2).unwrap_err().into());
    let (forgotten, future) = promise::<()>();
    drop(forgotten);
    all.push(future.result().unwrap_err().into());

    let future = || promise::<()>().1;
    let (adder, set) = bounded_future_set(NonZeroUsize::MIN);
    adder.add(future())?;
    all.push(adder.try_add(future()).unwrap_err().into());
    all.push(adder.add_timeout(future(), MOMENT).unwrap_err().into());
    drop(set);
    all.push(adder.add(future()).unwrap_err().into());

    all.push(ThreadPoolExecutor::new(0).unwrap_err().into());
    all.push(ThreadPoolExecutor::new(usize::MAX).unwrap_err().into());
    let builder = || ThreadPoolExecutor::builder().max_workers(1);
    all.push(builder().min_workers(2).build().unwrap_err().into());
    all.push(
        builder()
            .thread_name_prefix("\0")
            .build()
            .unwrap_err()
            .into(),
    );
    all.push(in_a_wrong_environment()?.into());
    let panicking = builder().initializer(|| -> Result<(), io::Error> { panic!("no host") });
    if let Ok(future) = panicking.build()?.submit(|| 7) {
        all.push(future.result().unwrap_err().into());
    }
    let busy = ThreadPoolExecutor::new(1)?;
    let (open, gate) = channel::<()>();
    let _busy = busy.submit(move || gate.recv().is_ok())?;
    let late = busy.shutdown_with(ShutdownOptions::new().timeout(MOMENT));
    all.push(late.unwrap_err().into());
    open.send(())?;
    let ends_itself = ThreadPoolExecutor::new(1)?;
    let handle = ends_itself.handle();
    let inside = ends_itself.submit(move || handle.shutdown_with(ShutdownOptions::new()))?;
    all.push(inside.result()?.unwrap_err().into());

    Ok(all.iter().map(ToString::to_string).collect())
}

#[test]
fn every_message_is_a_heading_and_every_heading_a_message() -> Result<(), Box<dyn Error>> {
    let (library, _) = CHAPTER
        .split_once("# From the compiler")
        .expect("it has a second part");
    headings::check(&messages()?, &headings::headings(library));
    Ok(())
}
