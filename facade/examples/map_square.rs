//! One function over many items: results come in the order of the items.
//!
//! Output:
//! ```text
//! 1 squared is 1
//! 2 squared is 4
//! 3 squared is 9
//! 4 squared is 16
//! all of them: [1, 4, 9, 16]
//! ```

use concurrent_futures::ThreadPoolExecutor;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(4)?;

    // One by one; an error would belong to its item, and the others would follow.
    for (n, square) in (1..).zip(pool.map(|n| n * n, 1..=4_u64)) {
        println!("{n} squared is {}", square?);
    }

    // Or all at once; the first error, if any, is the error of the whole.
    let squares = pool
        .map(|n| n * n, 1..=4_u64)
        .collect::<Result<Vec<_>, _>>()?;
    println!("all of them: {squares:?}");
    Ok(())
}
