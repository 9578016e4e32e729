//! Spans and log records through exporters of your own: anything that implements the OpenTelemetry SDK's traits.
//!
//! ```text
//! cargo run --example own_exporter
//! ```

use std::io::Write;
use std::time::Duration;

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tracing::{info, info_span};

/// Writes names to standard output. It runs on a thread of its own, so it may block.
#[derive(Debug)]
struct Names;

impl SpanExporter for Names {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        write_lines(batch.iter().map(|span| format!("span {}", span.name)))
    }
}

impl LogExporter for Names {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        write_lines(batch.iter().map(|(record, _)| format!("log {:?}", record.body())))
    }
}

fn write_lines(lines: impl Iterator<Item = String>) -> OTelSdkResult {
    let mut out = std::io::stdout().lock();
    for line in lines {
        // What is returned as an error counts as lost in the report.
        writeln!(out, "{line}").map_err(|error| OTelSdkError::InternalFailure(error.to_string()))?;
    }
    Ok(())
}

fn main() -> Result<(), bellwether::Error> {
    let telemetry = bellwether::builder().with_span_exporter(Names).with_log_exporter(Names).init()?;
    info_span!("outer").in_scope(|| info_span!("inner").in_scope(|| info!("hello")));
    let report = telemetry.shutdown(Duration::from_secs(5));
    info!("{report}");
    Ok(())
}
