//! The headings of a troubleshooting chapter, and which messages they are.

#![allow(dead_code, reason = "each test binary uses some")]

/// The headings of `text`, without the marks of code.
pub(crate) fn headings(text: &str) -> Vec<String> {
    let headings = text.lines().filter_map(|line| line.strip_prefix("## "));
    headings
        .map(|line| {
            let fence = if line.starts_with("``") { "``" } else { "`" };
            let text = line.trim_start_matches(fence).trim_end_matches(fence);
            // A blank keeps a mark of code in the text apart from the heading's own.
            text.trim().to_owned()
        })
        .collect()
}

/// Whether `text` is `pattern` with something for each `…`.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('…') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.any(|at| fits(after, &rest[at..]))
        }),
    }
}

/// Whether `text` has `pattern` in it, however its lines are broken.
pub(crate) fn is_in(pattern: &str, text: &str) -> bool {
    let words: Vec<_> = text.split_whitespace().collect();
    fits(&format!("…{pattern}…"), &words.join(" "))
}

/// Each message has its heading, and each heading is a message.
pub(crate) fn check(messages: &[String], headings: &[String]) {
    for message in messages {
        let known = headings.iter().any(|heading| fits(heading, message));
        assert!(known, "no heading of the chapter is:\n{message}");
    }
    for heading in headings {
        let printed = messages.iter().any(|message| fits(heading, message));
        assert!(printed, "nothing prints:\n{heading}");
    }
}
