//! What people read about a backend in trouble: one line when it begins, with the cure, and one when it is over.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bellwether::clock::{Clock, Timestamp};
use bellwether::exporters::MetricExporter as _;
use bellwether::internal::TARGET;
use bellwether::model::{Reason, SignalReport};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _};
use opentelemetry_sdk::trace::SpanExporter as _;
use prost::Message;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, fmt};

use super::faults::dead_port;
use super::receiver::{Receiver, Reply};
use super::{Protocol, Sender, each_endpoint, fixtures, one_try, to};

/// The lines of this thread.
#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    pub(super) fn capture() -> (Self, tracing::subscriber::DefaultGuard) {
        let lines = Self::default();
        let writer = lines.clone();
        let layer = fmt::layer().with_writer(move || writer.clone()).with_ansi(false).without_time();
        let ours = layer.with_filter(filter_fn(|metadata| metadata.target() == TARGET));
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(ours));
        (lines, guard)
    }

    /// The lines since the last call.
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    /// The only line since the last call.
    pub(super) fn only(&self) -> String {
        let mut lines = self.take();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        lines.remove(0)
    }
}

pub(super) fn assert_says(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{part:?} is missing in: {line}");
    }
}

fn clock() -> Clock {
    Clock::manual(Timestamp(1_700_000_000_000_000_000))
}

#[tokio::test]
async fn three_signals_to_a_dead_collector_make_one_warning_and_one_line_when_it_is_back() {
    for protocol in super::PROTOCOLS {
        let (lines, _guard) = Lines::capture();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let mut config = to(&authority, protocol);
        one_try(&mut config);
        each_endpoint(&mut config, |endpoint| {
            endpoint.headers = vec![("api-key".to_owned(), "hunter2".to_owned())];
        });
        let clock = clock();
        let sender = Sender::with_clock(&config, clock.clone());
        let (spans, logs, mut metrics) = (sender.spans(), sender.logs(), sender.metrics());
        let (record, scope) = (fixtures::bare_log(), fixtures::scope("library"));
        for _ in 0..2 {
            spans.export(fixtures::spans(3)).await.unwrap_err();
            logs.export(LogBatch::new(&[(&record, &scope)])).await.unwrap_err();
            metrics.export(&fixtures::counter(&[("a", 1)])).await;
        }
        let warning = lines.only();
        assert_says(&warning, &["WARN", "traces, metrics and logs", &authority, "Connection refused"]);
        assert_says(&warning, &["Is an OpenTelemetry Collector listening there? Set OTEL_EXPORTER_OTLP_ENDPOINT, or"]);
        assert_says(&warning, &["OTEL_{TRACES,METRICS,LOGS}_EXPORTER=none"]);
        assert!(!warning.contains("hunter2"));
        assert_eq!(sender.report().traces.dropped, [(Reason::Unreachable, 6)]);

        clock.advance(Duration::from_secs(125));
        let port = tokio::net::TcpListener::bind(authority.trim_start_matches("http://")).await.unwrap();
        let _receiver = Receiver::over(port, protocol, [], None);
        spans.export(fixtures::spans(3)).await.unwrap();
        let back = lines.only();
        assert_says(&back, &["INFO", &authority, "2 min 5 s", "6 spans, 2 data points, 2 log records"]);
        logs.export(LogBatch::new(&[(&record, &scope)])).await.unwrap();
        assert_eq!(lines.take(), [""; 0]);
    }
}

#[tokio::test]
async fn a_single_broken_connection_is_nobodys_business() {
    for protocol in super::PROTOCOLS {
        let (lines, _guard) = Lines::capture();
        let receiver = Receiver::start(protocol, [Reply::success(protocol, Vec::new()), Reply::Close]).await;
        let sender = Sender::new(&to(&receiver.url(), protocol));
        let spans = sender.spans();
        spans.export(fixtures::spans(3)).await.unwrap();
        spans.export(fixtures::spans(3)).await.unwrap();
        assert_eq!((sender.report().traces.delivered, lines.take()), (6, Vec::new()));
    }
}

#[tokio::test]
async fn a_backend_that_is_busy_for_a_moment_is_not_down() {
    for (protocol, busy) in [(Protocol::Grpc, Reply::grpc(14)), (Protocol::HttpProtobuf, Reply::http(503))] {
        let (lines, _guard) = Lines::capture();
        let receiver = Receiver::start(protocol, [busy.clone(), busy]).await;
        let sender = Sender::new(&to(&receiver.url(), protocol));
        sender.spans().export(fixtures::spans(3)).await.unwrap();
        assert_eq!((receiver.received().len(), lines.take()), (3, Vec::new()));
    }
}

