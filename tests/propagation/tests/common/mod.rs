//! Telemetry as a service has it, whose spans a test reads, and callers that have sampled their trace or not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bellwether::config::Environment;
use http::HeaderMap;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// The trace of the caller.
pub const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// The span of the caller.
pub const CALLER: &str = "00f067aa0ba902b7";

/// Every span that was exported.
#[derive(Debug, Clone, Default)]
struct Exported(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Exported {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

pub struct Telemetry {
    guard: bellwether::Guard,
    exported: Exported,
}

impl Telemetry {
    /// Set up once in a process: the default settings, but for the filter that spans of level TRACE need.
    pub fn start() -> Self {
        let exported = Exported::default();
        let variables = [
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("BELLWETHER_FILTER", "info,otel::tracing=trace"),
        ];
        let guard = bellwether::builder()
            .environment(Environment::from_iter(variables))
            .with_span_exporter(exported.clone())
            .console(false)
            .init()
            .unwrap();
        Self { guard, exported }
    }

    /// The spans since the last call.
    pub fn spans(&self) -> Vec<SpanData> {
        drop(self.guard.handle().flush(Duration::from_secs(5)));
        std::mem::take(&mut *self.exported.0.lock().unwrap())
    }
}

/// Headers of a caller.
pub fn caller(sampled: bool) -> HeaderMap {
    let traceparent = format!("00-{TRACE}-{CALLER}-0{}", u8::from(sampled));
    HeaderMap::from_iter([(http::HeaderName::from_static("traceparent"), traceparent.parse().unwrap())])
}

/// Asserts that what goes out is of the caller's trace with the caller's decision, but not the caller's span; the id of
/// the span that it is.
pub fn goes_on(headers: &HeaderMap, sampled: bool) -> String {
    let traceparent = headers.get("traceparent").expect("context goes out").to_str().unwrap();
    let [version, trace, span, flags] = traceparent.split('-').collect::<Vec<_>>()[..] else { panic!("{traceparent}") };
    assert_eq!((version, trace, flags), ("00", TRACE, if sampled { "01" } else { "00" }), "{traceparent}");
    assert_ne!(span, CALLER);
    span.to_owned()
}
