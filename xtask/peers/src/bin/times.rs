//! How long tasks take, with the allocator that programs have.

#![forbid(unsafe_code)]

fn main() -> anyhow::Result<()> {
    peers::cli::run()
}
