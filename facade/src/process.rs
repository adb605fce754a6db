//! The process pool and its settings.
//!
//! [`ProcessPoolExecutor`] is also at the root of this crate, and [`ShutdownOptions`] are the same
//! there. What the thread pool has under the same name and is not the same ([`Builder`],
//! [`BuildError`], [`DropPolicy`], [`ShutdownError`], [`Stats`]) is only here.
//! [`doc::processes`](crate::doc::processes) says how to use it.
//!
//! ```
//! use concurrent_futures::{ProcessPoolExecutor, ShutdownOptions};
//! use std::time::Duration;
//!
//! let pool = ProcessPoolExecutor::new(2)?;
//! assert_eq!(pool.call(u32::count_ones, (7,))?.result()?, 3);
//! pool.shutdown_with(ShutdownOptions::new().timeout(Duration::from_secs(60)))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use pool_process::{
    BuildError, Builder, Bytes, DropPolicy, OnCrash, ProcessPoolExecutor, ProcessPoolHandle,
    SharedBytes, ShutdownError, ShutdownOptions, Stats, TaskOptions, init, is_worker, worker_state,
};
