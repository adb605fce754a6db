use concurrent_futures::ThreadPoolExecutor;

fn main() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let future = pool.submit(|| 1).unwrap();
    let again = future.clone();
    println!("{:?} {:?}", future.result(), again.result());
}
