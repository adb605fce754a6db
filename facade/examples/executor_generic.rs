//! One program body for any executor: threads, processes, or what the command line says.
//!
//! What may run elsewhere is a function and its arguments: pass them, do not capture them.
//!
//! Output:
//! ```text
//! in threads:
//! 55 is the sum of the squares
//! [1, 4, 9, 16, 25]
//! area 12
//! in processes:
//! 55 is the sum of the squares
//! [1, 4, 9, 16, 25]
//! area 12
//! as chosen (`threads` or `processes`):
//! 55 is the sum of the squares
//! [1, 4, 9, 16, 25]
//! area 12
//! ```

use concurrent_futures::{AnyExecutor, Executor, ThreadPoolExecutor};
use std::error::Error;

fn square(n: u64) -> u64 {
    n * n
}

fn area(width: u32, height: u32) -> u32 {
    width * height
}

/// Knows no pool by name.
fn main_job<E: Executor>(executor: &E) -> Result<(), Box<dyn Error>> {
    let squares = executor.map(square, 1..=5).collect::<Result<Vec<_>, _>>()?;
    println!("{} is the sum of the squares", squares.iter().sum::<u64>());
    println!("{squares:?}");

    let future = executor.call(area, (3, 4))?;
    println!("area {}", future.result()?);
    Ok(())
}

/// Where there are no processes, threads take their place.
fn processes() -> Result<impl Executor + Into<AnyExecutor>, Box<dyn Error>> {
    #[cfg(target_os = "linux")]
    return Ok(concurrent_futures::ProcessPoolExecutor::new(4)?);
    #[cfg(not(target_os = "linux"))]
    return Ok(ThreadPoolExecutor::new(4)?);
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("in threads:");
    main_job(&ThreadPoolExecutor::new(4)?)?;
    println!("in processes:");
    main_job(&processes()?)?;

    println!("as chosen (`threads` or `processes`):");
    let chosen: AnyExecutor = match std::env::args().nth(1).as_deref() {
        None | Some("threads") => ThreadPoolExecutor::new(4)?.into(),
        Some("processes") => processes()?.into(),
        Some(other) => return Err(format!("there is no executor called {other:?}").into()),
    };
    main_job(&chosen)
}
