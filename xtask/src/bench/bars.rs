//! What the library must reach, row by row.

use super::results::{Kind, Record, Results};

/// A row of the table.
pub(crate) struct Bar {
    /// The row of the results.
    pub(crate) row: &'static str,
    /// What it must reach.
    pub(crate) limit: Limit,
}

/// What a row is compared with.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    /// At most so many times the best peer's number.
    OfBest(f64),
    /// The same, and not above Java's.
    OfBestAndJava(f64),
    /// At most so many times the naive port's number.
    OfNaive(f64),
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// At least so many times the best peer's number.
    AtLeastOfBest(f64),
}

use Limit::{AtLeast, AtLeastOfBest, AtMost, OfBest, OfBestAndJava, OfNaive};

const fn bar(row: &'static str, limit: Limit) -> Bar {
    Bar { row, limit }
}

/// All rows: the workloads, then the counts, then the hard conditions, in which nobody may be
/// better than this library.
pub(crate) const BARS: [Bar; 27] = [
    bar("w1", OfBestAndJava(0.25)),
    bar("w2hot", OfBest(0.4)),
    // Spinning must not be bought with cold latency.
    bar("w2cold", OfNaive(1.0)),
    bar("w3", OfBest(0.5)),
    bar("w4", OfBest(1.0)),
    bar("w5x2", OfBest(0.35)),
    bar("w5x8", OfBest(0.7)),
    bar("w6-1us", AtLeast(0.70)),
    bar("w6-10us", AtLeast(0.88)),
    bar("w6-100us", AtLeastOfBest(0.95)),
    bar("w7", AtMost(64.0)),
    bar("allocations", AtMost(1.0)),
    bar("w8", OfBest(0.25)),
    bar("w9", OfBest(1.0)),
    bar("w10", OfBest(1.0)),
    bar("instructions", AtMost(650.0)),
    bar("w1-8workers", OfBest(1.0)),
    bar("w2hot-8workers", OfBest(1.0)),
    bar("w4-8workers", OfBest(1.0)),
    bar("w6-10us-8workers", AtLeastOfBest(0.95)),
    bar("w1-1cpu", OfBest(1.0)),
    bar("w2hot-1cpu", OfBest(1.0)),
    bar("w3-1cpu", OfBest(1.0)),
    bar("w4-1cpu", OfBest(1.0)),
    bar("w5x8-1cpu", OfBest(1.0)),
    bar("w6-10us-1cpu", AtLeastOfBest(0.95)),
    // A thousandth of one processor.
    bar("idle", AtMost(1000.0)),
];

/// One row, compared.
pub(crate) struct Verdict<'r> {
    pub(crate) ours: &'r Record,
    /// With whom it is compared, where it is.
    pub(crate) other: Option<&'r Record>,
    pub(crate) java: Option<&'r Record>,
    /// Our cost by the other's, less than 1 where we are better; of efficiencies the inverse.
    pub(crate) ratio: Option<f64>,
    /// The same in each round, which is free of what disturbs everybody.
    pub(crate) ratios: Vec<f64>,
    /// What the ratio may be.
    pub(crate) ratio_limit: Option<f64>,
    /// In words.
    pub(crate) limit: String,
    pub(crate) met: bool,
}

impl Bar {
    /// None: the row was not measured.
    pub(crate) fn judge<'r>(&self, results: &'r Results) -> Option<Verdict<'r>> {
        let ours = results.of_kind(self.row, Kind::Ours)?;
        let naive = || results.of_kind(self.row, Kind::Naive);
        let (other, whom) = match self.limit {
            OfNaive(_) => (naive(), "the naive port"),
            _ => (results.best_peer(self.row), "the best peer"),
        };
        let java = results.of_kind(self.row, Kind::Java);
        let cost = |ours: f64, other: f64| {
            if self.more_is_better() {
                other / ours
            } else {
                ours / other
            }
        };
        let median = ours.median();
        let ratio = other.map(|other| cost(median, other.median()));
        let within = |limit: f64| ratio.is_none_or(|ratio| ratio <= limit);
        let relative = |absolute: f64| other.map(|other| cost(absolute, other.median()));
        let (limit, ratio_limit, met) = match self.limit {
            OfBest(part) | OfNaive(part) => {
                (format!("≤ {part:?} × {whom}"), Some(part), within(part))
            }
            OfBestAndJava(part) => (
                format!("≤ {part:?} × {whom}, and not above Java"),
                Some(part),
                within(part) && java.is_none_or(|java| median <= java.median()),
            ),
            AtLeastOfBest(part) => (
                format!("≥ {part:?} × {whom}"),
                Some(1.0 / part),
                within(1.0 / part),
            ),
            AtMost(most) => (format!("≤ {most}"), relative(most), median <= most),
            AtLeast(least) => (format!("≥ {least:.2}"), relative(least), median >= least),
        };
        let ratios = other.map_or_else(Vec::new, |other| {
            let rounds = ours.rounds.iter().zip(&other.rounds);
            rounds.map(|(ours, other)| cost(*ours, *other)).collect()
        });
        Some(Verdict {
            ours,
            other,
            java,
            ratio,
            ratios,
            ratio_limit,
            limit,
            met,
        })
    }

    fn more_is_better(&self) -> bool {
        matches!(self.limit, AtLeast(_) | AtLeastOfBest(_))
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::record;
    use super::{Kind, Limit, Results, bar};

    fn results(ours: f64, peer: f64, java: f64) -> Results {
        Results {
            versions: Default::default(),
            records: vec![
                record("w1", "ours", Kind::Ours, ours),
                record("w1", "peer", Kind::Peer, peer),
                record("w1", "java", Kind::Java, java),
            ],
        }
    }

    #[test]
    fn a_ratio_is_met_or_not() {
        let bar = bar("w1", Limit::OfBestAndJava(0.25));
        let results_met = results(50.0, 200.0, 60.0);
        let verdict = bar.judge(&results_met).unwrap();
        assert!(verdict.met && verdict.ratio == Some(0.25));
        assert_eq!(verdict.ratios.len(), 3);
        assert!(!bar.judge(&results(51.0, 200.0, 60.0)).unwrap().met);
        assert!(!bar.judge(&results(50.0, 200.0, 40.0)).unwrap().met);
        assert!(bar.judge(&Results::default()).is_none());
    }

    #[test]
    fn an_efficiency_is_compared_the_other_way_round() {
        let results = results(0.8, 0.9, 1.0);
        let least = bar("w1", Limit::AtLeast(0.75)).judge(&results).unwrap();
        assert!(least.met);
        assert_eq!(least.ratio, Some(0.9 / 0.8));
        assert_eq!(least.ratio_limit, Some(0.9 / 0.75));
        assert!(!bar("w1", Limit::AtLeast(0.81)).judge(&results).unwrap().met);
        assert!(
            !bar("w1", Limit::AtLeastOfBest(0.95))
                .judge(&results)
                .unwrap()
                .met
        );
    }
}
