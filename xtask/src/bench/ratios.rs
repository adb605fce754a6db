//! The chart of the bars: a row for each, how long ours is beside the best peer's, and where it
//! must end.

use super::bars::{BARS, Verdict};
use super::markdown::number;
use super::results::{Results, Spread};
use super::svg::{Anchor, Svg};

const WIDTH: f64 = 960.0;
const ROW: f64 = 26.0;
const TOP: f64 = 30.0;
const LEFT: f64 = 240.0;
const RIGHT: f64 = 330.0;
/// The chart ends here; what is longer is cut, and its number says how long it is.
const MOST: f64 = 1.4;

/// Draws all rows that are compared with somebody. None: no such row was measured.
pub(crate) fn draw(results: &Results) -> Option<String> {
    let verdicts = BARS.iter().filter_map(|bar| bar.judge(results));
    let compared: Vec<_> = verdicts
        .filter(|v| v.ratio_limit.is_some_and(|limit| limit <= MOST))
        .collect();
    if compared.is_empty() {
        return None;
    }
    let bottom = TOP + ROW * compared.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + 34.0);
    for tenths in [0, 2, 4, 6, 8, 10, 12, 14] {
        let value = f64::from(tenths) / 10.0;
        let class = if tenths == 10 { "one" } else { "grid" };
        svg.line(class, (across(value), TOP - 6.0), (across(value), bottom));
        let label = format!("{value:.1}");
        svg.text("tick", (across(value), TOP - 12.0), Anchor::Middle, &label);
    }
    let columns = (WIDTH - RIGHT + 80.0, TOP - 12.0);
    svg.text("tick", columns, Anchor::Start, "ours : compared with");
    for (number, verdict) in compared.iter().enumerate() {
        row(&mut svg, TOP + ROW * number as f64, verdict);
    }
    let legend = "shorter is better; ┃ is the bar, ours must not reach beyond it; the thin line is the spread";
    svg.text("axis", (LEFT, bottom + 24.0), Anchor::Start, legend);
    Some(svg.finish("Our cost by the best peer's, for each workload"))
}

fn across(ratio: f64) -> f64 {
    LEFT + ratio.min(MOST) / MOST * (WIDTH - LEFT - RIGHT)
}

fn row(svg: &mut Svg, top: f64, verdict: &Verdict<'_>) {
    let (Some(ratio), Some(limit)) = (verdict.ratio, verdict.ratio_limit) else {
        return;
    };
    let text = top + ROW / 2.0 + 4.0;
    svg.text(
        "name",
        (LEFT - 10.0, text),
        Anchor::End,
        &verdict.ours.title,
    );
    let class = if verdict.met { "met" } else { "missed" };
    let length = across(ratio) - LEFT;
    svg.rect(class, (LEFT, top + 5.0), (length, ROW - 10.0));
    if let Some(spread) = Spread::of(&verdict.ratios) {
        let middle = top + ROW / 2.0;
        let half = [spread.quarter, spread.three_quarters].map(|r| (across(r), middle));
        svg.line("whisker", half[0], half[1]);
    }
    let at = across(limit);
    svg.line("limit", (at, top + 1.0), (at, top + ROW - 1.0));
    let sign = if verdict.met { "✓" } else { "✗" };
    let cut = if ratio > MOST { "→ " } else { "" };
    let value = format!("{cut}{sign} {ratio:.2}");
    svg.text(
        &format!("value {class}"),
        (WIDTH - RIGHT + 12.0, text),
        Anchor::Start,
        &value,
    );
    let other = verdict.other.map_or_else(String::new, |other| {
        let (ours, median) = (number(verdict.ours.median()), number(other.median()));
        format!("{ours} : {median} {}", other.contestant)
    });
    svg.text("tick", (WIDTH - RIGHT + 80.0, text), Anchor::Start, &other);
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::record;
    use super::super::results::{Kind, Results};
    use super::draw;

    #[test]
    fn a_row_says_whether_it_is_met() {
        let results = Results {
            versions: Default::default(),
            records: vec![
                record("w4", "ours", Kind::Ours, 50.0),
                record("w4", "peer", Kind::Peer, 100.0),
                record("w10", "ours", Kind::Ours, 30.0),
                record("w10", "peer", Kind::Peer, 10.0),
            ],
        };
        let picture = draw(&results).unwrap();
        assert!(picture.contains("✓ 0.50"), "{picture}");
        assert!(picture.contains("→ ✗ 3.00"));
        assert_eq!(picture.matches("<rect").count(), 2);
    }
}
