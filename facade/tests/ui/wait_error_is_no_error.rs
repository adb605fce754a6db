use concurrent_futures::{ReturnWhen, ThreadPoolExecutor, wait};

struct AnyError;

impl<E: std::error::Error> From<E> for AnyError {
    fn from(_: E) -> Self {
        AnyError
    }
}

fn run() -> Result<(), AnyError> {
    let pool = ThreadPoolExecutor::new(1)?;
    let futures = vec![pool.submit(|| 1)?];
    wait(futures, ReturnWhen::AllCompleted)?;
    Ok(())
}

fn main() {
    let _ = run();
}
