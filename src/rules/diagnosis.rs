//! Why a rule says nothing: its selectors match nothing, or the data does not reach back far enough.

use std::fmt;

use super::defaults::DEFAULT_FILE;
use super::file::RuleSpec;
use super::place::Place;
use super::reach::{Empty, Reach, longest, reaches};
use super::rule::{Health, Rule};
use super::set::Rules;
use crate::history::MatchOp;
use crate::model::{METRIC_NAME, print_duration};
use crate::promql::{At, Expr};

/// Something about the data that keeps a rule from telling what it was written to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A selector matches no series.
    NoSeries {
        /// As Prometheus prints it.
        selector: String,
        /// What it asks for that is not there.
        lacks: Lack,
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

/// Why there is no series for a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// Its metric has no series.
    Metric,
    /// Its metric has series, with other labels.
    Labels,
    /// It names no single metric, and no series of any is like that.
    Series,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSeries { selector, lacks } => write!(f, "{selector} matches nothing: {lacks}"),
            Self::NotCovered { selector, window, covered } => {
                let (window, covered) = (print_duration(*window), print_duration(covered / 1000 * 1000));
                write!(f, "{selector} has data of the last {covered} only, and the rule looks back {window}")
            }
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metric => "there is no metric of that name yet",
            Self::Labels => "the metric is there, with other labels",
            Self::Series => "there is no such series yet",
        })
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

impl Problem {
    /// Milliseconds after the first evaluation in which this is no wonder: a metric comes with the first call, and a
    /// window fills.
    fn patience(&self, lookback: i64) -> i64 {
        match self {
            Self::NoSeries { .. } => lookback,
            Self::NotCovered { window, .. } => *window,
        }
    }
}

/// What is known about the data of a rule.
#[derive(Debug, Default)]
pub(super) struct Diagnosis {
    /// What was wrong when it was looked at last.
    pub(super) problems: Vec<Problem>,
    /// When the rule was evaluated first.
    first: Option<i64>,
    /// When it was looked at last.
    at: Option<i64>,
    /// Whether people were told about the problems.
    told: bool,
    /// Whether people were told that the evaluation fails, and it still does.
    told_failure: bool,
}

/// Milliseconds between two looks at a rule with problems, and at one without.
const AGAIN: (i64, i64) = (60_000, 600_000);
/// Ticks that a rule is given besides, before anything is said.
const TICKS: i64 = 3;

impl Rule {
    /// What is wrong with the data that this rule reads at `now`.
    pub fn diagnose(&self, now: i64, place: &Place<'_>) -> Vec<Problem> {
        diagnose(&self.spec().expr, now, place)
    }

    /// What was wrong with its data when that was looked at last ([`Rules::look`]).
    pub fn problems(&self) -> &[Problem] {
        &self.diagnosis.problems
    }

    /// What is new about it for people.
    fn look(&mut self, interval: i64, offset: i64, place: &Place<'_>) -> Option<String> {
        let evaluated = self.evaluated_at()?;
        let first = *self.diagnosis.first.get_or_insert(evaluated);
        if let Health::Bad(why) = self.health() {
            let line = (!self.diagnosis.told_failure).then(|| format!("it cannot be evaluated: {why}"));
            self.diagnosis.told_failure = true;
            return line;
        }
        self.diagnosis.told_failure = false;
        let again = if self.diagnosis.problems.is_empty() { AGAIN.1 } else { AGAIN.0 };
        // The first look waits for a second evaluation: before, no rule has data.
        if evaluated == first || self.diagnosis.at.is_some_and(|at| evaluated - at < again.max(interval)) {
            return None;
        }
        self.diagnosis.at = Some(evaluated);
        self.diagnosis.problems = self.diagnose(evaluated - offset, place);
        let lookback = place.config.promql.lookback_ms;
        let lasts = |problem: &&Problem| evaluated - first >= problem.patience(lookback) + TICKS * interval;
        let lasting: Vec<String> = self.diagnosis.problems.iter().filter(lasts).map(Problem::to_string).collect();
        let news = !lasting.is_empty() && !self.diagnosis.told;
        self.diagnosis.told |= news;
        news.then(|| lasting.join("; "))
    }
}

