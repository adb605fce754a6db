//! What errors and futures say, word by word.
#![cfg(not(cf_loom))]

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use future_core::executor::{PoolToken, Task};
use future_core::{
    BrokenExecutor, CancelledError, CompletionQueue, ForEachError, Future, Map, MapOptions,
    Promise, State, SubmitError, SubmitErrorKind, TaskError, TimeoutError, promise,
};

fn repr<T>(future: &Future<T>) -> String {
    let text = format!("{future:?}");
    text.replace(&format!("at {} ", future.id()), "at 0x0 ")
}

// C-007
#[test]
fn a_future_shows_its_state_and_what_came_of_it() {
    let (promise, future) = promise::<i32>();
    assert!(format!("{}", future.id()).starts_with("0x"));
    assert_eq!(
        format!("{:?}", future.id()),
        format!("FutureId({})", future.id())
    );
    assert_eq!(repr(&future), "<Future at 0x0 state=pending>");
    drop(promise);
    assert_eq!(
        repr(&future),
        "<Future at 0x0 state=finished raised BrokenExecutor>"
    );

    let (mut promise, future) = self::promise::<i32>();
    promise.set_running_or_notify_cancel().unwrap();
    assert_eq!(repr(&future), "<Future at 0x0 state=running>");
    promise.set_result(1).unwrap();
    assert_eq!(repr(&future), "<Future at 0x0 state=finished returned i32>");

    let (mut promise, future) = self::promise::<String>();
    assert!(future.cancel());
    assert_eq!(repr(&future), "<Future at 0x0 state=cancelled>");
    assert!(!promise.set_running_or_notify_cancel().unwrap());
    assert_eq!(repr(&future), "<Future at 0x0 state=cancelled>");

    let (mut promise, future) = self::promise::<String>();
    promise.set_exception("no").unwrap();
    assert_eq!(
        repr(&future),
        "<Future at 0x0 state=finished raised TaskFailed>"
    );
    let shared = future.shared();
    assert_eq!(
        format!("{shared:?}"),
        format!(
            "<Future at {} state=finished raised TaskFailed>",
            shared.id()
        )
    );

    let (task, future) = Task::new(|| -> i32 { panic!("no") }, &PoolToken::new(1));
    task.run(|| {});
    assert_eq!(
        repr(&future),
        "<Future at 0x0 state=finished raised TaskPanicked>"
    );
}

// C-007
#[test]
fn what_a_callback_sees_of_its_future() {
    let (mut promise, future) = promise::<i32>();
    let (tell, told) = std::sync::mpsc::channel();
    future.add_done_callback(move |f| tell.send(repr(f)).unwrap());
    promise.set_result(1).unwrap();
    assert_eq!(
        told.try_recv().unwrap(),
        "<Future at 0x0 state=finished returned i32>"
    );
}

// C-007
#[test]
fn handles_promises_and_tasks_show_their_state() {
    let (mut promise, future) = promise::<i32>();
    let (handle, id) = (future.handle(), future.id());
    let both = |promise: &Promise<i32>| (format!("{handle:?}"), format!("{promise:?}"));
    let expected = |state: &str| {
        (
            format!("<Future at {id} state={state}>"),
            format!(
                "<Promise at {id} state={}>",
                state.trim_end_matches(" raised")
            ),
        )
    };
    assert_eq!(both(&promise), expected("pending"));
    promise.set_running_or_notify_cancel().unwrap();
    assert_eq!(both(&promise), expected("running"));
    promise.set_exception("no").unwrap();
    assert_eq!(both(&promise), expected("finished raised"));

    let (task, future) = Task::new(|| 1, &PoolToken::new(1));
    assert_eq!(
        format!("{task:?}"),
        "Task { name: \"messages::handles_promises_and_tasks_show_their_state\", state: Pending }"
    );
    assert!(task.is_of(&future) && task.is_pending());
    assert!(!task.is_of(&handle));
    let mut queue = CompletionQueue::new();
    queue.watch(0, &future.handle());
    assert_eq!(format!("{queue:?}"), "CompletionQueue { watched: 1, .. }");
    let states = [
        State::Pending,
        State::Running,
        State::Cancelled,
        State::Finished,
    ];
    let texts = states.map(|state| state.to_string());
    assert_eq!(texts, ["pending", "running", "cancelled", "finished"]);
}

