//! What an example says about its own output, and whether its output is that.

/// The declaration in an example's header comment.
#[derive(Debug, PartialEq)]
pub(crate) enum Expectation {
    /// These lines; `…` stands for any text in a line, and alone on a line for any lines.
    Lines(Vec<String>),
    /// Only that it ends well, for this reason.
    Unchecked(String),
}

const UNCHECKED: &str = "Output is not checked:";

/// Reads the `//!` header of an example. None: it declares nothing.
pub(crate) fn declared(source: &str) -> Option<Expectation> {
    let mut header = source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line));
    while let Some(line) = header.next() {
        if let Some(reason) = line.trim().strip_prefix(UNCHECKED) {
            let reason = reason.trim();
            return (!reason.is_empty()).then(|| Expectation::Unchecked(reason.to_owned()));
        }
        if line.trim() == "Output:" {
            header.by_ref().find(|line| line.starts_with("```"))?;
            let mut lines = Vec::new();
            for line in header {
                if line.starts_with("```") {
                    return Some(Expectation::Lines(lines));
                }
                lines.push(line.trim_end().to_owned());
            }
            return None;
        }
    }
    None
}

/// Whether `actual` is what `expected` describes; if not, the first line that differs.
pub(crate) fn compare(expected: &[String], actual: &str) -> Result<(), String> {
    let actual: Vec<&str> = actual.trim_end().lines().map(str::trim_end).collect();
    let mut deepest = 0;
    if lines_match(expected, &actual, 0, &mut deepest) {
        return Ok(());
    }
    let got = actual.get(deepest).copied().unwrap_or("<end of output>");
    Err(format!(
        "line {} of the output does not fit: {got:?}\n--- expected\n{}\n--- got\n{}",
        deepest + 1,
        expected.join("\n"),
        actual.join("\n"),
    ))
}

fn lines_match(expected: &[String], actual: &[&str], at: usize, deepest: &mut usize) -> bool {
    *deepest = (*deepest).max(at);
    match expected.split_first() {
        None => at == actual.len(),
        Some((first, rest)) if first.trim() == "…" => {
            (at..=actual.len()).any(|next| lines_match(rest, actual, next, deepest))
        }
        Some((first, rest)) => {
            actual.get(at).is_some_and(|line| fits(first, line))
                && lines_match(rest, actual, at + 1, deepest)
        }
    }
}

/// Whether `line` is `pattern` with some text for each `…`.
fn fits(pattern: &str, line: &str) -> bool {
    match pattern.split_once('…') {
        None => pattern == line,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(i, _)| i)
                .chain([rest.len()])
                .any(|i| fits(after, &rest[i..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Expectation, compare, declared, fits};

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_block_after_output_is_expected() {
        let source = "//! Squares.\n//!\n//! ```\n//! not this\n//! ```\n//!\n//! Output:\n//!\n\
             //! ```text\n//! 1\n//!   4 …\n//!\n//! 9\n//! ```\n\nfn main() {}\n";
        assert_eq!(
            declared(source),
            Some(Expectation::Lines(lines("1\n  4 …\n\n9")))
        );
    }

    #[test]
    fn an_unchecked_example_says_why() {
        assert_eq!(
            declared("//! Output is not checked: it depends on the network\n"),
            Some(Expectation::Unchecked("it depends on the network".into()))
        );
        assert_eq!(declared("//! Output is not checked:\n"), None);
    }

    #[test]
    fn silence_and_an_open_fence_declare_nothing() {
        assert_eq!(declared("//! Squares.\nfn main() {}\n"), None);
        assert_eq!(declared("//! Output:\n//! ```text\n//! 1\n"), None);
        assert_eq!(
            declared("fn main() {}\n//! Output:\n//! ```\n//! ```\n"),
            None
        );
    }

    #[test]
    fn the_wildcard_stands_for_any_text_in_a_line() {
        assert!(fits("took … ms", "took 13 ms"));
        assert!(fits("… and …", "a and b and c"));
        assert!(fits("x…", "x"));
        assert!(!fits("took … ms", "took 13 s"));
        assert!(!fits("a", "ab"));
        assert!(fits("ä…ü", "äöü"));
    }

    #[test]
    fn a_line_of_its_own_stands_for_any_lines() {
        let expected = lines("start\n…\nend");
        assert!(compare(&expected, "start\nend\n").is_ok());
        assert!(compare(&expected, "start\na\nend\nb\nend\n").is_ok());
        assert!(compare(&expected, "start\na\n").is_err());
    }

    #[test]
    fn the_first_line_that_differs_is_named() {
        let error = compare(&lines("a\nb\nc"), "a\nx\nc\n").unwrap_err();
        assert!(error.starts_with("line 2 of the output does not fit: \"x\""));
        let error = compare(&lines("a\nb"), "a\n").unwrap_err();
        assert!(error.contains("<end of output>"));
        let error = compare(&lines("a"), "a\nb\n").unwrap_err();
        assert!(error.contains("\"b\""));
    }
}
