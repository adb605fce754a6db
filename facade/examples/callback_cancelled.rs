//! A callback hears of a cancellation too: at once, in the thread that cancels.
//!
//! Output:
//! ```text
//! the callback runs in the main thread: cancelled is true
//! cancel() gave true
//! the result is: the task was cancelled before it started
//! ```

use concurrent_futures::ThreadPoolExecutor;
use std::error::Error;
use std::sync::mpsc::channel;
use std::thread;

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(1)?;

    // The only worker is busy, so the next task stays pending.
    let (open, gate) = channel::<()>();
    let busy = pool.submit(move || gate.recv())?;
    let pending = pool.submit(|| unreachable!("it never starts"))?;

    pending.add_done_callback(|future| {
        let thread = thread::current();
        let name = thread.name().unwrap_or("unnamed");
        println!(
            "the callback runs in the {name} thread: cancelled is {}",
            future.cancelled()
        );
    });
    println!("cancel() gave {}", pending.cancel());

    if let Err::<(), _>(error) = pending.result() {
        println!("the result is: {error}");
    }
    open.send(())?;
    busy.result()??;
    Ok(())
}
