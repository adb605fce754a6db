//! Context follows tasks into their workers.
#![cfg(all(not(cf_loom), feature = "tracing"))]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use pool_thread::ThreadPoolExecutor;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Notes which spans are made under which, and where events happen.
#[derive(Clone, Default)]
struct Log(Arc<Inner>);

#[derive(Default)]
struct Inner {
    next: AtomicU64,
    names: Mutex<Vec<(u64, &'static str, Option<u64>)>>,
    events: Mutex<Vec<Vec<&'static str>>>,
}

thread_local! {
    static STACK: std::cell::RefCell<Vec<u64>> = const { std::cell::RefCell::new(Vec::new()) };
}

impl Log {
    /// The names from the innermost open span to the root.
    fn path(&self) -> Vec<&'static str> {
        let mut at = STACK.with_borrow(|stack| stack.last().copied());
        let names = self.0.names.lock().unwrap();
        let mut path = Vec::new();
        while let Some((_, name, parent)) = names.iter().find(|(id, ..)| Some(*id) == at) {
            path.push(*name);
            at = *parent;
        }
        path
    }

    fn take(&self) -> Vec<Vec<&'static str>> {
        std::mem::take(&mut self.0.events.lock().unwrap())
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        // ORDERING: only the numbers' being different matters.
        let id = self.0.next.fetch_add(1, Ordering::Relaxed) + 1;
        let parent = STACK.with_borrow(|stack| stack.last().copied());
        let entry = (id, span.metadata().name(), parent);
        self.0.names.lock().unwrap().push(entry);
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        let path = self.path();
        self.0.events.lock().unwrap().push(path);
    }

    fn enter(&self, id: &Id) {
        STACK.with_borrow_mut(|stack| stack.push(id.into_u64()));
    }

    fn exit(&self, _: &Id) {
        STACK.with_borrow_mut(|stack| stack.pop());
    }

    fn current_span(&self) -> tracing_core::span::Current {
        let Some(id) = STACK.with_borrow(|stack| stack.last().copied()) else {
            return tracing_core::span::Current::none();
        };
        tracing_core::span::Current::new(Id::from_u64(id), span_metadata())
    }
}

fn span_metadata() -> &'static Metadata<'static> {
    tracing::trace_span!("any").metadata().expect("enabled")
}

// D-28
#[test]
fn a_task_runs_in_a_span_under_its_submitters() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let outer = tracing::info_span!("request");
    let entered = outer.enter();
    let word = String::from("x");
    let event = move || tracing::info!("{word}");
    pool.submit(event.clone()).unwrap().result().unwrap();
    pool.submit_fallible(|| {
        tracing::info!("fallible");
        Ok::<_, std::io::Error>(())
    })
    .unwrap()
    .result()
    .unwrap();
    for future in pool.submit_all([event.clone()]).unwrap() {
        future.result().unwrap();
    }
    pool.scope(|scope| drop(scope.submit(|| tracing::info!("scoped"))));
    drop(entered);
    assert_eq!(log.take(), vec![vec!["runtime.spawn", "request"]; 4]);

    // A refused job comes back bare.
    pool.shutdown();
    pool.submit(event.clone()).unwrap_err().into_job()();
    assert_eq!(log.take(), [Vec::<&str>::new()]);

    let pool = ThreadPoolExecutor::builder()
        .max_workers(1)
        .propagate_context(false)
        .build()
        .unwrap();
    let _entered = outer.enter();
    pool.submit(event).unwrap().result().unwrap();
    assert_eq!(log.take(), [Vec::<&str>::new()]);
}
