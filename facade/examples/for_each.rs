//! Work whose results nobody reads: run all of it, wait, hear of the failures.
//!
//! Output:
//! ```text
//! total 5050
//! item 3 failed: …: cannot handle 3
//! item 5 failed: …: cannot handle 5
//! the others ran: [0, 1, 2, 4, 6]
//! ```

use concurrent_futures::ThreadPoolExecutor;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(4)?;

    let total = Arc::new(AtomicU64::new(0));
    let sum = Arc::clone(&total);
    pool.for_each(
        move |n| {
            sum.fetch_add(n, Ordering::Relaxed);
        },
        1..=100,
    )?;
    println!("total {}", total.load(Ordering::Relaxed));

    let handled = Arc::new(Mutex::new(Vec::new()));
    let done = Arc::clone(&handled);
    let outcome = pool.for_each(
        move |n| {
            assert!(n != 3 && n != 5, "cannot handle {n}");
            done.lock().unwrap().push(n);
        },
        0..7,
    );
    if let Err(error) = outcome {
        for (index, failure) in error.failures() {
            println!("item {index} failed: {failure}");
        }
    }
    let mut handled = handled.lock().unwrap();
    handled.sort_unstable();
    println!("the others ran: {handled:?}");
    Ok(())
}
