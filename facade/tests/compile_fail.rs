//! The compiler's answers to the mistakes that users make, word by word.
#![cfg(not(cf_loom))]

use std::process::Command;

/// Every compiler words its messages a little differently; the expected ones are of this one.
/// That the mistakes are refused at all is shown by the doctests of `doc::troubleshooting`.
const WORDED_BY: &str = "rustc 1.95.";

#[test]
fn mistakes_are_explained_by_the_compiler() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let version = output.expect("the compiler runs").stdout;
    if !version.starts_with(WORDED_BY.as_bytes()) {
        println!("skipped: the expected messages are worded by {WORDED_BY}x");
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    #[cfg(feature = "serde")]
    cases.compile_fail("tests/ui/serde/*.rs");
    #[cfg(all(feature = "process", target_os = "linux"))]
    cases.compile_fail("tests/ui/process/*.rs");
}
