//! `cargo xtask tidy`: house rules that no compiler checks.

use anyhow::{Result, bail};

use crate::faults;
use crate::process::say;
use crate::source::{SourceFile, code, files, has_word};
use crate::workspace::Workspace;

/// A file longer than this is more than one noun.
const MAX_LINES: usize = 700;

/// How many lines above an atomic operation its `ORDERING:` comment may stand.
const REACH: usize = 6;

const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

const OPERATIONS: [&str; 7] = [
    ".load(",
    ".store(",
    ".swap(",
    ".fetch_",
    ".compare_exchange",
    ".try_update(",
    "fence(",
];

/// The folders whose code is wholly safe. The seeded race below xtask is not part of xtask, and
/// examples call C.
const SAFE: [&str; 3] = ["waiters/", "facade/", "xtask/"];

// Written in pieces, so that this file does not break its own rules.
const NOT_SAFE: &str = concat!("un", "safe");
const UNFINISHED: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("todo", "!"),
    concat!("unimplemented", "!"),
];

/// Folders that hold one person's or one machine's files.
const PRIVATE_ROOTS: [&str; 4] = ["tmp", "home", "root", "Users"];

/// Checks every file of the repository and lists everything that breaks a rule.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let private = private_paths(workspace);
    let files = files(workspace)?;
    let mut found = Vec::new();
    for file in &files {
        check(file, &private, &mut found);
    }
    faults::check(&files, &mut found);
    for line in &found {
        say(line);
    }
    if !found.is_empty() {
        bail!("{} places are not tidy", found.len());
    }
    say(&format!("{} files are tidy", files.len()));
    Ok(())
}

/// Paths that make sense on one machine only: the usual private folders, this user's home, and
/// the folder that the repository happens to lie in.
fn private_paths(workspace: &Workspace) -> Vec<String> {
    let mut paths: Vec<String> = PRIVATE_ROOTS.iter().map(|r| format!("/{r}/")).collect();
    let home = std::env::var("HOME").unwrap_or_default();
    let around = workspace.root.parent().map(|p| p.display().to_string());
    for path in [home, around.unwrap_or_default()] {
        // A root or a relative path says nothing about a machine.
        if path.starts_with('/') && path.len() > 1 {
            paths.push(format!("{}/", path.trim_end_matches('/')));
        }
    }
    paths.sort();
    paths.dedup();
    paths
}

fn check(file: &SourceFile, private: &[String], found: &mut Vec<String>) {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut report = |number: usize, what: String| {
        found.push(format!("{}:{number}: {what}", file.path));
    };
    let is_rust = file.has_extension("rs");
    if is_rust && lines.len() > MAX_LINES {
        report(lines.len(), format!("more than {MAX_LINES} lines"));
    }
    for (i, line) in lines.iter().enumerate() {
        if let Some(path) = private.iter().find(|path| starts_a_path(line, path)) {
            report(i + 1, format!("names the local path {path}"));
        }
        if let Some(mark) = UNFINISHED.iter().find(|mark| is_marked(line, mark)) {
            report(i + 1, format!("unfinished: {mark}"));
        }
        if !is_rust {
            continue;
        }
        let code = code(line);
        let safe = SAFE.iter().any(|s| file.path.starts_with(s))
            && !["tsan-control", "examples"].iter().any(|f| file.is_in(f));
        if safe && has_word(&code, NOT_SAFE) {
            report(i + 1, format!("{NOT_SAFE} code in a crate without any"));
        }
        if file.is_in("tests") && (calls(&code, "sleep") || calls(&code, "sleep_ms")) {
            report(i + 1, "a test that sleeps is slow and still misses".into());
        }
    }
    // Tests and examples may count with an atomic; there the ordering is not the argument.
    if is_rust && file.is_in("src") {
        for number in untagged_orderings(&lines) {
            report(number, "an atomic operation without ORDERING:".into());
        }
    }
}

/// Whether `path` stands in `line` as the start of a path, not inside of a longer one.
fn starts_a_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.}~".contains(c))
    })
}

fn is_marked(line: &str, mark: &str) -> bool {
    match mark.strip_suffix('!') {
        Some(_) => line.contains(mark),
        None => has_word(line, mark),
    }
}

/// The lines, counted from 1, that name a memory ordering without an `ORDERING:` comment: on the
/// line, within reach above it, or above a function, impl or module around it.
fn untagged_orderings(lines: &[&str]) -> Vec<usize> {
    let mut found = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        if is_test_module(lines, i) {
            break;
        }
        let code = code(line);
        if !names_ordering(&code) || is_import(lines, i) {
            continue;
        }
        let near = &lines[i.saturating_sub(REACH)..=i];
        if !near.iter().any(|l| is_tag(l)) && !tagged_around(lines, i) {
            found.push(i + 1);
        }
    }
    found
}

/// Whether `code` passes a memory ordering: by its full name, within an atomic operation, or as an
/// argument on a line of its own. `Release` alone may be a name of ours.
fn names_ordering(code: &str) -> bool {
    let operates = OPERATIONS.iter().any(|op| code.contains(op));
    let argument = code.trim().trim_end_matches(',');
    ORDERINGS.iter().any(|ordering| {
        let full = format!("Ordering::{ordering}");
        has_word(code, &full) || (operates && has_word(code, ordering)) || argument == *ordering
    })
}

fn is_tag(line: &str) -> bool {
    line.contains("ORDERING:")
}

fn is_test_module(lines: &[&str], at: usize) -> bool {
    let next = lines.get(at + 1).map_or("", |l| l.trim());
    lines[at].trim().starts_with("#[cfg(") && lines[at].contains("test") && next.starts_with("mod ")
}