/// The text, and that the general error says the same.
fn says(error: impl Into<TaskError> + Error + Clone) -> String {
    let general: TaskError = error.clone().into();
    assert_eq!(general.to_string(), error.to_string());
    assert_eq!(
        general.source().map(ToString::to_string),
        error.source().map(ToString::to_string)
    );
    error.to_string()
}

#[test]
fn what_errors_say() {
    assert_eq!(
        says(CancelledError::clone(&cancelled())),
        "the task was cancelled before it started"
    );
    assert_eq!(
        says(BrokenExecutor::new("the initializer failed")),
        "the initializer failed"
    );
    let source = BrokenExecutor::with_source("a worker died", io::Error::other("killed"));
    assert_eq!(says(source.clone()), "a worker died");
    assert_eq!(source.source().unwrap().to_string(), "killed");
    assert_eq!(
        says(TimeoutError::new(Duration::from_millis(1500), ())),
        "1 (of 1) futures unfinished after 1.5s; they go on, wait again or cancel them"
    );
    assert_eq!(
        says(TimeoutError::of_set(Duration::from_secs(2), 2, 4, ())),
        "2 (of 4) futures unfinished after 2s; they go on, wait again or cancel them"
    );
}

fn cancelled() -> CancelledError {
    let (_promise, future) = promise::<u32>();
    future.cancel();
    match future.result() {
        Err(TaskError::Cancelled(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_refused_submits_say() {
    let status = "<pool workers=0/4>";
    let shutdown = SubmitError::new(SubmitErrorKind::Shutdown, status, ());
    assert!(shutdown.is_shutdown());
    assert_eq!(
        says(shutdown),
        "cannot submit after shutdown: submit before it, or make a new executor \
         [<pool workers=0/4>]"
    );
    let broken = BrokenExecutor::with_source("the initializer failed", io::Error::other("why"));
    let broken = SubmitError::new(SubmitErrorKind::Broken(broken), status, ());
    assert!(!broken.is_shutdown());
    let cause = broken.source().unwrap();
    assert_eq!(cause.to_string(), "the initializer failed");
    assert_eq!(cause.source().unwrap().to_string(), "why");
    assert_eq!(
        says(broken),
        "cannot submit, the executor is broken: the initializer failed [<pool workers=0/4>]"
    );
    let kind = SubmitErrorKind::Spawn(Arc::new(io::Error::other("no threads")));
    let spawn = SubmitError::new(kind, status, vec![1]);
    assert_eq!(
        format!("{spawn:?}"),
        "SubmitError { kind: Spawn(Custom { kind: Other, error: \"no threads\" }), \
         status: \"<pool workers=0/4>\", .. }"
    );
    let spawn = spawn.replace_job(|job| job.len());
    assert!(matches!(spawn.kind(), SubmitErrorKind::Spawn(_)));
    assert_eq!(
        says(spawn.without_job()),
        "cannot submit, there is no worker and the system refused to start one: no threads; \
         lower max_workers or stack_size, or raise the system's limit, then submit again \
         [<pool workers=0/4>]"
    );
    let job = SubmitError::new(SubmitErrorKind::Shutdown, status, "the job").into_job();
    assert_eq!(job, "the job");
}

#[test]
fn what_failed_and_panicked_tasks_say() {
    let pool = PoolToken::new(1);
    let (task, future) = Task::new_fallible(|| Err::<u32, _>("no such host"), &pool);
    task.run(|| {});
    let name = "messages::what_failed_and_panicked_tasks_say";
    assert_eq!(
        future.result().unwrap_err().to_string(),
        format!("task `{name}` failed: no such host")
    );
    let (task, future) = Task::new(|| -> u32 { panic!("no {}", "host") }, &pool);
    task.run(|| {});
    let Err(TaskError::Panicked(panicked)) = future.result() else {
        panic!("it panicked")
    };
    assert_eq!(panicked.task(), name);
    assert_eq!(
        says(panicked.clone()),
        format!("task `{name}` panicked: no host")
    );
    assert_eq!(
        format!("{panicked:?}"),
        format!(
            "TaskPanicked {{ task: \"{name}::{{{{closure}}}}\", message: \"no host\", \
             location: None, .. }}"
        )
    );
    let (task, future) = Task::new(
        || -> u32 { std::panic::panic_any(io::Error::other("x")) },
        &pool,
    );
    task.run(|| {});
    assert_eq!(
        future.result().unwrap_err().to_string(),
        format!("task `{name}` panicked: a value that is not text")
    );
    let (mut promise, future) = promise::<u32>();
    promise.set_exception("no such host").unwrap();
    assert_eq!(future.result().unwrap_err().to_string(), "no such host");
}

#[test]
fn what_lost_tasks_and_promises_say() {
    let (promise, future) = promise::<u32>();
    drop(promise);
    assert_eq!(
        future.result().unwrap_err().to_string(),
        "the promise was dropped before it was given a value; \
         set a result or an exception on every path"
    );
    let (task, future) = Task::new(|| 1, &PoolToken::new(1));
    drop(task);
    assert_eq!(
        future.result().unwrap_err().to_string(),
        "the executor dropped the task without running it"
    );
}

// C-018, C-023
#[test]
fn what_refused_steps_of_a_promise_say() {
    let (mut promise, future) = promise::<u32>();
    let id = future.id();
    promise.set_running_or_notify_cancel().unwrap();
    let refused = promise.set_running_or_notify_cancel().unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "set_running_or_notify_cancel refused: the future at {id} is running; \
             what it holds is unchanged"
        )
    );
    promise.set_exception("no").unwrap();
    let refused = promise.set_exception("again").unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "set_exception refused: the future at {id} is finished; what it holds is unchanged"
        )
    );
    assert_eq!(
        format!("{refused:?}"),
        format!(
            "InvalidStateError {{ verb: \"set_exception\", state: Finished, \
             id: FutureId({id}), .. }}"
        )
    );
    let (mut promise, future) = self::promise();
    future.cancel();
    assert_eq!(
        promise.set_result(1).unwrap_err().to_string(),
        format!(
            "set_result refused: the future at {} is cancelled; what it holds is unchanged",
            future.id()
        )
    );
}