#[tokio::test]
async fn a_backend_that_does_not_know_a_signal_gets_no_more_of_it_until_it_is_asked_again() {
    for (protocol, unknown) in [
        (Protocol::Grpc, Reply::grpc(12)),
        (Protocol::HttpProtobuf, Reply::http(404)),
        (Protocol::HttpProtobuf, Reply::http(501)),
    ] {
        let (lines, _guard) = Lines::capture();
        let receiver = Receiver::start(protocol, [unknown.clone()]).await;
        let clock = clock();
        let sender = Sender::with_clock(&to(&receiver.url(), protocol), clock.clone());
        let mut metrics = sender.metrics();
        let snapshot = fixtures::counter(&[("a", 1), ("b", 1)]);
        for _ in 0..3 {
            metrics.export(&snapshot).await;
        }
        assert_eq!(sender.report().metrics.dropped, [(Reason::Unimplemented, 6)]);
        assert_eq!(receiver.received().len(), 1);
        let line = lines.only();
        assert_says(&line, &["WARN", "does not take metrics", "OTEL_METRICS_EXPORTER=none"]);
        assert_says(&line, &["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &receiver.url()]);
        // The other signals go on.
        sender.spans().export(fixtures::spans(1)).await.unwrap();

        receiver.then([unknown]);
        clock.advance(Duration::from_secs(301));
        metrics.export(&snapshot).await;
        assert_eq!(lines.take(), [""; 0], "asked again in silence");
        clock.advance(Duration::from_secs(301));
        metrics.export(&snapshot).await;
        assert_eq!(sender.report().metrics.delivered, 2);
        assert_says(&lines.only(), &["INFO", "takes metrics now"]);
    }
}

#[tokio::test]
async fn a_refusal_is_told_with_the_servers_words_and_at_most_once_a_minute() {
    let (lines, _guard) = Lines::capture();
    let refusal = Reply::Http { status: 401, headers: Vec::new(), body: b"no such\ntenant".to_vec() };
    let receiver = Receiver::start(Protocol::HttpProtobuf, vec![refusal; 3]).await;
    let mut config = to(&receiver.url(), Protocol::HttpProtobuf);
    config.traces.headers = vec![("api-key".to_owned(), "hunter2".to_owned())];
    config.traces.url += "?token=hunter2";
    let clock = clock();
    let sender = Sender::with_clock(&config, clock.clone());
    let spans = sender.spans();
    for _ in 0..2 {
        spans.export(fixtures::spans(3)).await.unwrap_err();
    }
    let line = lines.only();
    assert_says(&line, &["WARN", "refused traces", "401 Unauthorized: no such tenant", "OTEL_EXPORTER_OTLP_HEADERS"]);
    assert!(!line.contains("hunter2"), "{line}");
    clock.advance(Duration::from_secs(61));
    spans.export(fixtures::spans(3)).await.unwrap_err();
    lines.only();
    assert_eq!(sender.report().traces, SignalReport { delivered: 0, dropped: vec![(Reason::Refused, 9)] });
}

#[tokio::test]
async fn a_partial_success_is_told_also_when_nothing_was_rejected() {
    for (rejected, says) in [(2, "rejected 2 spans: too old"), (0, "took all traces, but says: too old")] {
        let (lines, _guard) = Lines::capture();
        let partial = ExportTracePartialSuccess { rejected_spans: rejected, error_message: "too old".to_owned() };
        let response = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        let receiver = Receiver::start(Protocol::Grpc, [Reply::success(Protocol::Grpc, response)]).await;
        let sender = Sender::new(&to(&receiver.url(), Protocol::Grpc));
        sender.spans().export(fixtures::spans(3)).await.unwrap();
        assert_says(&lines.only(), &["WARN", says]);
    }
}

#[tokio::test]
async fn an_item_beyond_the_limit_is_told_with_its_size_and_the_cure() {
    let (lines, _guard) = Lines::capture();
    let mut config = to(&dead_port(), Protocol::Grpc);
    config.grpc_message_limit = 10;
    let sender = Sender::new(&config);
    sender.spans().export(fixtures::spans(3)).await.unwrap_err();
    assert_says(&lines.only(), &["WARN", "1 span of", "10 bytes", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"]);
}

#[tokio::test]
async fn the_cure_fits_the_trouble() {
    use Protocol::{Grpc, HttpProtobuf};

    for (spoken, understood, script, says) in [
        (Grpc, HttpProtobuf, vec![], "Does it speak gRPC? For HTTP"),
        (HttpProtobuf, Grpc, vec![], "Does it speak HTTP? For gRPC"),
        (Grpc, Grpc, vec![Reply::grpc(14)], "14 UNAVAILABLE. It is there, but takes no data for now"),
        (HttpProtobuf, HttpProtobuf, vec![Reply::http(503)], "503 Service Unavailable. It is there, but"),
        (Grpc, Grpc, vec![Reply::Hang], "no answer within 150ms. Is an OpenTelemetry Collector listening there, and"),
        (HttpProtobuf, HttpProtobuf, vec![Reply::Hang], "usual on port 4317, set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"),
    ] {
        let (lines, _guard) = Lines::capture();
        let receiver = Receiver::start(understood, script.clone()).await;
        let mut config = to(&receiver.url(), spoken);
        one_try(&mut config);
        if matches!(script[..], [Reply::Hang]) {
            config.traces.timeout = Duration::from_millis(150);
        }
        Sender::new(&config).spans().export(fixtures::spans(3)).await.unwrap_err();
        assert_says(&lines.only(), &["WARN", "cannot deliver traces", &receiver.url(), says]);
    }
}
