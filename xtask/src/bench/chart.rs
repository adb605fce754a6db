//! Charts of curves, each labelled at its end, with a band for the spread.

use super::axis::Axis;
use super::markdown::number;
use super::svg::{Anchor, Svg};

/// One contestant's points from left to right.
pub(crate) struct Curve {
    pub(crate) name: String,
    /// Which of the page's colours.
    pub(crate) colour: usize,
    pub(crate) points: Vec<Point>,
}

/// A point, and the band around it.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) low: f64,
    pub(crate) middle: f64,
    pub(crate) high: f64,
}

const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 350.0;
const LEFT: f64 = 62.0;
/// Room for the labels at the ends of the curves.
const RIGHT: f64 = 170.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 46.0;
/// Labels stand at least so far apart.
const LINE: f64 = 15.0;

/// Draws the curves; the first one stands out.
pub(crate) fn draw(title: &str, x: &Axis, y: &Axis, curves: &[Curve]) -> String {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let across = |v: f64| LEFT + x.place(v) * (right - LEFT);
    let up = |v: f64| bottom - y.place(v) * (bottom - TOP);
    for (value, label) in &y.ticks {
        let at = up(*value);
        svg.line("grid", (LEFT, at), (right, at));
        svg.text("tick", (LEFT - 8.0, at + 4.0), Anchor::End, label);
    }
    for (value, label) in &x.ticks {
        let at = across(*value);
        svg.line("grid", (at, TOP), (at, bottom));
        svg.text("tick", (at, bottom + 18.0), Anchor::Middle, label);
    }
    let middle = (LEFT + right) / 2.0;
    svg.text("axis", (middle, HEIGHT - 8.0), Anchor::Middle, &x.label);
    svg.text("axis", (LEFT - 50.0, 12.0), Anchor::Start, &y.label);
    // The first is drawn last, over the others.
    for curve in curves.iter().rev() {
        let colour = curve.colour;
        let above = curve.points.iter().map(|p| (across(p.x), up(p.high)));
        let below = curve.points.iter().rev().map(|p| (across(p.x), up(p.low)));
        svg.area(
            &format!("band c{colour}"),
            &above.chain(below).collect::<Vec<_>>(),
        );
        let line = curve.points.iter().map(|p| (across(p.x), up(p.middle)));
        svg.path(&format!("curve c{colour}"), &line.collect::<Vec<_>>());
        for point in &curve.points {
            let what = format!("{}: {}", curve.name, number(point.middle));
            svg.dot(
                &format!("dot c{colour}"),
                (across(point.x), up(point.middle)),
                &what,
            );
        }
    }
    let ends = curves
        .iter()
        .map(|c| c.points.last().map_or(bottom, |p| up(p.middle)));
    let places = apart(&ends.collect::<Vec<_>>(), TOP + 6.0, bottom);
    for (curve, at) in curves.iter().zip(places) {
        let class = format!("name c{}", curve.colour);
        svg.text(&class, (right + 10.0, at + 4.0), Anchor::Start, &curve.name);
    }
    svg.finish(title)
}

/// Moves places apart so that labels do not cover each other, each as little as may be.
fn apart(places: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].total_cmp(&places[*b]));
    let mut moved = places.to_vec();
    let mut next = top;
    for &i in &order {
        moved[i] = moved[i].max(next);
        next = moved[i] + LINE;
    }
    let mut next = bottom;
    for &i in order.iter().rev() {
        moved[i] = moved[i].min(next);
        next = moved[i] - LINE;
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::{Axis, Curve, Point, apart, draw};

    #[test]
    fn labels_are_moved_apart() {
        assert_eq!(apart(&[50.0, 50.0, 90.0], 0.0, 100.0), [50.0, 65.0, 90.0]);
        assert_eq!(apart(&[99.0, 98.0], 0.0, 100.0), [100.0, 85.0]);
    }

    #[test]
    fn each_curve_is_drawn_and_named() {
        let point = |x, middle| Point {
            x,
            low: middle * 0.9,
            middle,
            high: middle * 1.1,
        };
        let curve = |name: &str, colour| Curve {
            name: name.into(),
            colour,
            points: vec![point(10.0, 30.0), point(100.0, 40.0)],
        };
        let axis = || Axis::log("n", [10.0, 100.0].into_iter());
        let picture = draw(
            "a title",
            &axis(),
            &axis(),
            &[curve("one", 0), curve("two", 1)],
        );
        assert_eq!(picture.matches("<polyline").count(), 2);
        assert_eq!(picture.matches("<circle").count(), 4);
        assert!(picture.contains(">one</text>") && picture.contains("aria-label=\"a title\""));
    }
}
