//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
Fetches documents concurrently, reports each as it completes, saves it.

Usage: download [OPTIONS] [URL...]

Without a URL an embedded server on this machine serves some documents.

  -w, --workers N     how many are fetched at a time (default 8)
  -o, --out DIR       where to save (default: a fresh temporary folder, which is removed
                      at the end when no URL was given)
  -t, --timeout SECS  time limit for each document (default 10; 0.8 without a URL)
  -c, --compare       also fetch one after another first, and print the speed-up
                      (always done without a URL)
  -h, --help          print this

The exit code is 1 when one of the URLs failed.
";

/// What the user asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) urls: Vec<String>,
    pub(crate) workers: NonZeroUsize,
    pub(crate) out: Option<PathBuf>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) compare: bool,
    pub(crate) help: bool,
}

impl Options {
    /// Reads the arguments, the program's own name not among them.
    pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            urls: Vec::new(),
            workers: NonZeroUsize::new(8).expect("eight is not zero"),
            out: None,
            timeout: None,
            compare: false,
            help: false,
        };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let (name, inline) = match arg.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (arg.as_str(), None),
            };
            if let ("-c" | "--compare" | "-h" | "--help", Some(_)) = (name, &inline) {
                return Err(format!("{name} takes no value"));
            }
            let mut value = || {
                inline
                    .clone()
                    .or_else(|| args.next())
                    .ok_or_else(|| format!("{name} needs a value"))
            };
            match name {
                "-w" | "--workers" => {
                    let text = value()?;
                    options.workers = text.parse().map_err(|_| {
                        format!("{name} must be a number from 1 upwards, not \"{text}\"")
                    })?;
                }
                "-o" | "--out" => options.out = Some(value()?.into()),
                "-t" | "--timeout" => {
                    let text = value()?;
                    let seconds = text.parse().ok().filter(|&s: &f64| s > 0.0);
                    options.timeout = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
                    if options.timeout.is_none() {
                        return Err(format!(
                            "{name} must be a number of seconds above 0, not \"{text}\""
                        ));
                    }
                }
                "-c" | "--compare" => options.compare = true,
                "-h" | "--help" => options.help = true,
                _ if name.starts_with('-') => return Err(format!("unknown option \"{name}\"")),
                url if url.starts_with("http://") || url.starts_with("https://") => {
                    options.urls.push(arg);
                }
                other => {
                    return Err(format!(
                        "\"{other}\" is not a URL: it must begin with http:// or https://"
                    ));
                }
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Options};

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_may_stand_anywhere_and_in_both_forms() {
        let options = parse("-w 3 http://a/b --out=here https://c --timeout 1.5 -c").unwrap();
        assert_eq!(options.urls, ["http://a/b", "https://c"]);
        assert_eq!(options.workers.get(), 3);
        assert_eq!(options.out.unwrap().to_str(), Some("here"));
        assert_eq!(options.timeout, Some(Duration::from_millis(1500)));
        assert!(options.compare && !options.help);
    }

    #[test]
    fn bad_arguments_are_named() {
        for (line, message) in [
            ("--workers", "--workers needs a value"),
            ("-w 0", "-w must be a number from 1 upwards, not \"0\""),
            (
                "--workers=many",
                "--workers must be a number from 1 upwards, not \"many\"",
            ),
            (
                "-t -1",
                "-t must be a number of seconds above 0, not \"-1\"",
            ),
            (
                "--timeout=inf",
                "--timeout must be a number of seconds above 0, not \"inf\"",
            ),
            ("--compare=yes", "--compare takes no value"),
            ("--fast", "unknown option \"--fast\""),
            (
                "example.org",
                "\"example.org\" is not a URL: it must begin with http:// or https://",
            ),
        ] {
            assert_eq!(parse(line).unwrap_err(), message);
        }
    }
}
