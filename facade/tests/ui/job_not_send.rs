use concurrent_futures::ThreadPoolExecutor;
use std::rc::Rc;

fn main() {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let counted = Rc::new(1);
    let _ = pool.submit(move || *counted + 1);
}
