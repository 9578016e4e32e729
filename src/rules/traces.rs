//! Which traces belong to an alert: the exemplars of the series that its expression looked at.
//!
//! From the expression's selectors, left to right, and where one names a recorded series, from those of the recorded
//! expression. What an aggregation dropped restricts nothing; every label that the alert has from its series does, on
//! the series that have it. The other side of `unless`, and what stands in `scalar()` or `absent()`, has not fired.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry::trace::TraceId;

use super::active::Active;
use super::alerting::ALERT_NAME;
use super::file::{Kind, RuleSpec};
use super::place::Place;
use super::reach::fixed;
use crate::history::{MatchOp, Matcher};
use crate::model::{Exemplar, Labels, METRIC_NAME};
use crate::promql::{At, BinaryOp, Expr, VectorSelector};
use crate::rules::Template;

/// Traces that an alert names at most.
pub const TRACES: usize = 5;
/// Alerts of one rule that are given traces in one tick at most: nobody opens more.
const ALERTS: usize = 100;
/// Recordings of recordings of recordings that are followed.
const DEPTH: usize = 4;

/// What has no exemplars, and the histogram that has those of the same measurements, as a regular expression.
const BESIDE: [(&str, &str); 6] = [
    ("traces_span_metrics_calls_total", "traces_span_metrics_duration_.*"),
    ("bellwether_span_self_time_milliseconds_total", "traces_span_metrics_duration_.*"),
    ("traces_spanmetrics_calls_total", "traces_spanmetrics_latency.*"),
    ("traces_spanmetrics_size_total", "traces_spanmetrics_latency.*"),
    ("traces_service_graph_request_total", "traces_service_graph_request_.*_seconds.*"),
    ("traces_service_graph_request_failed_total", "traces_service_graph_request_.*_seconds.*"),
];

/// What recording rules record, by the metric's name.
#[derive(Debug, Default)]
pub(super) struct Recorded(BTreeMap<String, Vec<Recording>>);

#[derive(Debug)]
struct Recording {
    expr: Expr,
    /// Labels that the rule sets.
    labels: Given,
}

/// Labels that are given on the way from a series to the alert, and what they are, unless that is only known by
/// evaluating.
type Given = BTreeMap<String, Option<String>>;

impl Recorded {
    pub(super) fn new<'r>(rules: impl Iterator<Item = &'r RuleSpec>) -> Self {
        let mut all: BTreeMap<String, Vec<Recording>> = BTreeMap::new();
        for rule in rules.filter(|rule| rule.kind == Kind::Record) {
            let fixed = |value: &Template| (!value.source().contains("{{")).then(|| value.source().to_owned());
            let labels = rule.labels.iter().map(|(name, value)| (name.clone(), fixed(value))).collect();
            all.entry(rule.name.clone()).or_default().push(Recording { expr: rule.expr.clone(), labels });
        }
        Self(all)
    }
}

/// The traces of one rule's series at one time: looked for once for all its alerts.
#[derive(Debug)]
pub(super) struct Traces {
    candidates: Vec<Candidate>,
    /// Labels of the alerts that the rule has set.
    own: BTreeSet<String>,
    left: usize,
}

/// A series with exemplars.
#[derive(Debug)]
struct Candidate {
    labels: Labels,
    exemplars: Vec<Exemplar>,
    given: Given,
    /// Which selector it is from.
    rank: usize,
}

impl Traces {
    /// What there is at `at`, milliseconds since the Unix epoch.
    pub(super) fn find(rule: &RuleSpec, at: i64, recorded: &Recorded, place: &Place<'_>) -> Self {
        let mut search = Search { at, recorded, place, candidates: Vec::new(), rank: 0 };
        search.look(&rule.expr, &[], &Given::new(), 0);
        let own = rule.labels.iter().map(|(name, _)| name.clone()).chain([ALERT_NAME.to_owned()]).collect();
        Self { candidates: search.candidates, own, left: ALERTS }
    }

    /// The traces of one alert, those of the first selector first and of these the largest values, the newest of equal
    /// ones.
    pub(super) fn of(&mut self, alert: &Active) -> Vec<TraceId> {
        let Some(left) = self.left.checked_sub(1) else { return Vec::new() };
        self.left = left;
        let restricting: Vec<(&str, &str)> = alert
            .labels
            .iter()
            .filter(|(name, _)| !self.own.contains(&***name))
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let fits = |candidate: &&Candidate| {
            let has = |name: &str| found(name, &candidate.given, &candidate.labels);
            restricting.iter().all(|(name, value)| has(name).is_none_or(|has| has == *value))
        };
        let fitting = self.candidates.iter().filter(fits);
        let mut exemplars: Vec<(usize, &Exemplar)> =
            fitting.flat_map(|one| one.exemplars.iter().map(|exemplar| (one.rank, exemplar))).collect();
        exemplars.sort_by(|(a_rank, a), (b_rank, b)| {
            let largest = || b.value.as_f64().total_cmp(&a.value.as_f64());
            a_rank.cmp(b_rank).then_with(largest).then_with(|| b.time.cmp(&a.time))
        });
        let mut seen = BTreeSet::new();
        let ids = exemplars.into_iter().map(|(_, exemplar)| exemplar.trace_id);
        ids.filter(|id| *id != TraceId::INVALID && seen.insert(id.to_bytes())).take(TRACES).collect()
    }
}

