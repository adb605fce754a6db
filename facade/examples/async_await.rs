//! A future is awaited under any async runtime; the blocking work stays in the pool.
//!
//! Output:
//! ```text
//! 04-semaphores has 28 lines
//! 07-monitors has 25 lines
//! missing: task `…` failed: …
//! ```

use concurrent_futures::{Future, SubmitError, ThreadPoolExecutor};
use std::error::Error;
use std::fs;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/download/documents");

/// The work starts here, whether or not anybody polls the future.
fn read(pool: &ThreadPoolExecutor, name: &str) -> Result<Future<String>, SubmitError> {
    let path = format!("{FOLDER}/{name}.txt");
    pool.submit_fallible(move || fs::read_to_string(path))
        .map_err(SubmitError::without_job)
}

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(2)?;

    // pollster is the smallest of runtimes; tokio and the others do as well.
    pollster::block_on(async {
        let semaphores = read(&pool, "04-semaphores")?;
        let monitors = read(&pool, "07-monitors")?; // both are being read now
        println!(
            "04-semaphores has {} lines",
            semaphores.await?.lines().count()
        );
        println!("07-monitors has {} lines", monitors.await?.lines().count());

        match read(&pool, "missing")?.await {
            Ok(text) => println!("missing has {} lines", text.lines().count()),
            Err(error) => println!("missing: {error}"),
        }
        Ok(())
    })
}
