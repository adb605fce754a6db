//! Fetches documents concurrently, reports each as it completes, saves it, counts failures.
//!
//! ```text
//! cargo run --example download                                  # an embedded server on loopback
//! cargo run --example download -- --workers 4 https://…/a https://…/b
//! ```
//!
//! Output:
//! ```text
//! one after another
//! 20 saved (… bytes), 3 failed, in … s
//! 8 at a time
//! …
//! 20 saved (… bytes), 3 failed, in … s
//! … times as fast
//! saved in …, a temporary folder that is now removed; --out DIR keeps the files
//! ```

mod client;
mod folder;
mod options;
mod report;
mod server;

use client::{Client, Failure, file_name};
use concurrent_futures::{ThreadPoolExecutor, as_completed};
use folder::Folder;
use options::{Options, USAGE};
use report::Report;
use server::Server;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The documents of the embedded server.
const DOCUMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/download/documents");

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("download: {message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if options.help {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match run(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("download: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything that the user asked for was fetched.
fn run(options: Options) -> Result<bool, Box<dyn Error>> {
    let Options {
        mut urls,
        workers,
        out,
        timeout: limit,
        mut compare,
        ..
    } = options;
    let mut timeout = limit.unwrap_or(Duration::from_secs(10));
    let mut server = None; // runs until the end of this function
    let demonstration = urls.is_empty();
    if demonstration {
        urls = server.insert(Server::start(Path::new(DOCUMENTS))?).urls()?;
        compare = true;
        timeout = limit.unwrap_or(Duration::from_millis(800));
    }
    let mut folder = match out {
        Some(path) => Folder::named(path)?,
        None => Folder::fresh()?,
    };
    let client = Client::new(timeout);

    let mut serial = None;
    if compare {
        println!("one after another");
        serial = Some(one_by_one(&client, &urls)?);
    }
    println!("{workers} at a time");
    let (report, took) = concurrently(&client, &urls, workers.get(), folder.path())?;
    if let Some(serial) = serial {
        println!(
            "{:.1} times as fast",
            serial.as_secs_f64() / took.as_secs_f64()
        );
    }
    if report.any_saved() {
        if !demonstration {
            folder.keep();
        }
        print!("saved in {}", folder.path().display());
        if folder.is_temporary() {
            print!(", a temporary folder that is now removed; --out DIR keeps the files");
        }
        println!();
    }
    // The three failures of the demonstration are planned.
    Ok(demonstration || !report.any_failed())
}

/// The main job: one future per document, each with its URL as a key, read as they complete.
fn concurrently(
    client: &Client,
    urls: &[String],
    workers: usize,
    folder: &Path,
) -> Result<(Report, Duration), Box<dyn Error>> {
    let begin = Instant::now();
    let pool = ThreadPoolExecutor::builder()
        .max_workers(workers)
        .thread_name_prefix("fetch")
        .build()?;

    let mut futures = Vec::new();
    for (index, url) in urls.iter().enumerate() {
        let (client, address) = (client.clone(), url.clone());
        let path = folder.join(file_name(index, url));
        let future = pool.submit_fallible(move || client.fetch(&address, &path))?;
        futures.push((url, future));
    }

    let mut report = Report::new(urls.len());
    for (url, future) in as_completed(futures) {
        match future.result() {
            Ok(bytes) => report.saved(url, bytes),
            // What the task failed with, in its own words; a panic or the like in the library's.
            Err(error) => match error.downcast_ref::<Failure>() {
                Some(failure) => report.failed(url, failure),
                None => report.failed(url, &error),
            },
        }
    }
    let took = begin.elapsed();
    report.finish(took);
    Ok((report, took))
}

/// The same without a pool, to compare with. Its copies are thrown away.
fn one_by_one(client: &Client, urls: &[String]) -> Result<Duration, Box<dyn Error>> {
    let folder = Folder::fresh()?;
    let begin = Instant::now();
    let mut report = Report::quiet(urls.len());
    for (index, url) in urls.iter().enumerate() {
        match client.fetch(url, &folder.path().join(file_name(index, url))) {
            Ok(bytes) => report.saved(url, bytes),
            Err(error) => report.failed(url, &error),
        }
    }
    let took = begin.elapsed();
    report.finish(took);
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::{DOCUMENTS, Folder, Options, Path, Server, run};

    /// Fetches the addresses with `part` in them; whether all came, and how many files there are.
    fn fetch(urls: &[String], part: &str) -> (bool, usize) {
        let folder = Folder::fresh().unwrap();
        let mut options = Options::parse(["-t".into(), "60".into()]).unwrap();
        options.out = Some(folder.path().to_owned());
        options.urls = urls
            .iter()
            .filter(|url| url.contains(part))
            .cloned()
            .collect();
        assert!(!options.urls.is_empty());
        let all = run(options).unwrap();
        (all, folder.path().read_dir().unwrap().count())
    }

    #[test]
    fn it_fails_when_a_given_url_does() {
        let server = Server::start(Path::new(DOCUMENTS)).unwrap();
        let urls = server.urls().unwrap();
        assert_eq!(fetch(&urls, "/14-pools.txt"), (true, 1));
        assert_eq!(fetch(&urls, "/missing.txt"), (false, 0));
    }
}
