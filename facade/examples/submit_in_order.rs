//! Submit several tasks, then read their results in the order of submission.
//!
//! Output:
//! ```text
//! alpha has 5 letters
//! beta has 4 letters
//! gamma has 5 letters
//! ```

use concurrent_futures::ThreadPoolExecutor;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(3)?;

    let mut futures = Vec::new();
    for word in ["alpha", "beta", "gamma"] {
        futures.push(pool.submit(move || format!("{word} has {} letters", word.len()))?);
    }
    for future in futures {
        println!("{}", future.result()?);
    }
    Ok(())
}
