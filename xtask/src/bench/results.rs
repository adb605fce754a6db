//! What the programs of `xtask/peers` measured, and the numbers that stand for it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Everything measured.
#[derive(Default, Deserialize)]
pub(crate) struct Results {
    /// Programs of other languages and their versions.
    pub(crate) versions: BTreeMap<String, String>,
    pub(crate) records: Vec<Record>,
}

/// All rounds of one contestant in one row.
#[derive(Clone, Deserialize)]
pub(crate) struct Record {
    pub(crate) row: String,
    pub(crate) title: String,
    pub(crate) unit: String,
    pub(crate) x: Option<f64>,
    pub(crate) contestant: String,
    pub(crate) kind: Kind,
    pub(crate) no_measure: Option<String>,
    pub(crate) rounds: Vec<f64>,
    pub(crate) quantiles: Vec<(f64, f64)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Ours,
    Peer,
    Naive,
    Java,
    Python,
}

/// The middle of several numbers and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) quarter: f64,
    pub(crate) median: f64,
    pub(crate) three_quarters: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// None: no numbers.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let at = |part: f64| {
            let place = part * last as f64;
            let (low, high) = (place.floor() as usize, place.ceil() as usize);
            sorted[low] + (sorted[high] - sorted[low]) * place.fract()
        };
        Some(Self {
            low: at(0.0),
            quarter: at(0.25),
            median: at(0.5),
            three_quarters: at(0.75),
            high: at(1.0),
        })
    }
}

impl Record {
    pub(crate) fn spread(&self) -> Option<Spread> {
        Spread::of(&self.rounds)
    }

    pub(crate) fn median(&self) -> f64 {
        self.spread().map_or(f64::NAN, |spread| spread.median)
    }

    /// Whether more is better.
    pub(crate) fn more_is_better(&self) -> bool {
        self.unit == "efficiency"
    }

    /// Whether it is a measure for others: pools in Rust that do the same.
    fn is_measure(&self) -> bool {
        matches!(self.kind, Kind::Peer | Kind::Naive) && self.no_measure.is_none()
    }
}

impl Results {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("understanding {}", path.display()))
    }

    /// Takes over what `other` has.
    pub(crate) fn merge(&mut self, other: Self) {
        self.versions.extend(other.versions);
        self.records.extend(other.records);
    }

    /// Everybody's records of one row.
    pub(crate) fn row(&self, row: &str) -> Vec<&Record> {
        self.records.iter().filter(|r| r.row == row).collect()
    }

    /// The first of `kind` in the row.
    pub(crate) fn of_kind(&self, row: &str, kind: Kind) -> Option<&Record> {
        self.row(row).into_iter().find(|r| r.kind == kind)
    }

    /// The best pool in Rust but ours.
    pub(crate) fn best_peer(&self, row: &str) -> Option<&Record> {
        let peers = self.row(row).into_iter().filter(|r| r.is_measure());
        peers.min_by(|a, b| {
            let order = a.median().total_cmp(&b.median());
            if a.more_is_better() {
                order.reverse()
            } else {
                order
            }
        })
    }

    /// The points of a chart, by contestant in the order of appearance.
    pub(crate) fn chart(&self, name: &str) -> Vec<(&str, Vec<&Record>)> {
        let mut curves: Vec<(&str, Vec<&Record>)> = Vec::new();
        let in_chart = |r: &&Record| {
            let rest = r.row.strip_prefix(name).and_then(|r| r.strip_prefix('-'));
            rest.is_some() && r.x.is_some()
        };
        for record in self.records.iter().filter(in_chart) {
            match curves.iter_mut().find(|c| c.0 == record.contestant) {
                Some(curve) => curve.1.push(record),
                None => curves.push((&record.contestant, vec![record])),
            }
        }
        curves
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{BTreeMap, Kind, Record, Results, Spread};

    /// A record of three rounds around `value`.
    pub(crate) fn record(row: &str, contestant: &str, kind: Kind, value: f64) -> Record {
        Record {
            row: row.into(),
            title: row.to_uppercase(),
            unit: "ns/task".into(),
            x: None,
            contestant: contestant.into(),
            kind,
            no_measure: None,
            rounds: vec![value * 1.1, value, value * 0.9],
            quantiles: vec![],
        }
    }

    #[test]
    fn a_spread_lies_between_the_numbers() {
        let spread = Spread::of(&[4.0, 1.0, 2.0, 3.0]).unwrap();
        assert_eq!((spread.low, spread.high), (1.0, 4.0));
        assert_eq!((spread.quarter, spread.median), (1.75, 2.5));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn the_best_peer_is_in_rust_and_does_the_same() {
        let mut flag_only = record("w10", "naive", Kind::Naive, 1.0);
        flag_only.no_measure = Some("sets a flag".into());
        let mut results = Results {
            versions: BTreeMap::new(),
            records: vec![
                record("w10", "ours", Kind::Ours, 2.0),
                record("w10", "java", Kind::Java, 3.0),
                flag_only,
                record("w10", "slow", Kind::Peer, 5.0),
                record("w10", "fast", Kind::Peer, 4.0),
            ],
        };
        assert_eq!(results.best_peer("w10").unwrap().contestant, "fast");
        for record in &mut results.records {
            record.unit = "efficiency".into();
        }
        assert_eq!(results.best_peer("w10").unwrap().contestant, "slow");
    }
}
