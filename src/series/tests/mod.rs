//! The store as its callers see it, on a clock that the test moves.

mod histograms;
mod life;
mod limits;
mod recording;
mod threads;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, TraceId};

use super::{Collect, Config, Declaration, Instrument, InstrumentKind, Link, Series, Store};
use crate::clock::{Clock, Timestamp};
use crate::internal::Counter;
use crate::model::{Attributes, Data, ExplicitHistogram, ExponentialHistogram, Metric, Number, Point};
use crate::names;

const IDLE: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_secs(10);
const MILLI: u64 = 1_000_000;

fn store_with(config: Config) -> Arc<Store> {
    let clock = Clock::manual(Timestamp(1_700_000_000_000_000_000));
    let config = Config { service_name: String::from("shop"), idle_timeout: IDLE, ..config };
    Store::new(config, clock, Arc::default())
}

fn store() -> Arc<Store> {
    store_with(Config::default())
}

fn declaration(name: &str, kind: InstrumentKind) -> Declaration<'_> {
    Declaration { name, unit: "1", description: "", kind, boundaries: None }
}

fn instrument(store: &Store, kind: InstrumentKind) -> Instrument {
    store.instrument(&declaration("m", kind)).unwrap()
}

/// The series of an instrument without identity.
fn plain(store: &Store, instrument: Instrument, value: i64) -> Series {
    store.series(instrument, &[], &[KeyValue::new("k", value)])
}

fn span_identity(name: &'static str, status: &'static str) -> [KeyValue; 3] {
    [
        KeyValue::new(names::SPAN_NAME, name),
        KeyValue::new(names::SPAN_KIND, "SPAN_KIND_SERVER"),
        KeyValue::new(names::STATUS_CODE, status),
    ]
}

fn span(store: &Store, name: &'static str) -> Series {
    store.series(Store::SPANS, &span_identity(name, "STATUS_CODE_UNSET"), &[])
}

#[expect(clippy::unnecessary_wraps, reason = "what every recording takes")]
fn link(span: u64, sampled: bool) -> Option<Link> {
    Some(Link { trace_id: TraceId::from(9u128), span_id: SpanId::from(span), sampled })
}

/// Moves time by an interval and ticks.
fn tick(store: &Store) -> Vec<Metric> {
    store.clock().advance(INTERVAL);
    store.collect(store.clock().now(), Collect::Tick)
}

fn peek(store: &Store) -> Vec<Metric> {
    store.collect(store.clock().now(), Collect::Peek)
}

fn counted(store: &Store, counter: Counter) -> u64 {
    store.internal().counted(counter)
}

fn metric<'a>(metrics: &'a [Metric], name: &str) -> Option<&'a Metric> {
    metrics.iter().find(|metric| metric.name == name)
}

fn numbers<'a>(metrics: &'a [Metric], name: &str) -> &'a [Point<Number>] {
    match metric(metrics, name).map(|metric| &metric.data) {
        Some(Data::Gauge(points) | Data::Sum { points, .. }) => points,
        _ => &[],
    }
}

fn explicit<'a>(metrics: &'a [Metric], name: &str) -> &'a [Point<ExplicitHistogram>] {
    match metric(metrics, name).map(|metric| &metric.data) {
        Some(Data::Histogram { points, .. }) => points,
        _ => &[],
    }
}

fn exponential<'a>(metrics: &'a [Metric], name: &str) -> &'a [Point<ExponentialHistogram>] {
    match metric(metrics, name).map(|metric| &metric.data) {
        Some(Data::ExponentialHistogram { points, .. }) => points,
        _ => &[],
    }
}

fn values(points: &[Point<Number>]) -> Vec<Number> {
    points.iter().map(|point| point.value).collect()
}

fn calls(metrics: &[Metric]) -> i64 {
    let whole = |point: &Point<Number>| match point.value {
        Number::I64(value) => value,
        Number::F64(value) => panic!("{value} calls"),
    };
    numbers(metrics, names::CALLS.name).iter().map(whole).sum()
}

fn attributes(pairs: &[KeyValue]) -> Attributes {
    Attributes::new(pairs.iter().cloned())
}