struct Search<'s> {
    at: i64,
    recorded: &'s Recorded,
    place: &'s Place<'s>,
    candidates: Vec<Candidate>,
    rank: usize,
}

impl Search<'_> {
    /// Takes the exemplars that an expression looks at. `outer` are conditions of the selectors that asked for what the
    /// expression records.
    fn look(&mut self, expr: &Expr, outer: &[Matcher], given: &Given, depth: usize) {
        let mut looks = Vec::new();
        walk(expr, 0, 0, given, &mut looks);
        for look in looks {
            self.rank += 1;
            let selector = look.selector;
            let at = if let Some(At::Time(at)) = selector.at { at } else { self.at };
            let end = at.saturating_sub(look.offset);
            let after = end.saturating_sub(look.window.max(self.place.config.promql.lookback_ms));
            if self.take(&selector.matchers, outer, &look.given, (after, end)) {
                continue;
            }
            let Some(name) = name(selector) else { continue };
            if let Some(beside) = beside(name) {
                let others = selector.matchers.iter().filter(|matcher| matcher.name() != METRIC_NAME).cloned();
                let matchers: Vec<Matcher> = others.chain([beside]).collect();
                self.take(&matchers, outer, &look.given, (after, end));
            }
            let recordings = self.recorded.0.get(name).filter(|_| depth < DEPTH);
            for recording in recordings.into_iter().flatten() {
                // What asks for another value of a label than the rule sets asks for another rule's series.
                let accepts = |matcher: &Matcher| match recording.labels.get(matcher.name()) {
                    Some(Some(value)) => matcher.accepts(value),
                    Some(None) | None => true,
                };
                let from_here = |matcher: &&Matcher| !look.given.contains_key(matcher.name());
                if !(selector.matchers.iter().all(accepts) && outer.iter().filter(from_here).all(accepts)) {
                    continue;
                }
                let is_open = |matcher: &&Matcher| {
                    matcher.name() != METRIC_NAME && !recording.labels.contains_key(matcher.name())
                };
                let outer: Vec<Matcher> = outer.iter().chain(&selector.matchers).filter(is_open).cloned().collect();
                let mut given = look.given.clone();
                for (name, value) in &recording.labels {
                    given.entry(name.clone()).or_insert_with(|| value.clone());
                }
                self.look(&recording.expr, &outer, &given, depth + 1);
            }
        }
    }

    /// Whether there were some.
    fn take(&mut self, matchers: &[Matcher], outer: &[Matcher], given: &Given, (after, until): (i64, i64)) -> bool {
        let found = self.place.source.exemplars(matchers, after, until);
        let any = !found.is_empty();
        let accepted = found.into_iter().filter(|(labels, _)| {
            outer.iter().all(|matcher| {
                given.contains_key(matcher.name())
                    || labels.get(matcher.name()).is_none_or(|value| matcher.accepts(value))
            })
        });
        let rank = self.rank;
        self.candidates.extend(accepted.map(|(labels, exemplars)| Candidate {
            labels,
            exemplars,
            given: given.clone(),
            rank,
        }));
        any
    }
}

/// What a label is in the alert, as far as that is known.
fn found<'l>(name: &str, given: &'l Given, labels: &'l Labels) -> Option<&'l str> {
    match given.get(name) {
        Some(value) => value.as_deref(),
        None => labels.get(name),
    }
}

/// A selector, and how the expression looks through it.
struct Look<'e> {
    selector: &'e VectorSelector,
    /// Milliseconds.
    window: i64,
    /// Milliseconds.
    offset: i64,
    /// Labels that the expression gives to what it selects.
    given: Given,
}

