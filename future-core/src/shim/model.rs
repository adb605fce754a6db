//! Runs a loom model and reports what it did.
//!
//! Every model of the workspace goes through [`Model`], so that the table of models is made
//! from what ran and not from a list that somebody keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A loom model: what it shows and how far it is explored.
#[derive(Debug)]
pub struct Model {
    name: &'static str,
    shows: &'static str,
    threads: usize,
    cap: Option<usize>,
    substitute: Option<&'static str>,
}

impl Model {
    /// A model called `name` (the test's name) that shows `shows`, with `threads` threads, the
    /// main one included.
    #[must_use]
    pub fn new(name: &'static str, shows: &'static str, threads: usize) -> Self {
        Self {
            name,
            shows,
            threads,
            cap: None,
            substitute: None,
        }
    }

    /// Never explores this model beyond `bound` preemptions: it is too large for more.
    #[must_use]
    pub fn at_most(mut self, bound: usize) -> Self {
        self.cap = Some(bound);
        self
    }

    /// Says that the model runs over `what` in place of the structure that ships.
    #[must_use]
    pub fn substitute(mut self, what: &'static str) -> Self {
        self.substitute = Some(what);
        self
    }

    /// Explores the model. The bound is `LOOM_MAX_PREEMPTIONS` (2 when unset), lowered to the
    /// model's own cap.
    ///
    /// Prints one line that starts with `loom-model` and is separated by tabs: name, what it
    /// shows, threads, bound, executions, seconds, substitute.
    ///
    /// # Panics
    ///
    /// When an execution fails, or none ran.
    pub fn check(self, body: impl Fn() + Send + Sync + 'static) {
        let wanted = std::env::var("LOOM_MAX_PREEMPTIONS")
            .ok()
            .map_or(2, |v| v.parse().expect("LOOM_MAX_PREEMPTIONS is a number"));
        let bound = self.cap.map_or(wanted, |cap| wanted.min(cap));
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(bound);
        builder.max_branches = 100_000;
        let runs = Arc::new(AtomicU64::new(0));
        let counter = runs.clone();
        let start = Instant::now();
        builder.check(move || {
            // ORDERING: a plain count, read after the last execution on the same thread.
            counter.fetch_add(1, Ordering::Relaxed);
            body();
        });
        // ORDERING: see above.
        let runs = runs.load(Ordering::Relaxed);
        assert!(runs > 0, "the model {} ran no execution", self.name);
        println!(
            "loom-model\t{}\t{}\t{}\t{}\t{}\t{:.2}\t{}",
            self.name,
            self.shows,
            self.threads,
            bound,
            runs,
            start.elapsed().as_secs_f64(),
            self.substitute.unwrap_or("-"),
        );
    }
}

/// Counts how often a model reached an outcome, over all executions.
///
/// A model that never reaches the outcome it is about shows nothing; [`Reached::assert`] after
/// the model makes that a failure.
#[derive(Debug)]
pub struct Reached(&'static str, AtomicU64);

impl Reached {
    /// A counter for the outcome `what`.
    #[must_use]
    pub const fn new(what: &'static str) -> Self {
        Self(what, AtomicU64::new(0))
    }

    /// Notes that the outcome was reached.
    pub fn mark(&self) {
        // ORDERING: a plain count.
        self.1.fetch_add(1, Ordering::Relaxed);
    }

    /// Checks that the outcome was reached at least once.
    ///
    /// # Panics
    ///
    /// When it was not.
    pub fn assert(&self) {
        // ORDERING: a plain count, read after the model.
        assert!(
            self.1.load(Ordering::Relaxed) > 0,
            "no execution reached: {}",
            self.0
        );
    }
}
