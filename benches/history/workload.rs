//! Collections of a service under load, the same in every run.

use std::sync::Arc;

use bellwether::clock::Timestamp;
use bellwether::model::{Attributes, Data, ExplicitHistogram, Metric, Number, Point, ScopeMetrics, Snapshot};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::Temporality::Cumulative;

/// Time between two collections; they come up to three milliseconds late.
pub(crate) const TICK_MS: i64 = 10_000;
const START_MS: i64 = 1_700_000_000_000;
const BOUNDS: [f64; 16] = [
    2.0, 4.0, 6.0, 8.0, 10.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1_000.0, 1_400.0, 2_000.0, 5_000.0, 10_000.0, 15_000.0,
];

/// What a workload has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Operations with calls (two statuses), duration, self time and spans in flight: 23 series each.
    Operations,
    /// The same with a share and a number of bytes that wander: 25 series each.
    OperationsAndGauges,
    /// One counter: a series each.
    Counter,
}

/// A service that is collected again and again.
pub(crate) struct Workload {
    kind: Kind,
    random: Random,
    tick: i64,
    now: Timestamp,
    resource: Resource,
    bounds: Arc<[f64]>,
    operations: Vec<Operation>,
}

struct Operation {
    attributes: [Attributes; 3],
    /// Calls between two collections, on average.
    rate: f64,
    /// A call's usual duration in milliseconds.
    usual: f64,
    calls: [i64; 2],
    buckets: Vec<u64>,
    /// In nanoseconds, as the store adds durations up.
    sum: u64,
    self_time: u64,
    share: f64,
    bytes: i64,
}

impl Workload {
    pub(crate) fn new(kind: Kind, operations: usize) -> Self {
        let mut random = Random(42);
        let operations = (0..operations).map(|at| Operation::new(at, &mut random)).collect();
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", "search"),
                KeyValue::new("service.namespace", "shop"),
                KeyValue::new("service.instance.id", "8e7d6f0a-6a0c-4b8e-9c55-5e1f7c8a1b2d"),
                KeyValue::new("host.name", "node-17"),
            ])
            .build();
        let now = Timestamp(0);
        Self { kind, random, tick: 0, now, resource, bounds: BOUNDS.into(), operations }
    }

    /// The time of the last collection.
    pub(crate) fn now_ms(&self) -> i64 {
        i64::try_from(self.now.0 / 1_000_000).unwrap_or_default()
    }

    /// The next collection, after a tick of load.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        self.tick += 1;
        let late = self.random.below(4).cast_signed();
        self.now = Timestamp((START_MS + self.tick * TICK_MS + late).cast_unsigned() * 1_000_000);
        for operation in &mut self.operations {
            operation.work(&mut self.random, &self.bounds);
        }
        let scope = InstrumentationScope::builder("bellwether").build();
        Snapshot {
            time: self.now,
            resource: self.resource.clone(),
            scopes: vec![ScopeMetrics { scope, metrics: self.metrics() }],
        }
    }

    fn metrics(&mut self) -> Vec<Metric> {
        let sum = |points, monotonic| Data::Sum { monotonic, temporality: Cumulative, points };
        let calls = self.points(|operation, _| vec![(1, operation.calls[0].into()), (2, operation.calls[1].into())]);
        let mut metrics = vec![metric("load.calls", "", sum(calls, true))];
        if self.kind == Kind::Counter {
            metrics[0].data = sum(self.points(|operation, _| vec![(1, operation.calls[0].into())]), true);
            return metrics;
        }
        let in_flight =
            self.points(|operation, random| vec![(0, Number::from(random.below(2 + operation.rate as u64 / 20)))]);
        metrics.push(metric("load.in_flight", "{span}", sum(in_flight, false)));
        metrics.push(metric(
            "load.self_time",
            "ms",
            sum(self.points(|o, _| vec![(0, (o.self_time as f64 / 1e6).into())]), true),
        ));
        metrics.push(self.duration());
        if self.kind == Kind::OperationsAndGauges {
            metrics.push(metric("load.share", "1", Data::Gauge(self.points(|o, _| vec![(0, o.share.into())]))));
            metrics.push(metric("load.memory", "By", Data::Gauge(self.points(|o, _| vec![(0, o.bytes.into())]))));
        }
        metrics
    }

    /// The points that `of` gives for each operation: which attributes, and a value.
    fn points(&mut self, of: impl Fn(&Operation, &mut Random) -> Vec<(usize, Number)>) -> Vec<Point<Number>> {
        let (now, random) = (self.now, &mut self.random);
        let point = |operation: &Operation, (at, value): (usize, Number)| point(&operation.attributes[at], now, value);
        let all = self.operations.iter();
        all.flat_map(|operation| of(operation, random).into_iter().map(|value| point(operation, value))).collect()
    }

    fn duration(&self) -> Metric {
        let histogram = |operation: &Operation| ExplicitHistogram {
            count: operation.buckets.iter().sum(),
            sum: Some(operation.sum as f64 / 1e6),
            min: None,
            max: None,
            bounds: Arc::clone(&self.bounds),
            bucket_counts: operation.buckets.clone(),
        };
        let points = self.operations.iter().map(|o| point(&o.attributes[0], self.now, histogram(o))).collect();
        metric("load.duration", "ms", Data::Histogram { temporality: Cumulative, points })
    }
}

