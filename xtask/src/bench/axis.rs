//! From a number to a place on the page.

use super::markdown::number;

/// One direction of a chart.
pub(crate) struct Axis {
    pub(crate) label: String,
    scale: Scale,
    low: f64,
    high: f64,
    /// Where lines are drawn, and what is written there.
    pub(crate) ticks: Vec<(f64, String)>,
}

#[derive(Clone, Copy)]
enum Scale {
    Linear,
    Log,
    /// Spreads both ends of a distribution.
    Logit,
}

impl Axis {
    /// From 0 to 1, with room for measurements that are a little above.
    pub(crate) fn efficiency(label: &str) -> Self {
        let ticks = (0..=5).map(|n| f64::from(n) / 5.0);
        Self {
            label: label.to_owned(),
            scale: Scale::Linear,
            low: 0.0,
            high: 1.05,
            ticks: ticks.map(|t| (t, format!("{t:.1}"))).collect(),
        }
    }

    /// Logarithmic, over all `values`.
    pub(crate) fn log(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let positive: Vec<f64> = values.filter(|v| *v > 0.0).collect();
        let least = positive.iter().copied().fold(f64::INFINITY, f64::min);
        let most = positive.iter().copied().fold(0.0, f64::max);
        let (low, high) = if least.is_finite() {
            (least * 0.8, most * 1.25)
        } else {
            (1.0, 10.0)
        };
        // Few decades need ticks within them.
        let steps: &[f64] = if high / low > 200.0 {
            &[1.0]
        } else {
            &[1.0, 2.0, 5.0]
        };
        let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let ticks = decades.flat_map(|d| steps.iter().map(move |s| s * 10_f64.powi(d)));
        let ticks = ticks.filter(|t| (low..=high).contains(t));
        Self {
            label: label.to_owned(),
            scale: Scale::Log,
            low,
            high,
            ticks: ticks.map(|t| (t, short(t))).collect(),
        }
    }

    /// Logarithmic, with a tick at each of the `values`.
    pub(crate) fn log_at(label: &str, values: &[f64]) -> Self {
        let ticks = values.iter().map(|v| (*v, short(*v))).collect();
        let mut axis = Self::log(label, values.iter().copied());
        axis.ticks = ticks;
        axis
    }

    /// Parts of a distribution up to `last`, in percent.
    pub(crate) fn percentiles(label: &str, last: f64) -> Self {
        let ticks = [0.01, 0.1, 0.5, 0.9, 0.99, 0.999];
        let ticks = ticks.into_iter().filter(|t| *t <= last);
        Self {
            label: label.to_owned(),
            scale: Scale::Logit,
            low: 0.008,
            high: 1.0 - (1.0 - last) * 0.8,
            ticks: ticks.map(|t| (t, format!("{} %", t * 100.0))).collect(),
        }
    }

    /// Where `value` lies: 0 at the low end, 1 at the high end.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let at = |v: f64| match self.scale {
            Scale::Linear => v,
            Scale::Log => v.ln(),
            Scale::Logit => (v / (1.0 - v)).ln(),
        };
        let value = value.clamp(self.low, self.high);
        (at(value) - at(self.low)) / (at(self.high) - at(self.low))
    }
}

/// `1M` rather than `1000k`.
fn short(n: f64) -> String {
    if n >= 1e6 {
        format!("{}M", n / 1e6)
    } else if n >= 1e3 {
        format!("{}k", n / 1e3)
    } else if n.fract() == 0.0 {
        format!("{n}")
    } else {
        number(n).trim_end_matches('0').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::Axis;

    #[test]
    fn a_logarithmic_axis_has_its_decades() {
        let axis = Axis::log("x", [10.0, 1e6].into_iter());
        let shown: Vec<_> = axis.ticks.iter().map(|t| &*t.1).collect();
        assert_eq!(shown, ["10", "100", "1k", "10k", "100k", "1M"]);
        assert!(axis.place(10.0) > 0.0 && axis.place(1e6) < 1.0);
        assert_eq!(axis.place(1e9), 1.0);
        assert!(Axis::log("x", std::iter::empty()).place(3.0) > 0.0);
    }

    #[test]
    fn ticks_stand_where_the_values_are() {
        let axis = Axis::log_at("x", &[0.3, 1.0, 3.0]);
        let shown: Vec<_> = axis.ticks.iter().map(|t| &*t.1).collect();
        assert_eq!(shown, ["0.3", "1", "3"]);
    }

    #[test]
    fn the_median_stands_in_the_middle_of_a_distribution() {
        let axis = Axis::percentiles("x", 0.999);
        let (low, high) = (axis.place(0.1), axis.place(0.9));
        let middle = axis.place(0.5);
        assert!((middle - low - (high - middle)).abs() < 1e-9);
    }
}
