//! The default number of workers. Children of this test binary see other environments.
#![cfg(not(cf_loom))]

use std::process::Command;

use pool_thread::ThreadPoolExecutor;

const VARIABLE: &str = "CONCURRENT_FUTURES_MAX_WORKERS";
const CHILD: &str = "POOL_THREAD_TEST_CHILD";

/// What a child with `value` in the variable prints.
fn child(value: Option<&str>) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "default_workers", "--nocapture"])
        .env(CHILD, "1")
        .env_remove(VARIABLE);
    if let Some(value) = value {
        child.env(VARIABLE, value);
    }
    let output = child.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.split_once("seen: "));
    line.expect("the child prints a line").1.to_owned()
}

// C-130
#[test]
fn default_workers() {
    if std::env::var_os(CHILD).is_some() {
        match ThreadPoolExecutor::builder().build() {
            Ok(pool) => println!("seen: {}", pool.stats().max_workers()),
            Err(error) => println!("seen: {error} ({:?})", error.variable()),
        }
        return;
    }
    let cpus = std::thread::available_parallelism().unwrap().get();
    assert_eq!(child(None), (cpus + 4).min(32).to_string());
    assert_eq!(child(Some("3")), "3");
    assert_eq!(child(Some(" 7 ")), "7");
    for bad in ["0", "many", "-1", "65537", ""] {
        assert_eq!(
            child(Some(bad)),
            format!(
                "the environment variable {VARIABLE} must be a number from 1 to 65536, and is \
                 {bad:?} (Some((\"{VARIABLE}\", \"{bad}\")))"
            )
        );
    }
}
