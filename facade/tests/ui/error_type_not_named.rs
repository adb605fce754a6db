use concurrent_futures::ThreadPoolExecutor;

fn main() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let _ = pool.submit_fallible(|| {
        let text = std::fs::read_to_string("words")?;
        Ok(text.len())
    });
}
