//! All series at one moment, as the OpenTelemetry data model has them.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::Temporality;

use super::Attributes;
use crate::clock::Timestamp;

/// What one collection found.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When it was collected.
    pub time: Timestamp,
    /// The entity that produced it.
    pub resource: Resource,
    /// Metrics by instrumentation scope.
    pub scopes: Vec<ScopeMetrics>,
}

impl Snapshot {
    /// All metrics of all scopes.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.scopes.iter().flat_map(|scope| &scope.metrics)
    }

    /// The first metric with this name.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics().find(|metric| metric.name == name)
    }
}

/// The metrics of one instrumentation scope.
#[derive(Debug, Clone)]
pub struct ScopeMetrics {
    /// The library that recorded them.
    pub scope: InstrumentationScope,
    /// Its metrics, each name once.
    pub metrics: Vec<Metric>,
}

/// One metric with all its points.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name, for example `traces.span.metrics.calls`.
    pub name: Cow<'static, str>,
    /// Its unit in UCUM, for example `ms`, `By`, `{span}`; empty when not declared.
    pub unit: Cow<'static, str>,
    /// What it says, for a person.
    pub description: Cow<'static, str>,
    /// Its points.
    pub data: Data,
}

/// The points of a metric by kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Last values.
    Gauge(Vec<Point<Number>>),
    /// Sums since the point's start time (cumulative) or since the last collection (delta).
    Sum {
        /// Never decreases within a start time.
        monotonic: bool,
        /// What the values count from.
        temporality: Temporality,
        /// One point a series.
        points: Vec<Point<Number>>,
    },
    /// Histograms with explicit bounds.
    Histogram {
        /// What the counts count from.
        temporality: Temporality,
        /// One point a series.
        points: Vec<Point<ExplicitHistogram>>,
    },
    /// Base-2 exponential histograms.
    ExponentialHistogram {
        /// What the counts count from.
        temporality: Temporality,
        /// One point a series.
        points: Vec<Point<ExponentialHistogram>>,
    },
}

impl Data {
    /// How many points there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Gauge(points) | Self::Sum { points, .. } => points.len(),
            Self::Histogram { points, .. } => points.len(),
            Self::ExponentialHistogram { points, .. } => points.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same series at their end: a stale marker for each point.
    #[must_use]
    pub fn ended(&self, time: Timestamp) -> Self {
        match self {
            Self::Gauge(points) => Self::Gauge(ended(points, time)),
            Self::Sum { monotonic, temporality, points } => {
                Self::Sum { monotonic: *monotonic, temporality: *temporality, points: ended(points, time) }
            }
            Self::Histogram { temporality, points } => {
                Self::Histogram { temporality: *temporality, points: ended(points, time) }
            }
            Self::ExponentialHistogram { temporality, points } => {
                Self::ExponentialHistogram { temporality: *temporality, points: ended(points, time) }
            }
        }
    }

    /// The attributes of each point, in their order.
    pub fn attributes(&self) -> impl Iterator<Item = &Attributes> {
        let (numbers, explicit, exponential): (&[Point<Number>], &[_], &[_]) = match self {
            Self::Gauge(points) | Self::Sum { points, .. } => (points, &[], &[]),
            Self::Histogram { points, .. } => (&[], points, &[]),
            Self::ExponentialHistogram { points, .. } => (&[], &[], points),
        };
        let explicit = explicit.iter().map(|point: &Point<ExplicitHistogram>| &point.attributes);
        let exponential = exponential.iter().map(|point: &Point<ExponentialHistogram>| &point.attributes);
        numbers.iter().map(|point| &point.attributes).chain(explicit).chain(exponential)
    }
}

fn ended<T: Clone>(points: &[Point<T>], time: Timestamp) -> Vec<Point<T>> {
    let end = |point: &Point<T>| Point { time, exemplars: Vec::new(), stale: true, ..point.clone() };
    points.iter().filter(|point| !point.stale).map(end).collect()
}

/// One series at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Point<T> {
    /// The series' identity within its metric.
    pub attributes: Attributes,
    /// When counting began. Not meaningful for gauges.
    pub start_time: Timestamp,
    /// When the value was read.
    pub time: Timestamp,
    /// The value; meaningless when `stale`.
    pub value: T,
    /// Measurements that link to a trace, sorted by value.
    pub exemplars: Vec<Exemplar>,
    /// The series has ended: OTLP's `NO_RECORDED_VALUE` flag, Prometheus' stale marker.
    pub stale: bool,
}

/// A value of a sum or a gauge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number.
    I64(i64),
    /// Any number; never `NaN` nor infinite.
    F64(f64),
}

impl Number {
    /// As a float; beyond 2^53 the nearest one.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::I64(value) => value as f64,
            Self::F64(value) => value,
        }
    }
}

/// Whole numbers that fit stay whole; larger ones become the nearest float.
macro_rules! from_numbers {
    (whole: $($whole:ty),+; wide: $($wide:ty),+; float: $($float:ty),+) => {
        $(impl From<$whole> for Number {
            fn from(value: $whole) -> Self {
                Self::I64(value.into())
            }
        })+
        $(impl From<$wide> for Number {
            fn from(value: $wide) -> Self {
                i64::try_from(value).map_or(Self::F64(value as f64), Self::I64)
            }
        })+
        $(impl From<$float> for Number {
            fn from(value: $float) -> Self {
                Self::F64(value.into())
            }
        })+
    };
}

from_numbers!(whole: i8, i16, i32, i64, u8, u16, u32; wide: u64, usize, isize; float: f32, f64);

/// One measurement that was made within a sampled span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar {
    /// When it was made.
    pub time: Timestamp,
    /// What was measured, in the metric's unit.
    pub value: Number,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// The span it belongs to.
    pub span_id: SpanId,
}

/// Counts between explicit bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplicitHistogram {
    /// How many values.
    pub count: u64,
    /// Their sum, in the metric's unit; `None` when negative values make it meaningless as a counter.
    pub sum: Option<f64>,
    /// The smallest value, where known.
    pub min: Option<f64>,
    /// The largest value, where known.
    pub max: Option<f64>,
    /// Upper inclusive bounds, ascending.
    pub bounds: Arc<[f64]>,
    /// One count a bound, and one more for the values above all bounds.
    pub bucket_counts: Vec<u64>,
}

/// Counts in buckets whose bounds are powers of `2^(2^-scale)`.
#[derive(Debug, Clone, PartialEq)]
pub struct ExponentialHistogram {
    /// How many values.
    pub count: u64,
    /// Their sum, in the metric's unit; `None` when negative values make it meaningless as a counter.
    pub sum: Option<f64>,
    /// The smallest value, where known.
    pub min: Option<f64>,
    /// The largest value, where known.
    pub max: Option<f64>,
    /// Resolution: `2^scale` buckets for each doubling.
    pub scale: i32,
    /// How many values were zero.
    pub zero_count: u64,
    /// Values above zero.
    pub positive: Buckets,
    /// Values below zero, by absolute value.
    pub negative: Buckets,
}

/// A run of exponential buckets: bucket `i` holds values in `(base^(offset+i), base^(offset+i+1)]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Buckets {
    /// Index of the first count.
    pub offset: i32,
    /// Counts, the first and last not zero unless all are.
    pub counts: Vec<u64>,
}
