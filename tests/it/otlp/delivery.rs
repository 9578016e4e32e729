//! What a healthy server gets.

use std::sync::{Arc, Mutex};

use bellwether::exporters::MetricExporter as _;
use bellwether::exporters::otlp::Compression;
use bellwether::model::{Signal, SignalReport};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::metrics::v1::exemplar;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _};
use opentelemetry_sdk::trace::SpanExporter as _;
use prost::Message;
use tonic::codec::CompressionEncoding;

use super::receiver::Receiver;
use super::{PROTOCOLS, Protocol, Sender, each_endpoint, fixtures, to};

#[tokio::test]
async fn the_three_signals_arrive_with_their_headers_over_both_protocols_plain_and_compressed() {
    for protocol in PROTOCOLS {
        for compression in [Compression::None, Compression::Gzip] {
            let receiver = Receiver::start(protocol, []).await;
            let mut config = to(&receiver.url(), protocol);
            each_endpoint(&mut config, |endpoint| {
                endpoint.compression = compression;
                endpoint.headers = vec![("X-Tenant".to_owned(), "a b".to_owned())];
            });
            let sender = Sender::new(&config);
            sender.spans().export(fixtures::rich_spans()).await.unwrap();
            let (record, scope) = (fixtures::bare_log(), fixtures::scope("library"));
            sender.logs().export(LogBatch::new(&[(&record, &scope)])).await.unwrap();
            sender.metrics().export(&fixtures::rich_snapshot()).await;

            let received = receiver.received();
            let paths: Vec<&str> = received.iter().map(|request| request.path.as_str()).collect();
            assert_eq!(paths, expected_paths(protocol));
            for request in &received {
                let headers = &request.headers;
                assert_eq!(headers["x-tenant"], "a b");
                assert!(headers["user-agent"].to_str().unwrap().contains("OTel-OTLP-Exporter-Rust/"));
                let (content_type, encoding) = match protocol {
                    Protocol::Grpc => ("application/grpc", "grpc-encoding"),
                    Protocol::HttpProtobuf => ("application/x-protobuf", "content-encoding"),
                };
                assert_eq!(headers["content-type"], content_type);
                assert_eq!(headers.contains_key(encoding), compression == Compression::Gzip);
                assert_eq!(headers.contains_key("grpc-timeout"), protocol == Protocol::Grpc);
            }
            let spans = ExportTraceServiceRequest::decode(&received[0].message[..]).unwrap();
            assert_eq!(spans.resource_spans[0].scope_spans.iter().map(|scope| scope.spans.len()).sum::<usize>(), 5);
            let logs = ExportLogsServiceRequest::decode(&received[1].message[..]).unwrap();
            assert_ne!(logs.resource_logs[0].scope_logs[0].log_records[0].observed_time_unix_nano, 0);
            let report = sender.report();
            assert!(report.is_complete());
            let delivered = Signal::ALL.map(|signal| report.signal(signal).delivered);
            assert_eq!(delivered, [5, 5, 1]);
        }
    }
}

fn expected_paths(protocol: Protocol) -> [&'static str; 3] {
    match protocol {
        Protocol::Grpc => [
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        ],
        Protocol::HttpProtobuf => ["/v1/traces", "/v1/logs", "/v1/metrics"],
    }
}

