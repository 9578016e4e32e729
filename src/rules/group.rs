//! Rules that are evaluated together, one after the other (`rules/group.go` of Prometheus).

use std::collections::BTreeMap;
use std::time::Duration;

use super::config::Config;
use super::file::{GroupSpec, Kind, RuleSpec};
use super::place::Place;
use super::rule::{Rule, mark_stale};
use super::traces::Recorded;
use crate::model::{Alert, Labels};

/// A group of rules and what became of it.
///
/// Its ticks are the multiples of its interval since the Unix epoch. Prometheus moves each group by a hash of its name,
/// to spread the work of its threads; here one thread does one group after the other, and a tick that is a round
/// time is the same after a restart and easy to compare with the data.
#[derive(Debug)]
pub struct Group {
    file: String,
    spec: GroupSpec,
    rules: Vec<Rule>,
    /// Series of rules that are no longer there, to be marked as stale.
    stale: Vec<Labels>,
    last: Option<i64>,
    ticks: u64,
    missed: u64,
    took: Duration,
}

impl Group {
    /// A group of the file of that name, not yet evaluated.
    pub fn new(file: &str, mut spec: GroupSpec) -> Self {
        let rules = std::mem::take(&mut spec.rules).into_iter().map(Rule::new).collect();
        let file = file.to_owned();
        Self { file, spec, rules, stale: Vec::new(), last: None, ticks: 0, missed: 0, took: Duration::ZERO }
    }

    /// Its name, unique in its file.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The file that it came from.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Series or alerts of one rule at most; 0: no limit.
    pub fn limit(&self) -> usize {
        self.spec.limit
    }

    /// Its rules, in the order of evaluation.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub(super) fn rules_mut(&mut self) -> &mut [Rule] {
        &mut self.rules
    }

    /// Milliseconds between its ticks; at least one.
    pub fn interval(&self, config: &Config) -> i64 {
        self.spec.interval.unwrap_or(config.interval).max(1)
    }

    /// Milliseconds by which its queries look earlier than the tick.
    pub fn query_offset(&self, config: &Config) -> i64 {
        self.spec.query_offset.unwrap_or(config.query_offset)
    }

    /// Its last tick, milliseconds since the Unix epoch.
    pub fn evaluated_at(&self) -> Option<i64> {
        self.last
    }

    /// Ticks that were evaluated.
    pub fn ticks(&self) -> u64 {
        self.ticks
    }

    /// Ticks that went by without an evaluation because the one before took too long or nobody asked.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// How long the last evaluation took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// The tick that is to be evaluated at `now`, if there is one that was not.
    pub fn due(&self, now: i64, config: &Config) -> Option<i64> {
        let interval = self.interval(config);
        let tick = now.div_euclid(interval) * interval;
        self.last.is_none_or(|last| last < tick).then_some(tick)
    }

    /// Evaluates all rules at the time `now`, in the order of the file, so that one reads what those before it have
    /// written, and returns the alerts that are to be told.
    pub fn eval(&mut self, now: i64, place: &Place<'_>) -> Vec<Alert> {
        self.eval_among(now, &Recorded::default(), place)
    }

    /// The same among other groups, whose recordings lead to the traces of alerts.
    pub(super) fn eval_among(&mut self, now: i64, recorded: &Recorded, place: &Place<'_>) -> Vec<Alert> {
        let start = place.clock.ticks();
        let interval = self.interval(place.config);
        let offset = self.query_offset(place.config);
        if let Some(last) = self.last {
            self.missed += u64::try_from((now - last) / interval - 1).unwrap_or(0);
        }
        self.last = Some(now);
        self.ticks += 1;
        let mut alerts = Vec::new();
        for rule in &mut self.rules {
            rule.evaluate(now, offset, self.spec.limit, place);
            if rule.spec().kind == Kind::Alert {
                alerts.extend(rule.due(now, interval, recorded, place));
            }
        }
        for gone in self.stale.drain(..) {
            mark_stale(&gone, now - offset, place);
        }
        self.took = Duration::from_nanos(place.clock.ticks().saturating_sub(start));
        alerts
    }

    /// Whether both say the same, wherever in their files.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        let head = |group: &Self| {
            let spec = &group.spec;
            (group.file.clone(), spec.name.clone(), spec.interval, spec.query_offset, spec.limit, group.rules.len())
        };
        let rules = self.rules.iter().zip(&other.rules);
        head(self) == head(other) && rules.into_iter().all(|(a, b)| said(a.spec()) == said(b.spec()))
    }

    /// Takes over what became of the rules of an earlier version, matched by name and labels; of two that are the same
    /// the first from the first. Series of rules that are gone are ended at the next tick.
    pub(super) fn take_over(&mut self, from: Self) {
        (self.last, self.ticks, self.missed, self.took) = (from.last, from.ticks, from.missed, from.took);
        self.stale = from.stale;
        let mut earlier: BTreeMap<_, Vec<Rule>> = BTreeMap::new();
        for rule in from.rules.into_iter().rev() {
            earlier.entry(named(rule.spec())).or_default().push(rule);
        }
        for rule in &mut self.rules {
            if let Some(earlier) = earlier.get_mut(&named(rule.spec())).and_then(Vec::pop) {
                rule.previous = earlier.previous;
                rule.alerting = earlier.alerting;
            }
        }
        self.stale.extend(earlier.into_values().flatten().flat_map(|rule| rule.previous));
    }

    /// The series that it would leave behind.
    pub(super) fn into_series(self) -> impl Iterator<Item = Labels> {
        self.stale.into_iter().chain(self.rules.into_iter().flat_map(|rule| rule.previous))
    }
}

/// What a rule is matched by when its file changes.
pub(super) fn named(rule: &RuleSpec) -> (bool, String, Vec<(String, String)>) {
    let labels = rule.labels.iter().map(|(name, value)| (name.clone(), value.source().to_owned()));
    (rule.kind == Kind::Alert, rule.name.clone(), labels.collect())
}

/// Everything that a rule says.
fn said(rule: &RuleSpec) -> impl PartialEq {
    let annotations = rule.annotations.iter().map(|(name, value)| (name.clone(), value.source().to_owned()));
    (named(rule), rule.expr.to_string(), rule.hold, rule.keep_firing, annotations.collect::<Vec<_>>())
}
