//! A function of two arguments over two inputs: `starmap` over a `zip`; the shorter input wins.
//!
//! Output:
//! ```text
//! 2 to the power of 10 is 1024
//! 3 to the power of 4 is 81
//! 10 to the power of 3 is 1000
//! the same: [1024, 81, 1000]
//! ```

use concurrent_futures::ThreadPoolExecutor;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(2)?;
    let bases = [2_u64, 3, 10];
    let exponents = [10_u32, 4, 3, 99];

    let powers = pool.starmap(u64::pow, bases.into_iter().zip(exponents));
    for ((base, exponent), power) in bases.iter().zip(exponents).zip(powers) {
        println!("{base} to the power of {exponent} is {}", power?);
    }

    // Without starmap: the pair is one argument, taken apart by the closure.
    let pairs = bases.into_iter().zip(exponents);
    let powers: Result<Vec<_>, _> = pool.map(|(b, e): (u64, u32)| b.pow(e), pairs).collect();
    println!("the same: {:?}", powers?);
    Ok(())
}
