use concurrent_futures::ThreadPoolExecutor;

fn main() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let words = vec!["one", "two"];
    let future = pool.submit(|| words.len()).unwrap();
    println!("{} of {words:?}", future.result().unwrap());
}
