//! A snapshot as an OTLP message. Spans and log records use the transformations of `opentelemetry-proto`; resource,
//! scope and attributes of metrics use them too, so that the three signals name one entity in the same words.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1 as proto;
use opentelemetry_proto::tonic::metrics::v1::{exemplar, metric, number_data_point};

use crate::clock::Timestamp;
use crate::model::{
    Attributes, Buckets, Data, Exemplar, ExplicitHistogram, ExponentialHistogram, Metric, Number, Point, ScopeMetrics,
    Snapshot,
};

/// The request that carries a snapshot; points in the snapshot's order. Metrics without points and scopes
/// without metrics are left out.
pub(super) fn request(snapshot: &Snapshot) -> ExportMetricsServiceRequest {
    let resource = &snapshot.resource;
    ExportMetricsServiceRequest {
        resource_metrics: vec![proto::ResourceMetrics {
            resource: Some(resource.into()),
            scope_metrics: snapshot.scopes.iter().map(scope).filter(|scope| !scope.metrics.is_empty()).collect(),
            schema_url: resource.schema_url().unwrap_or_default().to_owned(),
        }],
    }
}

fn scope(from: &ScopeMetrics) -> proto::ScopeMetrics {
    proto::ScopeMetrics {
        scope: Some((&from.scope, None).into()),
        metrics: from.metrics.iter().filter(|metric| !metric.data.is_empty()).map(metric).collect(),
        schema_url: from.scope.schema_url().unwrap_or_default().to_owned(),
    }
}

fn metric(from: &Metric) -> proto::Metric {
    proto::Metric {
        name: from.name.to_string(),
        description: from.description.to_string(),
        unit: from.unit.to_string(),
        metadata: Vec::new(),
        data: Some(data(&from.data)),
    }
}

fn data(from: &Data) -> metric::Data {
    match from {
        // A gauge's value counts from nowhere.
        Data::Gauge(points) => {
            metric::Data::Gauge(proto::Gauge { data_points: points.iter().map(|p| number(p, Timestamp(0))).collect() })
        }
        Data::Sum { monotonic, temporality, points } => metric::Data::Sum(proto::Sum {
            data_points: points.iter().map(|p| number(p, p.start_time)).collect(),
            aggregation_temporality: proto::AggregationTemporality::from(*temporality).into(),
            is_monotonic: *monotonic,
        }),
        Data::Histogram { temporality, points } => metric::Data::Histogram(proto::Histogram {
            data_points: points.iter().map(explicit).collect(),
            aggregation_temporality: proto::AggregationTemporality::from(*temporality).into(),
        }),
        Data::ExponentialHistogram { temporality, points } => {
            metric::Data::ExponentialHistogram(proto::ExponentialHistogram {
                data_points: points.iter().map(exponential).collect(),
                aggregation_temporality: proto::AggregationTemporality::from(*temporality).into(),
            })
        }
    }
}

fn number(from: &Point<Number>, start_time: Timestamp) -> proto::NumberDataPoint {
    let value = match from.value {
        Number::I64(value) => number_data_point::Value::AsInt(value),
        Number::F64(value) => number_data_point::Value::AsDouble(value),
    };
    proto::NumberDataPoint {
        attributes: attributes(&from.attributes),
        start_time_unix_nano: start_time.0,
        time_unix_nano: from.time.0,
        exemplars: exemplars(&from.exemplars),
        flags: flags(from.stale),
        value: (!from.stale).then_some(value),
    }
}

fn explicit(from: &Point<ExplicitHistogram>) -> proto::HistogramDataPoint {
    let shared = proto::HistogramDataPoint {
        attributes: attributes(&from.attributes),
        start_time_unix_nano: from.start_time.0,
        time_unix_nano: from.time.0,
        flags: flags(from.stale),
        ..proto::HistogramDataPoint::default()
    };
    if from.stale {
        return shared;
    }
    let ExplicitHistogram { count, sum, min, max, bounds, bucket_counts } = &from.value;
    proto::HistogramDataPoint {
        count: *count,
        sum: *sum,
        min: *min,
        max: *max,
        explicit_bounds: bounds.to_vec(),
        bucket_counts: bucket_counts.clone(),
        exemplars: exemplars(&from.exemplars),
        ..shared
    }
}

fn exponential(from: &Point<ExponentialHistogram>) -> proto::ExponentialHistogramDataPoint {
    let shared = proto::ExponentialHistogramDataPoint {
        attributes: attributes(&from.attributes),
        start_time_unix_nano: from.start_time.0,
        time_unix_nano: from.time.0,
        flags: flags(from.stale),
        ..proto::ExponentialHistogramDataPoint::default()
    };
    if from.stale {
        return shared;
    }
    let ExponentialHistogram { count, sum, min, max, scale, zero_count, positive, negative } = &from.value;
    proto::ExponentialHistogramDataPoint {
        count: *count,
        sum: *sum,
        min: *min,
        max: *max,
        scale: *scale,
        zero_count: *zero_count,
        positive: Some(buckets(positive)),
        negative: Some(buckets(negative)),
        exemplars: exemplars(&from.exemplars),
        ..shared
    }
}

fn buckets(from: &Buckets) -> proto::exponential_histogram_data_point::Buckets {
    proto::exponential_histogram_data_point::Buckets { offset: from.offset, bucket_counts: from.counts.clone() }
}

fn exemplars(from: &[Exemplar]) -> Vec<proto::Exemplar> {
    let one = |exemplar: &Exemplar| proto::Exemplar {
        filtered_attributes: Vec::new(),
        time_unix_nano: exemplar.time.0,
        span_id: exemplar.span_id.to_bytes().to_vec(),
        trace_id: exemplar.trace_id.to_bytes().to_vec(),
        value: Some(match exemplar.value {
            Number::I64(value) => exemplar::Value::AsInt(value),
            Number::F64(value) => exemplar::Value::AsDouble(value),
        }),
    };
    from.iter().map(one).collect()
}

fn attributes(from: &Attributes) -> Vec<KeyValue> {
    from.iter().map(KeyValue::from).collect()
}

fn flags(stale: bool) -> u32 {
    if stale { proto::DataPointFlags::NoRecordedValueMask as u32 } else { 0 }
}
