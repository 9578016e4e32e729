//! Alerts written in code: simple thresholds that become rules of the query language.
//!
//! ```
//! use bellwether::rules::code::{Rule, minutes, ms, percent};
//! let rules = [
//!     Rule::p95("search").above(ms(200)).for_(minutes(5)),
//!     Rule::error_ratio("pay").above(percent(1)).critical(),
//! ];
//! assert_eq!(
//!     rules[0].to_string(),
//!     r#"- alert: search_p95_above_200
//!   expr: histogram_quantile(0.95, sum by (job, span_name, le) (rate(traces_span_metrics_duration_milliseconds_bucket{span_name="search"}[5m]))) > 200
//!   for: 5m
//!   labels:
//!     severity: warning
//!   annotations:
//!     summary: 'search: p95 {{ printf "%.4g" $value }} ms, expected at most 200 ms'
//! "#
//! );
//! assert_eq!(bellwether::rules::code::file(&rules).errors, []);
//! ```

use std::fmt;
use std::time::Duration;

use super::file::{ReadOptions, RuleFile, parse};
use super::print::{Entry, head, write_group};
use crate::model::print_duration;
use crate::yaml::double_quoted;

/// Name of the file that [`file()`] makes, in messages and in [`super::Group::file`].
pub const FILE: &str = "rules in code";

/// What is measured, ready to be compared. The operation is the span's name.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    operation: String,
    kind: Kind,
    /// Milliseconds.
    window: i64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Quantile(f64),
    ErrorRatio,
    Calls,
    InFlight,
}

/// An alert on one operation: what is measured, the bound, and for how long. Prints as an entry of `rules:` in a rule
/// file of Prometheus.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    measure: Measure,
    above: bool,
    bound: f64,
    name: Option<String>,
    hold: i64,
    keep_firing: i64,
    severity: &'static str,
}

impl Rule {
    /// The median of an operation's duration.
    pub fn p50(operation: impl Into<String>) -> Measure {
        Self::quantile(0.5, operation)
    }

    /// The 95th percentile of an operation's duration.
    pub fn p95(operation: impl Into<String>) -> Measure {
        Self::quantile(0.95, operation)
    }

    /// The 99th percentile of an operation's duration.
    pub fn p99(operation: impl Into<String>) -> Measure {
        Self::quantile(0.99, operation)
    }

    /// A quantile of an operation's duration, from explicit buckets; 0 to 1.
    pub fn quantile(quantile: f64, operation: impl Into<String>) -> Measure {
        Measure::new(Kind::Quantile(quantile), operation)
    }

    /// The share of an operation's calls that fail.
    pub fn error_ratio(operation: impl Into<String>) -> Measure {
        Measure::new(Kind::ErrorRatio, operation)
    }

    /// The calls of an operation a second.
    pub fn calls(operation: impl Into<String>) -> Measure {
        Measure::new(Kind::Calls, operation)
    }

    /// The calls of an operation that are open at once.
    pub fn in_flight(operation: impl Into<String>) -> Measure {
        Measure::new(Kind::InFlight, operation)
    }

    /// How long the bound must be crossed before the alert fires. Default: not at all.
    #[must_use]
    pub fn for_(mut self, time: Duration) -> Self {
        self.hold = millis(time);
        self
    }

    /// How long the alert goes on firing when the bound is no longer crossed. Default: not at all.
    #[must_use]
    pub fn keep_firing_for(mut self, time: Duration) -> Self {
        self.keep_firing = millis(time);
        self
    }

    /// The alert's name. Default: of operation, measure and bound.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The severity `info`. Default `warning`.
    #[must_use]
    pub fn info(self) -> Self {
        Self { severity: "info", ..self }
    }

    /// The severity `critical`. Default `warning`.
    #[must_use]
    pub fn critical(self) -> Self {
        Self { severity: "critical", ..self }
    }

    /// The severity `emergency`. Default `warning`.
    #[must_use]
    pub fn emergency(self) -> Self {
        Self { severity: "emergency", ..self }
    }

    /// The rule's expression.
    pub fn expr(&self) -> String {
        let sign = if self.above { '>' } else { '<' };
        format!("{} {sign} {}", self.measure.expr(), self.bound)
    }
}

impl Measure {
    /// Time that a rate is taken over unless [`Measure::over`] says otherwise.
    pub const WINDOW: Duration = Duration::from_secs(300);

    fn new(kind: Kind, operation: impl Into<String>) -> Self {
        Self { operation: operation.into(), kind, window: millis(Self::WINDOW) }
    }

    /// The time that a rate is taken over, in whole milliseconds and at least one. Default [`Measure::WINDOW`].
    #[must_use]
    pub fn over(self, window: Duration) -> Self {
        Self { window: millis(window).max(1), ..self }
    }

    /// An alert when it is more than this: milliseconds, a share or a number, as the measure has it.
    pub fn above(self, bound: impl Into<Bound>) -> Rule {
        self.compared(true, bound.into())
    }

    /// An alert when it is less than this.
    pub fn below(self, bound: impl Into<Bound>) -> Rule {
        self.compared(false, bound.into())
    }

    fn compared(self, above: bool, bound: Bound) -> Rule {
        let bound = bound.0;
        Rule { measure: self, above, bound, name: None, hold: 0, keep_firing: 0, severity: "warning" }
    }

