//! Metrics as the text formats have them: families of series that belong together.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry::Key;

use crate::history::{Config, History, MatchOp, Matcher, MetricKind, Source};
use crate::model::{Exemplar, Labels, METRIC_NAME, SampleValue, Snapshot};

/// The series that tells of the resource.
const TARGET_INFO: &str = "target_info";
/// Labels that whoever scrapes sets.
const SCRAPED: [&str; 2] = ["job", "instance"];
/// What of a resource they stand for.
const IDENTITY: [(&str, &str); 3] = [
    ("service.name", "service_name"),
    ("service.namespace", "service_namespace"),
    ("service.instance.id", "service_instance_id"),
];

/// One metric.
#[derive(Debug)]
pub(super) struct Family {
    /// As the window has it: with `_total`, without `_bucket`.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) unit: String,
    pub(super) help: String,
    /// Those of one set of labels stand together.
    pub(super) lines: Vec<Line>,
}

/// What the formats call a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// One number.
#[derive(Debug)]
pub(super) struct Line {
    /// Behind the family's name.
    pub(super) suffix: &'static str,
    /// Without the metric's name.
    pub(super) labels: Labels,
    pub(super) value: f64,
    pub(super) exemplar: Option<Exemplar>,
}

/// A collection by Prometheus' names, and where older exemplars are found: an export takes those of the collection away.
struct Sources<'a> {
    now: History,
    window: &'a History,
}

/// Every metric of a collection, by name; exemplars are the collection's or the newest of the `window`.
pub(super) fn all(snapshot: &Snapshot, window: &History) -> Vec<Family> {
    // A window for this one collection: what it counts as refused was counted by the other one.
    let config = Config { max_series: usize::MAX, max_bytes: usize::MAX, exemplars: 1, ..Config::default() };
    let now = History::new(config, Arc::default());
    now.ingest(snapshot);
    let history = Sources { now, window };
    let metadata = history.now.metadata();
    let mut families: Vec<Family> = metadata
        .iter()
        .map(|(name, metadata)| {
            let (kind, lines) = match metadata.kind {
                MetricKind::Counter => (Kind::Counter, numbers(&history, name)),
                MetricKind::Gauge => (Kind::Gauge, numbers(&history, name)),
                MetricKind::Histogram => (Kind::Histogram, histograms(&history, name)),
            };
            Family { name: name.clone(), kind, unit: metadata.unit.clone(), help: metadata.help.clone(), lines }
        })
        .filter(|family| !family.lines.is_empty())
        .collect();
    families.extend(target(&history.now, snapshot));
    families
}

fn numbers(history: &Sources<'_>, name: &str) -> Vec<Line> {
    let mut exemplars = exemplars(history, name);
    let line = |(labels, value): (Labels, SampleValue)| match value {
        SampleValue::Float(value) => {
            let exemplar = exemplars.remove(&labels);
            Some(Line { suffix: "", labels: scraped(&labels), value, exemplar })
        }
        SampleValue::Histogram(_) => None,
    };
    newest(&history.now, name).into_iter().filter_map(line).collect()
}

/// Buckets by their bound, then sum and count, one set of labels after the other.
fn histograms(history: &Sources<'_>, name: &str) -> Vec<Line> {
    let mut sets: BTreeMap<Labels, Vec<(f64, Line)>> = BTreeMap::new();
    for suffix in ["_bucket", "_sum", "_count"] {
        let metric = format!("{name}{suffix}");
        let mut exemplars = exemplars(history, &metric);
        for (labels, value) in newest(&history.now, &metric) {
            let SampleValue::Float(value) = value else { continue };
            // Sum and count stand behind all buckets, the last of which is the one without a bound.
            let bound = labels.get("le").and_then(|bound| bound.parse().ok()).unwrap_or(f64::INFINITY);
            let set = labels.filtered(|name| name != "le" && name != METRIC_NAME);
            let exemplar = exemplars.remove(&labels);
            sets.entry(set).or_default().push((bound, Line { suffix, labels: scraped(&labels), value, exemplar }));
        }
    }
    for (labels, value) in newest(&history.now, name) {
        // Exponential: without bounds that the format could name.
        let SampleValue::Histogram(native) = value else { continue };
        let plain = scraped(&labels);
        let all = Labels::new(plain.iter().map(|(n, v)| (&**n, &**v)).chain([("le", "+Inf")]));
        let lines = sets.entry(labels.filtered(|name| name != METRIC_NAME)).or_default();
        for (suffix, labels, value) in
            [("_bucket", all, native.count), ("_sum", plain.clone(), native.sum), ("_count", plain, native.count)]
        {
            lines.push((f64::INFINITY, Line { suffix, labels, value, exemplar: None }));
        }
    }
    let ordered = sets.into_values().flat_map(|mut lines| {
        // A stable sort: sum and count were put in behind the last bucket.
        lines.sort_by(|a, b| a.0.total_cmp(&b.0));
        lines.into_iter().map(|(_, line)| line)
    });
    ordered.collect()
}

/// What the resource is, with what `job` and `instance` stand for.
fn target(history: &History, snapshot: &Snapshot) -> Option<Family> {
    let identity = IDENTITY.into_iter().filter_map(|(key, label)| {
        let value = snapshot.resource.get(&Key::from_static_str(key))?;
        Some((label.to_owned(), value.as_str().into_owned()))
    });
    let (labels, _) = newest(history, TARGET_INFO).into_iter().next()?;
    let rest = scraped(&labels);
    let rest = rest.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    let labels = Labels::new(rest.chain(identity));
    Some(Family {
        name: TARGET_INFO.to_owned(),
        kind: Kind::Info,
        unit: String::new(),
        help: "Target metadata".to_owned(),
        lines: vec![Line { suffix: "", labels, value: 1.0, exemplar: None }],
    })
}

/// The series of a name with their newest value.
fn newest(history: &History, name: &str) -> Vec<(Labels, SampleValue)> {
    let mut found = Vec::new();
    let Some(matcher) = named(name) else { return found };
    history.visit(&[matcher], i64::MIN, i64::MAX, &mut |labels, samples| {
        found.extend(samples.last().map(|sample| (labels.clone(), sample.value.clone())));
    });
    found
}

/// The newest exemplar of each series of a name.
fn exemplars(history: &Sources<'_>, name: &str) -> BTreeMap<Labels, Exemplar> {
    let of = |history: &History| {
        let all = named(name).map(|matcher| history.exemplars(&[matcher], i64::MIN, i64::MAX)).unwrap_or_default();
        all.into_iter().filter_map(|(labels, exemplars)| Some((labels, *exemplars.last()?)))
    };
    of(history.window).chain(of(&history.now)).collect()
}

fn named(name: &str) -> Option<Matcher> {
    Matcher::new(METRIC_NAME, MatchOp::Equal, name).ok()
}

/// Labels as they are before somebody scrapes them.
fn scraped(labels: &Labels) -> Labels {
    labels.filtered(|name| name != METRIC_NAME && !SCRAPED.contains(&name))
}
