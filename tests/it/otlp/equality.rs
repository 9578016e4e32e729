//! The same items through `opentelemetry-otlp` and through this client: equal messages, byte for byte.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use opentelemetry::InstrumentationScope;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord};
use opentelemetry_sdk::trace::SpanExporter;
use prost::Message;

use super::receiver::Receiver;
use super::{PROTOCOLS, Protocol, Sender, fixtures, to};

/// Both exporters' requests, theirs first.
fn two(receiver: &Receiver) -> [Vec<u8>; 2] {
    let received = receiver.received();
    let [theirs, ours] = &received[..] else { panic!("{} requests", received.len()) };
    assert_eq!(theirs.path, ours.path);
    assert_eq!(theirs.headers["content-type"], ours.headers["content-type"]);
    [theirs.message.clone(), ours.message.clone()]
}

#[tokio::test]
async fn spans_are_equal_to_those_of_opentelemetry_otlp_in_every_byte() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::start(protocol, []).await;
        let url = receiver.url();
        // One resource: another one with the same attributes may hold them in another order.
        let resource = fixtures::resource();
        let again = resource.clone();
        match protocol {
            Protocol::Grpc => {
                let theirs = opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(url).build();
                export_spans(theirs.unwrap(), &resource).await;
            }
            Protocol::HttpProtobuf => {
                let url = format!("{url}/v1/traces");
                blocking(move || {
                    let theirs = opentelemetry_otlp::SpanExporter::builder().with_http().with_endpoint(url).build();
                    wait(export_spans(theirs.unwrap(), &resource));
                })
                .await;
            }
        }
        export_spans(Sender::new(&to(&receiver.url(), protocol)).spans(), &again).await;
        let [theirs, ours] = two(&receiver);
        let decode = |bytes: &[u8]| ExportTraceServiceRequest::decode(bytes).unwrap();
        assert_eq!(decode(&theirs), decode(&ours));
        assert!(theirs == ours, "the bytes differ, but not what they say");
    }
}

async fn export_spans(mut exporter: impl SpanExporter, resource: &Resource) {
    exporter.set_resource(resource);
    exporter.export(fixtures::rich_spans()).await.unwrap();
}

#[tokio::test]
async fn log_records_are_equal_to_those_of_opentelemetry_otlp_in_every_byte() {
    for protocol in PROTOCOLS {
        let receiver = Receiver::start(protocol, []).await;
        let url = receiver.url();
        // One resource: another one with the same attributes may hold them in another order.
        let resource = fixtures::resource();
        let again = resource.clone();
        match protocol {
            Protocol::Grpc => {
                let theirs = opentelemetry_otlp::LogExporter::builder().with_tonic().with_endpoint(url).build();
                export_logs(theirs.unwrap(), &resource).await;
            }
            Protocol::HttpProtobuf => {
                let url = format!("{url}/v1/logs");
                blocking(move || {
                    let theirs = opentelemetry_otlp::LogExporter::builder().with_http().with_endpoint(url).build();
                    wait(export_logs(theirs.unwrap(), &resource));
                })
                .await;
            }
        }
        export_logs(Sender::new(&to(&receiver.url(), protocol)).logs(), &again).await;
        let [theirs, ours] = two(&receiver);
        let decode = |bytes: &[u8]| ExportLogsServiceRequest::decode(bytes).unwrap();
        assert_eq!(decode(&theirs), decode(&ours));
        assert!(theirs == ours, "the bytes differ, but not what they say");
    }
}

async fn export_logs(mut exporter: impl LogExporter, resource: &Resource) {
    exporter.set_resource(resource);
    // One scope: with several, both encoders order them by the hash of the day.
    let scope = fixtures::scope("library");
    let records = fixtures::rich_logs();
    let batch: Vec<(&SdkLogRecord, &InstrumentationScope)> = records.iter().map(|record| (record, &scope)).collect();
    exporter.export(LogBatch::new(&batch)).await.unwrap();
}

/// Their HTTP client blocks, and refuses to within a runtime.
async fn blocking(work: impl FnOnce() + Send + 'static) {
    let (done, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        work();
        done.send(()).unwrap();
    });
    ended.await.unwrap();
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}