#[tokio::test]
async fn a_snapshot_arrives_with_every_kind_of_data_exemplars_and_stale_markers() {
    let receiver = Receiver::start(Protocol::HttpProtobuf, []).await;
    let sender = Sender::new(&to(&receiver.url(), Protocol::HttpProtobuf));
    sender.metrics().export(&fixtures::rich_snapshot()).await;
    let request = ExportMetricsServiceRequest::decode(&receiver.received()[0].message[..]).unwrap();

    let resource = &request.resource_metrics[0];
    assert_eq!(resource.schema_url, "https://opentelemetry.io/schemas/1.37.0");
    assert_eq!(resource.resource.as_ref().unwrap().attributes.len(), 2);
    let scope = &resource.scope_metrics[0];
    assert_eq!(scope.schema_url, "https://example.com/schema");
    let about = scope.scope.as_ref().unwrap();
    assert_eq!((about.name.as_str(), about.version.as_str(), about.attributes.len()), ("library", "1.2.3", 1));
    let [gauge, sum, explicit, exponential] = &scope.metrics[..] else { panic!("{:?}", scope.metrics) };
    assert_eq!((gauge.name.as_str(), gauge.unit.as_str(), gauge.description.as_str()), ("gauge", "By", "what it says"));

    let Some(Data::Gauge(gauge)) = &gauge.data else { panic!("{gauge:?}") };
    assert_eq!(
        (gauge.data_points[0].value, gauge.data_points[0].start_time_unix_nano),
        (Some(Value::AsDouble(-0.5)), 0)
    );
    let Some(Data::Sum(sum)) = &sum.data else { panic!("{sum:?}") };
    assert_eq!((sum.aggregation_temporality, sum.is_monotonic), (2, false));
    assert_eq!(sum.data_points[0].value, Some(Value::AsInt(-3)));
    assert_eq!(sum.data_points[0].start_time_unix_nano, fixtures::START.0);
    let [linked] = &sum.data_points[0].exemplars[..] else { panic!("{sum:?}") };
    assert_eq!(linked.value, Some(exemplar::Value::AsInt(-3)));
    assert_eq!((linked.trace_id[15], linked.span_id[7]), (0xef, 2));
    assert_eq!(linked.time_unix_nano, fixtures::START.0 + 4_000_000);

    let Some(Data::Histogram(explicit)) = &explicit.data else { panic!("{explicit:?}") };
    let [here, gone] = &explicit.data_points[..] else { panic!("{explicit:?}") };
    assert_eq!((here.count, here.sum, here.min, here.max, here.flags), (3, Some(4.5), Some(0.5), Some(2.5), 0));
    assert_eq!((&here.explicit_bounds[..], &here.bucket_counts[..]), (&[1.0, 2.0][..], &[1, 1, 1][..]));
    assert_eq!((here.exemplars[0].trace_id.len(), here.exemplars[0].span_id.len()), (16, 8));
    assert_eq!((gone.flags, gone.count, gone.sum, gone.exemplars.len()), (1, 0, None, 0));
    assert_eq!((gone.bucket_counts.len(), gone.attributes.len()), (0, 1));

    let Some(Data::ExponentialHistogram(exponential)) = &exponential.data else { panic!("{exponential:?}") };
    let point = &exponential.data_points[0];
    assert_eq!((point.scale, point.zero_count, point.count, point.sum), (3, 1, 4, None));
    let positive = point.positive.as_ref().unwrap();
    assert_eq!((positive.offset, &positive.bucket_counts[..]), (-2, &[1, 1][..]));
    let negative = point.negative.as_ref().unwrap();
    assert_eq!((negative.offset, &negative.bucket_counts[..]), (5, &[1][..]));
    assert_eq!(point.exemplars[..], sum.data_points[0].exemplars[..]);
}

/// The service as generated from the protocol files, for a receiver that shares no code with the client.
#[derive(Debug, Default, Clone)]
struct Traces(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Traces {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test]
async fn a_tonic_server_understands_plain_and_compressed_calls() {
    let traces = Traces::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = format!("http://{}", listener.local_addr().unwrap());
    let service = TraceServiceServer::new(traces.clone())
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip);
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
    for compression in [Compression::None, Compression::Gzip] {
        let mut config = to(&authority, Protocol::Grpc);
        config.traces.compression = compression;
        let sender = Sender::new(&config);
        sender.spans().export(fixtures::spans(3)).await.unwrap();
        assert_eq!(sender.report().traces, SignalReport { delivered: 3, dropped: Vec::new() });
    }
    let received = traces.0.lock().unwrap();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0], received[1]);
}

#[tokio::test]
async fn signals_that_go_to_one_place_share_a_connection() {
    let receiver = Receiver::start(Protocol::Grpc, []).await;
    let sender = Sender::new(&to(&receiver.url(), Protocol::Grpc));
    let (record, scope) = (fixtures::bare_log(), fixtures::scope("library"));
    sender.spans().export(fixtures::spans(1)).await.unwrap();
    sender.logs().export(LogBatch::new(&[(&record, &scope)])).await.unwrap();
    sender.metrics().export(&fixtures::counter(&[("a", 1)])).await;
    assert_eq!((receiver.received().len(), receiver.connections()), (3, 1));
}

#[tokio::test]
async fn nothing_is_sent_when_there_is_nothing_to_send() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::start(protocol, []).await;
        let sender = Sender::new(&to(&receiver.url(), protocol));
        sender.spans().export(Vec::new()).await.unwrap();
        sender.logs().export(LogBatch::new(&[])).await.unwrap();
        sender.metrics().export(&fixtures::counter(&[])).await;
        assert_eq!(receiver.received().len(), 0);
    }
}

#[tokio::test]
async fn a_failed_connection_does_not_need_a_runtime_when_the_client_is_built() {
    let config = to("http://localhost:1", Protocol::Grpc);
    let sender = std::thread::spawn(move || Sender::new(&config)).join().unwrap();
    assert!(sender.report().is_complete());
}
