//! Values of the host whose `Debug` panics, logs, or opens spans.

use std::fmt;
use std::time::Duration;

use tracing::{info, info_span};

use crate::process::case;
use crate::receiver::Receiver;

struct Panics;

impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("the Debug of a test");
    }
}

struct Logs;

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info_span!("of debug").in_scope(|| info!("of debug"));
        tracing::Span::current().record("later", "of debug");
        f.write_str("Logs")
    }
}

#[test]
fn a_debug_that_panics_or_logs_neither_hangs_nor_ends_the_host() {
    let name = "hostile::a_debug_that_panics_or_logs_neither_hangs_nor_ends_the_host";
    let written = case(name, &[("RUST_LOG", "info")], || {
        // A deadlock must not hold the tests up.
        #[cfg(unix)]
        // SAFETY: it only sets a timer.
        #[expect(unsafe_code, reason = "std has no alarm")]
        unsafe {
            libc::alarm(20);
        }
        let receiver = Receiver::grpc();
        std::panic::set_hook(Box::new(|_| ()));
        let environment = receiver.variables().into_iter().chain([("RUST_LOG", "info")]).collect();
        let guard = bellwether::builder().environment(environment).init().unwrap();
        for _ in 0..3 {
            let span = info_span!("hostile", logs = ?Logs, panics = ?Panics, later = tracing::field::Empty);
            span.in_scope(|| {
                span.record("later", tracing::field::debug(Logs));
                info!(logs = ?Logs, "it logs");
                info!(panics = ?Panics, "it panics");
                span.record("later", tracing::field::debug(Panics));
                info!("still here");
            });
        }
        let report = guard.shutdown(Duration::from_secs(10));
        assert!(report.is_complete(), "{report}");
        assert_eq!(receiver.span_names().iter().filter(|name| *name == "hostile").count(), 3);
        let calls = calls_of_hostile(&receiver);
        assert_eq!(calls, 3);
    });
    let Some(written) = written else { return };
    assert_eq!(written.matches("still here").count(), 3, "{written}");
    assert_eq!(written.matches("it logs").count(), 3, "{written}");
    assert!(written.contains("(unreadable)"), "{written}");
}

/// Calls of `hostile` in the last export that was no stale marker.
fn calls_of_hostile(receiver: &Receiver) -> i64 {
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;

    let metrics = receiver.metrics();
    let sums = metrics.iter().filter(|metric| metric.name == "traces.span.metrics.calls");
    let points = sums.flat_map(|metric| match &metric.data {
        Some(Data::Sum(sum)) => sum.data_points.clone(),
        _ => Vec::new(),
    });
    let of_hostile = points.filter(|point| format!("{point:?}").contains("hostile"));
    of_hostile
        .filter_map(|point| if let Some(Value::AsInt(calls)) = point.value { Some(calls) } else { None })
        .max()
        .unwrap_or(0)
}
