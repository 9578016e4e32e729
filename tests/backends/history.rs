//! The window of the rules against Prometheus: of the same collections both make the same series.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bellwether::clock::{Clock, Timestamp};
use bellwether::exporters::MetricExporter as _;
use bellwether::exporters::otlp::{Client, Config as ClientConfig, Endpoint, Protocol};
use bellwether::history::{Config, History, Source};
use bellwether::internal::Internal;
use bellwether::model::{
    Attributes, BucketSpan, Buckets, Data, Exemplar, ExplicitHistogram, ExponentialHistogram, Labels, Metric,
    NativeHistogram, Number, Point, SampleValue, ScopeMetrics, Signal, Snapshot, is_stale,
};
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::Temporality;

use crate::Result;
use crate::prometheus::Prometheus;

const MINUTE: Duration = Duration::from_secs(60);

/// Samples by series: milliseconds, and a number or a histogram as text that is the same for the same value.
type Series = BTreeMap<Labels, Vec<(i64, String)>>;

#[tokio::test]
async fn the_same_collections_make_the_same_series_here_and_in_prometheus() -> Result<()> {
    let features = "exemplar-storage,otlp-deltatocumulative";
    for scope_labels in [false, true] {
        let prometheus =
            Prometheus::start(&format!("otlp: {{promote_scope_metadata: {scope_labels}}}\n"), features).await?;
        let history = History::new(Config { scope_labels, ..Config::default() }, Arc::default());
        let now = Clock::system().now();
        for snapshot in snapshots(Timestamp(now.0 - 5 * 60_000_000_000)) {
            send(&prometheus, &snapshot).await?;
            history.ingest(&snapshot);
        }
        let (ours, theirs) = (here(&history), there(&prometheus).await?);
        let (only_ours, only_theirs) = differences(&ours, &theirs);
        assert_eq!(only_ours, only_theirs, "scope labels: {scope_labels}");
        assert!(ours.len() > 30, "{} series", ours.len());
        assert_eq!(exemplars_here(&history), exemplars_there(&prometheus, now).await?);
    }
    Ok(())
}

/// What differs of each side, so that a failure shows nothing else.
fn differences<'a>(ours: &'a Series, theirs: &'a Series) -> (Vec<String>, Vec<String>) {
    let missing = |of: &'a Series, other: &'a Series| {
        let differing = of.iter().filter(|(labels, samples)| other.get(labels) != Some(*samples));
        differing.map(|(labels, samples)| format!("{labels} {samples:?}")).collect()
    };
    (missing(ours, theirs), missing(theirs, ours))
}

async fn send(prometheus: &Prometheus, snapshot: &Snapshot) -> Result<()> {
    let protocol = Protocol::HttpProtobuf;
    let url = format!("http://127.0.0.1:{}/api/v1/otlp/v1/metrics", prometheus.port);
    let metrics = Endpoint { url, protocol, ..Endpoint::default_for(Signal::Metrics, protocol) };
    let config = ClientConfig { metrics, ..ClientConfig::default() };
    let internal = Arc::new(Internal::default());
    let mut client = Client::new(config, Arc::clone(&internal), Clock::system());
    let mut exporter = client.metrics()?;
    exporter.export(snapshot).await;
    let report = internal.report().metrics;
    if report.dropped.is_empty() { Ok(()) } else { Err(format!("{report:?}").into()) }
}

fn here(history: &History) -> Series {
    let text = |value: &SampleValue| match value {
        SampleValue::Float(value) => (!is_stale(*value)).then(|| value.to_string()),
        SampleValue::Histogram(histogram) => (!is_stale(histogram.sum)).then(|| native(histogram)),
    };
    let all = history.select(&[], i64::MIN, i64::MAX).into_iter().map(|selected| {
        let samples = selected.samples.iter().filter_map(|sample| Some((sample.time, text(&sample.value)?)));
        (selected.labels, samples.collect())
    });
    all.collect()
}

