//! Rule files and templates against what promtool makes of them, over `../shared/data`. Without the data it fails, and so
//! it is no part of a plain `cargo test`: `cargo test --test rules`.
#![expect(clippy::expect_used, clippy::panic, reason = "data that cannot be read is a failed test")]
#![expect(clippy::print_stdout, reason = "the counts are what one wants to know")]

mod check;
mod templates;

use std::path::{Path, PathBuf};

/// A folder or file of the data.
fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name)
}

/// The text of a file of the data.
fn text(name: &str) -> String {
    let path = data(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
