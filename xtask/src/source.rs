//! The text files of the repository, and what in a line of Rust is code.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// A text file: its path from the root and its content.
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    /// Whether the path ends in `.extension`.
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|e| e == extension)
    }

    /// Whether the file lies in a folder called `name`.
    pub(crate) fn is_in(&self, name: &str) -> bool {
        let mut folders: Vec<&str> = self.path.split('/').collect();
        folders.pop();
        folders.contains(&name)
    }
}

/// The files that people write here, sorted by path. Build output, version control, and files
/// that are not text are left out.
pub(crate) fn files(workspace: &Workspace) -> Result<Vec<SourceFile>> {
    let mut found = Vec::new();
    let mut folders = vec![workspace.root.clone()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            let name = entry.file_name();
            // A symlink is neither followed nor read.
            let kind = entry.file_type()?;
            if kind.is_dir() {
                let skipped = ["target", ".git"].iter().any(|s| *s == name);
                if !skipped && path != workspace.target {
                    folders.push(path);
                }
            } else if kind.is_file() && name != "Cargo.lock" {
                found.extend(read(workspace, path)?);
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn read(workspace: &Workspace, path: PathBuf) -> Result<Option<SourceFile>> {
    let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(String::from_utf8(bytes).ok().map(|text| SourceFile {
        path: workspace.relative(&path),
        text,
    }))
}

/// The code of a line of Rust: what stands before `//`, string and char literals emptied.
///
/// Looks at one line at a time, which is enough for code laid out by rustfmt; a string over
/// several lines is taken for code.
pub(crate) fn code(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => break,
            '"' => {
                while let Some(c) = chars.next() {
                    match c {
                        '\\' => {
                            chars.next();
                        }
                        '"' => break,
                        _ => {}
                    }
                }
                out.push_str("\"\"");
            }
            // A quote char, not a lifetime: it would open a string that is none.
            '\'' if chars.peek() == Some(&'"') => {
                chars.next();
                chars.next();
            }
            c => out.push(c),
        }
    }
    out
}

/// Whether `word` stands in `code` by itself, not as a part of a longer name.
pub(crate) fn has_word(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].chars().next_back().is_some_and(part)
            && !code[at + word.len()..].chars().next().is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::{code, has_word};

    #[test]
    fn comments_and_strings_are_no_code() {
        assert_eq!(code("let x = 1; // why"), "let x = 1; ");
        assert_eq!(code(r#"f("a // b \" c", 'x') // d"#), r#"f("", 'x') "#);
        assert_eq!(code("/// doc"), "");
        assert_eq!(
            code(r#"if c == '"' { g::<'a>() }"#),
            "if c ==  { g::<'a>() }"
        );
    }

    #[test]
    fn a_word_is_not_a_part_of_one() {
        assert!(has_word("a(Relaxed)", "Relaxed"));
        assert!(!has_word("RelaxedFit", "Relaxed"));
        assert!(!has_word("my_Relaxed", "Relaxed"));
    }
}
