use concurrent_futures::{ThreadPoolExecutor, as_completed};

fn main() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let futures = vec![pool.submit(|| 1).unwrap()];
    for future in as_completed(&futures) {
        println!("{:?}", future.result());
    }
}
