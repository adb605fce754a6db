//! The README shows what the front page of the documentation tests.
#![cfg(not(cf_loom))]

/// The lines of the first Rust snippet, also those that rustdoc hides.
fn snippet(page: &str) -> impl Iterator<Item = &str> {
    let lines = page
        .lines()
        .map(|line| line.trim_start_matches("//!").trim());
    let code = lines
        .skip_while(|line| !line.starts_with("```rust"))
        .skip(1);
    let code = code.take_while(|line| *line != "```");
    code.map(|line| line.trim_start_matches("# "))
}

#[test]
fn the_readme_shows_the_tested_snippet() {
    let mut tested = snippet(include_str!("../src/lib.rs"));
    let shown = snippet(include_str!("../../README.md")).filter(|line| !line.is_empty());
    let mut lines = 0;
    for line in shown {
        assert!(tested.any(|tested| tested == line), "not in lib.rs: {line}");
        lines += 1;
    }
    assert!(lines > 0, "the README has no snippet");
}
