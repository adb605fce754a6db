use concurrent_futures::ThreadPoolExecutor;
use std::error::Error;

fn count() -> Result<usize, Box<dyn Error>> {
    Ok(std::fs::read_to_string("words")?.len())
}

fn main() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let _ = pool.submit_fallible(count);
}
