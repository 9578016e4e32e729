//! The `bellwether` command: arguments -> config -> call.

use std::io::{self, Write};
use std::process::ExitCode;

#[cfg(feature = "rules")]
use bellwether::check;
use bellwether::demo;
use clap::{Parser, Subcommand};

/// OpenTelemetry-native instrumentation for Rust.
#[derive(Debug, Parser)]
#[command(name = "bellwether", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  bellwether demo --for 1m
  bellwether check rules.yml
  bellwether test rules rules.test.yml
  bellwether slo generate slo.yml -o slo.rules.yml

Each command has its own --help.";

#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(feature = "rules")]
    Check(check::CheckArgs),
    Demo(demo::args::Args),
    #[cfg(feature = "rules")]
    #[command(subcommand)]
    Slo(check::SloCommand),
    #[cfg(feature = "rules")]
    #[command(subcommand)]
    Test(check::TestCommand),
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    #[cfg(feature = "rules")]
    let streams = &mut check::Streams { out: io::stdout(), err: io::stderr() };
    let result = match command {
        #[cfg(feature = "rules")]
        Command::Check(args) => Ok(check::check(&args, streams).exit_code()),
        Command::Demo(args) => demo::run(&args).map(|()| 0),
        #[cfg(feature = "rules")]
        Command::Slo(command) => Ok(check::generate(&command, streams).exit_code()),
        #[cfg(feature = "rules")]
        Command::Test(command) => Ok(check::test(&command, streams).exit_code()),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            // When standard error is closed there is nobody left to tell; the exit code says it too.
            drop(writeln!(io::stderr(), "bellwether: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    }
}
