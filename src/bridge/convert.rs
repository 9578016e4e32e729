//! From the SDK's metric data to the model.

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, ExponentialBucket, ExponentialHistogramDataPoint, HistogramDataPoint, Metric as SdkMetric,
    MetricData, ResourceMetrics,
};

use crate::clock::Timestamp;
use crate::internal::{Counter, Internal};
use crate::model::{
    Attributes, Buckets, Data, ExplicitHistogram, ExponentialHistogram, Metric, Number, Point, ScopeMetrics,
};

/// All metrics by scope; values that are not finite are left out and counted.
pub(super) fn scopes(found: &ResourceMetrics, internal: &Internal) -> Vec<ScopeMetrics> {
    found
        .scope_metrics()
        .map(|scope| ScopeMetrics {
            scope: scope.scope().clone(),
            metrics: scope.metrics().map(|metric| convert(metric, internal)).collect(),
        })
        .collect()
}

fn convert(metric: &SdkMetric, internal: &Internal) -> Metric {
    let data = match metric.data() {
        AggregatedMetrics::F64(data) => points(data, internal),
        AggregatedMetrics::U64(data) => points(data, internal),
        AggregatedMetrics::I64(data) => points(data, internal),
    };
    Metric {
        name: metric.name().to_owned().into(),
        unit: metric.unit().to_owned().into(),
        description: metric.description().to_owned().into(),
        data,
    }
}

/// A number of the SDK.
trait Value: Copy {
    fn number(self) -> Number;
}

impl Value for f64 {
    fn number(self) -> Number {
        Number::F64(self)
    }
}

impl Value for i64 {
    fn number(self) -> Number {
        Number::I64(self)
    }
}

impl Value for u64 {
    /// Beyond the largest `i64` the nearest float, as OTLP has no unsigned numbers.
    fn number(self) -> Number {
        i64::try_from(self).map_or(Number::F64(self as f64), Number::I64)
    }
}

fn points<T: Value>(data: &MetricData<T>, internal: &Internal) -> Data {
    let finite = |point: Point<Number>| {
        let finite = point.value.as_f64().is_finite();
        if !finite {
            internal.count(Counter::NotFinite);
        }
        finite.then_some(point)
    };
    match data {
        MetricData::Gauge(gauge) => {
            let (start, time) = (gauge.start_time().map_or(Timestamp(0), Timestamp::from), gauge.time().into());
            let of = |point: &opentelemetry_sdk::metrics::data::GaugeDataPoint<T>| {
                self::point(point.attributes(), start, time, point.value().number())
            };
            Data::Gauge(gauge.data_points().map(of).filter_map(finite).collect())
        }
        MetricData::Sum(sum) => {
            let (start, time) = (sum.start_time().into(), sum.time().into());
            let of = |point: &opentelemetry_sdk::metrics::data::SumDataPoint<T>| {
                self::point(point.attributes(), start, time, point.value().number())
            };
            Data::Sum {
                monotonic: sum.is_monotonic(),
                temporality: Temporality::Cumulative,
                points: sum.data_points().map(of).filter_map(finite).collect(),
            }
        }
        MetricData::Histogram(histogram) => {
            let (start, time) = (histogram.start_time().into(), histogram.time().into());
            let of = |point| self::point(HistogramDataPoint::attributes(point), start, time, explicit(point));
            Data::Histogram { temporality: Temporality::Cumulative, points: histogram.data_points().map(of).collect() }
        }
        MetricData::ExponentialHistogram(histogram) => {
            let (start, time) = (histogram.start_time().into(), histogram.time().into());
            let of =
                |point| self::point(ExponentialHistogramDataPoint::attributes(point), start, time, exponential(point));
            Data::ExponentialHistogram {
                temporality: Temporality::Cumulative,
                points: histogram.data_points().map(of).collect(),
            }
        }
    }
}

fn point<'a, V>(
    attributes: impl Iterator<Item = &'a KeyValue>,
    start_time: Timestamp,
    time: Timestamp,
    value: V,
) -> Point<V> {
    let attributes = Attributes::new(attributes.cloned());
    Point { attributes, start_time, time, value, exemplars: Vec::new(), stale: false }
}

fn explicit<T: Value>(point: &HistogramDataPoint<T>) -> ExplicitHistogram {
    ExplicitHistogram {
        count: point.count(),
        sum: sum(point.sum(), point.min()),
        min: point.min().map(float),
        max: point.max().map(float),
        bounds: point.bounds().collect(),
        bucket_counts: point.bucket_counts().collect(),
    }
}

fn exponential<T: Value>(point: &ExponentialHistogramDataPoint<T>) -> ExponentialHistogram {
    ExponentialHistogram {
        count: point.count() as u64,
        sum: sum(point.sum(), point.min()),
        min: point.min().map(float),
        max: point.max().map(float),
        scale: point.scale().into(),
        zero_count: point.zero_count(),
        positive: buckets(point.positive_bucket()),
        negative: buckets(point.negative_bucket()),
    }
}

/// The sum, unless a negative value makes it useless as a counter.
fn sum<T: Value>(sum: T, min: Option<T>) -> Option<f64> {
    let negative = min.is_some_and(|min| float(min) < 0.0);
    let sum = float(sum);
    (!negative && sum.is_finite()).then_some(sum)
}

fn float<T: Value>(value: T) -> f64 {
    value.number().as_f64()
}

/// The run of counts without the zeros at its ends.
fn buckets(bucket: &ExponentialBucket) -> Buckets {
    let all: Vec<u64> = bucket.counts().collect();
    let first = all.iter().position(|count| *count > 0).unwrap_or(all.len());
    let end = all.iter().rposition(|count| *count > 0).map_or(first, |last| last + 1);
    let offset = bucket.offset().saturating_add(i32::try_from(first).unwrap_or(i32::MAX));
    Buckets { offset: if first == end { 0 } else { offset }, counts: all[first..end].to_vec() }
}
