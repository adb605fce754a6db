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

    let odd = executor.for_each(is_even, [0, 2, 3]).unwrap_err();
    assert_eq!(odd.failures().len(), 1);

    let mut futures = Vec::new();
    for n in 0..8 {
        futures.push((n, executor.submit(Call(square, (n,)))?));
    }
    for (n, future) in as_completed(futures) {
        assert_eq!(future.result()?, n * n);
    }

    executor.shutdown();
    assert!(executor.call(square, (1,)).unwrap_err().is_shutdown());
    Ok(())
}

#[test]
fn threads_do_it() -> Outcome {
    main_job(&ThreadPoolExecutor::new(2)?)?;
    main_job(&AnyExecutor::from(ThreadPoolExecutor::new(2)?))
}

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
fn the_choice_is_made_while_the_program_runs() -> Outcome {
    let pools: [AnyExecutor; 2] = [
        ThreadPoolExecutor::new(1)?.into(),
        ProcessPoolExecutor::new(1)?.into(),
    ];
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
