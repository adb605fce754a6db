//! Locks, atomics, threads and parking: the standard ones and parking_lot's, or loom's under
//! `--cfg cf_loom`. Hidden from users; shared by the crates of this workspace.

#[cfg(cf_loom)]
pub mod model;

#[cfg(cf_loom)]
mod loomed;
#[cfg(not(cf_loom))]
mod native;

#[cfg(cf_loom)]
pub use loomed::*;
#[cfg(not(cf_loom))]
pub use native::*;

mod parker;
pub use parker::Parker;
