//! The three exporters. Each counts every item as delivered or dropped, once: callers must not count them again. When
//! an export's future is dropped before its end (a deadline), what was left is counted as `Reason::Deadline`.

use std::sync::Arc;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::LogBatch;
use opentelemetry_sdk::trace::SpanData;

use crate::exporters::Exported;
use crate::internal::Internal;
use crate::model::{Reason, Signal, Snapshot};

/// Sends spans.
#[derive(Debug)]
pub struct SpanExporter {
    pub(super) internal: Arc<Internal>,
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.internal.dropped(Signal::Traces, Reason::Unreachable, batch.len() as u64);
        Ok(())
    }

    fn set_resource(&mut self, _resource: &Resource) {}
}

/// Sends log records.
#[derive(Debug)]
pub struct LogExporter {
    pub(super) internal: Arc<Internal>,
}

impl opentelemetry_sdk::logs::LogExporter for LogExporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.internal.dropped(Signal::Logs, Reason::Unreachable, batch.iter().count() as u64);
        Ok(())
    }

    fn set_resource(&mut self, _resource: &Resource) {}
}

/// Sends metrics.
#[derive(Debug)]
pub struct MetricExporter {
    pub(super) internal: Arc<Internal>,
}

impl crate::exporters::MetricExporter for MetricExporter {
    fn export<'a>(&'a mut self, snapshot: &'a Snapshot) -> Exported<'a> {
        Box::pin(async move {
            let points: usize = snapshot.metrics().map(|metric| metric.data.len()).sum();
            self.internal.dropped(Signal::Metrics, Reason::Unreachable, points as u64);
        })
    }
}
