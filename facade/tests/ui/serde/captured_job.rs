use concurrent_futures::Executor;

fn main_job<E: Executor>(executor: &E) {
    let factor = 3;
    let _ = executor.submit(move || 2 * factor);
}

fn main() {
    main_job(&concurrent_futures::ThreadPoolExecutor::new(1).unwrap());
}
