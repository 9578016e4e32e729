//! Unit tests of rules, in the format of promtool
//! (<https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/>).

mod compare;
mod difference;
mod glob;
mod read;
mod report;
mod run;
mod store;
mod time;

use std::path::Path;

use super::args::TestArgs;
use super::{Outcome, features, files};
use crate::clock::Clock;
use crate::model::Labels;
use crate::rules::file::{Finding, ReadOptions, RuleFile};
use crate::yaml::{Node, Place};

/// A test file after its tests have been run.
#[derive(Debug)]
pub(super) struct Tested {
    /// Its name, for people.
    pub(super) name: String,
    /// When it was run, as JUnit has it.
    pub(super) timestamp: String,
    /// Mistakes in it or in its rule files; then nothing is run.
    pub(super) errors: Vec<Finding>,
    /// What is odd and no mistake.
    pub(super) warnings: Vec<String>,
    /// The tests that were run.
    pub(super) cases: Vec<Case>,
}

impl Tested {
    pub(super) fn outcome(&self) -> Outcome {
        if !self.errors.is_empty() {
            Outcome::Mistake
        } else if self.cases.iter().any(|case| !case.failures.is_empty()) {
            Outcome::Findings
        } else {
            Outcome::Good
        }
    }
}

/// One of the tests of a file.
#[derive(Debug)]
pub(super) struct Case {
    /// As it is named, or which one it is.
    pub(super) name: String,
    /// What was not as expected, each at its place in the test file.
    pub(super) failures: Vec<Finding>,
    /// What `--debug` shows, in lines; else empty.
    pub(super) debug: String,
}

/// What a test file says. Times are milliseconds.
#[derive(Debug, Default)]
struct TestFile {
    /// Paths or patterns, relative to the file.
    rule_files: Vec<String>,
    /// Between two evaluations of all groups.
    evaluation_interval: i64,
    /// Names of groups that are evaluated in this order.
    group_order: Vec<String>,
    /// Whether numbers may differ in the last bit.
    fuzzy: bool,
    groups: Vec<TestGroup>,
}

/// A test: series, and what rules and queries are to make of them.
#[derive(Debug)]
struct TestGroup {
    place: Place,
    name: String,
    /// Between two values of a series.
    interval: i64,
    /// When it begins, since the Unix epoch.
    start: i64,
    input: Vec<Input>,
    alerts: Vec<AlertTest>,
    queries: Vec<QueryTest>,
    external_labels: Labels,
    external_url: String,
}

/// A series and its values, in the notation of [`crate::promql::notation`].
#[derive(Debug)]
struct Input {
    place: Place,
    series: Text,
    values: Text,
}

/// A text of the file, and where it stands; empty when it is absent.
#[derive(Debug)]
struct Text {
    text: String,
    node: Option<Node>,
}

/// Which alerts of a name are to fire at a time.
#[derive(Debug)]
struct AlertTest {
    place: Place,
    eval_time: i64,
    alertname: String,
    /// Labels without the alert's name, and annotations.
    expected: Vec<(Labels, Labels)>,
}

/// What a query is to give at a time.
#[derive(Debug)]
struct QueryTest {
    place: Place,
    eval_time: i64,
    expr: Text,
    expected: Vec<ExpectedSample>,
}

#[derive(Debug)]
struct ExpectedSample {
    place: Place,
    labels: Text,
    value: f64,
    /// A histogram in its notation; empty for a number.
    histogram: Text,
}

/// Reads a test file and its rule files, and runs those of its tests that are asked for.
pub(super) fn run(path: &Path, args: &TestArgs) -> Tested {
    let name = files::shown(path);
    let timestamp = time::print(Clock::system().now());
    let mut tested = Tested { name, timestamp, errors: Vec::new(), warnings: Vec::new(), cases: Vec::new() };
    let file = files::text(path).and_then(|text| Ok((read::read(&tested.name, &text)?, text)));
    let (file, text) = match file {
        Ok(read) => read,
        Err(finding) => {
            tested.errors.push(finding);
            return tested;
        }
    };
    let mut rules = rule_files(path, &file, args, &mut tested.warnings);
    tested.errors = rules.iter_mut().flat_map(|file| std::mem::take(&mut file.errors)).collect();
    if tested.errors.is_empty() {
        let asked = |group: &TestGroup| args.run.is_empty() || args.run.iter().any(|run| run.is_match(&group.name));
        let source = report::Source { name: &tested.name, text: &text };
        let numbered = file.groups.iter().enumerate().filter(|(_, group)| asked(group));
        tested.cases = numbered.map(|(at, group)| run::case(at, group, &file, source, &rules, args)).collect();
    }
    tested
}

/// The rule files of a test file, relative to it.
fn rule_files(path: &Path, file: &TestFile, args: &TestArgs, warnings: &mut Vec<String>) -> Vec<RuleFile> {
    let experiments = features::experiments(&args.enable_feature);
    let options = ReadOptions { ignore_unknown_fields: args.ignore_unknown_fields, experiments };
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let mut found = Vec::new();
    for pattern in &file.rule_files {
        let files = glob::glob(folder, pattern);
        if files.is_empty() {
            warnings.push(format!("{}: no rule file matches {pattern:?}", path.display()));
        }
        found.extend(files.iter().map(|path| files::rules(path, options)));
    }
    found
}