/// Whether line `at` belongs to a `use`, which may span lines.
fn is_import(lines: &[&str], at: usize) -> bool {
    let start = (0..=at)
        .rev()
        .take_while(|&i| i == at || !lines[i].trim_end().ends_with(';'))
        .last();
    start.is_some_and(|start| {
        lines[start..=at].iter().any(|l| {
            let l = l.trim_start();
            l.starts_with("use ") || l.starts_with("pub use ") || l.starts_with("pub(crate) use ")
        })
    })
}

/// Whether an item around line `at` carries the tag in the comments directly above it.
fn tagged_around(lines: &[&str], at: usize) -> bool {
    let mut indent = indent_of(lines[at]);
    for i in (0..at).rev() {
        let line = lines[i];
        if line.trim().is_empty() || indent_of(line) >= indent {
            continue;
        }
        indent = indent_of(line);
        let code = code(line);
        let opens = ["fn", "impl", "mod", "const", "static"]
            .iter()
            .any(|w| has_word(&code, w));
        if opens {
            let above = lines[..i].iter().rev().take_while(|l| {
                let l = l.trim_start();
                l.starts_with("//") || l.starts_with("#[")
            });
            if above.into_iter().any(|l| is_tag(l)) {
                return true;
            }
        }
    }
    false
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether `code` calls something of this name.
fn calls(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        code[at + name.len()..].starts_with('(') && !before.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::{check, starts_a_path, untagged_orderings};
    use crate::source::SourceFile;

    fn faults(path: &str, text: &str) -> Vec<String> {
        let file = SourceFile {
            path: path.into(),
            text: text.into(),
        };
        let mut found = Vec::new();
        check(&file, &["/private/".into()], &mut found);
        found
    }

    fn untagged(text: &str) -> Vec<usize> {
        untagged_orderings(&text.lines().collect::<Vec<_>>())
    }

    #[test]
    fn an_ordering_needs_its_tag_within_reach() {
        assert_eq!(untagged("fn f() {\n    a.load(Acquire);\n}"), [2]);
        assert_eq!(untagged("a.swap(\n    1,\n    AcqRel,\n);"), [3]);
        assert_eq!(untagged("f(Ordering::SeqCst)"), [1]);
        assert!(untagged("impl<R: Release> Hook for As<R> {}").is_empty());
        let near = "// ORDERING: pairs with g\n\n\n\n\n\na.load(Ordering::Acquire);";
        assert!(untagged(near).is_empty());
        let far = format!("// ORDERING: x\n\n{}", near.split_once('\n').unwrap().1);
        assert_eq!(untagged(&far), [8]);
        assert!(untagged("a.load(Relaxed); // ORDERING: a count").is_empty());
    }

    #[test]
    fn a_tag_above_a_function_or_impl_covers_its_body() {
        let body = "\n".repeat(9) + "        a.load(Acquire);\n";
        let method = format!("impl A {{\n    // ORDERING: x\n    #[inline]\n    fn f() {{{body}");
        assert!(untagged(&method).is_empty());
        let whole = format!("// ORDERING: x\nimpl A {{\n    fn f() {{{body}");
        assert!(untagged(&whole).is_empty());
        let other = format!("// ORDERING: x\nfn g() {{}}\nimpl A {{\n    fn f() {{{body}");
        assert_eq!(untagged(&other).len(), 1);
    }

    #[test]
    fn imports_comments_and_test_modules_are_left_alone() {
        assert!(untagged("use std::sync::atomic::Ordering::{Acquire, Release};").is_empty());
        assert_eq!(
            untagged("use a::{\n    Acquire,\n    B,\n};\nx.load(Acquire);"),
            [5]
        );
        assert!(untagged("/// Not `Relaxed`.").is_empty());
        assert!(untagged("#[cfg(test)]\nmod tests {\n    a.load(Acquire);").is_empty());
    }

    #[test]
    fn tests_do_not_sleep() {
        let text = "fn f() { thread::sleep(d); }\n// no sleep() here\n";
        assert_eq!(faults("waiters/tests/a.rs", text).len(), 1);
        assert!(faults("facade/examples/a.rs", text).is_empty());
    }

    #[test]
    fn safe_crates_have_no_such_block() {
        let text = concat!("un", "safe { f() }\n#![forbid(un", "safe_code)]\n");
        assert_eq!(faults("waiters/src/a.rs", text).len(), 1);
        assert_eq!(faults("xtask/src/a.rs", text).len(), 1);
        assert!(faults("xtask/tsan-control/tests/a.rs", text).is_empty());
        assert!(faults("facade/examples/a.rs", text).is_empty());
        assert!(faults("future-core/src/a.rs", text).is_empty());
    }

    #[test]
    fn long_files_local_paths_and_unfinished_marks_are_found() {
        assert_eq!(faults("a/src/b.rs", &"\n".repeat(701)).len(), 1);
        assert!(faults("a/src/b.rs", &"\n".repeat(700)).is_empty());
        assert_eq!(faults("docs/a.md", "see `/private/x`\n").len(), 1);
        let mark = format!("// {}: later\n", concat!("TO", "DO"));
        assert_eq!(faults(".ci/run", &mark).len(), 1);
    }

    #[test]
    fn a_path_inside_another_is_not_local() {
        assert!(starts_a_path("at /private/x", "/private/"));
        assert!(!starts_a_path("https://example.org/private/x", "/private/"));
    }

    #[test]
    fn a_call_is_the_whole_name() {
        assert!(super::calls("thread::sleep(time)", "sleep"));
        assert!(super::calls("sleep(time)", "sleep"));
        assert!(!super::calls("self.may_sleep()", "sleep"));
        assert!(!super::calls("sleep_ms(1)", "sleep"));
        assert!(!super::calls("asleep (and", "sleep"));
    }
}
