//! Finds the numbers that tests and documents name.
//!
//! A test names the lines it covers in a comment directly above it: `// C-014, D-1, P7`. A
//! doctest does so in a line of its code, a document in its text.

use crate::source::{SourceFile, has_word};

/// A number and the place that names it.
#[derive(Debug, PartialEq)]
pub(crate) struct Tag {
    pub(crate) number: String,
    pub(crate) place: String,
}

/// The tests and doctests of a file that name numbers. The second list says which tags stand
/// above no test.
pub(crate) fn tests(file: &SourceFile) -> (Vec<Tag>, Vec<String>) {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut tags = Vec::new();
    let mut faults = Vec::new();
    let mut add = |numbers: Vec<String>, place: String| {
        tags.extend(numbers.into_iter().map(|number| Tag {
            number,
            place: place.clone(),
        }));
    };
    let is_rust = file.has_extension("rs");
    let mut fence = Fence::default();
    for (i, line) in lines.iter().enumerate() {
        let doc = if is_rust { doc_text(line) } else { Some(*line) };
        if let Some(doc) = doc {
            let inside = fence.is_inside(doc);
            if let Some(numbers) = tag_of_doctest(doc).filter(|_| inside) {
                let place = match is_rust.then(|| documented_item(&lines[i..])).flatten() {
                    Some(item) => format!("{}::{item} (doctest)", file.path),
                    None => format!("{} (doctest)", file.path),
                };
                add(numbers, place);
            }
            continue;
        }
        fence = Fence::default();
        let Some((numbers, alone)) = tag_of_comment(line) else {
            continue;
        };
        match test_below(file, &lines, i) {
            Some(name) => add(numbers, format!("{}::{name}", file.path)),
            // Numbers that only begin a sentence may stand anywhere.
            None if alone => faults.push(format!(
                "{}:{}: names {} above no test",
                file.path,
                i + 1,
                numbers.join(", ")
            )),
            None => {}
        }
    }
    (tags, faults)
}

/// Whether the documentation in `file` names `number`: the text of a page, or a doc comment.
pub(crate) fn documents(file: &SourceFile, number: &str) -> bool {
    let mut lines = file.text.lines();
    if file.has_extension("md") {
        return lines.any(|line| has_word(line, number));
    }
    file.has_extension("rs")
        && lines.any(|line| doc_text(line).is_some_and(|doc| has_word(doc, number)))
}

/// Whether the text that a doc comment line belongs to is inside a code block.
#[derive(Default)]
struct Fence(bool);

impl Fence {
    /// Takes the next line and says whether it is code.
    fn is_inside(&mut self, doc: &str) -> bool {
        if doc.trim_start().starts_with("```") {
            self.0 = !self.0;
            return false;
        }
        self.0
    }
}

fn doc_text(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"))
}

/// The numbers of a `//` comment, and whether nothing follows them.
fn tag_of_comment(line: &str) -> Option<(Vec<String>, bool)> {
    let text = line.trim_start().strip_prefix("//")?;
    if text.starts_with(['/', '!']) {
        return None;
    }
    leading_numbers(text)
}

/// The numbers of a line of a doctest, which may be hidden: `# // C-014`.
fn tag_of_doctest(doc: &str) -> Option<Vec<String>> {
    let doc = doc.trim_start();
    let doc = doc.strip_prefix("# ").unwrap_or(doc);
    tag_of_comment(doc).map(|(numbers, _)| numbers)
}

fn leading_numbers(text: &str) -> Option<(Vec<String>, bool)> {
    let mut numbers = Vec::new();
    let mut alone = true;
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        let number = word.trim_end_matches([':', '.', ';']);
        if !is_number(number) {
            alone = false;
            break;
        }
        numbers.push(number.to_owned());
    }
    (!numbers.is_empty()).then_some((numbers, alone))
}

fn is_number(word: &str) -> bool {
    let digits = |rest: &str, most: usize| {
        (1..=most).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_digit())
    };
    word.strip_prefix("C-")
        .is_some_and(|rest| rest.len() == 3 && digits(rest, 3))
        || word.strip_prefix("D-").is_some_and(|rest| digits(rest, 2))
        || word.strip_prefix('P').is_some_and(|rest| digits(rest, 2))
}

/// The test whose head the comment in line `at` belongs to. A function of a test file or example
/// that is a program of its own counts too: it runs as a whole.
fn test_below(file: &SourceFile, lines: &[&str], at: usize) -> Option<String> {
    let is_head = |line: &str| {
        let line = line.trim_start();
        line.starts_with("//") || line.starts_with("#[") || line.starts_with(')')
    };
    let end = at + lines[at..].iter().take_while(|l| is_head(l)).count();
    let start = at - lines[..at].iter().rev().take_while(|l| is_head(l)).count();
    let name = function_name(lines.get(end)?)?;
    let is_test = lines[start..end].iter().any(|line| {
        let line = line.trim();
        line.starts_with("#[") && (line.contains("test]") || line.contains("test("))
    });
    let whole_program = (file.is_in("tests") || file.is_in("examples"))
        && !file.text.lines().any(|line| line.trim() == "#[test]");
    (is_test || whole_program).then_some(name)
}

