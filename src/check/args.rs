//! What the commands may be told.

use std::path::PathBuf;

use regex::Regex;

use super::features::{self, Feature};

/// Check files: rules of Prometheus, routing of Alertmanager, configuration.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct CheckArgs {
    /// Rule files, routing files, configuration files, "-" for standard input; which kind it is is seen from its keys
    #[arg(required_unless_present = "default_rules", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print the rules as they are understood, in one form; what is wrong goes to standard error
    #[arg(long, conflicts_with = "format")]
    pub print: bool,
    /// Take the rules that bellwether brings as well
    #[arg(long)]
    pub default_rules: bool,
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

/// Test rules without a server.
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
    /// Show what differs line by line, "-" for what was expected and "+" for what is
    #[arg(long)]
    pub diff: bool,
    /// Tell on standard error how long each test took, and every sample that was there at its end
    #[arg(long)]
    pub debug: bool,
    /// Write the results to this file too, as JUnit's XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
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
  bellwether check --print --default-rules > default.rules.yml
  cargo run --example rules_in_code | bellwether check --print -

Exit codes: 0 ok, 1 lint findings with --lint-fatal, 2 usage, 78 a file has a mistake.";

const TEST_EXAMPLES: &str = "\
Examples:
  bellwether test rules tests/*.yml
  bellwether test rules --run latency --diff tests/latency.yml
  bellwether test rules --junit results.xml tests/*.yml

Exit codes: 0 ok, 1 a test failed, 2 usage, 78 a file has a mistake.";

/// Turn service level objectives into rules.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum SloCommand {
    /// Turn objectives in sloth's form into burn-rate rules for Prometheus
    #[command(long_about = GENERATE_ABOUT)]
    Generate(GenerateArgs),
}

/// What `bellwether slo generate` may be told.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = GENERATE_EXAMPLES)]
pub struct GenerateArgs {
    /// Files of objectives, "-" for standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Write the rules to this file, and nothing when there is a mistake [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Record the budget of the whole thirty days too; for a Prometheus that keeps so much
    #[arg(long)]
    pub period: bool,
}

const GENERATE_ABOUT: &str = "\
Turn objectives in sloth's form into burn-rate rules for Prometheus.

The files are those of https://sloth.dev/specs/default/ (version
prometheus/v1), the rules have sloth's names, labels and numbers. Each pair of
windows is an alert of its own: 5m and 1h, 30m and 6h page; 2h and 1d, 6h and
3d are tickets.";

const GENERATE_EXAMPLES: &str = "\
Examples:
  bellwether slo generate slo.yml
  bellwether slo generate slo/*.yml -o slo.rules.yml
  bellwether slo generate slo.yml | promtool check rules

Exit codes: 0 ok, 2 usage, 69 the output cannot be written, 78 a file has a mistake.";

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
