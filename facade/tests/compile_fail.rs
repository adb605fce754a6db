//! The compiler's answers to the mistakes that users make, word by word.
#![cfg(not(cf_loom))]

mod headings;

use std::fs::{read_dir, read_to_string};
use std::path::Path;
use std::process::Command;

/// Every compiler words its messages a little differently; the expected ones are of this one.
/// That the mistakes are refused at all is shown by the doctests of `doc::troubleshooting`.
const WORDED_BY: &str = "rustc 1.95.";

#[test]
fn mistakes_are_explained_by_the_compiler() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let version = output.expect("the compiler runs").stdout;
    if !version.starts_with(WORDED_BY.as_bytes()) {
        println!("skipped: the expected messages are worded by {WORDED_BY}x");
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    #[cfg(feature = "serde")]
    cases.compile_fail("tests/ui/serde/*.rs");
    #[cfg(all(feature = "process", target_os = "linux"))]
    cases.compile_fail("tests/ui/process/*.rs");
}

/// What the compiler is expected to say, of all the mistakes below `folder`.
fn expected(folder: &Path) -> Vec<String> {
    let mut said = Vec::new();
    for entry in read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            said.extend(expected(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "stderr")
        {
            said.push(read_to_string(&path).expect("it can be read"));
        }
    }
    said
}

#[test]
fn the_headings_about_the_compiler_are_what_it_says() {
    const CHAPTER: &str = include_str!("../src/doc/troubleshooting.md");
    let said = expected(Path::new("tests/ui"));
    let (_, compiler) = CHAPTER
        .split_once("# From the compiler")
        .expect("it has a second part");
    let headings = headings::headings(compiler);
    assert!(!headings.is_empty());
    for heading in headings {
        let found = said.iter().any(|text| headings::is_in(&heading, text));
        assert!(found, "no mistake in tests/ui is answered by:\n{heading}");
    }
}
