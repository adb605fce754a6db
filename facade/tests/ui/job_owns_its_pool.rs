use concurrent_futures::ThreadPoolExecutor;

fn main() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let _ = pool.submit(move || pool.submit(|| 1).is_ok());
}
