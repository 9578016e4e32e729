//! Families of metrics where traces are made as well: callers in other processes, and the way from a number to its trace.

use std::time::Duration;

use bellwether::config::Family;
use bellwether::model::{Data, Metric};
use bellwether::testing::{Capture, builder};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

const REQUESTS: &str = "traces_service_graph_request_total";

fn capture(ratio: f64, families: impl IntoIterator<Item = Family>) -> Capture {
    builder().sampling_ratio(ratio).families(families).build()
}

/// What a request from elsewhere brings.
fn caller(sampled: bool) -> Context {
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (trace, span) = (TraceId::from(7_u128), SpanId::from(9_u64));
    Context::new().with_remote_span_context(SpanContext::new(trace, span, flags, true, TraceState::NONE))
}

fn server() -> Span {
    info_span!("GET /", otel.kind = "server")
}

/// The caller of every edge, once.
fn callers(capture: &Capture) -> Vec<String> {
    let Some(Metric { data: Data::Sum { points, .. }, .. }) = capture.metric(REQUESTS) else { return Vec::new() };
    points.iter().filter_map(|point| point.attributes.get("client").map(ToString::to_string)).collect()
}

#[test]
fn a_request_from_another_process_is_no_users_whether_its_trace_is_sampled_or_not() {
    for sampled in [true, false] {
        for ratio in [0.0, 1.0] {
            let capture = capture(ratio, [Family::ServiceGraph]);
            capture.scope(|| {
                let attached = caller(sampled).attach();
                drop(server());
                drop(attached);
                let span = server();
                assert!(span.set_parent(caller(sampled)).is_ok());
                drop(span);
                info_span!("timer").in_scope(|| drop(server()));
            });
            assert_eq!(callers(&capture), Vec::<String>::new(), "sampled {sampled}, ratio {ratio}");
            capture.scope(|| drop(server()));
            assert_eq!(callers(&capture), ["user"], "sampled {sampled}, ratio {ratio}");
            assert_eq!(capture.calls("GET /"), 4);
        }
    }
}

#[test]
fn exemplars_of_every_family_lead_to_the_span_that_was_measured_in_the_familys_own_unit() {
    let capture = capture(1.0, Family::ALL);
    capture.scope(|| {
        let span = info_span!(
            "GET",
            otel.kind = "client",
            http.request.method = "GET",
            server.address = "pay.example.com",
            server.port = 443
        );
        span.in_scope(|| capture.advance(Duration::from_millis(30)));
    });
    let span = &capture.spans()[0];
    for (metric, expected) in [
        ("traces.span.metrics.duration", 30.0),
        ("traces_spanmetrics_latency", 0.03),
        ("traces_service_graph_request_client_seconds", 0.03),
        ("http.client.request.duration", 0.03),
    ] {
        let found = capture.metric(metric).unwrap_or_else(|| panic!("no {metric}"));
        let Data::Histogram { points, .. } = found.data else { panic!("{metric} is no histogram") };
        let [point] = points.as_slice() else { panic!("{metric}: {points:?}") };
        let [exemplar] = point.exemplars.as_slice() else { panic!("{metric}: {point:?}") };
        assert_eq!((exemplar.trace_id, exemplar.span_id), (span.trace_id, span.span_id), "{metric}");
        assert!((exemplar.value.as_f64() - expected).abs() < 1e-12, "{metric}: {exemplar:?}");
        let sum = point.value.sum.unwrap_or_default();
        assert!((sum - expected).abs() < 1e-12 && point.value.count == 1, "{metric}: {point:?}");
    }
    let port = KeyValue::new("server.port", 443);
    assert!(capture.value("http.client.request.duration", &[port]).is_some());
}

#[test]
fn spans_on_many_threads_are_all_counted_in_every_family() {
    let capture = capture(0.01, Family::ALL);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                capture.scope(|| {
                    for number in 0..500 {
                        let peer = if number % 2 == 0 { "a" } else { "b" };
                        drop(info_span!(
                            "GET",
                            otel.kind = "client",
                            http.request.method = "GET",
                            server.address = peer
                        ));
                    }
                });
            });
        }
    });
    for peer in ["a", "b"] {
        let edge = [KeyValue::new("server", peer)];
        assert_eq!(capture.value(REQUESTS, &edge), Some(1_000.0));
        let Some(Metric { data: Data::Histogram { points, .. }, .. }) = capture.metric("http.client.request.duration")
        else {
            panic!("no histogram")
        };
        let of_peer = points.iter().filter(|point| point.attributes.get("server.address") == Some(&peer.into()));
        assert_eq!(of_peer.map(|point| point.value.count).sum::<u64>(), 1_000);
    }
    let calls = [KeyValue::new("span_name", "GET")];
    assert_eq!(capture.value("traces_spanmetrics_calls_total", &calls), Some(2_000.0));
}
