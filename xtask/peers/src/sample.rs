//! What one round gives.

/// A round's number, and where it is the median of many, the others around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub value: f64,
    /// In the order of [`QUANTILES`].
    pub quantiles: Vec<f64>,
}

/// The parts of the distribution that are kept.
pub(crate) const QUANTILES: [f64; 11] = [
    0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999,
];

impl From<f64> for Sample {
    fn from(value: f64) -> Self {
        Self {
            value,
            quantiles: Vec::new(),
        }
    }
}

impl Sample {
    /// The median of `values`, and their distribution.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let last = values.len().saturating_sub(1);
        let at = |q: f64| values[(q * last as f64).round() as usize];
        Self {
            value: at(0.5),
            quantiles: QUANTILES.iter().map(|&q| at(q)).collect(),
        }
    }
}
