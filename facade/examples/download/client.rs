//! Fetching one document and saving it: the blocking work that the pool runs.

use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An HTTP client with a time limit for every document. Clones share their connections.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
}

/// Why a document is not there.
#[derive(Debug)]
pub(crate) enum Failure {
    Fetch(ureq::Error),
    Save(PathBuf, io::Error),
}

impl Client {
    pub(crate) fn new(timeout: Duration) -> Client {
        let config = ureq::Agent::config_builder().timeout_global(Some(timeout));
        Client {
            agent: config.build().into(),
        }
    }

    /// Fetches `url`, saves it under `path`, and gives the number of bytes. Nothing is left there after a failure.
    pub(crate) fn fetch(&self, url: &str, path: &Path) -> Result<u64, Failure> {
        let answer = self.agent.get(url).call().map_err(Failure::Fetch)?;
        save(answer.into_body().into_reader(), path).inspect_err(|_| {
            // It may never have been created; the first failure is the one to report.
            let _ = fs::remove_file(path);
        })
    }
}

/// Copies piece by piece, so that a large document needs no large memory.
fn save(body: impl Read, path: &Path) -> Result<u64, Failure> {
    let unsaved = |error| Failure::Save(path.to_owned(), error);
    let mut body = BufReader::new(body);
    let mut file = File::create(path).map_err(unsaved)?;
    let mut bytes = 0;
    loop {
        let piece = body
            .fill_buf()
            .map_err(|error| Failure::Fetch(error.into()))?;
        if piece.is_empty() {
            return Ok(bytes);
        }
        file.write_all(piece).map_err(unsaved)?;
        bytes += piece.len() as u64;
        let taken = piece.len();
        body.consume(taken);
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Fetch(ureq::Error::Timeout(_)) => {
                f.write_str("no answer within the time limit")
            }
            Failure::Fetch(error) => write!(f, "{error}"),
            Failure::Save(path, error) => write!(f, "cannot save {}: {error}", path.display()),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Failure::Fetch(error) => Some(error),
            Failure::Save(_, error) => Some(error),
        }
    }
}

/// A file name for the `index`-th url: its last part, made harmless, and unique by the number.
pub(crate) fn file_name(index: usize, url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or("");
    let safe: String = last
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '_'
            }
        })
        .take(100)
        .collect();
    format!(
        "{:03}-{}",
        index + 1,
        if safe.is_empty() { "index" } else { &safe }
    )
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn file_names_are_harmless() {
        assert_eq!(file_name(0, "http://host/a/b.txt?x=../y#z"), "001-b.txt");
        assert_eq!(file_name(41, "http://host/a b%2f"), "042-a_b_2f");
        assert_eq!(file_name(1, "http://host/"), "002-host");
        assert_eq!(file_name(1, "http://"), "002-http_");
        assert_eq!(file_name(9, "http://host/.."), "010-..");
    }
}
