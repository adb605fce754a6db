//! A wait with a time limit gives up; the task goes on, and a later wait succeeds.
//!
//! Output:
//! ```text
//! not yet: 1 (of 1) futures unfinished after 20ms; they go on, wait again or cancel them
//! still running: true
//! now it is there: 42
//! ```

use concurrent_futures::ThreadPoolExecutor;
use std::error::Error;
use std::sync::mpsc::channel;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(1)?;

    let (open, gate) = channel::<()>();
    let (started, has_started) = channel();
    let future = pool.submit(move || {
        started.send(()).expect("main waits for it");
        gate.recv().expect("main opens the gate");
        42
    })?;
    has_started.recv()?;

    // The error gives the future back, so nothing is lost.
    let future = match future.result_timeout(Duration::from_millis(20)) {
        Ok(result) => unreachable!("the gate is closed: {result:?}"),
        Err(timeout) => {
            println!("not yet: {timeout}");
            timeout.into_future()
        }
    };
    println!("still running: {}", future.running());

    open.send(())?;
    println!("now it is there: {}", future.result()?);
    Ok(())
}
