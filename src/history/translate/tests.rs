//! Names and series as Prometheus' OTLP receiver makes them.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::Temporality::{self, Cumulative, Delta};

use super::names::{self, NamedAs};
use crate::clock::Timestamp;
use crate::history::{Config, History, MetricKind, Source};
use crate::internal::{Counter, Internal};
use crate::model::{
    Attributes, Buckets, Data, Exemplar, ExplicitHistogram, ExponentialHistogram, Metric, Number, Point, Sample,
    SampleValue, ScopeMetrics, Snapshot, is_stale,
};

/// `names.tsv` was written by github.com/prometheus/otlptranslator 1.0.0 itself.
#[test]
fn names_of_metrics_units_and_labels_are_those_of_prometheus() {
    let mut wrong = Vec::new();
    for line in include_str!("names.tsv").lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [what, kind, unit, name, expected] = fields[..] else { panic!("not five fields: {line}") };
        let kind = match kind {
            "counter" => NamedAs::Counter,
            "gauge" => NamedAs::Gauge,
            _ => NamedAs::Other,
        };
        let found = match what {
            "metric" => names::metric(name, unit, kind).unwrap_or_default(),
            "unit" => names::unit(name),
            _ => names::label(name).unwrap_or_default(),
        };
        if found != expected {
            wrong.push(format!("{line}, not {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const START: Timestamp = Timestamp(1_000_000_000_000);

fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn point<T>(attributes: &[KeyValue], seconds: u64, value: T) -> Point<T> {
    Point {
        attributes: Attributes::new(attributes.iter().cloned()),
        start_time: START,
        time: at(seconds),
        value,
        exemplars: Vec::new(),
        stale: false,
    }
}

fn number(seconds: u64, value: impl Into<Number>) -> Point<Number> {
    point(&[], seconds, value.into())
}

fn metric(name: &'static str, unit: &'static str, data: Data) -> Metric {
    Metric { name: name.into(), unit: unit.into(), description: "what it says".into(), data }
}

fn counter(temporality: Temporality, points: Vec<Point<Number>>) -> Data {
    Data::Sum { monotonic: true, temporality, points }
}

fn resource(attributes: &[KeyValue]) -> Resource {
    Resource::builder_empty().with_attributes(attributes.iter().cloned()).build()
}

fn snapshot(seconds: u64, metrics: Vec<Metric>) -> Snapshot {
    let resource = resource(&[KeyValue::new("service.name", "search")]);
    let scope = InstrumentationScope::builder("lib").with_version("1.2").build();
    Snapshot { time: at(seconds), resource, scopes: vec![ScopeMetrics { scope, metrics }] }
}

fn history() -> (History, Arc<Internal>) {
    let internal = Arc::new(Internal::default());
    (History::new(Config::default(), Arc::clone(&internal)), internal)
}

/// Every series with its samples: seconds since the start, a number or a marker each.
fn lines(history: &History) -> Vec<String> {
    let line = |sample: &Sample| {
        let seconds = (sample.time - 1_000_000) / 1_000;
        match &sample.value {
            SampleValue::Float(value) if is_stale(*value) => format!(" stale@{seconds}"),
            SampleValue::Float(value) => format!(" {value}@{seconds}"),
            SampleValue::Histogram(value) if is_stale(value.sum) => format!(" stale histogram@{seconds}"),
            SampleValue::Histogram(value) => format!(" {{{} {}}}@{seconds}", value.count, value.sum),
        }
    };
    let all = history.select(&[], i64::MIN, i64::MAX);
    all.iter().map(|s| format!("{}{}", s.labels, s.samples.iter().map(line).collect::<String>())).collect()
}

fn ingested(snapshots: &[Snapshot]) -> Vec<String> {
    let (history, internal) = history();
    for snapshot in snapshots {
        history.ingest(snapshot);
    }
    assert_eq!(internal.counted(Counter::SampleDuplicate) + internal.counted(Counter::SampleOutOfOrder), 0);
    lines(&history)
}

fn explicit(counts: &[u64], sum: Option<f64>) -> ExplicitHistogram {
    ExplicitHistogram {
        count: counts.iter().sum(),
        sum,
        min: None,
        max: None,
        bounds: [0.5, 10.0, 2_500.0].into(),
        bucket_counts: counts.to_vec(),
    }
}

fn histogram(temporality: Temporality, points: Vec<Point<ExplicitHistogram>>) -> Metric {
    metric("latency", "ms", Data::Histogram { temporality, points })
}

#[test]
fn labels_come_from_attributes_and_resource_and_colliding_names_are_joined() {
    let attributes = [
        KeyValue::new("http.method", "GET"),
        KeyValue::new("http_method", "get"),
        KeyValue::new("job", "overwritten"),
        KeyValue::new("empty", ""),
        KeyValue::new("flag", true),
        KeyValue::new("__name__", "left out"),
        KeyValue::new("number", 0.1),
        KeyValue::new("large", 1e21),
        KeyValue::new("small", 1e-7),
        KeyValue::new("list", Value::Array(Array::String(vec!["a\"<".into(), "b".into()]))),
        KeyValue::new("floats", Value::Array(Array::F64(vec![1.0, 2.5]))),
    ];
    let resource = resource(&[
        KeyValue::new("service.name", "search"),
        KeyValue::new("service.namespace", "shop"),
        KeyValue::new("service.instance.id", "i-1"),
        KeyValue::new("host.name", "h"),
        KeyValue::new("host_name", "H"),
    ]);
    let metrics = vec![metric("queue.length", "{item}", Data::Gauge(vec![point(&attributes, 10, Number::I64(3))]))];
    let found = ingested(&[Snapshot { resource, ..snapshot(10, metrics) }]);
    let expected = [
        concat!(
            r#"queue_length{flag="true", floats="[1,2.5]", http_method="GET;get", instance="i-1", job="shop/search", "#,
            r#"large="1e+21", list="[\"a\\\"<\",\"b\"]", number="0.1", small="1e-7"} 3@10"#
        ),
        r#"target_info{host_name="h;H", instance="i-1", job="shop/search"} 1@10"#,
    ];
    assert_eq!(found, expected);
}

#[test]
fn scopes_become_labels_only_when_asked_for() {
    let metrics = vec![metric("up", "", Data::Gauge(vec![number(10, 1)]))];
    let snapshot = snapshot(10, metrics);
    assert_eq!(ingested(std::slice::from_ref(&snapshot)), [r#"up{job="search"} 1@10"#]);
    let history = History::new(Config { scope_labels: true, ..Config::default() }, Arc::default());
    history.ingest(&snapshot);
    assert_eq!(lines(&history), [r#"up{job="search", otel_scope_name="lib", otel_scope_version="1.2"} 1@10"#]);
}

#[test]
fn an_explicit_histogram_becomes_classic_series_with_bounds_in_full() {
    let points = vec![point(&[], 10, explicit(&[1, 2, 0, 3], Some(12.5)))];
    let expected = [
        r#"latency_milliseconds_bucket{job="search", le="+Inf"} 6@10"#,
        r#"latency_milliseconds_bucket{job="search", le="0.5"} 1@10"#,
        r#"latency_milliseconds_bucket{job="search", le="10"} 3@10"#,
        r#"latency_milliseconds_bucket{job="search", le="2500"} 3@10"#,
        r#"latency_milliseconds_count{job="search"} 6@10"#,
        r#"latency_milliseconds_sum{job="search"} 12.5@10"#,
    ];
    assert_eq!(ingested(&[snapshot(10, vec![histogram(Cumulative, points)])]), expected);
}

#[test]
fn a_sum_that_a_histogram_lost_ends_alone() {
    let snapshots = [(10, Some(1.0)), (20, None)].map(|(seconds, sum)| {
        snapshot(seconds, vec![histogram(Cumulative, vec![point(&[], seconds, explicit(&[1, 0, 0, 0], sum))])])
    });
    let found = ingested(&snapshots);
    assert_eq!(
        found[4..],
        [
            r#"latency_milliseconds_count{job="search"} 1@10 1@20"#,
            r#"latency_milliseconds_sum{job="search"} 1@10 stale@20"#,
        ]
    );
}

#[test]
fn an_exponential_histogram_becomes_a_native_one_no_finer_than_prometheus_has_it() {
    // Scale 9 is made 8: OTLP's buckets 2 to 9 become 1 to 4, which Prometheus counts from 2 to 5.
    let positive = Buckets::of([(2, 1), (3, 1), (4, 2), (8, 4), (9, 1), (40, 7)]);
    let histogram = ExponentialHistogram {
        count: 19,
        sum: Some(2.5),
        zero_count: 2,
        positive,
        negative: Buckets::of([(-2, 1)]),
        ..ExponentialHistogram::empty(9)
    };
    let too_coarse = ExponentialHistogram { scale: -5, ..histogram.clone() };
    let points = vec![point(&[], 10, histogram), point(&[KeyValue::new("a", "b")], 10, too_coarse)];
    let (history, internal) = history();
    let data = Data::ExponentialHistogram { temporality: Cumulative, points };
    history.ingest(&snapshot(10, vec![metric("latency", "ms", data)]));
    assert_eq!(internal.counted(Counter::Untranslatable), 1);
    let all = history.select(&[], i64::MIN, i64::MAX);
    let [only] = &all[..] else { panic!("{all:?}") };
    let SampleValue::Histogram(native) = &only.samples[0].value else { panic!("{only:?}") };
    let spans = |spans: &[crate::model::BucketSpan]| -> Vec<(i32, u32)> {
        spans.iter().map(|span| (span.offset, span.length)).collect()
    };
    assert_eq!((native.schema, native.zero_threshold, native.zero_count), (8, 1e-128, 2.0));
    assert_eq!((native.count, native.sum), (19.0, 2.5));
    assert_eq!(spans(&native.positive_spans), [(2, 4), (15, 1)]);
    assert_eq!(native.positive_buckets, [2.0, 2.0, 0.0, 5.0, 7.0]);
    assert_eq!((spans(&native.negative_spans), &native.negative_buckets), (vec![(0, 1)], &vec![1.0]));
}

#[test]
fn what_a_snapshot_no_longer_has_ends_and_what_is_marked_stale_ends_once() {
    let stale = Point { stale: true, ..number(20, 0) };
    let exponential = |seconds| point(&[], seconds, ExponentialHistogram::empty(3));
    let native = |points| metric("native", "", Data::ExponentialHistogram { temporality: Cumulative, points });
    let snapshots = [
        snapshot(
            10,
            vec![
                metric("a", "", counter(Cumulative, vec![number(10, 1)])),
                metric(
                    "b",
                    "",
                    counter(Cumulative, vec![number(10, 1), point(&[KeyValue::new("k", 1)], 10, 1.into())]),
                ),
                native(vec![exponential(10)]),
            ],
        ),
        snapshot(20, vec![metric("b", "", counter(Cumulative, vec![number(20, 2)]))]),
        snapshot(30, vec![metric("b", "", counter(Cumulative, vec![stale]))]),
        snapshot(40, vec![metric("a", "", counter(Cumulative, vec![number(40, 5)])), native(vec![exponential(40)])]),
    ];
    let expected = [
        r#"a_total{job="search"} 1@10 stale@20 5@40"#,
        r#"b_total{job="search"} 1@10 2@20"#,
        r#"b_total{job="search", k="1"} 1@10 stale@20"#,
        r#"native{job="search"} {0 0}@10 stale histogram@20 {0 0}@40"#,
    ];
    // The stale point of `b` says 20 seconds, when the series has a value already.
    assert_eq!(ingested(&snapshots), expected);
}

#[test]
fn a_snapshot_of_one_resource_ends_nothing_of_another() {
    let of = |name: &'static str, seconds| Snapshot {
        resource: resource(&[KeyValue::new("service.name", name)]),
        ..snapshot(seconds, vec![metric("up", "", Data::Gauge(vec![number(seconds, 1)]))])
    };
    let found = ingested(&[of("a", 10), of("b", 11), of("a", 20)]);
    assert_eq!(found, [r#"up{job="a"} 1@10 1@20"#, r#"up{job="b"} 1@11"#]);
}

#[test]
fn deltas_are_summed_up_go_on_while_they_pause_and_end_after_five_minutes() {
    let calls = |seconds, points| snapshot(seconds, vec![metric("calls", "", counter(Delta, points))]);
    let mut snapshots = vec![calls(10, vec![number(10, 3)]), calls(20, vec![number(20, 4)]), calls(30, vec![])];
    snapshots.push(calls(321, vec![]));
    assert_eq!(ingested(&snapshots), [r#"calls_total{job="search"} 3@10 7@20 7@30 stale@321"#]);

    let points = |seconds, counts: [u64; 4]| vec![point(&[], seconds, explicit(&counts, Some(1.5)))];
    let found = ingested(&[
        snapshot(10, vec![histogram(Delta, points(10, [1, 0, 0, 1]))]),
        snapshot(20, vec![histogram(Delta, points(20, [0, 2, 0, 1]))]),
    ]);
    assert_eq!(
        found,
        [
            r#"latency_milliseconds_bucket{job="search", le="+Inf"} 2@10 5@20"#,
            r#"latency_milliseconds_bucket{job="search", le="0.5"} 1@10 1@20"#,
            r#"latency_milliseconds_bucket{job="search", le="10"} 1@10 3@20"#,
            r#"latency_milliseconds_bucket{job="search", le="2500"} 1@10 3@20"#,
            r#"latency_milliseconds_count{job="search"} 2@10 5@20"#,
            r#"latency_milliseconds_sum{job="search"} 1.5@10 3@20"#,
        ]
    );

    let exponential = |seconds, scale, index| {
        let positive = Buckets::of([(index, 2)]);
        let value = ExponentialHistogram { count: 2, sum: Some(1.0), positive, ..ExponentialHistogram::empty(scale) };
        let data = Data::ExponentialHistogram { temporality: Delta, points: vec![point(&[], seconds, value)] };
        snapshot(seconds, vec![metric("native", "", data)])
    };
    let found = ingested(&[exponential(10, 3, 8), exponential(20, 2, 4)]);
    assert_eq!(found, [r#"native{job="search"} {2 1}@10 {4 2}@20"#]);
}

#[test]
fn counters_say_when_counting_began_and_gauges_do_not() {
    let (history, _) = history();
    history.ingest(&snapshot(
        10,
        vec![
            metric("calls", "", counter(Cumulative, vec![number(10, 1)])),
            metric("level", "1", Data::Gauge(vec![number(10, 0.5)])),
        ],
    ));
    let all = history.select(&[], i64::MIN, i64::MAX);
    let starts: Vec<(String, i64)> = all.iter().map(|s| (s.labels.to_string(), s.samples[0].start)).collect();
    let expected = [(r#"calls_total{job="search"}"#, 1_000_000), (r#"level_ratio{job="search"}"#, 0)];
    assert_eq!(starts, expected.map(|(labels, start)| (labels.to_owned(), start)));
}

#[test]
fn a_metric_without_a_name_and_an_attribute_without_one_are_counted() {
    let (history, internal) = history();
    let nameless = [KeyValue::new("日本", "x")];
    history.ingest(&snapshot(
        10,
        vec![
            metric("...", "", Data::Gauge(vec![number(10, 1)])),
            metric("level", "", Data::Gauge(vec![point(&nameless, 10, Number::I64(1)), number(10, 2)])),
        ],
    ));
    assert_eq!(internal.counted(Counter::Untranslatable), 2);
    assert_eq!(lines(&history), [r#"level{job="search"} 2@10"#]);
}

#[test]
fn two_points_that_get_the_same_labels_are_one_series_and_the_second_is_counted() {
    let (history, internal) = history();
    let points = |seconds| {
        let keys = ["a.b", "a_b"].map(|key| [KeyValue::new(key, "x")]);
        vec![point(&keys[0], seconds, Number::I64(1)), point(&keys[1], seconds, Number::I64(2))]
    };
    history.ingest(&snapshot(10, vec![metric("level", "", Data::Gauge(points(10)))]));
    history.ingest(&snapshot(20, vec![metric("level", "", Data::Gauge(points(20).split_off(1)))]));
    assert_eq!(internal.counted(Counter::SampleDuplicate), 1);
    assert_eq!(lines(&history), [r#"level{a_b="x", job="search"} 1@10 2@20"#]);
}

#[test]
fn metadata_has_type_unit_and_help_by_prometheus_name() {
    let (history, _) = history();
    history.ingest(&snapshot(
        10,
        vec![
            metric("calls", "{call}", counter(Delta, vec![number(10, 1)])),
            histogram(Cumulative, vec![point(&[], 10, explicit(&[0; 4], None))]),
        ],
    ));
    let metadata = history.metadata();
    let found: Vec<_> =
        metadata.iter().map(|(name, m)| (name.clone(), m.kind, m.unit.clone(), m.help.clone())).collect();
    let help = || "what it says".to_owned();
    assert_eq!(
        found,
        [
            ("calls_total".to_owned(), MetricKind::Counter, String::new(), help()),
            ("latency_milliseconds".to_owned(), MetricKind::Histogram, "milliseconds".to_owned(), help()),
        ]
    );
}

#[test]
fn exemplars_lie_with_the_bucket_they_fell_into_and_are_kept_once() {
    let exemplar = |value: f64, id: u8| Exemplar {
        time: at(9),
        value: value.into(),
        trace_id: TraceId::from_bytes([id; 16]),
        span_id: SpanId::from_bytes([id; 8]),
    };
    let (history, _) = history();
    for seconds in [10, 20] {
        let exemplars = vec![exemplar(0.5, 1), exemplar(11.0, 2), exemplar(9_999.0, 3)];
        let points = vec![Point { exemplars, ..point(&[], seconds, explicit(&[1, 0, 1, 1], None)) }];
        history.ingest(&snapshot(seconds, vec![histogram(Cumulative, points)]));
    }
    let found: Vec<(String, Vec<u8>)> = history
        .exemplars(&[], i64::MIN, i64::MAX)
        .into_iter()
        .map(|(labels, exemplars)| {
            let ids = exemplars.iter().map(|exemplar| exemplar.trace_id.to_bytes()[0]).collect();
            (labels.get("le").unwrap_or_default().to_owned(), ids)
        })
        .collect();
    assert_eq!(found, [("+Inf".to_owned(), vec![3]), ("0.5".to_owned(), vec![1]), ("2500".to_owned(), vec![2])]);
    assert_eq!(history.exemplars(&[], i64::MIN, 1_008_999), []);
}
