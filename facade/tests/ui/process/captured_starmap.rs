use concurrent_futures::ProcessPoolExecutor;

fn main() {
    let pool = ProcessPoolExecutor::new(1).unwrap();
    let unit = String::from("km");
    let _ = pool.starmap(move |n: u64, m: u64| format!("{n} {m} {unit}"), [(1, 2)]);
}
