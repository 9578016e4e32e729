//! `bellwether check`, `bellwether test rules` and `bellwether slo generate`: files before they are used.
//!
//! On rule files the first two come to the verdicts of Prometheus' promtool, and say more about where and why. `check`
//! also takes routing files of Alertmanager and configuration files, and prints rules as they are understood.

pub mod args;
mod features;
mod files;
mod junit;
mod kind;
mod output;
mod slo;
mod unit;

use std::io::{self, Write};

use args::Format;
pub use args::{CheckArgs, SloCommand, TestArgs, TestCommand};
pub use features::Feature;
pub use slo::generate;

/// What came out, and the exit code that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Everything is as it should be.
    Good,
    /// A test failed, or something was found that is allowed and hardly meant.
    Findings,
    /// The output cannot be written.
    Unavailable,
    /// A file cannot be read or has a mistake.
    Mistake,
}

impl Outcome {
    /// 0, 1, or 69 and 78 as in BSD's `sysexits.h`.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Findings => 1,
            Self::Unavailable => 69,
            Self::Mistake => 78,
        }
    }
}

/// Where results go and where remarks about them; either may be closed early.
#[derive(Debug)]
pub struct Streams<O, E> {
    /// Results.
    pub out: O,
    /// Remarks.
    pub err: E,
}

/// Checks files, each by its kind. What there is to say is written to `out`; with `--print` the rules are, and the rest
/// goes to `err`.
pub fn check(args: &CheckArgs, streams: &mut Streams<impl Write, impl Write>) -> Outcome {
    let files = files::check(args);
    if args.print {
        written(output::printed(&files, &mut streams.out));
        written(output::checked(&files, Format::Text, &mut streams.err));
    } else {
        written(output::checked(&files, args.format, &mut streams.out));
    }
    files::outcome(&files, args)
}

/// Runs the unit tests of rule files. What there is to say is written to `out`, with `--debug` more of it to `err`.
pub fn test(command: &TestCommand, streams: &mut Streams<impl Write, impl Write>) -> Outcome {
    let TestCommand::Rules(args) = command;
    let files: Vec<unit::Tested> = args.files.iter().map(|path| unit::run(path, args)).collect();
    written(
        files.iter().flat_map(|file| &file.cases).try_for_each(|case| streams.err.write_all(case.debug.as_bytes())),
    );
    written(output::tested(&files, args.format, &mut streams.out));
    let outcome = files.iter().map(unit::Tested::outcome).max().unwrap_or(Outcome::Good);
    let Some(path) = &args.junit else { return outcome };
    match std::fs::write(path, junit::document(&files)) {
        Ok(()) => outcome,
        Err(error) => {
            written(writeln!(streams.err, "bellwether: {} cannot be written: {error}", path.display()));
            Outcome::Unavailable.max(outcome)
        }
    }
}

/// Whoever closed the output has read enough, and the exit code says the rest.
fn written(result: io::Result<()>) {
    drop(result);
}
