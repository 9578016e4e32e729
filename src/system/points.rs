//! Readings as metrics of one moment.

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::Temporality;

use crate::clock::Timestamp;
use crate::model::{Attributes, Data, Metric, Number, Point};
use crate::names::Name;

/// Metrics in the making.
#[derive(Debug)]
pub(super) struct Points {
    now: Timestamp,
    /// What sums count from.
    start: Timestamp,
    metrics: Vec<Metric>,
}

impl Points {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { now, start: now, metrics: Vec::new() }
    }

    /// When this is.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Says since when sums count.
    pub(super) fn since(&mut self, start: Timestamp) {
        self.start = start.min(self.now);
    }

    /// A value of which there is one.
    pub(super) fn gauge(&mut self, name: Name, value: impl Into<Number>) {
        let points = vec![self.point(None, value.into())];
        self.push(name, Data::Gauge(points));
    }

    /// A number of things that there are, which other processes' numbers may be added to.
    pub(super) fn level(&mut self, name: Name, value: u64) {
        let points = vec![self.point(None, number(value))];
        self.push(name, Data::Sum { monotonic: false, temporality: Temporality::Cumulative, points });
    }

    /// What has added up, by the values of an attribute.
    pub(super) fn total<const N: usize>(&mut self, name: Name, by: &'static str, values: [(&'static str, Number); N]) {
        let point = |(word, value)| self.point(Some(KeyValue::new(by, word)), value);
        let points = values.map(point).into();
        self.push(name, Data::Sum { monotonic: true, temporality: Temporality::Cumulative, points });
    }

    pub(super) fn into_metrics(self) -> Vec<Metric> {
        self.metrics
    }

    fn point(&self, attribute: Option<KeyValue>, value: Number) -> Point<Number> {
        let (start_time, time) = (self.start, self.now);
        Point { attributes: Attributes::new(attribute), start_time, time, value, exemplars: Vec::new(), stale: false }
    }

    fn push(&mut self, name: Name, data: Data) {
        let Name { name, unit, description } = name;
        self.metrics.push(Metric { name: name.into(), unit: unit.into(), description: description.into(), data });
    }
}

/// A count as the data model has it.
pub(super) fn number(count: u64) -> Number {
    Number::I64(i64::try_from(count).unwrap_or(i64::MAX))
}
