//! Any bytes are orders and answers, or are refused, however they are cut.

#![no_main]

#[path = "../../tests/support/wire.rs"]
mod wire;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wire::decode_all(bytes));
