//! Three places to handle a failure: in the task, at `result()`, through `exception()`.
//!
//! Output:
//! ```text
//! in the task:      0
//! at result():      task `…` failed: invalid digit found in string
//! its own type:     IntErrorKind InvalidDigit
//! by exception():   task `…` panicked: no number at all
//! no exception:     true
//! ```

use concurrent_futures::{TaskError, ThreadPoolExecutor};
use std::error::Error;
use std::num::ParseIntError;

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(2)?;

    // In the task: what it returns is a value, and the caller never hears of the error.
    let future = pool.submit(|| "seven".parse::<i32>().unwrap_or(0))?;
    println!("in the task:      {}", future.result()?);

    // At result(): an Err from submit_fallible is a TaskError there, and `?` passes it on.
    let future = pool.submit_fallible(|| "seven".parse::<i32>())?;
    match future.result() {
        Ok(number) => println!("at result():      {number}"),
        Err(error) => {
            println!("at result():      {error}");
            // The error itself can be had back.
            if let Some(error) = error.downcast_ref::<ParseIntError>() {
                println!("its own type:     IntErrorKind {:?}", error.kind());
            }
        }
    }

    // Through exception(): the future keeps its outcome, and can still be read.
    let future = pool.submit(|| -> i32 { panic!("no number at all") })?;
    match future.exception() {
        Some(TaskError::Panicked(panicked)) => println!("by exception():   {panicked}"),
        other => println!("by exception():   {other:?}"),
    }
    let future = pool.submit(|| 7)?;
    println!("no exception:     {}", future.exception().is_none());
    Ok(())
}
