//! Messages stay under their limit, and nothing is lost that could be sent in parts.

use bellwether::exporters::MetricExporter as _;
use bellwether::model::{Reason, SignalReport};
use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _};
use opentelemetry_sdk::trace::SpanExporter as _;
use prost::Message;

use super::receiver::Receiver;
use super::{Config, PROTOCOLS, Protocol, Sender, fixtures, to};

const LIMIT: usize = 1_000;

fn limited(receiver: &Receiver, protocol: Protocol) -> Config {
    Config { grpc_message_limit: LIMIT, http_message_limit: LIMIT, ..to(&receiver.url(), protocol) }
}

#[tokio::test]
async fn a_batch_beyond_the_limit_goes_in_parts_in_order_and_a_single_item_beyond_it_is_counted() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::start(protocol, []).await;
        let sender = Sender::new(&limited(&receiver, protocol));
        let mut spans = fixtures::spans(60);
        spans[20].attributes.push(KeyValue::new("huge", "x".repeat(LIMIT)));
        sender.spans().export(spans).await.unwrap_err();
        assert_eq!(sender.report().traces, SignalReport { delivered: 59, dropped: vec![(Reason::TooLarge, 1)] });
        let mut arrived = Vec::new();
        for request in receiver.received() {
            assert!(request.message.len() <= LIMIT);
            let message = ExportTraceServiceRequest::decode(&request.message[..]).unwrap();
            for scope in &message.resource_spans[0].scope_spans {
                assert_eq!(scope.scope.as_ref().unwrap().name, "library");
                arrived.extend(scope.spans.iter().map(|span| u64::from_be_bytes(span.span_id[..].try_into().unwrap())));
            }
        }
        assert_eq!(arrived, (1..=60).filter(|id| *id != 21).collect::<Vec<_>>());
        assert!(receiver.received().len() > 5);
    }
}

#[tokio::test]
async fn by_default_a_message_has_at_most_what_servers_take_by_default() {
    const MEBIBYTE: usize = 1 << 20;
    for (protocol, limit) in [(Protocol::Grpc, 4 * MEBIBYTE), (Protocol::HttpProtobuf, 20 * MEBIBYTE)] {
        let receiver = Receiver::start(protocol, []).await;
        let sender = Sender::new(&to(&receiver.url(), protocol));
        let mut spans = fixtures::spans(limit as u64 / MEBIBYTE as u64 + 1);
        for span in &mut spans {
            span.attributes.push(KeyValue::new("large", "x".repeat(MEBIBYTE)));
        }
        sender.spans().export(spans).await.unwrap();
        let sizes: Vec<usize> = receiver.received().iter().map(|request| request.message.len()).collect();
        assert!(sizes.len() == 2 && sizes.iter().all(|size| *size <= limit), "{sizes:?}");
    }
}

#[tokio::test]
async fn log_records_and_points_are_cut_as_well() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::start(protocol, []).await;
        let sender = Sender::new(&limited(&receiver, protocol));
        let (record, scope) = (fixtures::bare_log(), fixtures::scope("library"));
        sender.logs().export(LogBatch::new(&vec![(&record, &scope); 200])).await.unwrap();
        assert_eq!(sender.report().logs, SignalReport { delivered: 200, dropped: Vec::new() });
        let requests = receiver.received().len();
        assert!(requests > 1);

        let series: Vec<(&'static str, i64)> = ["a", "b", "c", "d"].into_iter().zip(1..).cycle().take(80).collect();
        sender.metrics().export(&fixtures::counter(&series)).await;
        assert_eq!(sender.report().metrics, SignalReport { delivered: 80, dropped: Vec::new() });
        let mut points = 0;
        for request in &receiver.received()[requests..] {
            assert!(request.message.len() <= LIMIT);
            let message = ExportMetricsServiceRequest::decode(&request.message[..]).unwrap();
            let metric = &message.resource_metrics[0].scope_metrics[0].metrics[0];
            let Some(Data::Sum(sum)) = &metric.data else { panic!("{metric:?}") };
            assert!(sum.is_monotonic && metric.unit == "{call}");
            points += sum.data_points.len();
        }
        assert_eq!(points, 80);
    }
}
