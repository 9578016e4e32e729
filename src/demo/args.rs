//! What `bellwether demo` may be told.

use std::path::PathBuf;
use std::time::Duration;

use super::{corpus, duration};

/// When the fault begins in a run without an end.
const FAULT_AFTER: Duration = Duration::from_secs(20);
/// How long it lasts there.
const FAULT_FOR: Duration = Duration::from_secs(40);

/// Watch a small search service under load, and watch it go wrong.
#[derive(Debug, Clone, clap::Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub struct Args {
    /// End after this long, for example 500ms, 20s, 1m30s [default: run until Ctrl-C]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    pub length: Option<Duration>,
    /// Requests a second
    #[arg(long, value_name = "N", default_value = "60", value_parser = rate)]
    pub rate: f64,
    /// When reranking becomes slow [default: after 40 % of the run, or 20s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "no_fault")]
    pub fault_after: Option<Duration>,
    /// How long that lasts [default: 40 % of the run, or 40s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "no_fault")]
    pub fault_for: Option<Duration>,
    /// Let nothing go wrong
    #[arg(long)]
    pub no_fault: bool,
    /// Rule files to evaluate besides the demo's own; read again when they change, and on SIGHUP
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub rules: Vec<PathBuf>,
    /// Where alerts go, in the form of alertmanager.yml [default: the table]
    #[arg(long, value_name = "FILE")]
    pub routing: Option<PathBuf>,
    /// Documents to index
    #[arg(long, value_name = "N", default_value_t = corpus::DOCUMENTS, value_parser = documents)]
    pub documents: usize,
    /// Choose documents and queries; the same seed chooses the same
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// What is written: "text", a table, or "json", one object a line
    ///
    /// As JSON, one object a second, and a last one with "final": true.
    #[arg(long, value_enum, default_value_t = Format::Text, hide_possible_values = true)]
    pub format: Format,
}

const ABOUT: &str = "\
Watch a small search service under load, and watch it go wrong.

The service, its load and its telemetry live in this process; nothing else is
needed. Set OTEL_EXPORTER_OTLP_ENDPOINT to send traces, metrics and logs to a
backend as well; all other OTEL_* variables are honoured too.";

const EXAMPLES: &str = "\
Examples:
  bellwether demo
  bellwether demo --for 20s --format json
  bellwether demo --rules alerts.yml more.yml --routing alertmanager.yml
  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 bellwether demo --for 1m
  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 OTEL_EXPORTER_OTLP_PROTOCOL=grpc \\
    OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.01 bellwether demo

Exit codes: 0 ok, 2 usage, 69 something it needs is unavailable, 78 bad configuration.";

/// How figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table, redrawn in place on a terminal.
    Text,
    /// One object a line: one a second, and a last one with `"final": true`.
    Json,
}

impl Default for Args {
    /// As without any.
    fn default() -> Self {
        Self {
            length: None,
            rate: 60.0,
            fault_after: None,
            fault_for: None,
            no_fault: false,
            rules: Vec::new(),
            routing: None,
            documents: corpus::DOCUMENTS,
            seed: 1,
            format: Format::Text,
        }
    }
}

impl Args {
    /// When the fault begins, counted from the start of the load; `None` when it never does.
    pub fn fault_at(&self) -> Option<Duration> {
        let usual = || self.length.map_or(FAULT_AFTER, |length| length * 2 / 5);
        (!self.no_fault).then(|| self.fault_after.unwrap_or_else(usual))
    }

    /// When the fault ends, counted from the start of the load; `None` when there is none.
    pub fn mended_at(&self) -> Option<Duration> {
        let usual = || self.length.map_or(FAULT_FOR, |length| length * 2 / 5);
        self.fault_at().map(|begin| begin.saturating_add(self.fault_for.unwrap_or_else(usual)))
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let accepted = |rate: &f64| (0.1..=10_000.0).contains(rate);
    text.parse().ok().filter(accepted).ok_or_else(|| String::from("expected a number from 0.1 to 10000"))
}

fn documents(text: &str) -> Result<usize, String> {
    let accepted = |count: &usize| (1..=200_000).contains(count);
    text.parse().ok().filter(accepted).ok_or_else(|| String::from("expected a whole number from 1 to 200000"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Command::try_parse_from(line.split_whitespace()).map(|command| command.args)
    }

    #[test]
    fn the_fault_begins_after_two_fifths_of_the_run_unless_told_otherwise() {
        for (line, seconds) in [
            ("demo --for 50s", Some(20)),
            ("demo --for 10s", Some(4)),
            ("demo", Some(20)),
            ("demo --for 10s --fault-after 7s", Some(7)),
            ("demo --for 10s --no-fault", None),
        ] {
            assert_eq!(parse(line).unwrap().fault_at(), seconds.map(Duration::from_secs), "{line}");
        }
        for (line, seconds) in [
            ("demo --for 50s", Some(40)),
            ("demo", Some(60)),
            ("demo --for 10s --fault-after 1s --fault-for 3s", Some(4)),
            ("demo --no-fault", None),
        ] {
            assert_eq!(parse(line).unwrap().mended_at(), seconds.map(Duration::from_secs), "{line}");
        }
    }

    #[test]
    fn a_value_that_makes_no_sense_is_refused_with_what_is_accepted() {
        for (line, accepted) in [
            ("demo --for 20", "expected a number with a unit"),
            ("demo --rate 0", "expected a number from 0.1 to 10000"),
            ("demo --rate nan", "expected a number from 0.1 to 10000"),
            ("demo --documents 0", "expected a whole number"),
            ("demo --format xml", "possible values: text, json"),
            ("demo --no-fault --fault-after 1s", "cannot be used with"),
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(accepted), "{error}");
        }
    }
}
