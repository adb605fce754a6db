//! Big factorials one after the other, on threads, and on processes, with the times.
//!
//! The numbers are its arguments; without any it takes a tenth of the full size, which is
//! `cargo run --release --features process --example factorials -- 100000 120000 150000 200000`.
//!
//! Threads compute in parallel here, unlike Python's, so for such work processes gain nothing over
//! them; what they cost is the start of a process each.
//!
//! Output:
//! ```text
//! 10000! has 35660 digits
//! 12000! has 43742 digits
//! 15000! has 56130 digits
//! 20000! has 77338 digits
//! one after the other … ms
//! on … threads        … ms, … times as fast
//! on … processes      … ms, … times as fast
//! ```

use concurrent_futures::{AnyExecutor, Executor, ThreadPoolExecutor};
use num_bigint::BigUint;
use std::error::Error;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

const SMALL: [u64; 4] = [10_000, 12_000, 15_000, 20_000];

/// How many decimal digits n! has. The number itself stays where it was computed.
fn digits(n: u64) -> usize {
    product(1..=n).to_string().len()
}

/// Halved again and again, so that the factors are of about the same size.
fn product(range: RangeInclusive<u64>) -> BigUint {
    let (first, last) = range.into_inner();
    if last < first + 16 {
        return (first..=last).map(BigUint::from).product();
    }
    let middle = first + (last - first) / 2;
    product(first..=middle) * product(middle + 1..=last)
}

/// All at once on `executor`: the numbers of digits, and how long it took.
fn all_on(
    executor: &AnyExecutor,
    numbers: &[u64],
) -> Result<(Vec<usize>, Duration), Box<dyn Error>> {
    let start = Instant::now();
    let mut futures = Vec::new();
    for &n in numbers {
        futures.push(executor.call(digits, (n,))?);
    }
    let counted = futures.into_iter().map(|future| future.result());
    let counted = counted.collect::<Result<_, _>>()?;
    Ok((counted, start.elapsed()))
}

fn pools(workers: usize) -> Result<Vec<(&'static str, AnyExecutor)>, Box<dyn Error>> {
    Ok(vec![
        ("threads", ThreadPoolExecutor::new(workers)?.into()),
        #[cfg(target_os = "linux")]
        (
            "processes",
            concurrent_futures::ProcessPoolExecutor::new(workers)?.into(),
        ),
    ])
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers: Vec<u64> = std::env::args()
        .skip(1)
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?;
    if numbers.is_empty() {
        numbers = SMALL.to_vec();
    }

    let start = Instant::now();
    let serial: Vec<usize> = numbers.iter().map(|&n| digits(n)).collect();
    let alone = start.elapsed();
    for (n, digits) in numbers.iter().zip(&serial) {
        println!("{n}! has {digits} digits");
    }
    println!("one after the other {:>8} ms", alone.as_millis());

    let workers = std::thread::available_parallelism()?.get();
    for (kind, executor) in pools(workers)? {
        let (counted, took) = all_on(&executor, &numbers)?;
        if counted != serial {
            return Err(format!("{kind} counted {counted:?} digits").into());
        }
        println!(
            "{:<19} {:>8} ms, {:.2} times as fast",
            format!("on {workers} {kind}"),
            took.as_millis(),
            alone.as_secs_f64() / took.as_secs_f64(),
        );
    }
    Ok(())
}
