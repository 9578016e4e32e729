//! Spans, log records and snapshots that use every field.

use std::time::Duration;

use bellwether::clock::Timestamp;
use bellwether::model::{
    Buckets, Data, Exemplar, ExplicitHistogram, ExponentialHistogram, Metric, Number, Point, ScopeMetrics, Snapshot,
};
use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

pub(super) const START: Timestamp = Timestamp(1_700_000_000_000_000_000);

pub(super) fn resource() -> Resource {
    let attributes = [KeyValue::new("service.name", "search"), KeyValue::new("process.pid", 7)];
    Resource::builder_empty().with_schema_url(attributes, "https://opentelemetry.io/schemas/1.37.0").build()
}

pub(super) fn scope(name: &'static str) -> InstrumentationScope {
    InstrumentationScope::builder(name)
        .with_version("1.2.3")
        .with_schema_url("https://example.com/schema")
        .with_attributes([KeyValue::new("scope", true)])
        .build()
}

fn values() -> Vec<KeyValue> {
    vec![
        KeyValue::new("text", "größe"),
        KeyValue::new("whole", i64::MIN),
        KeyValue::new("number", 0.1),
        KeyValue::new("truth", true),
        KeyValue::new("texts", Value::Array(Array::String(vec![StringValue::from("a"), StringValue::from("")]))),
        KeyValue::new("wholes", Value::Array(Array::I64(vec![1, -1]))),
        KeyValue::new("numbers", Value::Array(Array::F64(vec![f64::MAX, 0.0]))),
        KeyValue::new("truths", Value::Array(Array::Bool(vec![true, false]))),
    ]
}

fn context(span: u64, remote: bool) -> SpanContext {
    let state = TraceState::from_key_value([("vendor", "state")]).unwrap();
    SpanContext::new(TraceId::from(0xabc), SpanId::from(span), TraceFlags::SAMPLED, remote, state)
}

/// A span with the least that a span has.
pub(super) fn span(id: u64) -> SpanData {
    SpanData {
        span_context: context(id, false),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "span".into(),
        start_time: START.into(),
        end_time: START.plus(Duration::from_millis(id)).into(),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: scope("library"),
    }
}

pub(super) fn spans(count: u64) -> Vec<SpanData> {
    (1..=count).map(span).collect()
}

/// Spans of every kind and status, with events and links, in two scopes.
pub(super) fn rich_spans() -> Vec<SpanData> {
    let mut events = SpanEvents::default();
    events.events.push(Event::new("happened", START.plus(Duration::from_nanos(5)).into(), values(), 2));
    events.dropped_count = 3;
    let mut links = SpanLinks::default();
    links.links.push(Link::new(context(99, true), values(), 4));
    links.dropped_count = 5;
    let full = SpanData {
        parent_span_id: SpanId::from(77),
        parent_span_is_remote: true,
        span_kind: SpanKind::Server,
        attributes: values(),
        dropped_attributes_count: 1,
        events,
        links,
        status: Status::error("no index"),
        ..span(1)
    };
    let other = |id, span_kind, status| SpanData {
        parent_span_id: SpanId::from(1),
        span_kind,
        status,
        instrumentation_scope: scope("other"),
        ..span(id)
    };
    vec![
        full,
        other(2, SpanKind::Client, Status::Ok),
        other(3, SpanKind::Producer, Status::Unset),
        other(4, SpanKind::Consumer, Status::Unset),
        span(5),
    ]
}

/// A log record with everything.
fn rich_log(body: &'static str) -> SdkLogRecord {
    let provider = SdkLoggerProvider::builder().build();
    let mut record = provider.logger("unused").create_log_record();
    record.set_timestamp(START.into());
    record.set_observed_timestamp(START.plus(Duration::from_micros(1)).into());
    record.set_severity_number(Severity::Warn2);
    record.set_severity_text("WARN");
    record.set_event_name("index.slow");
    record.set_target("search::index");
    record.set_body(AnyValue::from(body));
    let nested = AnyValue::ListAny(Box::new(vec![AnyValue::Int(1), AnyValue::Bytes(Box::new(vec![0, 255]))]));
    record.add_attributes([
        ("text", AnyValue::from("größe")),
        ("whole", AnyValue::Int(i64::MIN)),
        ("number", AnyValue::Double(0.1)),
        ("truth", AnyValue::Boolean(true)),
        ("nested", nested),
        ("map", AnyValue::Map(Box::new([("key".into(), AnyValue::from("value"))].into()))),
    ]);
    record.set_trace_context(TraceId::from(0xabc), SpanId::from(1), Some(TraceFlags::SAMPLED));
    record
}

