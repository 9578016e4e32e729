//! Why a rule says nothing: its selectors match nothing, or the data does not reach back far enough.

use std::fmt;

use super::file::RuleSpec;
use super::place::Place;
use super::reach::{Empty, Reach, longest, reaches};
use super::rule::Rule;
use super::set::Rules;
use crate::history::{MatchOp, Matcher};
use crate::model::{METRIC_NAME, print_duration};
use crate::promql::{At, Expr};

/// Something about the data that keeps a rule from telling what it was written to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A selector matches no series.
    NoSeries {
        /// As Prometheus prints it.
        selector: String,
        /// Whether there are series of that metric, with other labels.
        metric_exists: bool,
    },
    /// The data of a selector begins after its window.
    NotCovered {
        /// As Prometheus prints it.
        selector: String,
        /// Milliseconds that the expression looks back over it.
        window: i64,
        /// Milliseconds that there is data for.
        covered: i64,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSeries { selector, metric_exists: false } => {
                write!(f, "{selector} matches nothing: there is no metric of that name yet")
            }
            Self::NoSeries { selector, metric_exists: true } => {
                write!(f, "{selector} matches nothing: the metric is there, with other labels")
            }
            Self::NotCovered { selector, window, covered } => {
                let (window, covered) = (print_duration(*window), print_duration(covered / 1000 * 1000));
                write!(f, "{selector} has data of the last {covered} only, and the rule looks back {window}")
            }
        }
    }
}

/// What is wrong with the data that an expression reads at `now`, milliseconds since the Unix epoch.
pub fn diagnose(expr: &Expr, now: i64, place: &Place<'_>) -> Vec<Problem> {
    let reaches: Vec<Reach<'_>> = reaches(expr).into_iter().filter(|reach| reach.empty != Empty::Meant).collect();
    let found: Vec<_> = reaches.iter().map(|reach| (reach.empty, problem(reach, now, place))).collect();
    let missing = |problem: &Option<Problem>| matches!(problem, Some(Problem::NoSeries { .. }));
    // Of several that stand for each other one is enough.
    let enough = found.iter().any(|(empty, problem)| *empty == Empty::Alternative && !missing(problem));
    let counts =
        |(empty, problem): &(Empty, Option<Problem>)| !(enough && *empty == Empty::Alternative && missing(problem));
    found.into_iter().filter(counts).filter_map(|(_, problem)| problem).collect()
}

impl Rule {
    /// What is wrong with the data that this rule reads at `now`.
    pub fn diagnose(&self, now: i64, place: &Place<'_>) -> Vec<Problem> {
        diagnose(&self.spec().expr, now, place)
    }
}

impl Rules {
    /// Milliseconds that the rules look back at most: what a window of series has to keep.
    pub fn longest_window(&self, config: &super::Config) -> i64 {
        let of = |rule: &RuleSpec| longest(&rule.expr, config.promql.lookback_ms);
        let group = |group: &super::Group| {
            let longest = group.rules().iter().map(|rule| of(rule.spec())).max().unwrap_or(0);
            longest + group.query_offset(config)
        };
        self.groups().iter().map(group).max().unwrap_or(0)
    }
}

fn problem(reach: &Reach<'_>, now: i64, place: &Place<'_>) -> Option<Problem> {
    let end = match reach.selector.at {
        Some(At::Time(at)) => at,
        _ => now,
    } - reach.offset;
    let lookback = place.config.promql.lookback_ms;
    let begin = end - reach.window.max(lookback);
    let selector = || Expr::Vector(reach.selector.clone()).to_string();
    let found = place.source.select(&reach.selector.matchers, begin, end);
    if found.is_empty() {
        let name = reach.selector.matchers.iter().find(|matcher| matcher.name() == METRIC_NAME);
        let alone = name
            .filter(|name| name.op() == MatchOp::Equal)
            .and_then(|name| Matcher::new(METRIC_NAME, MatchOp::Equal, name.value()).ok());
        let metric_exists = alone.is_some_and(|matcher| !place.source.select(&[matcher], begin, end).is_empty());
        return Some(Problem::NoSeries { selector: selector(), metric_exists });
    }
    let oldest = found.iter().filter_map(|series| series.samples.first()).map(|sample| sample.time).min()?;
    // A range is covered when its first interval is: samples stand at the ends of intervals.
    let covered = end - oldest;
    let step = found.iter().filter_map(step).max().unwrap_or(0);
    (reach.window > 0 && covered + step < reach.window).then(|| Problem::NotCovered {
        selector: selector(),
        window: reach.window,
        covered,
    })
}

/// Milliseconds between the first two samples.
fn step(series: &crate::history::Selected) -> Option<i64> {
    Some(series.samples.get(1)?.time - series.samples.first()?.time)
}
