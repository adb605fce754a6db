use concurrent_futures::ProcessPoolExecutor;

fn main() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let factor = 3;
    let _ = pool.submit(move || 2 * factor);
}