/// A log record with nothing, not even the time that the SDK always sets.
pub(super) fn bare_log() -> SdkLogRecord {
    SdkLoggerProvider::builder().build().logger("unused").create_log_record()
}

pub(super) fn rich_logs() -> Vec<SdkLogRecord> {
    vec![rich_log("first"), rich_log("second")]
}

fn point<T>(series: &'static str, value: T) -> Point<T> {
    Point {
        attributes: [KeyValue::new("series", series)].into_iter().collect(),
        start_time: START,
        time: START.plus(Duration::from_secs(1)),
        value,
        exemplars: Vec::new(),
        stale: false,
    }
}

fn metric(name: &'static str, unit: &'static str, data: Data) -> Metric {
    Metric { name: name.into(), unit: unit.into(), description: "what it says".into(), data }
}

fn snapshot(metrics: Vec<Metric>) -> Snapshot {
    let scopes = vec![ScopeMetrics { scope: scope("library"), metrics }];
    Snapshot { time: START.plus(Duration::from_secs(1)), resource: resource(), scopes }
}

/// One counter with a point a series, cumulative.
pub(super) fn counter(values: &[(&'static str, i64)]) -> Snapshot {
    let points = values.iter().map(|(series, value)| point(series, Number::I64(*value))).collect();
    let data = Data::Sum { monotonic: true, temporality: Temporality::Cumulative, points };
    snapshot(vec![metric("calls", "{call}", data)])
}

/// With an exemplar that holds a whole number.
fn linked<T>(point: Point<T>) -> Point<T> {
    let exemplar = Exemplar {
        time: START.plus(Duration::from_millis(4)),
        value: Number::I64(-3),
        trace_id: TraceId::from(0xdef),
        span_id: SpanId::from(2),
    };
    Point { exemplars: vec![exemplar], ..point }
}

/// Every kind of data, an exemplar, a stale point, and a metric that has no points.
pub(super) fn rich_snapshot() -> Snapshot {
    let exemplar = Exemplar {
        time: START.plus(Duration::from_millis(3)),
        value: Number::F64(1.5),
        trace_id: TraceId::from(0xabc),
        span_id: SpanId::from(1),
    };
    let explicit = ExplicitHistogram {
        count: 3,
        sum: Some(4.5),
        min: Some(0.5),
        max: Some(2.5),
        bounds: [1.0, 2.0].into(),
        bucket_counts: vec![1, 1, 1],
    };
    let exponential = ExponentialHistogram {
        count: 4,
        sum: None,
        min: Some(-1.0),
        max: Some(8.0),
        scale: 3,
        zero_count: 1,
        positive: Buckets { offset: -2, counts: vec![1, 1] },
        negative: Buckets { offset: 5, counts: vec![1] },
    };
    let cumulative = Temporality::Cumulative;
    let stale = Point { stale: true, exemplars: vec![exemplar], ..point("gone", explicit.clone()) };
    let full = Point { exemplars: vec![exemplar], ..point("here", explicit) };
    snapshot(vec![
        metric("gauge", "By", Data::Gauge(vec![point("a", Number::F64(-0.5))])),
        metric(
            "sum",
            "1",
            Data::Sum { monotonic: false, temporality: cumulative, points: vec![linked(point("a", Number::I64(-3)))] },
        ),
        metric("explicit", "ms", Data::Histogram { temporality: cumulative, points: vec![full, stale] }),
        metric(
            "exponential",
            "s",
            Data::ExponentialHistogram { temporality: cumulative, points: vec![linked(point("a", exponential))] },
        ),
        metric("empty", "", Data::Gauge(Vec::new())),
    ])
}