impl Operation {
    fn new(at: usize, random: &mut Random) -> Self {
        let name = KeyValue::new("span.name", format!("operation {at}"));
        let kind = KeyValue::new("span.kind", "SPAN_KIND_INTERNAL");
        let with = |status: Option<&'static str>| {
            let status = status.map(|status| KeyValue::new("status.code", status));
            Attributes::new([name.clone(), kind.clone()].into_iter().chain(status))
        };
        Self {
            attributes: [with(None), with(Some("STATUS_CODE_UNSET")), with(Some("STATUS_CODE_ERROR"))],
            // From one call in two minutes to five hundred a second.
            rate: 0.1 * 50_000_f64.powf(random.unit()),
            usual: 1.0 * 1_000_f64.powf(random.unit()),
            calls: [0, 0],
            buckets: vec![0; BOUNDS.len() + 1],
            sum: 0,
            self_time: 0,
            share: random.unit(),
            bytes: 50_000_000,
        }
    }

    /// A tick of calls; at high rates some of them stand for the others.
    fn work(&mut self, random: &mut Random, bounds: &[f64]) {
        let expected = self.rate * (0.7 + 0.6 * random.unit());
        let calls = expected.floor() as i64 + i64::from(random.unit() < expected.fract());
        let errors = (0..calls.min(40)).filter(|_| random.below(200) == 0).count();
        self.calls[0] += calls - i64::try_from(errors).unwrap_or_default();
        self.calls[1] += i64::try_from(errors).unwrap_or_default();
        let drawn = calls.clamp(0, 60);
        let mut left = calls.cast_unsigned();
        for rest in (1..=drawn.cast_unsigned()).rev() {
            let weight = left / rest;
            left -= weight;
            // About log-normal.
            let spread: f64 = (0..6).map(|_| random.unit()).sum::<f64>() - 3.0;
            let duration = self.usual * (spread * 1.2).exp();
            self.buckets[bounds.partition_point(|bound| *bound < duration)] += weight;
            let nanos = (duration * weight as f64 * 1e6) as u64;
            self.sum += nanos;
            self.self_time += nanos / 100 * (30 + random.below(10));
        }
        self.share = (self.share + (random.unit() - 0.5) * 0.02).clamp(0.0, 1.0);
        self.bytes += (random.below(129).cast_signed() - 64) * 4_096;
    }
}

fn metric(name: &'static str, unit: &'static str, data: Data) -> Metric {
    Metric { name: name.into(), unit: unit.into(), description: "".into(), data }
}

fn point<T>(attributes: &Attributes, time: Timestamp, value: T) -> Point<T> {
    let start_time = Timestamp(START_MS.cast_unsigned() * 1_000_000);
    Point { attributes: attributes.clone(), start_time, time, value, exemplars: Vec::new(), stale: false }
}

/// `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
