//! `wait` for the first completed, for the first failure, for all.
//!
//! Output:
//! ```text
//! first completed: done [2], not done [1, 3]
//! first exception: done [2, 3], not done [1]
//! all completed:   done [1, 2, 3], not done []
//! ```

use concurrent_futures::{Future, ReturnWhen, ThreadPoolExecutor, wait};
use std::error::Error;
use std::io;
use std::sync::mpsc::channel;

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(3)?;

    let mut gates = Vec::new();
    let mut futures: Vec<(u32, Future<()>)> = Vec::new();
    for number in 1..=3 {
        let (open, gate) = channel::<()>();
        gates.push(open);
        let job = move || {
            gate.recv().map_err(io::Error::other)?;
            if number == 3 {
                Err(io::Error::other("out of paper"))
            } else {
                Ok(())
            }
        };
        futures.push((number, pool.submit_fallible(job)?));
    }

    // Futures are passed by reference here, so that they can be waited for again.
    gates[1].send(())?;
    let seen = wait(&futures, ReturnWhen::FirstCompleted)?;
    println!(
        "first completed: done {:?}, not done {:?}",
        numbers(&seen.done),
        numbers(&seen.not_done)
    );

    gates[2].send(())?;
    let seen = wait(&futures, ReturnWhen::FirstException)?;
    println!(
        "first exception: done {:?}, not done {:?}",
        numbers(&seen.done),
        numbers(&seen.not_done)
    );

    gates[0].send(())?;
    let seen = wait(&futures, ReturnWhen::AllCompleted)?;
    println!(
        "all completed:   done {:?}, not done {:?}",
        numbers(&seen.done),
        numbers(&seen.not_done)
    );
    Ok(())
}

fn numbers(futures: &[&(u32, Future<()>)]) -> Vec<u32> {
    futures.iter().map(|(number, _)| *number).collect()
}
