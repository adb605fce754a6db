//! Telling the user: a bar on a terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Display;
use std::io::IsTerminal;
use std::time::Duration;

/// Owned by the one thread that consumes the results; no worker ever touches it.
pub(crate) struct Report {
    bar: Option<ProgressBar>,
    lines: bool,
    saved: usize,
    failed: usize,
    bytes: u64,
}

impl Report {
    /// A line for each document, and a bar if somebody is looking.
    pub(crate) fn new(total: usize) -> Report {
        Report {
            lines: true,
            ..Report::quiet(total)
        }
    }

    /// A bar if somebody is looking, and the totals.
    pub(crate) fn quiet(total: usize) -> Report {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = "[{bar:40}] {pos}/{len} {elapsed_precise} {msg}";
            let style = ProgressStyle::with_template(style).expect("the template is valid");
            ProgressBar::new(total as u64).with_style(style.progress_chars("=> "))
        });
        Report {
            bar,
            lines: false,
            saved: 0,
            failed: 0,
            bytes: 0,
        }
    }

    /// One document has arrived.
    pub(crate) fn saved(&mut self, url: &str, bytes: u64) {
        self.saved += 1;
        self.bytes += bytes;
        self.line(&format!("saved   {url} ({bytes} bytes)"));
    }

    /// One document will not come. The others do.
    pub(crate) fn failed(&mut self, url: &str, reason: &dyn Display) {
        self.failed += 1;
        self.line(&format!("failed  {url}: {reason}"));
    }

    pub(crate) fn any_saved(&self) -> bool {
        self.saved > 0
    }

    pub(crate) fn any_failed(&self) -> bool {
        self.failed > 0
    }

    fn line(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} failed", self.failed));
            bar.inc(1);
        }
        match &self.bar {
            _ if !self.lines => {}
            // println! alone would be drawn over.
            Some(bar) => bar.suspend(|| println!("{text}")),
            None => println!("{text}"),
        }
    }

    /// Removes the bar and prints the totals.
    pub(crate) fn finish(&self, took: Duration) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        println!(
            "{} saved ({} bytes), {} failed, in {:.2} s",
            self.saved,
            self.bytes,
            self.failed,
            took.as_secs_f64()
        );
    }
}