impl Rules {
    /// Looks, now and then, at what keeps rules from telling what they were written to tell: evaluations that fail,
    /// selectors that match nothing, windows that the data does not cover. Returns a line a rule for people, once, and
    /// not before that could have changed by itself. The default rules are silent: they are for whoever has their metrics.
    pub fn look(&mut self, place: &Place<'_>) -> Vec<String> {
        let mut lines = Vec::new();
        for group in &mut self.groups {
            let (interval, offset) = (group.interval(place.config), group.query_offset(place.config));
            let (file, name) = (group.file().to_owned(), group.name().to_owned());
            for rule in group.rules_mut() {
                let line = rule.look(interval, offset, place).filter(|_| file != DEFAULT_FILE);
                let about = |line| format!("{file}: group {name:?}, {:?}: {line}", rule.spec().name);
                lines.extend(line.map(about));
            }
        }
        lines
    }

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
    let begin = end - reach.window.max(place.config.promql.lookback_ms);
    let selector = || Expr::Vector(reach.selector.clone()).to_string();
    // Of all series: the oldest sample, and the longest time between the first two.
    let (mut oldest, mut step) = (None, 0);
    place.source.visit_oldest(&reach.selector.matchers, begin, end, &mut |_, first, gap| {
        oldest = Some(oldest.map_or(first, |oldest: i64| oldest.min(first)));
        step = step.max(gap.unwrap_or(0));
    });
    let Some(oldest) = oldest else {
        return Some(Problem::NoSeries { selector: selector(), lacks: lacks(reach, begin, end, place) });
    };
    // A range is covered when its first interval is: samples stand at the ends of intervals.
    let covered = end - oldest;
    (reach.window > 0 && covered + step < reach.window).then(|| Problem::NotCovered {
        selector: selector(),
        window: reach.window,
        covered,
    })
}

/// Why there is no series for this selector.
fn lacks(reach: &Reach<'_>, begin: i64, end: i64, place: &Place<'_>) -> Lack {
    let name = reach.selector.matchers.iter().find(|matcher| matcher.name() == METRIC_NAME);
    // An empty value asks for series without a name.
    let one = name.filter(|name| name.op() == MatchOp::Equal && !name.value().is_empty()).cloned();
    let Some(name) = one else { return Lack::Series };
    let mut lacks = Lack::Metric;
    place.source.visit_oldest(&[name], begin, end, &mut |_, _, _| lacks = Lack::Labels);
    lacks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::history::{Config as Window, History};
    use crate::model::{Labels, Sample, SampleValue};
    use crate::promql::parse;
    use crate::rules::Config;

    const MINUTE: i64 = 60_000;
    const NOW: i64 = 60 * MINUTE;

    /// `m{job="a"}` for the last five minutes, `old` for the last hour, each every 10 s.
    fn window() -> History {
        let window = History::new(Window::default(), std::sync::Arc::default());
        for time in (0..=NOW).step_by(10_000) {
            for (name, from) in [("m", 55 * MINUTE), ("old", 0)] {
                let labels = Labels::new([("__name__", name), ("job", "a")]);
                let sample = Sample { time, start: 0, value: SampleValue::Float(1.0) };
                assert!(time < from || window.append(&labels, sample));
            }
        }
        window
    }

    #[test]
    fn what_keeps_a_rule_from_speaking_is_said_and_absence_that_is_meant_is_not() {
        let nothing = "none matches nothing: there is no metric of that name yet";
        let other = "m{job=\"b\"} matches nothing: the metric is there, with other labels";
        let short = "m has data of the last 5m only, and the rule looks back 10m";
        let cases: [(&str, &[&str]); 27] = [
            ("m > 0", &[]),
            ("none > 0", &[nothing]),
            ("m{job=\"b\"} > 0", &[other]),
            ("{job=\"b\"} > 0", &["{job=\"b\"} matches nothing: there is no such series yet"]),
            ("{job=\"a\"} > 0", &[]),
            ("{__name__=~\"n.+\"} > 0", &["{__name__=~\"n.+\"} matches nothing: there is no such series yet"]),
            (
                "{__name__=\"\",job=\"a\"} > 0",
                &["{__name__=\"\",job=\"a\"} matches nothing: there is no such series yet"],
            ),
            ("rate(m[5m]) > 0", &[]),
            ("rate(m[10m]) > 0", &[short]),
            ("rate(old[1h]) > 0", &[]),
            ("max_over_time(m[10m:1m]) > 0", &[short]),
            ("rate(old[30m] offset 20m) > 0", &[]),
            ("m offset 20m > 0", &["m offset 20m matches nothing: there is no metric of that name yet"]),
            ("none / old > 0", &[nothing]),
            ("none and old", &[nothing]),
            ("old and none", &[nothing]),
            ("old or none", &[]),
            ("none or none2", &[nothing, "none2 matches nothing: there is no metric of that name yet"]),
            ("absent(none)", &[]),
            ("absent_over_time(none[1h])", &[]),
            ("count(none) or vector(0)", &[]),
            ("(rate(none[5m]) or vector(0)) / rate(old[5m]) > 0", &[]),
            ("m unless none", &[]),
            ("none unless m", &[nothing]),
            ("m unless on (job) (none > 0 and none)", &[]),
            ("m unless on () ALERTS{alertname=\"Deploy\"}", &[]),
            ("count(ALERTS{alertstate=\"firing\"}) > 10", &[]),
        ];
        let (window, config, clock) = (window(), Config::default(), Clock::system());
        let place = Place { source: &window, sink: &window, config: &config, clock: &clock };
        for (text, expected) in cases {
            let said: Vec<String> =
                diagnose(&parse(text).unwrap(), NOW, &place).iter().map(ToString::to_string).collect();
            assert_eq!(said, expected, "{text}");
        }
    }
}
