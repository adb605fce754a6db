//! Chapters: a tutorial, how-tos, a page for Python users, and more. Every snippet is a test.

#[doc = include_str!("tutorial.md")]
pub mod tutorial {}

#[doc = include_str!("from_python.md")]
pub mod from_python {}

#[doc = include_str!("howto.md")]
pub mod howto {}

#[doc = include_str!("troubleshooting.md")]
pub mod troubleshooting {}

#[doc = include_str!("design.md")]
pub mod design {}

#[doc = include_str!("alternatives.md")]
pub mod alternatives {}