fn walk<'e>(expr: &'e Expr, window: i64, offset: i64, given: &Given, all: &mut Vec<Look<'e>>) {
    let also = |label: Option<&Expr>| {
        let mut given = given.clone();
        if let Some(label) = label.and_then(text) {
            // What was given further out replaces it.
            given.entry(label.to_owned()).or_default();
        }
        given
    };
    match expr {
        Expr::Vector(selector) => {
            all.push(Look {
                selector,
                window,
                offset: offset.saturating_add(fixed(&selector.offset)),
                given: given.clone(),
            });
        }
        Expr::Matrix(matrix) => {
            let (window, selector) = (window.saturating_add(fixed(&matrix.range)), &matrix.selector);
            all.push(Look {
                selector,
                window,
                offset: offset.saturating_add(fixed(&selector.offset)),
                given: given.clone(),
            });
        }
        Expr::Subquery(query) => {
            let (window, offset) =
                (window.saturating_add(fixed(&query.range)), offset.saturating_add(fixed(&query.offset)));
            walk(&query.expr, window, offset, given, all);
        }
        Expr::Binary(node) if node.op == BinaryOp::Unless => walk(&node.lhs, window, offset, given, all),
        Expr::Call(call) => match call.function.name {
            "scalar" | "absent" | "absent_over_time" => {}
            "label_replace" | "label_join" => {
                let given = also(call.args.get(1));
                call.args.iter().for_each(|child| walk(child, window, offset, &given, all));
            }
            _ => call.args.iter().for_each(|child| walk(child, window, offset, given, all)),
        },
        // The parameter of `count_values` is a label; that of others is a number.
        Expr::Aggregate(node) => walk(&node.expr, window, offset, &also(node.param.as_deref()), all),
        other => other.children().into_iter().for_each(|child| walk(child, window, offset, given, all)),
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::String(literal) => Some(&literal.value),
        Expr::Paren(inside) => text(&inside.expr),
        _ => None,
    }
}

/// The metric of a selector that names one.
fn name(selector: &VectorSelector) -> Option<&str> {
    let matcher = selector.matchers.iter().find(|matcher| matcher.name() == METRIC_NAME)?;
    (matcher.op() == MatchOp::Equal).then(|| matcher.value())
}

