//! Chapters: a tutorial, how-tos, a page for Python users, and more. Every snippet is a test.

#[doc = include_str!("tutorial.md")]
pub mod tutorial {}

#[doc = include_str!("from_python.md")]
pub mod from_python {}

#[doc = include_str!("howto.md")]
pub mod howto {}

#[cfg_attr(
    all(feature = "process", target_os = "linux"),
    doc = include_str!("processes.md")
)]
#[cfg_attr(
    not(all(feature = "process", target_os = "linux")),
    doc = "Built without the feature `process`, or for a system other than Linux, this has no process \
           pool, and so not the chapter about it."
)]
pub mod processes {}

#[doc = include_str!("troubleshooting.md")]
#[cfg_attr(
    all(feature = "process", target_os = "linux"),
    doc = include_str!("troubleshooting_processes.md")
)]
pub mod troubleshooting {}

#[doc = include_str!("design.md")]
pub mod design {}

#[doc = include_str!("alternatives.md")]
pub mod alternatives {}
