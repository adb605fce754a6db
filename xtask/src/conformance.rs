//! `cargo xtask conformance`: writes the page that says which test covers which line.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::process::say;
use crate::source::{SourceFile, files};
use crate::tags::{documents, tests};
use crate::workspace::Workspace;

const LINES: &str = "xtask/conformance.toml";
const PAGE: &str = "docs/conformance.md";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines {
    section: Vec<Section>,
}

/// Numbers that belong together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    title: String,
    /// Numbers that no test can show; a document promises them.
    #[serde(default)]
    words: Vec<String>,
    /// Whether a number may be without a test.
    #[serde(default)]
    optional: bool,
    /// Number to meaning.
    lines: BTreeMap<String, String>,
}

/// The page, what has no test, and what is wrong in the sources.
struct Report {
    page: String,
    missing: Vec<String>,
    faults: Vec<String>,
}

/// Writes the page.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    let report = read(workspace)?;
    std::fs::write(workspace.root.join(PAGE), &report.page)?;
    say(&format!("wrote {PAGE}"));
    report.tell();
    Ok(())
}

/// Fails when the page is stale, a required number has no test, or a tag is wrong.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let report = read(workspace)?;
    report.tell();
    let page = std::fs::read_to_string(workspace.root.join(PAGE)).unwrap_or_default();
    let stale = page.replace("\r\n", "\n") != report.page;
    if stale {
        say(&format!("{PAGE} is stale: run `cargo xtask conformance`"));
    }
    if stale || !report.missing.is_empty() || !report.faults.is_empty() {
        bail!("the conformance page does not hold");
    }
    say("every required line has its test");
    Ok(())
}

impl Report {
    fn tell(&self) {
        for fault in &self.faults {
            say(fault);
        }
        if !self.missing.is_empty() {
            let (n, all) = (self.missing.len(), self.missing.join(", "));
            say(&format!("{n} lines without a test: {all}"));
        }
    }
}

fn read(workspace: &Workspace) -> Result<Report> {
    let lines = std::fs::read_to_string(workspace.root.join(LINES))?;
    let lines: Lines = toml::from_str(&lines).with_context(|| format!("reading {LINES}"))?;
    let mut files = files(workspace)?;
    // The page itself proves nothing, nor do the examples of tags in our own tests.
    files.retain(|f| f.path != PAGE && !f.path.starts_with("xtask/"));
    Ok(report(&lines, &files))
}

fn report(lines: &Lines, files: &[SourceFile]) -> Report {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut faults = Vec::new();
    for file in files {
        if file.has_extension("rs") || file.has_extension("md") {
            let (tags, wrong) = tests(file);
            faults.extend(wrong);
            for tag in tags {
                places.entry(tag.number).or_default().push(tag.place);
            }
        }
    }
    let known = |number: &str| lines.section.iter().any(|s| s.lines.contains_key(number));
    for (number, places) in &places {
        if !known(number) {
            let at = places.join(", ");
            faults.push(format!("{number} is no line of {LINES}, named by {at}"));
        }
    }
    let mut page = String::from(HEAD);
    let mut missing = Vec::new();
    for section in &lines.section {
        for number in &section.words {
            if let Some(file) = files.iter().find(|f| documents(f, number)) {
                let words = format!("{} (in words)", file.path);
                places.entry(number.clone()).or_default().push(words);
            }
        }
        page += &section.table(&mut places, &mut missing);
    }
    Report {
        page,
        missing,
        faults,
    }
}

impl Section {
    fn table(
        &self,
        places: &mut BTreeMap<String, Vec<String>>,
        missing: &mut Vec<String>,
    ) -> String {
        let mut numbers: Vec<&String> = self.lines.keys().collect();
        // P10 after P8.
        numbers.sort_by_key(|number| (number.len(), *number));
        let mut rows = String::new();
        for number in numbers {
            let found = places.remove(number).unwrap_or_default();
            if found.is_empty() && self.optional {
                continue;
            }
            if found.is_empty() {
                missing.push(number.clone());
            }
            let mut found: Vec<String> = found.iter().map(|p| format!("`{p}`")).collect();
            found.dedup();
            let cell = if found.is_empty() {
                "**none**".to_owned()
            } else {
                found.join("<br>")
            };
            rows += &format!("| {number} | {} | {cell} |\n", self.lines[number]);
        }
        if rows.is_empty() {
            return rows;
        }
        let title = &self.title;
        format!("\n## {title}\n\n| Number | Line | Tests |\n| --- | --- | --- |\n{rows}")
    }
}

const HEAD: &str = "\
# Conformance

<!-- Written by `cargo xtask conformance`. Do not edit: change xtask/conformance.toml or the
comments above the tests. -->

Each line is one behaviour, with the tests that name its number. C: a behaviour of Python's
`concurrent.futures`, in the form in which it holds here. D: a defect of CPython's module, with the
tests that show that it is absent here. P: a promise of this project.
";

#[cfg(test)]
mod tests {
    use super::{Lines, report};
    use crate::source::SourceFile;

    const LINES: &str = "
        [[section]]
        title = 'One'
        words = ['C-140']
        [section.lines]
        C-014 = 'Wakes.'
        C-140 = 'No fork.'
        P10 = 'Helps.'
        P2 = 'No lock.'
        [[section]]
        title = 'Extra'
        optional = true
        [section.lines]
        D-3 = 'Stop.'";

    fn files(texts: &[(&str, &str)]) -> Vec<SourceFile> {
        let file = |(path, text): &(&str, &str)| SourceFile {
            path: (*path).into(),
            text: (*text).into(),
        };
        texts.iter().map(file).collect()
    }

    #[test]
    fn the_page_lists_tests_and_words_in_order() {
        let lines: Lines = toml::from_str(LINES).unwrap();
        let seen = report(
            &lines,
            &files(&[
                (
                    "a/tests/t.rs",
                    "// C-014, P2, P10\n#[test]\nfn wakes() {}\n",
                ),
                ("docs/fork.md", "Do not fork (C-140).\n"),
            ]),
        );
        assert!(seen.missing.is_empty() && seen.faults.is_empty());
        let table = seen.page.split_once("| --- |\n").unwrap().1;
        assert_eq!(
            table,
            "| P2 | No lock. | `a/tests/t.rs::wakes` |\n\
             | P10 | Helps. | `a/tests/t.rs::wakes` |\n\
             | C-014 | Wakes. | `a/tests/t.rs::wakes` |\n\
             | C-140 | No fork. | `docs/fork.md (in words)` |\n"
        );
    }

    #[test]
    fn what_is_missing_and_what_is_unknown_is_told() {
        let lines: Lines = toml::from_str(LINES).unwrap();
        let text = "// C-014, C-999, D-3\n#[test]\nfn t() {}\n";
        let seen = report(&lines, &files(&[("a/tests/t.rs", text)]));
        assert_eq!(seen.missing, ["P2", "P10", "C-140"]);
        assert_eq!(seen.faults.len(), 1);
        assert!(seen.faults[0].starts_with("C-999 is no line"));
        assert!(seen.page.contains("**none**"));
        assert!(seen.page.contains("| D-3 | Stop. |"));
    }

    #[test]
    fn the_list_of_lines_is_readable() {
        let lines: Lines = toml::from_str(include_str!("../conformance.toml")).unwrap();
        for section in &lines.section {
            for number in &section.words {
                assert!(section.lines.contains_key(number), "{number}");
            }
        }
    }
}
