//! The timed sections of a run, and the table at its end.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::process::say;

/// How a section ended well.
pub(crate) enum Outcome {
    /// Everything it checks holds.
    Passed,
    /// It could not run here, for this reason.
    Skipped(String),
}

struct Row {
    name: &'static str,
    took: Duration,
    outcome: String,
}

/// Runs sections one after the other and remembers how each went.
#[derive(Default)]
pub(crate) struct Sections {
    rows: Vec<Row>,
    selective: bool,
    /// The names asked for that no section has had yet.
    only: Vec<String>,
}

impl Sections {
    /// Runs only the sections named in `only`; all of them when it is empty.
    pub(crate) fn only(only: &[String]) -> Self {
        Self {
            rows: Vec::new(),
            selective: !only.is_empty(),
            only: only.to_vec(),
        }
    }

    /// Runs one section. After a failure, prints the table and gives the failure back.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        body: impl FnOnce() -> Result<Outcome>,
    ) -> Result<()> {
        if self.selective && !self.take(name) {
            return Ok(());
        }
        say(&format!("\n==== {name}"));
        let start = Instant::now();
        let result = body();
        let outcome = match &result {
            Ok(Outcome::Passed) => "ok".to_owned(),
            Ok(Outcome::Skipped(why)) => format!("skipped: {why}"),
            Err(_) => "FAILED".to_owned(),
        };
        self.rows.push(Row {
            name,
            took: start.elapsed(),
            outcome,
        });
        match result {
            Ok(_) => Ok(()),
            Err(error) => {
                say(&self.table());
                Err(error.context(format!("section `{name}` failed")))
            }
        }
    }

    /// Prints the table of a run in which nothing failed. A name that no section has is an error.
    pub(crate) fn finish(self) -> Result<()> {
        say(&self.table());
        if !self.only.is_empty() {
            bail!("no section is called {}", self.only.join(" or "));
        }
        Ok(())
    }

    /// Whether `name` was asked for.
    fn take(&mut self, name: &str) -> bool {
        let before = self.only.len();
        self.only.retain(|n| n != name);
        self.only.len() < before
    }

    fn table(&self) -> String {
        let mut lines = vec![format!("\n{:<14} {:>8}  outcome", "section", "seconds")];
        let mut total = Duration::ZERO;
        for row in &self.rows {
            total += row.took;
            lines.push(format!(
                "{:<14} {:>8.1}  {}",
                row.name,
                row.took.as_secs_f64(),
                row.outcome
            ));
        }
        lines.push(format!("{:<14} {:>8.1}", "total", total.as_secs_f64()));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Sections};

    #[test]
    fn a_failure_is_given_back_with_the_name_of_its_section() {
        let mut sections = Sections::default();
        sections.run("first", || Ok(Outcome::Passed)).unwrap();
        let error = sections
            .run("second", || anyhow::bail!("broken"))
            .unwrap_err();
        assert_eq!(format!("{error:#}"), "section `second` failed: broken");
        let table = sections.table();
        assert!(table.contains("first") && table.contains("FAILED"));
    }

    #[test]
    fn only_the_named_sections_run() {
        let mut sections = Sections::only(&["b".to_owned()]);
        sections.run("a", || unreachable!()).unwrap();
        sections
            .run("b", || Ok(Outcome::Skipped("no tool".into())))
            .unwrap();
        assert!(sections.table().contains("skipped: no tool"));
        sections.finish().unwrap();
        assert!(Sections::only(&["c".to_owned()]).finish().is_err());
    }
}
