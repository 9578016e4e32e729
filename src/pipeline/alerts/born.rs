//! Series that began between two looks: preceded by nothing, at their start.
//!
//! What is exported has such a point too (see `crate::series`): without it the first call of an operation, and the first
//! event of a counter, would be no increase for a rule.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::model::{Buckets, Data, ExplicitHistogram, ExponentialHistogram, Metric, Number, Point};

/// Prometheus counts time in milliseconds.
const RESOLUTION_NANOS: u64 = 1_000_000;

/// Adds the points of nothing to cumulative metrics whose points start later than `since`, the look before.
pub(crate) fn precede(metrics: &mut [Metric], since: Timestamp) {
    for metric in metrics {
        match &mut metric.data {
            Data::Sum { monotonic: true, points, .. } => before(points, since, |_| Number::I64(0)),
            Data::Histogram { points, .. } => before(points, since, no_explicit),
            Data::ExponentialHistogram { points, .. } => before(points, since, no_exponential),
            Data::Gauge(_) | Data::Sum { .. } => {}
        }
    }
}

fn before<T>(points: &mut Vec<Point<T>>, since: Timestamp, nothing: impl Fn(&T) -> T) {
    let millis = |time: Timestamp| time.0 / RESOLUTION_NANOS;
    let is_new =
        |point: &&Point<T>| point.start_time > since && millis(point.start_time) < millis(point.time) && !point.stale;
    let begin = |point: &Point<T>| Point {
        attributes: point.attributes.clone(),
        start_time: point.start_time,
        time: point.start_time,
        value: nothing(&point.value),
        exemplars: Vec::new(),
        stale: false,
    };
    let mut all: Vec<Point<T>> = points.iter().filter(is_new).map(begin).collect();
    if !all.is_empty() {
        all.append(points);
        *points = all;
    }
}

fn no_explicit(histogram: &ExplicitHistogram) -> ExplicitHistogram {
    ExplicitHistogram {
        count: 0,
        sum: histogram.sum.map(|_| 0.0),
        min: None,
        max: None,
        bounds: Arc::clone(&histogram.bounds),
        bucket_counts: vec![0; histogram.bucket_counts.len()],
    }
}

fn no_exponential(histogram: &ExponentialHistogram) -> ExponentialHistogram {
    let none = || Buckets { offset: 0, counts: Vec::new() };
    ExponentialHistogram {
        count: 0,
        sum: histogram.sum.map(|_| 0.0),
        min: None,
        max: None,
        scale: histogram.scale,
        zero_count: 0,
        positive: none(),
        negative: none(),
    }
}