    fn expr(&self) -> String {
        let operation = double_quoted(&self.operation);
        let window = print_duration(self.window);
        let calls = |more: &str| {
            format!(
                "sum by (job, span_name) (rate(traces_span_metrics_calls_total{{span_name={operation}{more}}}[{window}]))"
            )
        };
        match self.kind {
            Kind::Quantile(quantile) => format!(
                "histogram_quantile({quantile}, sum by (job, span_name, le) \
                 (rate(traces_span_metrics_duration_milliseconds_bucket{{span_name={operation}}}[{window}])))"
            ),
            Kind::ErrorRatio => format!("{} / {}", calls(", status_code=\"STATUS_CODE_ERROR\""), calls("")),
            Kind::Calls => calls(""),
            Kind::InFlight => format!("sum by (job, span_name) (bellwether_span_in_flight{{span_name={operation}}})"),
        }
    }

    /// The measure in a word, and its unit with a space before it.
    fn words(&self) -> (String, &'static str) {
        match self.kind {
            Kind::Quantile(quantile) => (format!("p{}", quantile * 100.0), " ms"),
            Kind::ErrorRatio => ("error_ratio".to_owned(), ""),
            Kind::Calls => ("calls".to_owned(), " a second"),
            Kind::InFlight => ("in_flight".to_owned(), ""),
        }
    }
}

impl Rule {
    fn entry(&self) -> Entry {
        let Self { measure, bound, .. } = self;
        let (word, unit) = measure.words();
        let (crossed, most) = if self.above { ("above", "at most") } else { ("below", "at least") };
        let name = self.name.clone().unwrap_or_else(|| format!("{}_{word}_{crossed}_{bound}", measure.operation));
        // An operation's name is no template.
        let operation = measure.operation.replace("{{", "{{ \"{{\" }}");
        let summary =
            format!("{operation}: {word} {{{{ printf \"%.4g\" $value }}}}{unit}, expected {most} {bound}{unit}");
        Entry {
            kind: super::Kind::Alert,
            name,
            expr: self.expr(),
            hold: self.hold,
            keep_firing: self.keep_firing,
            labels: vec![("severity".to_owned(), self.severity.to_owned())],
            annotations: vec![("summary".to_owned(), summary)],
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.entry().write(&mut text, 0);
        f.write_str(&text)
    }
}

/// A bound for a measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound(f64);

impl From<f64> for Bound {
    fn from(number: f64) -> Self {
        Self(number)
    }
}

impl From<Duration> for Bound {
    /// As milliseconds, the unit of durations.
    fn from(time: Duration) -> Self {
        Self(time.as_secs_f64() * 1000.0)
    }
}

/// Milliseconds.
pub const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Seconds.
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Minutes.
pub const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count.saturating_mul(60))
}

/// A share in hundredths.
pub fn percent(hundredths: impl Into<f64>) -> f64 {
    hundredths.into() / 100.0
}

/// The text of a rule file with these rules in one group, for Prometheus or for people: a program that prints it shows
/// what `bellwether check --print -` then reads.
pub fn print(rules: &[Rule]) -> String {
    let mut text = head(rules.is_empty());
    if !rules.is_empty() {
        write_group(&mut text, "code", &[], &rules.iter().map(Rule::entry).collect::<Vec<_>>());
    }
    text
}

/// These rules, read as a file would be: one whose numbers make no query is an error there.
pub fn file(rules: &[Rule]) -> RuleFile {
    parse(FILE, &print(rules), &ReadOptions::default())
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 1_000_000).min(i64::MAX / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_in_code_are_rules_of_prometheus() {
        let rules = [
            Rule::p95("search").above(ms(200)).for_(minutes(5)),
            Rule::p99("a \"b\" {{ \\ \n☃").above(seconds(2)).keep_firing_for(minutes(1)),
            Rule::quantile(0.999, "x").over(minutes(30)).below(1.5).named("true").info(),
            Rule::error_ratio("pay").above(percent(2.5)).critical(),
            Rule::calls("pay").below(0.1),
            Rule::in_flight("pay").above(50.0).emergency(),
        ];
        let file = file(&rules);
        assert_eq!((file.errors.len(), file.lints.len()), (0, 0), "{:?}", file.errors);
        let read: Vec<(String, String)> =
            file.groups[0].rules.iter().map(|rule| (rule.name.clone(), rule.expr.to_string())).collect();
        assert_eq!(read[0].0, "search_p95_above_200");
        assert_eq!(read[1].0, "a \"b\" {{ \\ \n☃_p99_above_2000");
        assert_eq!(read[2].0, "true");
        assert_eq!(
            read[3].1,
            "sum by (job, span_name) (rate(traces_span_metrics_calls_total{span_name=\"pay\",status_code=\"STATUS_CODE_ERROR\"}[5m])) \
             / sum by (job, span_name) (rate(traces_span_metrics_calls_total{span_name=\"pay\"}[5m])) > 0.025"
        );
        assert_eq!(read[5].1, "sum by (job, span_name) (bellwether_span_in_flight{span_name=\"pay\"}) > 50");
        assert!(super::file(&[]).errors.is_empty());
    }

    #[test]
    fn a_bound_that_is_no_number_makes_a_mistake_and_no_panic() {
        for bound in [f64::NAN, f64::INFINITY] {
            let file = file(&[Rule::calls("a").above(bound)]);
            assert_eq!(file.groups.len() + file.errors.len(), 1, "{bound}");
        }
    }
}
