//! The README shows what the front page of the documentation tests.
#![cfg(not(cf_loom))]

/// The lines of the first snippet that begins with `fence`, also those that rustdoc hides.
fn snippet<'a>(page: &'a str, fence: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = page
        .lines()
        .map(|line| line.trim_start_matches("//!").trim());
    let code = lines
        .skip_while(move |line| !line.starts_with(fence))
        .skip(1);
    let code = code.take_while(|line| *line != "```");
    code.map(|line| line.trim_start_matches("# "))
}

/// Each line of the README's snippet, the first in `part`, stands in the tested one, in order.
fn is_shown<'a>(part: &str, mut tested: impl Iterator<Item = &'a str>) {
    let mut lines = 0;
    for line in snippet(part, "```rust").filter(|line| !line.is_empty()) {
        assert!(tested.any(|tested| tested == line), "not tested: {line}");
        lines += 1;
    }
    assert!(lines > 0, "the README has no snippet");
}

#[test]
fn the_readme_shows_the_tested_snippets() {
    let readme = include_str!("../../README.md");
    is_shown(readme, snippet(include_str!("../src/lib.rs"), "```rust"));

    let (_, processes) = readme
        .split_once("## Processes")
        .expect("it has the section");
    let chapter = include_str!("../src/doc/processes.md");
    let (_, chapter) = chapter
        .split_once("```toml")
        .expect("it has the manifest first");
    let (_, chapter) = chapter.split_once("```\n\n").expect("the manifest ends");
    is_shown(processes, snippet(chapter, "```"));
}
