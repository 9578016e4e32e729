//! The `bellwether` command: arguments -> config -> call.

use std::io::{self, Write};
use std::process::ExitCode;

use bellwether::demo;
use clap::{Parser, Subcommand};

/// OpenTelemetry-native instrumentation for Rust.
#[derive(Debug, Parser)]
#[command(name = "bellwether", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::args::Args),
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let result = match command {
        Command::Demo(args) => demo::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // When standard error is closed there is nobody left to tell; the exit code says it too.
            drop(writeln!(io::stderr(), "bellwether: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    }
}
