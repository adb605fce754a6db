use concurrent_futures::ProcessPoolExecutor;

fn size(path: String) -> Result<u64, std::io::Error> {
    Ok(std::fs::metadata(path)?.len())
}

fn main() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let _ = pool.map_fallible(size, [String::from("Cargo.toml")]);
}
