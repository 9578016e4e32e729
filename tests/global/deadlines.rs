//! A shutdown keeps its deadline whatever the backend does, and the report counts what was lost.

#![expect(clippy::disallowed_methods, reason = "the deadline is one of real time")]

use std::net::TcpListener;
use std::time::{Duration, Instant};

use bellwether::exporters::otlp::Protocol;
use bellwether::model::{Reason, Signal};

use crate::process::case;
use crate::receiver::Receiver;

const DEADLINE: Duration = Duration::from_millis(700);
const TOLERANCE: Duration = Duration::from_millis(100);

/// Records ten spans and log records, shuts down, and returns how long that took and the account.
fn shut_down(url: &str, protocol: Protocol) -> (Duration, bellwether::Report) {
    let guard = bellwether::builder()
        .environment(bellwether::config::Environment::default())
        .endpoint(url)
        .protocol(protocol)
        .console(false)
        .init()
        .unwrap();
    for _ in 0..10 {
        tracing::info_span!("lost").in_scope(|| tracing::info!("lost"));
    }
    let start = Instant::now();
    let report = guard.shutdown(DEADLINE);
    (start.elapsed(), report)
}

fn everything_is_counted_as_lost(report: &bellwether::Report) {
    for (signal, items) in [(Signal::Traces, 10), (Signal::Logs, 10)] {
        let account = report.signal(signal);
        assert_eq!((account.delivered, account.dropped_total()), (0, items), "{report}");
    }
    assert_eq!(report.metrics.delivered, 0, "{report}");
    assert!(report.metrics.dropped_total() > 0, "{report}");
}

/// Connections are refused: that is an answer, and the shutdown does not wait for a better one.
fn against_nobody(protocol: Protocol) {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (took, report) = shut_down(&format!("http://127.0.0.1:{port}"), protocol);
    assert!(took < DEADLINE, "{took:?}");
    everything_is_counted_as_lost(&report);
    assert_eq!(report.traces.dropped, [(Reason::Unreachable, 10)]);
}

/// Nobody answers at the address: the deadline ends it, or the report comes sooner.
fn against_silence(url: &str, protocol: Protocol) {
    let (took, report) = shut_down(url, protocol);
    assert!(took < DEADLINE + TOLERANCE, "{took:?}");
    everything_is_counted_as_lost(&report);
}

#[test]
fn a_dead_endpoint_over_grpc_ends_the_shutdown_before_its_deadline() {
    case("deadlines::a_dead_endpoint_over_grpc_ends_the_shutdown_before_its_deadline", &[], || {
        against_nobody(Protocol::Grpc);
    });
}

#[test]
fn a_dead_endpoint_over_http_ends_the_shutdown_before_its_deadline() {
    case("deadlines::a_dead_endpoint_over_http_ends_the_shutdown_before_its_deadline", &[], || {
        against_nobody(Protocol::HttpProtobuf);
    });
}

#[test]
fn a_hanging_endpoint_over_grpc() {
    case("deadlines::a_hanging_endpoint_over_grpc", &[], || {
        // The kernel takes the connections, nobody reads them.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        against_silence(&format!("http://{}", listener.local_addr().unwrap()), Protocol::Grpc);
    });
}

#[test]
fn a_hanging_endpoint_over_http() {
    case("deadlines::a_hanging_endpoint_over_http", &[], || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        against_silence(&format!("http://{}", listener.local_addr().unwrap()), Protocol::HttpProtobuf);
    });
}

#[test]
fn a_guard_that_is_dropped_over_a_silent_backend_says_what_is_wrong_and_what_was_lost() {
    let name = "deadlines::a_guard_that_is_dropped_over_a_silent_backend_says_what_is_wrong_and_what_was_lost";
    let text = case(name, &[], || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let builder = bellwether::builder().endpoint(format!("http://{}", listener.local_addr().unwrap()));
        let guard = builder.shutdown_timeout(Duration::from_millis(200)).init().unwrap();
        tracing::info_span!("lost").in_scope(|| ());
        drop(guard);
    });
    if let Some(text) = text {
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("bellwether::telemetry: ")).collect();
        let [_destinations, cure, account] = lines[..] else { panic!("{text}") };
        assert!(
            cure.contains("WARN")
                && cure.contains("no answer in the time that was left. Is an OpenTelemetry Collector"),
            "{cure}"
        );
        assert!(account.contains("traces: 0 delivered, 1 dropped (deadline 1)"), "{account}");
    }
}

