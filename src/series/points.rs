//! From sums to metrics and points.

use std::sync::Arc;

use opentelemetry_sdk::metrics::Temporality;

use super::grid::Grid;
use super::id::Instrument;
use super::in_flight::Open;
use super::registry::{Entry, InstrumentState};
use super::totals::Totals;
use super::{Config, HistogramAggregation, InstrumentKind, Store};
use crate::clock::Timestamp;
use crate::families::{Family, tempo};
use crate::model::{Attributes, Data, Exemplar, Metric, Number, Point};
use crate::names::{self, Name};

/// Points of one series must differ by this much to be two samples in Prometheus.
pub(super) const RESOLUTION_NANOS: u64 = 1_000_000;

/// What is said about an instrument in each collection.
pub(super) struct Described {
    pub(super) name: String,
    unit: String,
    description: String,
    /// `None` for the built-in instrument of spans.
    kind: Option<InstrumentKind>,
    grid: Arc<Grid>,
}

impl Described {
    pub(super) fn of(instrument: Instrument, state: &InstrumentState) -> Self {
        Self {
            name: state.name.clone(),
            unit: state.unit.clone(),
            description: state.description.clone(),
            kind: Some(state.kind).filter(|_| instrument != Store::SPANS),
            grid: Arc::clone(&state.grid),
        }
    }

    fn metric(&self, data: Data) -> Metric {
        let Self { name, unit, description, .. } = self;
        Metric { name: name.clone().into(), unit: unit.clone().into(), description: description.clone().into(), data }
    }
}

/// Where a series is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Never reported before.
    First,
    Running,
    /// Reported before, and now for the last time.
    Ended,
    /// Ended before anything was measured.
    Unborn,
}

/// One series as a collection found it.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) attributes: Attributes,
    pub(super) entry: Entry,
    pub(super) totals: Totals,
    pub(super) exemplars: Vec<Exemplar>,
    pub(super) phase: Phase,
}

impl Reading {
    pub(super) fn ended(attributes: Attributes, entry: Entry) -> Self {
        Self { attributes, entry, totals: Totals::default(), exemplars: Vec::new(), phase: Phase::Ended }
    }
}

/// The metrics of one instrument: those of the families that are on for spans, one for any other; none without points.
pub(super) fn metrics(described: &Described, readings: &[Reading], now: Timestamp, config: &Config) -> Vec<Metric> {
    let all = Points { readings, now };
    let calls = |totals: &Totals| whole(totals.measurements());
    let self_time = |totals: &Totals| Number::F64(totals.self_ms());
    let metrics = match described.kind {
        None => {
            let mut metrics = Vec::new();
            if config.families.has(Family::Collector) {
                metrics.push(named(names::CALLS, sum(true, all.of(true, false, calls))));
                metrics.push(named(names::DURATION, all.histogram(&described.grid, config)));
            }
            metrics.push(named(names::SELF_TIME, sum(true, all.of(true, false, self_time))));
            if config.families.has(Family::Tempo) {
                metrics.extend(all.tempo(&described.grid));
            }
            metrics
        }
        Some(InstrumentKind::Counter) => vec![described.metric(sum(true, all.of(true, true, Totals::number)))],
        Some(InstrumentKind::UpDownCounter) => vec![described.metric(sum(false, all.of(false, true, Totals::number)))],
        Some(InstrumentKind::Gauge) => vec![described.metric(Data::Gauge(all.of(false, false, Totals::number)))],
        Some(InstrumentKind::Histogram) => vec![described.metric(all.histogram(&described.grid, config))],
    };
    metrics.into_iter().filter(|metric| !metric.data.is_empty()).collect()
}

/// The metrics of open spans.
pub(super) fn open_spans(open: &[Open], start: Timestamp, now: Timestamp) -> Vec<Metric> {
    let points = |value: fn(&Open) -> i64| -> Vec<Point<Number>> {
        let point = |open: &Open| Point {
            attributes: open.attributes.clone(),
            start_time: start,
            time: now,
            value: Number::I64(value(open)),
            exemplars: Vec::new(),
            stale: open.ended,
        };
        open.iter().map(point).collect()
    };
    if open.is_empty() {
        return Vec::new();
    }
    vec![
        named(names::IN_FLIGHT, sum(false, points(|open| open.now))),
        named(names::IN_FLIGHT_PEAK, Data::Gauge(points(|open| open.peak))),
    ]
}

/// The points of one instrument.
struct Points<'a> {
    readings: &'a [Reading],
    now: Timestamp,
}

impl Points<'_> {
    /// One point a series; with `zero`, a new one is preceded by a point of nothing at its start.
    fn of<T>(&self, zero: bool, exemplars: bool, value: impl Fn(&Totals) -> T) -> Vec<Point<T>> {
        let mut points = Vec::with_capacity(self.readings.len());
        for reading in self.readings.iter().filter(|reading| reading.phase != Phase::Unborn) {
            let start_time = reading.entry.start.min(self.now);
            let ended = reading.phase == Phase::Ended;
            let point = |time, totals: &Totals| Point {
                attributes: reading.attributes.clone(),
                start_time,
                time,
                value: value(totals),
                exemplars: Vec::new(),
                stale: false,
            };
            let distinct = millis(start_time) < millis(self.now);
            if zero && distinct && reading.phase == Phase::First {
                points.push(point(start_time, &Totals::default()));
            }
            let exemplars = if exemplars { reading.exemplars.clone() } else { Vec::new() };
            points.push(Point { exemplars, stale: ended, ..point(self.now, &reading.totals) });
        }
        points
    }

    /// Calls and durations of spans once more, as Tempo writes them: the same counts, so that they are equal by
    /// construction.
    fn tempo(&self, grid: &Grid) -> [Metric; 2] {
        let bounds = tempo::bounds(grid.bounds());
        let mut calls = self.of(true, false, |totals| whole(totals.measurements()));
        let mut latency = self.of(true, true, |totals| tempo::seconds(totals.explicit(grid), &bounds));
        for point in &mut calls {
            point.attributes = tempo::attributes(&point.attributes);
        }
        for point in &mut latency {
            point.attributes = tempo::attributes(&point.attributes);
            for exemplar in &mut point.exemplars {
                *exemplar = tempo::exemplar(exemplar);
            }
        }
        let latency = Data::Histogram { temporality: Temporality::Cumulative, points: latency };
        [named(names::TEMPO_CALLS, sum(true, calls)), named(names::TEMPO_LATENCY, latency)]
    }

    fn histogram(&self, grid: &Grid, config: &Config) -> Data {
        let temporality = Temporality::Cumulative;
        match config.aggregation {
            HistogramAggregation::ExplicitBucket => {
                Data::Histogram { temporality, points: self.of(true, true, |totals| totals.explicit(grid)) }
            }
            HistogramAggregation::Base2ExponentialBucket => {
                let value = |totals: &Totals| totals.exponential(grid).at_most(config.max_size);
                Data::ExponentialHistogram { temporality, points: self.of(true, true, value) }
            }
        }
    }
}

fn named(name: Name, data: Data) -> Metric {
    Metric { name: name.name.into(), unit: name.unit.into(), description: name.description.into(), data }
}

fn sum(monotonic: bool, points: Vec<Point<Number>>) -> Data {
    Data::Sum { monotonic, temporality: Temporality::Cumulative, points }
}

fn whole(count: u64) -> Number {
    Number::I64(i64::try_from(count).unwrap_or(i64::MAX))
}

fn millis(time: Timestamp) -> u64 {
    time.0 / RESOLUTION_NANOS
}