fn function_name(line: &str) -> Option<String> {
    let (_, rest) = line
        .trim_start()
        .split_once("fn ")
        .filter(|(before, _)| before.is_empty() || before.ends_with(' '))?;
    let name: String = rest
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!name.is_empty()).then_some(name)
}

/// The item whose doc comment starts or goes on at `lines[0]`. None: a module's own text.
fn documented_item(lines: &[&str]) -> Option<String> {
    if lines[0].trim_start().starts_with("//!") {
        return None;
    }
    let item = lines.iter().map(|l| l.trim_start()).find(|line| {
        !line.starts_with("//") && !line.starts_with("#[") && !line.starts_with(')')
    })?;
    ["fn", "struct", "enum", "trait", "mod", "type", "const"]
        .iter()
        .find_map(|keyword| {
            let mut words = item.split([' ', '(', '<', ':', ';', '{']);
            words.find(|word| word == keyword)?;
            words.next().map(str::to_owned)
        })
}

#[cfg(test)]
mod tests {
    use super::{documents, tests};
    use crate::source::SourceFile;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile {
            path: path.into(),
            text: text.into(),
        }
    }

    fn found(path: &str, text: &str) -> Vec<(String, String)> {
        let (tags, faults) = tests(&file(path, text));
        assert_eq!(faults, Vec::<String>::new());
        tags.into_iter().map(|t| (t.number, t.place)).collect()
    }

    fn pair(number: &str, place: &str) -> (String, String) {
        (number.to_owned(), place.to_owned())
    }

    #[test]
    fn a_test_is_named_by_the_comment_above_it() {
        let text = "// C-014, D-1\n// P7\n/// Words.\n#[test]\n#[cfg(unix)]\nfn wakes() {}\n";
        assert_eq!(
            found("a/tests/b.rs", text),
            [
                pair("C-014", "a/tests/b.rs::wakes"),
                pair("D-1", "a/tests/b.rs::wakes"),
                pair("P7", "a/tests/b.rs::wakes"),
            ]
        );
    }

    #[test]
    fn a_comment_below_the_attribute_or_with_words_counts_too() {
        let text = "    #[tokio::test]\n    // C-014: words, C-015\n    async fn wakes() {}\n";
        assert_eq!(
            found("a/src/b.rs", text),
            [pair("C-014", "a/src/b.rs::wakes")]
        );
    }

    #[test]
    fn a_tag_above_no_test_is_a_fault() {
        for text in [
            "// C-014\nfn helper() {}\n#[test]\nfn t() {}\n",
            "// C-014\n\n#[test]\nfn t() {}\n",
            "// C-014",
        ] {
            let (tags, faults) = tests(&file("a/tests/b.rs", text));
            assert!(tags.is_empty(), "{text}");
            assert_eq!(faults, ["a/tests/b.rs:1: names C-014 above no test"]);
        }
        assert!(found("a/src/b.rs", "// C-014 is why.\nlet x = 1;\n").is_empty());
    }

    #[test]
    fn a_program_of_its_own_is_a_test() {
        let text = "// D-4\nfn main() {}\n";
        assert_eq!(
            found("a/tests/exit.rs", text),
            [pair("D-4", "a/tests/exit.rs::main")]
        );
        assert_eq!(tests(&file("a/src/main.rs", text)).1.len(), 1);
    }

    #[test]
    fn doctests_are_named_by_a_line_of_their_code() {
        let text = "/// C-001 in words is no test.\n///\n/// ```\n/// # // C-060, C-063\n\
             /// f();\n/// ```\n#[must_use]\npub fn wait<F>() {}\n";
        assert_eq!(
            found("a/src/b.rs", text),
            [
                pair("C-060", "a/src/b.rs::wait (doctest)"),
                pair("C-063", "a/src/b.rs::wait (doctest)"),
            ]
        );
        let page = "C-001\n```rust\n// C-002\n```\n";
        assert_eq!(
            found("docs/a.md", page),
            [pair("C-002", "docs/a.md (doctest)")]
        );
    }

    #[test]
    fn other_words_are_no_numbers() {
        for text in [
            "// C-14\n",
            "// D-123\n",
            "// P\n",
            "// Cancel\n",
            "/// C-014\n",
        ] {
            assert!(found("a/src/b.rs", text).is_empty());
        }
    }

    #[test]
    fn documents_name_a_number_in_text() {
        assert!(documents(&file("a.md", "Never fork (C-140).\n"), "C-140"));
        assert!(documents(
            &file("a.rs", "//! Never fork: C-140.\n"),
            "C-140"
        ));
        assert!(!documents(&file("a.rs", "// C-140\n"), "C-140"));
        assert!(!documents(&file("a.md", "C-1401\n"), "C-140"));
    }
}
