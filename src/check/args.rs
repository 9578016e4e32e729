//! What the two commands may be told.

use std::path::PathBuf;

use regex::Regex;

use super::features::{self, Feature};

/// Check files: rules of Prometheus, routing of Alertmanager, configuration.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct CheckArgs {
    /// Rule files, routing files, configuration files; which one it is is seen from its keys
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Pass over keys of rule files that are not known
    #[arg(long)]
    pub ignore_unknown_fields: bool,
    /// What to look for that is allowed and hardly meant: "all", "duplicate-rules" or "none"
    #[arg(long, value_enum, default_value_t = Lint::All, hide_possible_values = true)]
    pub lint: Lint,
    /// Fail (exit code 1) when that is found
    #[arg(long)]
    pub lint_fatal: bool,
    /// Experiments of Prometheus that expressions may use, such as promql-experimental-functions
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = features::parse)]
    pub enable_feature: Vec<Feature>,
    /// What is written: "text" or "json"
    #[arg(long, value_enum, default_value_t = Format::Text, hide_possible_values = true)]
    pub format: Format,
}

/// Test something without a server.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum TestCommand {
    /// Run unit tests of rules, in the format of promtool
    Rules(TestArgs),
}

/// What `bellwether test rules` may be told.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = TEST_EXAMPLES)]
pub struct TestArgs {
    /// Files with unit tests
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Run only tests whose name this regular expression matches somewhere; may be given more than once
    #[arg(long, value_name = "REGEX", value_parser = Regex::new)]
    pub run: Vec<Regex>,
    /// Pass over keys of rule files that are not known
    #[arg(long)]
    pub ignore_unknown_fields: bool,
    /// Experiments of Prometheus that expressions may use, such as promql-experimental-functions
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = features::parse)]
    pub enable_feature: Vec<Feature>,
    /// What is written: "text" or "json"
    #[arg(long, value_enum, default_value_t = Format::Text, hide_possible_values = true)]
    pub format: Format,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  bellwether check rules/*.yml
  bellwether check --lint-fatal --format json rules.yml
  bellwether check alertmanager.yml bellwether.yaml

Exit codes: 0 ok, 1 lint findings with --lint-fatal, 2 usage, 78 a file has a mistake.";

const TEST_EXAMPLES: &str = "\
Examples:
  bellwether test rules tests/*.yml
  bellwether test rules --run latency tests/latency.yml

Exit codes: 0 ok, 1 a test failed, 2 usage, 78 a file has a mistake.";

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One object.
    Json,
}

/// What is looked for besides mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Lint {
    /// Everything.
    All,
    /// Rules that are there twice.
    DuplicateRules,
    /// Nothing.
    None,
}
