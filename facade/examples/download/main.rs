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
//! saved in …
//! ```

mod client;
mod options;
mod report;
mod server;

use client::{Client, Failure, file_name};
use concurrent_futures::{ThreadPoolExecutor, as_completed};
use options::{Options, USAGE};
use report::Report;
use server::Server;
use std::error::Error;
use std::path::{Path, PathBuf};
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
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("download: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Box<dyn Error>> {
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
    if urls.is_empty() {
        urls = server.insert(Server::start(Path::new(DOCUMENTS))?).urls()?;
        compare = true;
        timeout = limit.unwrap_or(Duration::from_millis(800));
    }
    let folder = match out {
        Some(folder) => folder,
        None => fresh_folder()?,
    };
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot make the folder {}: {error}", folder.display()))?;
    let client = Client::new(timeout);

    let mut serial = None;
    if compare {
        println!("one after another");
        serial = Some(one_by_one(&client, &urls)?);
    }
    println!("{workers} at a time");
    let pooled = concurrently(&client, &urls, workers.get(), &folder)?;
    if let Some(serial) = serial {
        println!(
            "{:.1} times as fast",
            serial.as_secs_f64() / pooled.as_secs_f64()
        );
    }
    println!("saved in {}", folder.display());
    Ok(())
}

/// The main job: one future per document, each with its URL as a key, read as they complete.
fn concurrently(
    client: &Client,
    urls: &[String],
    workers: usize,
    folder: &Path,
) -> Result<Duration, Box<dyn Error>> {
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
    Ok(took)
}

/// The same without a pool, to compare with. Its copies are thrown away.
fn one_by_one(client: &Client, urls: &[String]) -> Result<Duration, Box<dyn Error>> {
    let folder = fresh_folder()?;
    let begin = Instant::now();
    let mut report = Report::quiet(urls.len());
    for (index, url) in urls.iter().enumerate() {
        match client.fetch(url, &folder.join(file_name(index, url))) {
            Ok(bytes) => report.saved(url, bytes),
            Err(error) => report.failed(url, &error),
        }
    }
    let took = begin.elapsed();
    report.finish(took);
    std::fs::remove_dir_all(folder)?;
    Ok(took)
}

/// A new folder among the system's temporary files.
fn fresh_folder() -> Result<PathBuf, Box<dyn Error>> {
    let parent = std::env::temp_dir();
    for number in 0.. {
        let folder = parent.join(format!("download-{}-{number}", std::process::id()));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("cannot make {}: {error}", folder.display()).into()),
        }
    }
    unreachable!("one of the numbers is free")
}
