//! `cargo xtask`: every check of this workspace, the same locally and in CI.

#![forbid(unsafe_code)]

mod bench;
mod ci;
mod conformance;
mod counts;
mod examples;
mod expectation;
mod faults;
mod loom;
mod loom_output;
mod mutants;
mod process;
mod sections;
mod source;
mod tags;
mod tidy;
mod tsan;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use process::say;
use sections::Outcome;
use workspace::Workspace;

/// The checks of this workspace. docs/development.md says what each can and cannot show.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the whole pipeline, section by section; stops at the first failure
    Ci {
        /// Run only these sections
        sections: Vec<String>,
    },
    /// Run the loom models and print their table
    Loom {
        /// Only this crate (default: all that have models)
        package: Option<String>,
        /// How many preemptions to explore
        #[arg(long, default_value_t = loom::GATE_BOUND, conflicts_with = "deep")]
        bound: usize,
        /// Explore one preemption more than the gate does; takes long
        #[arg(long)]
        deep: bool,
    },
    /// Run the stress tests under ThreadSanitizer, after a seeded race that must be found
    Tsan,
    /// Mutate the state machine and the pool's counters; tests and models must notice
    Mutants {
        /// Only this crate
        package: Option<String>,
        /// Only this one of its files
        #[arg(long)]
        file: Option<String>,
        /// Explore this many preemptions per model
        #[arg(long, default_value_t = 1)]
        bound: usize,
    },
    /// Write docs/conformance.md: which test covers which line of behaviour
    Conformance {
        /// Only check that the page is fresh and that nothing required lacks a test
        #[arg(long)]
        check: bool,
    },
    /// Check the costs that repeat: instructions, system calls
    Counts,
    /// Measure this library beside its peers and write the report
    Bench {
        /// Only these rows: w1, w2hot, w5, w6-10us, length, ... (default: all of the thread pool);
        /// process: the process pool, or `process burst echo-1m` some of its rows
        rows: Vec<String>,
        /// Fewer tasks and rounds
        #[arg(long)]
        quick: bool,
        /// How many rounds (default: 9; 3 when quick)
        #[arg(long)]
        rounds: Option<usize>,
        /// Where the report goes (default: bench in cargo's target folder)
        #[arg(long)]
        out: Option<PathBuf>,
        /// Also put the table into docs/performance.md; only a run of all rows can be published
        #[arg(long)]
        publish: bool,
    },
    /// Check what the compiler does not: ordering tags, file sizes, unfinished marks
    Tidy,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Without a backtrace: what failed is in the words, not in this program.
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    let workspace = Workspace::load()?;
    match cli.verb {
        Verb::Ci { sections } => ci::run_all(&workspace, &sections),
        Verb::Loom {
            package,
            bound,
            deep,
        } => {
            let bound = if deep { loom::DEEP_BOUND } else { bound };
            loom::run(&workspace, package.as_deref(), bound)
        }
        Verb::Tsan => tsan::run(&workspace),
        Verb::Mutants {
            package,
            file,
            bound,
        } => mutants::run(&workspace, package.as_deref(), file.as_deref(), bound),
        Verb::Conformance { check: true } => conformance::check(&workspace),
        Verb::Conformance { check: false } => conformance::write(&workspace),
        Verb::Counts => counts::run_all(&workspace).map(|outcome| {
            if let Outcome::Skipped(why) = outcome {
                say(&format!("skipped: {why}"));
            }
        }),
        Verb::Bench {
            rows,
            quick,
            rounds,
            out,
            publish,
        } => {
            let options = bench::Options {
                quick,
                rounds,
                rows,
                out,
                publish,
            };
            bench::run_all(&workspace, &options)
        }
        Verb::Tidy => tidy::run(&workspace),
    }
}
