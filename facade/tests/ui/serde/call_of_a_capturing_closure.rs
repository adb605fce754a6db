use concurrent_futures::Executor;

fn main_job<E: Executor>(executor: &E) {
    let unit = String::from("km");
    let _ = executor.call(move |n: u64| format!("{n} {unit}"), (5,));
}

fn main() {
    main_job(&concurrent_futures::ThreadPoolExecutor::new(1).unwrap());
}
