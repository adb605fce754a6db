//! What a run found, as it is handed to the report.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::contestant::Kind;
use crate::sample::QUANTILES;

/// All of one contestant's rounds of one row.
#[derive(Serialize)]
pub(crate) struct Record {
    /// The row, `w1` or `length-10`.
    pub row: String,
    /// In words.
    pub title: String,
    pub unit: &'static str,
    /// Where the row is a point of a chart: how far to the right.
    pub x: Option<f64>,
    pub contestant: &'static str,
    pub kind: Kind,
    /// Why others are not measured by it.
    pub no_measure: Option<&'static str>,
    /// One number a round, in the order of the rounds.
    pub rounds: Vec<f64>,
    /// Each part of the distribution, the median over the rounds.
    pub quantiles: Vec<(f64, f64)>,
}

impl Record {
    /// Takes the distribution of each round together.
    pub(crate) fn set_quantiles(&mut self, rounds: &[Vec<f64>]) {
        let complete = rounds.iter().all(|r| r.len() == QUANTILES.len());
        if rounds.is_empty() || !complete {
            return;
        }
        let at = |(i, &q): (usize, &f64)| {
            let mut values: Vec<f64> = rounds.iter().map(|r| r[i]).collect();
            values.sort_by(f64::total_cmp);
            (q, values[values.len() / 2])
        };
        self.quantiles = QUANTILES.iter().enumerate().map(at).collect();
    }
}

/// A run as it is written.
#[derive(Serialize)]
pub(crate) struct Run {
    /// Of other languages: contestant and version.
    pub(crate) versions: BTreeMap<&'static str, String>,
    pub records: Vec<Record>,
}
