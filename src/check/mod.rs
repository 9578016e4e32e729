//! `bellwether check` and `bellwether test rules`: what is wrong with files, before they are used.
//!
//! On rule files both come to the verdicts of Prometheus' promtool, and say more about where and why. `check` also takes
//! routing files of Alertmanager and configuration files.

pub mod args;
mod features;
mod files;
mod kind;
mod output;
mod unit;

use std::io::{self, Write};

pub use args::{CheckArgs, TestArgs, TestCommand};
pub use features::Feature;

/// What came out, and the exit code that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Everything is as it should be.
    Good,
    /// A test failed, or something was found that is allowed and hardly meant.
    Findings,
    /// A file cannot be read or has a mistake.
    Mistake,
}

impl Outcome {
    /// 0, 1, or 78 as in BSD's `sysexits.h`.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Findings => 1,
            Self::Mistake => 78,
        }
    }
}

/// Checks files, each by its kind. What there is to say is written to `out`, which may be closed early.
pub fn check(args: &CheckArgs, out: &mut impl Write) -> Outcome {
    let files = files::check(args);
    written(output::checked(&files, args.format, out));
    files::outcome(&files, args)
}

/// Runs the unit tests of rule files. What there is to say is written to `out`, which may be closed early.
pub fn test(command: &TestCommand, out: &mut impl Write) -> Outcome {
    let TestCommand::Rules(args) = command;
    let files: Vec<unit::Tested> = args.files.iter().map(|path| unit::run(path, args)).collect();
    written(output::tested(&files, args.format, out));
    files.iter().map(unit::Tested::outcome).max().unwrap_or(Outcome::Good)
}

/// Whoever closed the output has read enough, and the exit code says the rest.
fn written(result: io::Result<()>) {
    drop(result);
}
