//! The pool from outside.

use pool_process::ProcessPoolExecutor;

fn add(a: u64, b: u64) -> u64 {
    a + b
}

// C-110
#[test]
fn a_call_gives_its_value() {
    let pool = ProcessPoolExecutor::new(2).unwrap();
    let futures: Vec<_> = (0..1000).map(|n| pool.call(add, (n, 1)).unwrap()).collect();
    for (n, future) in futures.into_iter().enumerate() {
        assert_eq!(future.result().unwrap(), n as u64 + 1);
    }
    let stats = pool.stats();
    assert_eq!(stats.finished(), 1000);
    pool.shutdown();
    assert_eq!(pool.stats().workers(), 0);
}