#[test]
fn the_shorter_of_two_time_limits_of_an_export_ends_it_with_a_warning() {
    let name = "deadlines::the_shorter_of_two_time_limits_of_an_export_ends_it_with_a_warning";
    let limits = [("OTEL_BSP_EXPORT_TIMEOUT", "150"), ("OTEL_METRICS_EXPORTER", "none")];
    let text = case(name, &limits, || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let builder = bellwether::builder().endpoint(format!("http://{}", listener.local_addr().unwrap()));
        let guard = builder.init().unwrap();
        tracing::info_span!("lost").in_scope(|| ());
        let report = guard.flush(Duration::from_secs(20));
        assert_eq!(report.traces.dropped, [(Reason::Unreachable, 1)], "{report}");
    });
    assert!(text.is_none_or(|text| text.contains("no answer within 150ms. Is an OpenTelemetry Collector")));
}

#[test]
fn series_at_rest_that_deltas_leave_out_are_no_loss() {
    case("deadlines::series_at_rest_that_deltas_leave_out_are_no_loss", &[], || {
        let receiver = Receiver::http();
        let deltas = [("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")];
        let environment = receiver.variables().into_iter().chain(deltas).collect();
        let guard = bellwether::builder().environment(environment).console(false).init().unwrap();
        tracing::info_span!("once").in_scope(|| ());
        for _ in 0..3 {
            assert!(guard.flush(Duration::from_secs(10)).is_complete());
        }
        let handle = guard.handle();
        let report = guard.shutdown(Duration::from_secs(10));
        assert!(report.is_complete(), "{report}");
        // What is still held when the deadline has passed counts as lost.
        assert_eq!(handle.shutdown(Duration::ZERO), report);
    });
}

#[test]
fn a_refusing_endpoint_ends_the_shutdown_before_its_deadline() {
    case("deadlines::a_refusing_endpoint_ends_the_shutdown_before_its_deadline", &[], || {
        let (took, report) = shut_down(&Receiver::refusing().url, Protocol::HttpProtobuf);
        assert!(took < DEADLINE, "{took:?}");
        everything_is_counted_as_lost(&report);
    });
}

#[test]
fn a_working_endpoint_ends_the_shutdown_long_before_its_deadline() {
    case("deadlines::a_working_endpoint_ends_the_shutdown_long_before_its_deadline", &[], || {
        let receiver = Receiver::grpc();
        let (took, report) = shut_down(&receiver.url, Protocol::Grpc);
        assert!(took < DEADLINE, "{took:?}");
        assert!(report.is_complete(), "{report}");
        assert_eq!((report.traces.delivered, report.logs.delivered), (10, 10), "{report}");
    });
}

#[test]
fn metrics_that_hang_stop_neither_traces_nor_logs() {
    case("deadlines::metrics_that_hang_stop_neither_traces_nor_logs", &[], || {
        let receiver = Receiver::grpc();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = format!("http://{}", silent.local_addr().unwrap());
        let metrics = [("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", silent.as_str()), ("OTEL_METRIC_EXPORT_INTERVAL", "5")];
        let quick = [("OTEL_BSP_SCHEDULE_DELAY", "5"), ("OTEL_BLRP_SCHEDULE_DELAY", "5")];
        let environment = receiver.variables().into_iter().chain(metrics).chain(quick).collect();
        let guard = bellwether::builder().environment(environment).console(false).init().unwrap();
        for sent in 1..=5 {
            tracing::info_span!("sent").in_scope(|| tracing::info!("sent"));
            // Metrics hang, so this ends by its deadline; what is flushed by then is there.
            let report = guard.flush(Duration::from_millis(200));
            assert_eq!((report.traces.delivered, report.logs.delivered), (sent, sent), "{report}");
        }
        let start = Instant::now();
        let report = guard.shutdown(DEADLINE);
        assert!(start.elapsed() < DEADLINE + TOLERANCE, "{:?}", start.elapsed());
        assert_eq!((report.traces.dropped_total(), report.logs.dropped_total()), (0, 0), "{report}");
        assert!(report.metrics.dropped_total() > 0, "{report}");
    });
}

#[test]
fn a_callback_that_never_returns_costs_a_shutdown_no_more_than_its_deadline() {
    case("deadlines::a_callback_that_never_returns_costs_a_shutdown_no_more_than_its_deadline", &[], || {
        let receiver = Receiver::http();
        let environment = receiver.variables().into_iter().collect();
        let guard = bellwether::builder().environment(environment).console(false).init().unwrap();
        let (hang, hung) = std::sync::mpsc::sync_channel::<()>(0);
        let _gauge = opentelemetry::global::meter("meter")
            .u64_observable_gauge("stuck")
            .with_callback(move |gauge| gauge.observe(u64::from(hang.send(()).is_ok()), &[]))
            .build();
        tracing::info_span!("lost").in_scope(|| ());
        let start = Instant::now();
        let report = guard.shutdown(DEADLINE);
        assert!(start.elapsed() < DEADLINE + TOLERANCE, "{:?}", start.elapsed());
        assert_eq!(report.traces.delivered + report.traces.dropped_total(), 1, "{report}");
        drop(hung);
    });
}
