use concurrent_futures::ProcessPoolExecutor;

fn main() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let unit = String::from("km");
    let _ = pool.map(move |n: u64| format!("{n} {unit}"), 1..=5);
}
