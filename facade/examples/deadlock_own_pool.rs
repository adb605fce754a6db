//! A task that waits for a task of its own pool of one worker. Python's documentation shows it as
//! a deadlock; here the waiting worker runs the other task itself.
//!
//! Output:
//! ```text
//! 5 squared is 25
//! ```

use concurrent_futures::ThreadPoolExecutor;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(1)?;
    let handle = pool.handle();

    let future = pool.submit(move || {
        let inner = handle.submit(|| 5 * 5).expect("the pool is open");
        inner.result()
    })?;
    println!("5 squared is {}", future.result()??);
    Ok(())
}
