//! Which worker did what and when, as a picture: every task is a span of `tracing`, and
//! tracing-chrome writes the spans to a file that <https://ui.perfetto.dev> draws, a lane a worker.
//!
//! Output:
//! ```text
//! 12 tasks done on 3 workers
//! open …trace.json in https://ui.perfetto.dev
//! it holds 12 tasks
//! ```

use concurrent_futures::ThreadPoolExecutor;
use std::error::Error;
use std::thread;
use std::time::Duration;
use tracing_chrome::ChromeLayerBuilder;
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    // Four lines make the picture.
    let path = std::env::temp_dir().join(format!("timeline-{}-trace.json", std::process::id()));
    let (layer, guard) = ChromeLayerBuilder::new()
        .file(&path)
        .include_args(true)
        .build();
    tracing_subscriber::registry().with(layer).init();

    let pool = ThreadPoolExecutor::builder()
        .max_workers(3)
        .thread_name_prefix("draw")
        .build()?;
    let tasks = pool.map(|n| thread::sleep(Duration::from_millis(5 + 3 * n)), 0..12);
    let done = tasks.filter(Result::is_ok).count();
    println!("{done} tasks done on {} workers", pool.stats().workers());
    drop(pool);

    drop(guard); // writes the rest of the file
    println!("open {} in https://ui.perfetto.dev", path.display());
    let picture = std::fs::read_to_string(&path)?;
    println!("it holds {} tasks", picture.matches(r#""ph":"B""#).count());
    Ok(())
}
