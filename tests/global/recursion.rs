//! Exporting makes spans and events in h2, hyper and tokio; none of them may become telemetry.

use std::time::Duration;

use crate::process::case;
use crate::receiver::Receiver;

const EVERYTHING: &str = "trace,h2=trace,hyper=trace,hyper_util=trace,tonic=trace,tower=trace,rustls=trace";

fn exactly_the_users_spans(receiver: &Receiver) {
    let environment =
        receiver.variables().into_iter().chain([("BELLWETHER_FILTER", EVERYTHING), ("RUST_LOG", "off")]).collect();
    let guard = bellwether::builder().environment(environment).interval(Duration::from_millis(20)).init().unwrap();
    for _ in 0..20 {
        for _ in 0..10 {
            tracing::info_span!("mine").in_scope(|| tracing::info!("mine"));
        }
        drop(guard.flush(Duration::from_secs(10)));
    }
    let report = guard.shutdown(Duration::from_secs(10));
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.traces.delivered, report.logs.delivered), (200, 200), "{report}");
    assert_eq!(receiver.span_names(), vec!["mine"; 200]);
    assert_eq!(receiver.logs().len(), 200);
}

#[test]
fn exporting_over_grpc_at_trace_gives_exactly_the_users_spans() {
    let name = "recursion::exporting_over_grpc_at_trace_gives_exactly_the_users_spans";
    case(name, &[], || exactly_the_users_spans(&Receiver::grpc()));
}

#[test]
fn exporting_over_http_at_trace_gives_exactly_the_users_spans() {
    let name = "recursion::exporting_over_http_at_trace_gives_exactly_the_users_spans";
    case(name, &[], || exactly_the_users_spans(&Receiver::http()));
}