#[test]
fn what_a_deadlock_says() {
    let (give, take) = std::sync::mpsc::channel::<Future<u32>>();
    let pool = PoolToken::new(1);
    let (task, future) = Task::new(move || take.recv().unwrap().result(), &pool);
    let handle = future.handle();
    // A future that its own task waits for, through its handle.
    let (tell, told) = std::sync::mpsc::channel();
    let (own, itself) = Task::new(
        move || {
            let handle: future_core::FutureHandle = told.recv().unwrap();
            handle.wait()
        },
        &pool,
    );
    tell.send(itself.handle()).unwrap();
    let id = itself.id();
    own.run(|| {});
    let error = itself.result().unwrap().unwrap_err();
    let name = "messages::what_a_deadlock_says";
    assert_eq!(
        error.cycle(),
        format!("task `{name}` ({id}) waits for itself")
    );
    assert_eq!(
        says(error),
        format!(
            "deadlock: this wait would never end: task `{name}` ({id}) waits for itself; \
             return the future from the task instead of waiting for it, or wait with a time limit"
        )
    );
    drop((give, task));
    assert!(handle.failed());
}

#[test]
fn what_time_outs_carry() {
    let (_promise, future) = promise::<u32>();
    let error = future.result_timeout(Duration::ZERO).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 (of 1) futures unfinished after 0ns; they go on, wait again or cancel them"
    );
    assert_eq!(
        format!("{error:?}"),
        "TimeoutError { limit: 0ns, unfinished: 1, total: 1, .. }"
    );
    assert_eq!((error.unfinished(), error.total()), (1, 1));
}

#[test]
fn what_maps_and_for_each_say() {
    let map: Map<'_, _, u32> = Map::new(MapOptions::new(), 2, 0..3, |_| {
        let (mut promise, future) = promise();
        promise.set_result(1).unwrap();
        Ok(future)
    });
    assert_eq!(format!("{map:?}"), "Map { in_flight: 2, yielded: 0, .. }");
    drop(map);
    let futures = (0..3).map(|n| {
        let (mut promise, future) = promise();
        if n == 0 {
            promise.set_result(n).unwrap();
        } else {
            promise.set_exception(format!("no {n}")).unwrap();
        }
        Ok(future)
    });
    let error = ForEachError::collect(futures).unwrap_err();
    assert_eq!(
        error.to_string(),
        "2 of 3 items failed; the first, item 1: no 1"
    );
}
