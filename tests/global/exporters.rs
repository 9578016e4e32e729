//! Exporters of opentelemetry-otlp in the place of ours.

use std::time::Duration;

use bellwether::Builder;
use opentelemetry_otlp::{LogExporter, SpanExporter, WithExportConfig};
use tracing::{info, info_span};
use tracing_subscriber::prelude::*;

use crate::process::case;
use crate::receiver::Receiver;

/// Records through the builder's layer and returns the account.
fn record(builder: Builder) -> bellwether::Report {
    let (layer, guard) = builder.layer().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || info_span!("span").in_scope(|| info!("record")));
    guard.shutdown(Duration::from_secs(10))
}

fn builder() -> Builder {
    bellwether::builder().environment([("OTEL_METRICS_EXPORTER", "none")].into_iter().collect())
}

fn is_all_there(report: &bellwether::Report, receiver: &Receiver) {
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.traces.delivered, report.logs.delivered), (1, 1));
    let (spans, logs) = (receiver.spans(), receiver.logs());
    assert_eq!((spans.len(), logs.len()), (1, 1));
    assert_eq!((&spans[0].trace_id, &spans[0].span_id), (&logs[0].trace_id, &logs[0].span_id));
}

#[test]
fn its_blocking_http_client_works() {
    case("exporters::its_blocking_http_client_works", &[], || {
        let receiver = Receiver::http();
        let endpoint = |signal| format!("{}/v1/{signal}", receiver.url);
        let spans = SpanExporter::builder().with_http().with_endpoint(endpoint("traces")).build().unwrap();
        let logs = LogExporter::builder().with_http().with_endpoint(endpoint("logs")).build().unwrap();
        is_all_there(&record(builder().with_span_exporter(spans).with_log_exporter(logs)), &receiver);
    });
}

#[test]
fn its_grpc_client_works() {
    case("exporters::its_grpc_client_works", &[], || {
        let receiver = Receiver::grpc();
        // It must be made inside a runtime, which then drives its connections.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let report = runtime.block_on(async {
            let spans = SpanExporter::builder().with_tonic().with_endpoint(&receiver.url).build().unwrap();
            let logs = LogExporter::builder().with_tonic().with_endpoint(&receiver.url).build().unwrap();
            record(builder().with_span_exporter(spans).with_log_exporter(logs))
        });
        is_all_there(&report, &receiver);
    });
}
