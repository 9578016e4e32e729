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

#[tokio::test]
async fn of_an_export_that_is_stopped_half_way_the_delivered_part_is_not_told_again() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let first = fixtures::counter(&[("a", 5), ("b", 7)]);
        let receiver = Receiver::start(protocol, []).await;
        let mut config = to(&receiver.url(), protocol);
        Sender::new(&config).metrics().export(&first).await;
        // A little too small for both points.
        let limit = receiver.received()[0].message.len() - 1;
        (config.grpc_message_limit, config.http_message_limit) = (limit, limit);
        config.temporality = TemporalityPreference::Delta;
        let sender = Sender::new(&config);
        let mut metrics = sender.metrics();
        receiver.then([Reply::success(protocol, Vec::new()), Reply::Hang]);
        let second_arrived = async {
            while receiver.received().len() < 3 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = metrics.export(&first) => panic!("the second part was never answered"),
            () = second_arrived => {}
        }
        metrics.export(&fixtures::counter(&[("a", 6), ("b", 7)])).await;
        let told: Vec<_> = receiver.received()[1..].iter().map(|request| told(request).1).collect();
        assert_eq!(told, [vec![5], vec![7], vec![1], vec![7]], "{protocol:?}");
        assert_eq!((sender.report().metrics.delivered, sender.report().metrics.dropped_total()), (3, 1));
    }
}
