//! The page of faults names tests; they have to exist.

use crate::source::SourceFile;

const PAGE: &str = "docs/faults.md";
const TESTS: &str = "pool-process/tests";

/// The tests that the page names and that are not there, and a page that names none.
pub(crate) fn check(files: &[SourceFile], found: &mut Vec<String>) {
    let page = files.iter().find(|file| file.path == PAGE);
    let named = page.map(|page| named(&page.text)).unwrap_or_default();
    if named.is_empty() {
        found.push(format!("{PAGE}: it names no test"));
    }
    for (line, program, test) in named {
        let path = format!("{TESTS}/{program}.rs");
        let function = format!("fn {test}(");
        let exists = files
            .iter()
            .any(|file| file.path == path && file.text.contains(&function));
        if !exists {
            found.push(format!("{PAGE}:{line}: there is no test {program}::{test}"));
        }
    }
}

/// What stands in backticks and has the form `program::test`, with its line.
fn named(text: &str) -> Vec<(usize, &str, &str)> {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    text.lines()
        .enumerate()
        .flat_map(|(i, line)| {
            line.split('`')
                .skip(1)
                .step_by(2)
                .map(move |code| (i, code))
        })
        .filter_map(|(i, code)| {
            let (program, test) = code.split_once("::")?;
            (is_name(program) && is_name(test)).then_some((i + 1, program, test))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile {
            path: path.into(),
            text: text.into(),
        }
    }

    fn complaints(page: &str) -> Vec<String> {
        let tests = file("pool-process/tests/faults.rs", "#[test]\nfn a_death() {}\n");
        let mut found = Vec::new();
        check(&[file(PAGE, page), tests], &mut found);
        found
    }

    #[test]
    fn a_test_that_is_not_there_is_found() {
        assert_eq!(complaints("| death | `faults::a_death` |"), [""; 0]);
        assert_eq!(
            complaints("\n`faults::a_death`, `faults::a_life`, `cargo xtask`"),
            ["docs/faults.md:2: there is no test faults::a_life"]
        );
        assert_eq!(complaints("words"), ["docs/faults.md: it names no test"]);
    }
}
