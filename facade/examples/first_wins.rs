//! Ask several at once, take the first result, cancel the rest.
//!
//! What has not started is cancelled; what is running hears of it through a flag of its own.
//!
//! Output:
//! ```text
//! the winner is mirror 2
//! the other 4 are cancelled or have stopped
//! ```

use concurrent_futures::{ReturnWhen, ThreadPoolExecutor, wait};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Mirror 2 answers at once, the others never do.
fn ask(mirror: u32, stop: &AtomicBool) -> Option<u32> {
    if mirror == 2 {
        return Some(mirror);
    }
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(5)); // a piece of the work
    }
    None
}

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(2)?;
    let stop = Arc::new(AtomicBool::new(false));

    let mut futures = Vec::new();
    for mirror in 1..=5 {
        let stop = Arc::clone(&stop);
        futures.push(pool.submit(move || ask(mirror, &stop))?);
    }

    let seen = wait(futures, ReturnWhen::FirstCompleted)?;
    let mut winners = seen.done.into_iter();
    if let Some(Some(mirror)) = winners.next().map(|future| future.result()).transpose()? {
        println!("the winner is mirror {mirror}");
    }

    for future in &seen.not_done {
        future.cancel();
    }
    stop.store(true, Ordering::Relaxed);
    let rest = wait(seen.not_done, ReturnWhen::AllCompleted)?;
    println!(
        "the other {} are cancelled or have stopped",
        rest.done.len()
    );
    Ok(())
}
