//! One function body, given every executor there is.
#![cfg(all(feature = "serde", not(cf_loom)))]

use concurrent_futures::*;
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;

fn square(n: u64) -> u64 {
    n * n
}

fn parse(text: String) -> Result<u32, RemoteError> {
    Ok(text.parse()?)
}

fn is_even(n: u32) {
    assert!(n % 2 == 0, "{n} is odd");
}

fn divide(a: u32, b: u32) -> Result<u32, String> {
    a.checked_div(b).ok_or_else(|| format!("{a} / {b}"))
}

/// A job type of its own.
#[derive(serde::Serialize, serde::Deserialize)]
struct Halve(u32);

impl Job for Halve {
    type Output = Result<u32, String>;

    fn run(self) -> Result<u32, String> {
        if self.0 % 2 == 0 {
            Ok(self.0 / 2)
        } else {
            Err(format!("{} is odd", self.0))
        }
    }
}

/// Knows no pool by name.
fn main_job<E: Executor>(executor: &E) -> Outcome {
    assert_eq!(executor.call(square, (5,))?.result()?, 25);

    let squares: Result<Vec<_>, _> = executor.map(square, 0..100).collect();
    assert_eq!(squares?, (0..100).map(square).collect::<Vec<_>>());
    let options = MapOptions::new().eager();
    let squares: Result<Vec<_>, _> = executor.map_with(options, square, [2, 3]).collect();
    assert_eq!(squares?, [4, 9]);

    let parsed = executor.submit_fallible(Call(parse, ("7".to_owned(),)))?;
    assert_eq!(parsed.result()?, 7);
    let refused = executor.submit_fallible(Call(parse, ("x".to_owned(),)))?;
    let error = refused.result().unwrap_err();
    let cause = error
        .downcast_ref::<RemoteCause>()
        .expect("it was made by `?`");
    assert_eq!(cause.to_string(), "invalid digit found in string");

    let refused = executor.call_fallible(parse, ("x".to_owned(),))?;
    assert!(refused.result().is_err());

    let odd = executor.for_each(is_even, [0, 2, 3]).unwrap_err();
    assert_eq!(odd.failures().len(), 1);

    many(executor)?;

    let mut futures = Vec::new();
    for n in 0..8 {
        futures.push((n, executor.submit(Call(square, (n,)))?));
    }
    for (n, future) in as_completed(futures) {
        assert_eq!(future.result()?, n * n);
    }

    executor.shutdown();
    assert!(executor.call(square, (1,)).unwrap_err().is_shutdown());
    let refused = executor.submit_all([Halve(2), Halve(4)]).unwrap_err();
    assert_eq!(refused.into_job().len(), 2);
    let refused = executor.for_each(is_even, [0, 2]).unwrap_err();
    assert_eq!(refused.failures().len(), 1);
    Ok(())
}

/// The verbs for many.
fn many<E: Executor>(executor: &E) -> Outcome {
    let futures = executor.submit_all((0..50).map(|n| Call(square, (n,))))?;
    for (n, future) in (0..).zip(futures) {
        assert_eq!(future.result()?, n * n);
    }

    let powers: Result<Vec<_>, _> = executor.starmap(u32::pow, (2..9).zip([5, 2, 3])).collect();
    assert_eq!(powers?, [32, 9, 64]);
    let eager = MapOptions::new().eager();
    let powers: Result<Vec<_>, _> = executor
        .starmap_with(eager, u32::pow, [(2, 10), (3, 2)])
        .collect();
    assert_eq!(powers?, [1024, 9]);
    let divisors = (0..20).map(|n| (60, n));
    let failed: Vec<_> = executor.starmap_fallible(divide, divisors).collect();
    let error = failed[0].as_ref().unwrap_err().to_string();
    assert!(error.ends_with("divide` failed: 60 / 0"), "{error}");
    assert_eq!(failed.iter().flatten().count(), 19);

    let words = || ["1", "x", "3"].map(String::from);
    let numbers = executor.map_fallible(parse, words());
    assert_eq!(numbers.flatten().sum::<u32>(), 4);
    let numbers = executor.map_fallible_with(eager, parse, words());
    assert_eq!(numbers.filter(Result::is_err).count(), 1);
    let bad = executor.for_each_fallible(|word: String| parse(word).map(drop), words());
    assert_eq!(bad.unwrap_err().failures()[0].0, 1);

    let halves = executor.map_fallible_jobs(MapOptions::new(), Halve, 0..10);
    assert_eq!(halves.flatten().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    let halves = executor.map_jobs(eager, Halve, [1, 2]);
    let halves: Result<Vec<_>, _> = halves.collect();
    assert_eq!(halves?, [Err("1 is odd".to_owned()), Ok(1)]);
    Ok(())
}

// T4, T5
#[test]
fn threads_do_it() -> Outcome {
    main_job(&ThreadPoolExecutor::new(2)?)?;
    main_job(&AnyExecutor::from(ThreadPoolExecutor::new(2)?))
}

// T4, T5
#[cfg(all(feature = "process", target_os = "linux"))]
#[test]
fn processes_do_it() -> Outcome {
    main_job(&ProcessPoolExecutor::new(2)?)?;
    main_job(&AnyExecutor::from(ProcessPoolExecutor::new(2)?))
}

#[cfg(all(feature = "process", target_os = "linux"))]
#[test]
fn a_handle_does_it() -> Outcome {
    let pool = ProcessPoolExecutor::new(2)?;
    main_job(&pool.handle())
}

#[cfg(all(feature = "process", target_os = "linux"))]
#[test]
fn both_pools_take_the_same_words_about_their_end() -> Outcome {
    let options = ShutdownOptions::new().timeout(std::time::Duration::from_secs(60));
    let threads = ThreadPoolExecutor::builder().drop_policy(DropPolicy::Cancel);
    threads.build()?.shutdown_with(options)?;
    let processes = ProcessPoolExecutor::builder().drop_policy(DropPolicy::Cancel);
    processes.build()?.shutdown_with(options)?;
    Ok(())
}

#[cfg(all(feature = "process", target_os = "linux"))]
#[test]
fn the_choice_is_made_while_the_program_runs() -> Outcome {
    let pools: [AnyExecutor; 2] = [
        ThreadPoolExecutor::new(1)?.into(),
        ProcessPoolExecutor::new(1)?.into(),
    ];
    for pool in &pools {
        assert_eq!(pool.prestart(3)?, 1);
    }
    let mut workers = pools.each_ref().map(|pool| {
        let future = pool.call(std::process::id, ()).expect("the pool is open");
        future.result().expect("it does not fail")
    });
    workers.sort_by_key(|&pid| pid != std::process::id());
    assert_eq!(workers[0], std::process::id());
    assert_ne!(workers[1], std::process::id());
    assert!(format!("{:?}", pools[1]).starts_with("ProcessPoolExecutor {"));
    Ok(())
}