/// Where the exemplars of a metric without any are.
fn beside(name: &str) -> Option<Matcher> {
    if let Some((_, histogram)) = BESIDE.iter().find(|(known, _)| *known == name) {
        return Matcher::new(METRIC_NAME, MatchOp::Matches, *histogram).ok();
    }
    let stem = name.strip_suffix("_count").or_else(|| name.strip_suffix("_sum"))?;
    Matcher::new(METRIC_NAME, MatchOp::Equal, format!("{stem}_bucket")).ok()
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::SpanId;

    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::history::{Selected, Source};
    use crate::model::{Number, Sample};
    use crate::rules::file::{ReadOptions, parse};
    use crate::rules::{Config, Rules, Sink};

    const MINUTE: i64 = 60_000;

    /// Series that have one value at every time, and exemplars.
    struct World(Vec<(Labels, Vec<Seen>)>);

    /// Trace, value and minute of an exemplar.
    type Seen = (u128, f64, i64);

    fn fits(matchers: &[Matcher], labels: &Labels) -> bool {
        matchers.iter().all(|matcher| matcher.matches(labels))
    }

    impl Source for World {
        fn select(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<Selected> {
            let fitting = self.0.iter().filter(|(labels, _)| fits(matchers, labels));
            let sample = |time| Sample { time, start: 0, value: crate::model::SampleValue::Float(1.0) };
            fitting
                .map(|(labels, _)| Selected { labels: labels.clone(), samples: vec![sample(after + 1), sample(until)] })
                .collect()
        }

        fn exemplars(&self, matchers: &[Matcher], after: i64, until: i64) -> Vec<(Labels, Vec<Exemplar>)> {
            let exemplar = |(trace, value, minute): &Seen| {
                let at = minute * MINUTE;
                let time = Timestamp(u64::try_from(at).unwrap() * 1_000_000);
                let (trace_id, span_id) = (TraceId::from(*trace), SpanId::from(1));
                (after < at && at <= until).then_some(Exemplar { time, value: Number::F64(*value), trace_id, span_id })
            };
            let fitting = self.0.iter().filter(|(labels, _)| fits(matchers, labels));
            fitting
                .map(|(labels, kept)| (labels.clone(), kept.iter().filter_map(exemplar).collect::<Vec<_>>()))
                .filter(|(_, exemplars)| !exemplars.is_empty())
                .collect()
        }
    }

    impl Sink for World {
        fn append(&self, _: &Labels, _: Sample) -> bool {
            true
        }
    }

    fn series(text: &[(&str, &str)], exemplars: &[Seen]) -> (Labels, Vec<Seen>) {
        (Labels::new(text.iter().copied()), exemplars.to_vec())
    }

    fn world() -> World {
        let name = "__name__";
        let bucket = (name, "ms_bucket");
        let duration = (name, "traces_span_metrics_duration_milliseconds_bucket");
        World(vec![
            series(&[bucket, ("op", "a"), ("le", "10")], &[(1, 9.0, 9), (2, 8.0, 10)]),
            series(&[bucket, ("op", "a"), ("le", "+Inf")], &[(3, 99.0, 9), (3, 98.0, 10), (4, 99.0, 10), (5, 50.0, 1)]),
            series(&[bucket, ("op", "b"), ("le", "10")], &[(6, 7.0, 10)]),
            series(&[(name, "ms_count"), ("op", "a")], &[]),
            series(&[(name, "recorded"), ("op", "a"), ("of", "p95")], &[]),
            series(&[(name, "ratio"), ("slo", "a")], &[]),
            series(&[(name, "ratio"), ("slo", "b")], &[]),
            series(&[(name, "n"), ("op", "a")], &[(7, 1.0, 9), (8, 1.0, 10)]),
            series(&[(name, "many")], &(10..30).map(|trace| (trace, 1.0, 10)).collect::<Vec<_>>()),
            series(&[(name, "traces_span_metrics_calls_total"), ("status_code", "ERROR")], &[]),
            series(&[(name, "traces_span_metrics_calls_total"), ("status_code", "UNSET")], &[]),
            series(&[duration, ("status_code", "ERROR"), ("le", "1")], &[(40, 1.0, 10)]),
            series(&[duration, ("status_code", "UNSET"), ("le", "1")], &[(41, 1.0, 10)]),
        ])
    }

    /// The traces of each alert of an expression, at minute ten.
    fn traces(expr: &str) -> Vec<Vec<u128>> {
        let file = format!(
            "groups:\n- name: g\n  rules:\n  - {{record: recorded, labels: {{of: p95}}, expr: 'sum by (op, le) (rate(ms_bucket[5m]))'}}\n  - {{record: ratio, labels: {{slo: a}}, expr: 'n'}}\n  - {{record: ratio, labels: {{slo: b}}, expr: 'many'}}\n  - {{alert: A, labels: {{severity: a, op2: x}}, expr: '{expr}'}}\n"
        );
        let file = parse("r.yml", &file, &ReadOptions::default());
        assert_eq!(file.errors, []);
        let (world, config, clock) = (world(), Config::default(), Clock::manual(Timestamp(0)));
        let place = Place { source: &world, sink: &world, config: &config, clock: &clock };
        let told = Rules::new(vec![file]).tick(10 * MINUTE, &place);
        told.iter().map(|alert| alert.trace_ids.iter().map(|id| u128::from_be_bytes(id.to_bytes())).collect()).collect()
    }

    #[test]
    fn an_alert_names_the_traces_of_the_series_that_its_expression_looked_at() {
        let cases: [(&str, &[&[u128]]); 17] = [
            ("n", &[&[8, 7]]),
            // The largest first, of these the newest, each once; those of the window.
            ("sum by (op) (rate(ms_bucket[5m])) >= 0", &[&[4, 3, 1, 2], &[6]]),
            (
                "histogram_quantile(0.5, sum by (op, le) (rate(ms_bucket[5m]))) or n{op=\"none\"}",
                &[&[4, 3, 1, 2], &[6]],
            ),
            ("sum(ms_bucket{op=\"b\"})", &[&[6]]),
            // The left side first, and only the left side of `unless`.
            ("n / on (op) group_left ms_count > 0", &[&[8, 7, 4, 3, 1]]),
            ("n unless on (op) ms_bucket{op=\"c\"}", &[&[8, 7]]),
            ("n > on () scalar(sum(ms_bucket))", &[]),
            // A histogram stands for its count.
            ("ms_count", &[&[4, 3, 1, 2]]),
            // Through what was recorded, under the conditions of who asks.
            ("recorded{of=\"p95\", op=\"a\"} > 0", &[&[4, 3, 1, 2]]),
            ("sum(recorded{op=\"b\"} or n{op=\"c\"} or vector(1))", &[&[6]]),
            // Of several rules that record one name, the one that set the label.
            ("ratio{slo=\"a\"} > 0", &[&[8, 7]]),
            ("ratio > 0", &[&[8, 7], &[10, 11, 12, 13, 14]]),
            // At a time that no series reaches.
            ("n or n @ -9223372036854775 offset 1h", &[&[8, 7]]),
            // A label that the expression made restricts nothing.
            ("label_replace(n, \"op\", \"other\", \"\", \"\")", &[&[8, 7]]),
            ("many", &[&[10, 11, 12, 13, 14]]),
            ("sum(traces_span_metrics_calls_total{status_code=\"ERROR\"})", &[&[40]]),
            ("absent(n{op=\"c\"})", &[&[]]),
        ];
        let found = cases.map(|(expr, _)| (expr, traces(expr)));
        assert_eq!(found, cases.map(|(expr, traces)| (expr, traces.iter().map(|ids| ids.to_vec()).collect())));
    }
}
