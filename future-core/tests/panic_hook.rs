//! The panic hook, in a process of its own, for it is the process's.
#![cfg(not(cf_loom))]

use std::panic::{self, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use future_core::executor::{PoolToken, Task};
use future_core::{TaskError, TaskPanicked, install_panic_hook, promise};

static BEFORE: AtomicUsize = AtomicUsize::new(0);

fn panic_of(job: impl FnOnce() + Send + 'static) -> TaskPanicked {
    let (task, future) = Task::new(job, &PoolToken::new(1));
    task.run(|| {});
    match future.result() {
        Err(TaskError::Panicked(panicked)) => panicked,
        other => panic!("{other:?}"),
    }
}

// T7, C-004, C-006
#[test]
fn the_hook_tells_where_and_calls_the_one_before() {
    panic::set_hook(Box::new(|_| {
        BEFORE.fetch_add(1, SeqCst);
    }));
    let silent = panic_of(|| panic!("before"));
    assert!(silent.location().is_none());
    assert!(silent.to_string().ends_with("panicked: before"), "{silent}");
    assert_eq!(BEFORE.load(SeqCst), 1);

    install_panic_hook();
    install_panic_hook();
    let line = line!() + 1;
    let told = panic_of(|| panic!("after"));
    assert_eq!(BEFORE.load(SeqCst), 2, "the hook is installed once");
    let location = told.location().unwrap();
    assert!(location.file().ends_with("panic_hook.rs"));
    assert_eq!(location.line(), line);
    assert!(location.column() > 1);
    let place = format!("{}:{}:{}", location.file(), line, location.column());
    assert_eq!(location.to_string(), place);
    let expected = format!(
        "task `{}` panicked at {place}: after",
        "panic_hook::the_hook_tells_where_and_calls_the_one_before"
    );
    assert_eq!(told.to_string(), expected);
    // In another thread, and of the same thread the latest.
    let other = std::thread::spawn(|| panic_of(|| panic!("elsewhere")));
    let other = other.join().unwrap();
    assert_ne!(other.location().unwrap().line(), line);
    assert!(panic_of(|| panic!("again")).location().unwrap().line() > line);

    // A panic that is only passed on has no place of its own, whatever panicked before.
    assert!(catch_unwind(|| panic!("caught")).is_err());
    let passed_on = panic_of(|| resume_unwind(Box::new("passed on")));
    assert_eq!(passed_on.message(), "passed on");
    assert!(passed_on.location().is_none());

    // What panics in a callback is nobody's result; the hook is where it is reported.
    let (mut promise, future) = promise::<u32>();
    let before = BEFORE.load(SeqCst);
    future.add_done_callback(|_| panic!("in a callback"));
    assert_eq!(BEFORE.load(SeqCst), before);
    promise.set_result(1).unwrap();
    assert_eq!(BEFORE.load(SeqCst), before + 1);
    future.add_done_callback(|_| panic!("in one that runs at once"));
    assert_eq!(BEFORE.load(SeqCst), before + 2);
    assert_eq!(future.result().unwrap(), 1);
}
