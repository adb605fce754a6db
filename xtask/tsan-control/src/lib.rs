//! Nothing here; the seeded bug is in `tests/race.rs`.
