//! Polling `done()` now and then, while the names of the workers are shown.
//!
//! Output:
//! ```text
//! running on render_0, render_1, render_2
//! 1 of 3 done
//! 2 of 3 done
//! 3 of 3 done
//! ```

use concurrent_futures::{Future, ThreadPoolExecutor};
use std::error::Error;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::builder()
        .max_workers(3)
        .thread_name_prefix("render")
        .build()?;

    let (started, names) = channel();
    let mut futures = Vec::new();
    let mut gates = Vec::new();
    for _ in 0..3 {
        let (open, gate) = channel::<()>();
        gates.push(open);
        let started = started.clone();
        futures.push(pool.submit(move || {
            let name = thread::current().name().map(str::to_owned);
            started.send(name).expect("somebody listens");
            // The task is over when its gate is gone.
            let _ = gate.recv();
        })?);
    }

    let mut names: Vec<_> = names.iter().take(3).flatten().collect();
    names.sort();
    println!("running on {}", names.join(", "));

    let mut seen = 0;
    while seen < futures.len() {
        gates.pop();
        while futures.iter().filter(|future| future.done()).count() == seen {
            thread::sleep(Duration::from_millis(5)); // time for something else
        }
        seen = futures.iter().filter(|future| future.done()).count();
        println!("{seen} of {} done", futures.len());
    }
    futures.into_iter().try_for_each(Future::result)?;
    Ok(())
}
