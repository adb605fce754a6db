//! Pieces of a picture as text. Colours and fonts are the page's.

/// What is drawn, in a box of its own coordinates.
pub(crate) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

/// Where a text stands to its place.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            body: String::new(),
        }
    }

    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.body += &format!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\n"
        );
    }

    pub(crate) fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        let points = joined(points);
        self.body += &format!("<polyline class=\"{class}\" points=\"{points}\"/>\n");
    }

    pub(crate) fn area(&mut self, class: &str, points: &[(f64, f64)]) {
        let points = joined(points);
        self.body += &format!("<polygon class=\"{class}\" points=\"{points}\"/>\n");
    }

    /// A dot that says what it stands for to whoever points at it.
    pub(crate) fn dot(&mut self, class: &str, at: (f64, f64), what: &str) {
        let (x, y) = at;
        let what = escape(what);
        self.body += &format!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"><title>{what}</title></circle>\n"
        );
    }

    pub(crate) fn rect(&mut self, class: &str, at: (f64, f64), size: (f64, f64)) {
        let ((x, y), (width, height)) = (at, size);
        self.body += &format!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"2\"/>\n"
        );
    }

    pub(crate) fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str) {
        let (x, y) = at;
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escape(text);
        self.body += &format!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n"
        );
    }

    /// The picture; `what` is read out to those who cannot see it.
    pub(crate) fn finish(self, what: &str) -> String {
        let Self {
            width,
            height,
            body,
        } = self;
        let what = escape(what);
        format!(
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{what}\">\n{body}</svg>\n"
        )
    }
}

fn joined(points: &[(f64, f64)]) -> String {
    let points = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}"));
    points.collect::<Vec<_>>().join(" ")
}

/// `text` as it may stand in the page.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{Anchor, Svg};

    #[test]
    fn text_is_escaped() {
        let mut svg = Svg::new(10.0, 20.0);
        svg.text("t", (1.0, 2.0), Anchor::Middle, "a < b & \"c\"");
        let text = svg.finish("what");
        assert!(text.contains(">a &lt; b &amp; &quot;c&quot;</text>"));
        assert!(text.starts_with("<svg viewBox=\"0 0 10 20\""));
    }
}
