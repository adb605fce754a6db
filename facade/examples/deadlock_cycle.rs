//! Two tasks that wait for each other. Python's documentation shows it as a deadlock; here one of
//! the two waits ends with an error that says so, and both tasks end.
//!
//! Output:
//! ```text
//! one task got: deadlock: …
//! one task got the other's answer
//! ```

use concurrent_futures::{Future, TaskError, ThreadPoolExecutor};
use std::error::Error;
use std::sync::mpsc::{Receiver, channel};

/// What a task ends with: the error of its wait, if it got one.
type Answer = Option<TaskError>;

fn wait_for_the_other(other: &Receiver<Future<Answer>>) -> Answer {
    let other = other.recv().expect("main hands it over");
    other.result().err()
}

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(2)?;

    // Each task is given the future of the other one. A future has one owner, so main keeps
    // nothing to wait for; it learns the answers through callbacks.
    let (to_a, for_a) = channel();
    let (to_b, for_b) = channel();
    let a = pool.submit(move || wait_for_the_other(&for_a))?;
    let b = pool.submit(move || wait_for_the_other(&for_b))?;

    let (tell, told) = channel();
    for future in [&a, &b] {
        let tell = tell.clone();
        future.add_done_callback(move |future| {
            let answer = future.result_ref().and_then(|result| result.ok().cloned());
            tell.send(answer.flatten()).expect("main listens");
        });
    }
    drop(tell);
    to_a.send(b)?;
    to_b.send(a)?;

    // The deadlock first, so that the output is fixed.
    let mut answers: Vec<Answer> = told.iter().collect();
    answers.sort_by_key(Option::is_none);
    for answer in answers {
        match answer {
            Some(error) => println!("one task got: {error}"),
            None => println!("one task got the other's answer"),
        }
    }
    Ok(())
}
