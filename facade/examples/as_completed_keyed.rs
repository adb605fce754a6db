//! Results as they complete, each with a key; some tasks fail and stop nobody.
//!
//! Output:
//! ```text
//! cache      1200 bytes
//! mirror     failed: connection refused
//! archive    94000 bytes
//! ```

use concurrent_futures::{ThreadPoolExecutor, as_completed};
use std::error::Error;
use std::io;
use std::sync::mpsc::{Receiver, channel};

/// Stands for a download: it is over when `arrival` says so.
fn fetch(source: &str, arrival: &Receiver<()>) -> io::Result<usize> {
    arrival.recv().map_err(io::Error::other)?;
    match source {
        "archive" => Ok(94_000),
        "cache" => Ok(1_200),
        _ => Err(io::Error::other("connection refused")),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(3)?;

    let mut futures = Vec::new();
    let mut arrivals = Vec::new();
    for source in ["archive", "mirror", "cache"] {
        let (arrive, arrival) = channel();
        arrivals.push(arrive);
        // An Err from the job makes the future a failed one.
        let future = pool.submit_fallible(move || fetch(source, &arrival))?;
        futures.push((source, future));
    }

    // For a fixed output: the last is let in first, and each next one after the one before.
    let mut next = move || arrivals.pop().map(|arrive| arrive.send(()));
    next();
    for (source, future) in as_completed(futures) {
        match future.result() {
            Ok(bytes) => println!("{source:<10} {bytes} bytes"),
            Err(error) => match error.downcast_ref::<io::Error>() {
                Some(error) => println!("{source:<10} failed: {error}"),
                None => println!("{source:<10} failed: {error}"),
            },
        }
        next();
    }
    Ok(())
}
