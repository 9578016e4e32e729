//! Two exporters for one signal: `otlp,console`.

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::LogBatch;
use opentelemetry_sdk::trace::SpanData;

use super::Exported;
use super::console::Console;
use crate::model::Snapshot;

/// Shows on the console what another exporter sends, before it sends it. Only the other one's account counts.
#[derive(Debug)]
pub struct Beside<E> {
    exporter: E,
    console: Console,
}

impl<E> Beside<E> {
    /// `console` must not share the other's account: each item would be counted twice.
    pub fn new(exporter: E, console: Console) -> Self {
        Self { exporter, console }
    }
}

impl<E: opentelemetry_sdk::trace::SpanExporter> opentelemetry_sdk::trace::SpanExporter for Beside<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        // A console that nobody reads is no reason not to send.
        drop(self.console.spans(&batch));
        self.exporter.export(batch).await
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: opentelemetry_sdk::logs::LogExporter> opentelemetry_sdk::logs::LogExporter for Beside<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        drop(self.console.logs(&batch));
        self.exporter.export(batch).await
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: super::MetricExporter> super::MetricExporter for Beside<E> {
    fn export<'a>(&'a mut self, snapshot: &'a Snapshot) -> Exported<'a> {
        drop(self.console.metrics(snapshot));
        self.exporter.export(snapshot)
    }
}
