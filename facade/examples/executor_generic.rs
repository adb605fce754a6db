//! One program body for any executor: choosing the pool is one line of `main`.
//!
//! What may run elsewhere is a function and its arguments: pass them, do not capture them.
//!
//! Output:
//! ```text
//! 55 is the sum of the squares
//! [1, 4, 9, 16, 25]
//! area 12
//! ```

use concurrent_futures::{Executor, ThreadPoolExecutor};
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

fn main() -> Result<(), Box<dyn Error>> {
    main_job(&ThreadPoolExecutor::new(4)?)
}
