//! Callbacks run in order, in the worker; a panicking one harms nobody.
//!
//! When `result()` returns, the callbacks registered before completion have run.
//!
//! Output:
//! ```text
//! first callback sees 42
//! second callback panics
//! third callback still runs
//! the result is 42
//! added late: runs at once
//! ```

use concurrent_futures::ThreadPoolExecutor;
use std::error::Error;
use std::sync::mpsc::channel;

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(1)?;

    let (open, gate) = channel::<()>();
    let future = pool.submit(move || {
        gate.recv().expect("main opens the gate");
        42
    })?;
    future.add_done_callback(|future| match future.result_ref() {
        Some(Ok(value)) => println!("first callback sees {value}"),
        _ => unreachable!("the task cannot fail"),
    });
    future.add_done_callback(|_| {
        println!("second callback panics");
        panic!("reported on stderr, and that is all");
    });
    future.add_done_callback(|_| println!("third callback still runs"));
    open.send(())?;

    let future = future.shared();
    println!("the result is {}", future.result()?);
    future.add_done_callback(|_| println!("added late: runs at once"));
    Ok(())
}
