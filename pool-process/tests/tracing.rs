//! Context follows tasks, as far as it can: a span here, and one in the worker that names it.

#![cfg(all(not(cf_loom), feature = "tracing"))]

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use pool_process::{Call, MapOptions, ProcessPoolExecutor};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

/// Notes what becomes of spans, and in which ones events happen.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    opened: Vec<Opened>,
    closed: Vec<u64>,
    events: Vec<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Opened {
    id: u64,
    parent: Option<u64>,
    name: &'static str,
    /// As text: `name=value` each.
    fields: String,
}

impl Opened {
    fn field(&self, name: &str) -> Option<&str> {
        let fields = self.fields.split_whitespace();
        fields
            .filter_map(|f| f.split_once('='))
            .find_map(|f| (f.0 == name).then_some(f.1))
    }
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        let _ = write!(self.0, "{field}={} ", text.trim_matches('"'));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Log {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields(String::new());
        attributes.record(&mut fields);
        let span = context.span(id).unwrap();
        self.0.lock().unwrap().opened.push(Opened {
            id: id.into_u64(),
            parent: span.parent().map(|parent| parent.id().into_u64()),
            name: span.name(),
            fields: fields.0,
        });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let path = context.event_scope(event).into_iter().flatten();
        let path = path.map(|span| span.name().to_owned()).collect();
        self.0.lock().unwrap().events.push(path);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.0.lock().unwrap().closed.push(id.into_u64());
    }
}

static IN_WORKER: Mutex<Option<Log>> = Mutex::new(None);

fn listen() {
    let log = Log::default();
    *IN_WORKER.lock().unwrap() = Some(log.clone());
    tracing_subscriber::registry().with(log).init();
}

/// In a worker: the innermost span that is open, by its name and fields.
fn tell(_: u32) -> Option<(String, String)> {
    let log = IN_WORKER.lock().unwrap().clone()?;
    let now = tracing::Span::current().id()?.into_u64();
    let noted = log.0.lock().unwrap();
    let span = noted.opened.iter().rev().find(|span| span.id == now)?;
    Some((span.name.to_owned(), span.fields.clone()))
}

/// An output that says where it is read.
#[derive(Debug, serde::Serialize)]
struct Witness;

impl<'de> serde::Deserialize<'de> for Witness {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        tracing::info!("read");
        <()>::deserialize(from).map(|()| Self)
    }
}

// D-28
#[test]
fn a_task_has_a_span_here_and_one_in_its_worker() {
    let log = Log::default();
    tracing_subscriber::registry().with(log.clone()).init();
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .worker_state(listen, ())
        .pass_stderr_on(false)
        .build()
        .unwrap();
    let request = tracing::info_span!("request");
    let entered = request.enter();
    let line = line!() + 1;
    let told = pool.call(tell, (0,)).unwrap().result().unwrap();
    let spans = || {
        let noted = log.0.lock().unwrap();
        let of_tasks = noted
            .opened
            .iter()
            .filter(|span| span.name == "runtime.spawn");
        of_tasks.cloned().collect::<Vec<_>>()
    };
    let here = spans().pop().unwrap();
    assert_eq!(here.parent, request.id().map(|id| id.into_u64()));
    assert_eq!(here.field("kind"), Some("process"));
    assert!(here.field("task.name").unwrap().ends_with("::tell"));
    assert!(here.field("loc.file").unwrap().ends_with("tracing.rs"));
    assert_eq!(here.field("loc.line"), Some(&*line.to_string()));

    let (name, fields) = told.expect("a span was open");
    let there = Opened {
        id: 0,
        parent: None,
        name: "there",
        fields,
    };
    assert_eq!(name, "runtime.spawn");
    assert_eq!(there.field("kind"), Some("worker"));
    for same in ["task.id", "task.name"] {
        assert_eq!(there.field(same), here.field(same), "{same}");
    }
    assert_eq!(there.field("parent.span"), Some(&*here.id.to_string()));
    let pid = std::process::id().to_string();
    assert_eq!(there.field("parent.pid"), Some(&*pid));

    // The outcome is read inside the span.
    pool.call(|| Witness, ()).unwrap().result().unwrap();
    let events = std::mem::take(&mut log.0.lock().unwrap().events);
    assert_eq!(events, [["runtime.spawn", "request"]]);

    // All verbs, and each at the user's own line.
    let before = spans().len();
    let line = line!();
    let two = MapOptions::new().chunksize(2.try_into().unwrap());
    let values = pool.map_with(two, tell, 0..4);
    assert!(values.map(Result::unwrap).all(|told| told.is_some()));
    let jobs = [Call(tell, (0,)), Call(tell, (1,))];
    let many = pool.submit_all(jobs).unwrap();
    for future in many {
        assert!(future.result().unwrap().is_some());
    }
    let new = spans().split_off(before);
    assert_eq!(new.len(), 2 + 2, "a chunk is one");
    assert_eq!(new[0].field("loc.line"), Some(&*(line + 2).to_string()));
    assert_eq!(new[2].field("loc.line"), Some(&*(line + 5).to_string()));
    assert!(
        new.iter()
            .all(|span| span.field("task.name").unwrap().ends_with("::tell"))
    );
    drop(entered);

    // A span ends with its task, also when that was cancelled, died or was refused.
    for n in 0..20 {
        pool.call(tell, (n,)).unwrap().cancel();
    }
    let aborts = || -> () { std::process::abort() };
    pool.call(aborts, ()).unwrap().wait().unwrap();
    pool.shutdown();
    pool.call(tell, (0,)).unwrap_err();
    let mut closed = log.0.lock().unwrap().closed.clone();
    let mut opened: Vec<_> = spans().iter().map(|span| span.id).collect();
    closed.sort_unstable();
    opened.sort_unstable();
    assert_eq!(closed, opened);

    // Without the switch there is none, nowhere.
    let before = spans().len();
    let pool = ProcessPoolExecutor::builder()
        .max_workers(1)
        .worker_state(listen, ())
        .propagate_context(false)
        .build()
        .unwrap();
    assert_eq!(pool.call(tell, (0,)).unwrap().result().unwrap(), None);
    assert_eq!(pool.map(tell, 0..4).flatten().flatten().count(), 0);
    assert_eq!(spans().len(), before);
}