async fn there(prometheus: &Prometheus) -> Result<Series> {
    let data = prometheus.get("query", &[("query", r#"{__name__!=""}[1h]"#)]).await?;
    let mut all = Series::new();
    for series in list(&data["result"]) {
        let mut samples = Vec::new();
        for value in list(&series["values"]) {
            let number: f64 = value[1].as_str().unwrap_or_default().parse()?;
            samples.push((millis(&value[0]), number.to_string()));
        }
        for value in list(&series["histograms"]) {
            samples.push((millis(&value[0]), native_of_api(&value[1])?));
        }
        all.insert(labels(&series["metric"]), samples);
    }
    Ok(all)
}

fn list(value: &serde_json::Value) -> &[serde_json::Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn labels(metric: &serde_json::Value) -> Labels {
    let pairs = metric.as_object().into_iter().flatten();
    Labels::new(pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default())))
}

fn millis(seconds: &serde_json::Value) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a time of our days")]
    let millis = (seconds.as_f64().unwrap_or_default() * 1_000.0).round() as i64;
    millis
}

/// Count, sum, and each bucket that has something: its bounds, rounded as two programs round them, and its count.
fn native(histogram: &NativeHistogram) -> String {
    let bound = |index: i32| (f64::from(index) * f64::from(-histogram.schema).exp2()).exp2();
    let mut buckets: Vec<(f64, f64, f64)> = Vec::new();
    let sides = [
        (1.0, &histogram.positive_spans, &histogram.positive_buckets),
        (-1.0, &histogram.negative_spans, &histogram.negative_buckets),
    ];
    for (sign, spans, counts) in sides {
        for (index, count) in indices(spans).zip(counts) {
            let (near, far) = (sign * bound(index - 1), sign * bound(index));
            buckets.push((near.min(far), near.max(far), *count));
        }
    }
    buckets.push((-histogram.zero_threshold, histogram.zero_threshold, histogram.zero_count));
    text(histogram.count, histogram.sum, buckets)
}

fn indices(spans: &[BucketSpan]) -> impl Iterator<Item = i32> {
    let mut next = 0;
    spans.iter().flat_map(move |span| {
        let first = next + span.offset;
        next = first + i32::try_from(span.length).unwrap_or_default();
        first..next
    })
}

fn native_of_api(histogram: &serde_json::Value) -> Result<String> {
    let number = |value: &serde_json::Value| value.as_str().unwrap_or_default().parse::<f64>();
    let mut buckets = Vec::new();
    for bucket in list(&histogram["buckets"]) {
        buckets.push((number(&bucket[1])?, number(&bucket[2])?, number(&bucket[3])?));
    }
    Ok(text(number(&histogram["count"])?, number(&histogram["sum"])?, buckets))
}

fn text(count: f64, sum: f64, mut buckets: Vec<(f64, f64, f64)>) -> String {
    buckets.retain(|(_, _, count)| *count > 0.0);
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let buckets: Vec<String> =
        buckets.iter().map(|(low, high, count)| format!("({low:.9e} {high:.9e}]={count}")).collect();
    format!("count {count} sum {sum} {}", buckets.join(" "))
}

/// A series, milliseconds, value and trace of each exemplar.
type Exemplars = Vec<(String, i64, String, String)>;

fn exemplars_here(history: &History) -> Exemplars {
    let all = history.exemplars(&[], i64::MIN, i64::MAX).into_iter().flat_map(|(labels, exemplars)| {
        exemplars.into_iter().map(move |exemplar| {
            let time = i64::try_from(exemplar.time.0 / 1_000_000).unwrap_or_default();
            (labels.to_string(), time, exemplar.value.as_f64().to_string(), exemplar.trace_id.to_string())
        })
    });
    let mut all: Exemplars = all.collect();
    all.sort();
    all
}

async fn exemplars_there(prometheus: &Prometheus, now: Timestamp) -> Result<Exemplars> {
    let seconds = |nanos: u64| (nanos / 1_000_000_000).to_string();
    let (start, end) = (seconds(now.0 - 3_600_000_000_000), seconds(now.0 + 60_000_000_000));
    let range = [("query", r#"{__name__!=""}"#), ("start", &start), ("end", &end)];
    let mut all = Vec::new();
    for series in list(&prometheus.get("query_exemplars", &range).await?) {
        for exemplar in list(&series["exemplars"]) {
            let value: f64 = exemplar["value"].as_str().unwrap_or_default().parse()?;
            let trace = exemplar["labels"]["trace_id"].as_str().unwrap_or_default().to_owned();
            let labels = labels(&series["seriesLabels"]).to_string();
            all.push((labels, millis(&exemplar["timestamp"]), value.to_string(), trace));
        }
    }
    all.sort();
    Ok(all)
}

/// Four collections of one program, a minute apart, and two of another.
fn snapshots(begin: Timestamp) -> Vec<Snapshot> {
    let service = [
        KeyValue::new("service.name", "search"),
        KeyValue::new("service.namespace", "shop"),
        KeyValue::new("service.instance.id", "i-1"),
        KeyValue::new("host.name", "node"),
        KeyValue::new("os.version", 12),
        KeyValue::new("os_version", "twelve"),
    ];
    let other = [KeyValue::new("service.name", "other"), KeyValue::new("process.pid", 7)];
    let mut all = Vec::new();
    for round in 0..4_u32 {
        let time = begin.plus(MINUTE * round);
        all.push(snapshot(&service, begin, time, round));
        if round > 1 {
            all.push(snapshot(&other, begin, time, round));
        }
    }
    all
}

fn snapshot(resource: &[KeyValue], begin: Timestamp, time: Timestamp, round: u32) -> Snapshot {
    let load = Load { begin, time, round: u64::from(round) };
    let named = InstrumentationScope::builder("lib.name")
        .with_version("1.2.3")
        .with_schema_url("https://example.com/schema")
        .with_attributes([KeyValue::new("team.name", "search")])
        .build();
    let scopes = vec![
        ScopeMetrics { scope: named, metrics: load.numbers() },
        ScopeMetrics { scope: InstrumentationScope::default(), metrics: load.histograms() },
    ];
    Snapshot { time, resource: Resource::builder_empty().with_attributes(resource.iter().cloned()).build(), scopes }
}

/// What there is to be collected in one round.
struct Load {
    begin: Timestamp,
    time: Timestamp,
    round: u64,
}

impl Load {
    fn point<T>(&self, attributes: &[KeyValue], value: T) -> Point<T> {
        Point {
            attributes: Attributes::new(attributes.iter().cloned()),
            start_time: self.begin,
            time: self.time,
            value,
            exemplars: Vec::new(),
            stale: false,
        }
    }

    fn numbers(&self) -> Vec<Metric> {
        let odd = [
            KeyValue::new("http.method", "GET"),
            KeyValue::new("http_method", "again"),
            KeyValue::new("_hidden", "x"),
            KeyValue::new("9lives", true),
            KeyValue::new("größe", 0.1),
            KeyValue::new("large", 1e21),
            KeyValue::new("list", Value::Array(Array::String(vec!["<a>".into(), "b\"".into()]))),
            KeyValue::new("numbers", Value::Array(Array::F64(vec![1.0, 1e-7]))),
            KeyValue::new("empty", ""),
            KeyValue::new("job", "not this"),
        ];
        let sum = |monotonic, temporality, points| Data::Sum { monotonic, temporality, points };
        let cumulative = Temporality::Cumulative;
        let round = i64::try_from(self.round).unwrap_or_default();
        let mut calls =
            vec![self.point(&odd, Number::I64(5 * round)), self.point(&[], Number::F64(0.1 * round as f64))];
        calls[0].exemplars = vec![self.exemplar(3.0, 9)];
        if self.round == 2 {
            // It is gone for a round, and comes back.
            calls.pop();
        }
        let mut ending = self.point(&[], Number::I64(1));
        ending.stale = self.round == 3;
        let metrics = [
            ("traces.span.metrics.calls", "{call}", sum(true, cumulative, calls)),
            ("requests.total", "1", sum(true, cumulative, vec![self.point(&[], Number::I64(round))])),
            ("io", "By/s", sum(false, cumulative, vec![self.point(&[], Number::I64(-round))])),
            ("3xx responses", "", Data::Gauge(vec![self.point(&[], Number::F64(f64::MAX))])),
            ("utilization", "1", Data::Gauge(vec![self.point(&[], Number::F64(0.25))])),
            ("temperature", "Cel", Data::Gauge(vec![ending])),
            ("delta", "", sum(true, Temporality::Delta, vec![self.point(&[], Number::I64(2 + round))])),
        ];
        metrics.map(metric).into()
    }

    fn histograms(&self) -> Vec<Metric> {
        let explicit = ExplicitHistogram {
            count: 6 * self.round + 6,
            sum: Some(1.5 * self.round as f64),
            min: None,
            max: None,
            bounds: [0.005, 0.1, 1.0, 2_500.0, 1e15].into(),
            bucket_counts: [1, 0, 2, 0, 0, 3].map(|count| count * (self.round + 1)).into(),
        };
        let exponential = ExponentialHistogram {
            count: 12 * self.round + 12,
            sum: Some(-0.5),
            min: None,
            max: None,
            scale: 5,
            zero_count: 1 + self.round,
            positive: Buckets::of([(-9, 1), (0, 2), (1, 1), (3, 1), (90, 4)].map(|(at, n)| (at, n * (self.round + 1)))),
            negative: Buckets::of([(5, 1), (700, 1)].map(|(at, n)| (at, n * (self.round + 1)))),
        };
        // Without empty buckets: where those are among buckets that it merges, Prometheus 3.14 moves counts one bucket down.
        let fine = ExponentialHistogram {
            count: 210,
            scale: 10,
            zero_count: 0,
            positive: Buckets::of((-7..13).zip(1..21)),
            negative: Buckets::default(),
            ..exponential.clone()
        };
        let no_sum = ExplicitHistogram { sum: None, ..explicit.clone() };
        let mut classic = vec![self.point(&[KeyValue::new("route", "/")], explicit)];
        classic[0].exemplars = vec![self.exemplar(0.1, 1), self.exemplar(0.5, 2), self.exemplar(1e300, 3)];
        let fine = self.point(&[KeyValue::new("resolution", "fine")], fine);
        let mut native = vec![self.point(&[], exponential.clone()), fine];
        native[0].exemplars = vec![self.exemplar(1.0, 4)];
        let delta = Temporality::Delta;
        let cumulative = Temporality::Cumulative;
        let of_deltas = |points| Data::ExponentialHistogram { temporality: delta, points };
        let metrics = [
            ("latency", "ms", Data::Histogram { temporality: cumulative, points: classic }),
            (
                "without.sum",
                "s",
                Data::Histogram { temporality: cumulative, points: vec![self.point(&[], no_sum.clone())] },
            ),
            ("native", "s", Data::ExponentialHistogram { temporality: cumulative, points: native }),
            ("deltas", "s", Data::Histogram { temporality: delta, points: vec![self.point(&[], no_sum)] }),
            ("native.deltas", "s", of_deltas(vec![self.point(&[], exponential)])),
        ];
        metrics.map(metric).into()
    }

    fn exemplar(&self, value: f64, id: u8) -> Exemplar {
        let id = id + u8::try_from(self.round).unwrap_or_default() * 16;
        Exemplar {
            time: Timestamp(self.time.0 - 5_000_000_000),
            value: Number::F64(value),
            trace_id: TraceId::from_bytes([id; 16]),
            span_id: SpanId::from_bytes([id; 8]),
        }
    }
}

fn metric((name, unit, data): (&'static str, &'static str, Data)) -> Metric {
    Metric { name: name.into(), unit: unit.into(), description: "what it says".into(), data }
}
