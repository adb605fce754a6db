use concurrent_futures::ThreadPoolExecutor;
use std::rc::Rc;

fn main() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let _ = pool.submit(|| Rc::new(1));
}
