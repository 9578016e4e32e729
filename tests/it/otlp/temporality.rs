//! Deltas on the wire.

use bellwether::exporters::MetricExporter as _;
use bellwether::exporters::otlp::TemporalityPreference;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use prost::Message;

use super::receiver::{Received, Receiver, Reply};
use super::{Protocol, Sender, fixtures, to};

/// The temporality and the values of a request with one sum.
fn told(request: &Received) -> (i32, Vec<i64>) {
    let message = ExportMetricsServiceRequest::decode(&request.message[..]).unwrap();
    let metric = &message.resource_metrics[0].scope_metrics[0].metrics[0];
    let Some(Data::Sum(sum)) = &metric.data else { panic!("{metric:?}") };
    let value = |value: &Option<Value>| match value {
        Some(Value::AsInt(value)) => *value,
        other => panic!("{other:?}"),
    };
    (sum.aggregation_temporality, sum.data_points.iter().map(|point| value(&point.value)).collect())
}

#[tokio::test]
async fn deltas_survive_a_refused_export_and_say_nothing_about_series_at_rest() {
    let receiver = Receiver::start(Protocol::HttpProtobuf, []).await;
    let mut config = to(&receiver.url(), Protocol::HttpProtobuf);
    config.temporality = TemporalityPreference::Delta;
    let sender = Sender::new(&config);
    let mut metrics = sender.metrics();
    metrics.export(&fixtures::counter(&[("a", 5), ("b", 0)])).await;
    receiver.then([Reply::http(400)]);
    metrics.export(&fixtures::counter(&[("a", 7), ("b", 1)])).await;
    metrics.export(&fixtures::counter(&[("a", 8), ("b", 1)])).await;
    metrics.export(&fixtures::counter(&[("a", 8), ("b", 1)])).await;
    let told: Vec<_> = receiver.received().iter().map(told).collect();
    assert_eq!(told, [(1, vec![5]), (1, vec![2, 1]), (1, vec![3, 1])]);
}
