//! One face for exporters of spans and of log records, ours and anybody's.

use std::fmt::Debug;
use std::pin::Pin;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::foreign::Foreign;
use crate::exporters::MetricExporter;
use crate::internal;
use crate::layer::Written;
use crate::model::Signal;

/// The end of an export.
pub(super) type Exported<'a> = Pin<Box<dyn Future<Output = OTelSdkResult> + Send + 'a>>;

/// Sends batches of items; the object-safe form of the SDK's exporter traits.
pub(super) trait Export<T>: Send + Debug {
    /// Says whom the items belong to.
    fn set_resource(&mut self, resource: &Resource);

    /// Sends a batch. Never called again before the future has ended or was dropped.
    fn export(&mut self, batch: Vec<T>) -> Exported<'_>;

    /// Releases what the exporter holds. No export follows.
    fn shutdown(&mut self);
}

/// Where the pipeline exports to; a signal without an exporter is not queued at all.
#[derive(Debug, Default)]
pub struct Exporters {
    pub(super) spans: Option<Destination<SpanData>>,
    pub(super) logs: Option<Destination<Written>>,
    pub(super) metrics: Option<Box<dyn MetricExporter>>,
}

impl Exporters {
    /// Whether a signal has an exporter already.
    pub fn has(&self, signal: Signal) -> bool {
        match signal {
            Signal::Traces => self.spans.is_some(),
            Signal::Metrics => self.metrics.is_some(),
            Signal::Logs => self.logs.is_some(),
        }
    }

    /// Spans go to an exporter of ours.
    pub fn spans(&mut self, exporter: impl SpanExporter + 'static) {
        self.spans = Some(Destination { exporter: Box::new(Spans(exporter)), foreign: false });
    }

    /// Spans go to an exporter that may block, hang or panic.
    pub fn foreign_spans(&mut self, exporter: impl SpanExporter + 'static) {
        self.spans = Some(Destination { exporter: Box::new(Spans(exporter)), foreign: true });
    }

    /// Log records go to an exporter of ours.
    pub fn logs(&mut self, exporter: impl LogExporter + 'static) {
        self.logs = Some(Destination { exporter: Box::new(Logs(exporter)), foreign: false });
    }

    /// Log records go to an exporter that may block, hang or panic.
    pub fn foreign_logs(&mut self, exporter: impl LogExporter + 'static) {
        self.logs = Some(Destination { exporter: Box::new(Logs(exporter)), foreign: true });
    }

    /// Metrics go to this exporter.
    pub fn metrics(&mut self, exporter: impl MetricExporter + 'static) {
        self.metrics = Some(Box::new(exporter));
    }
}

/// An exporter and where it runs.
#[derive(Debug)]
pub(super) struct Destination<T> {
    exporter: Box<dyn Export<T>>,
    /// On a thread of its own, because it may block, hang or panic. Ours do none of this.
    foreign: bool,
}

impl<T: Debug + Send + 'static> Destination<T> {
    pub(super) fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }

    /// The exporter, on its thread if it needs one; within a runtime, if it is to use one.
    pub(super) fn start(self, signal: Signal) -> Box<dyn Export<T>> {
        if !self.foreign {
            return self.exporter;
        }
        let runtime = tokio::runtime::Handle::try_current().ok();
        Foreign::start(signal, self.exporter, runtime).map_or_else(
            |error| {
                internal::warn(&format!("no thread for the exporter of {signal}: {error}"));
                Box::new(Foreign::stopped()) as Box<dyn Export<T>>
            },
            |foreign| Box::new(foreign) as Box<dyn Export<T>>,
        )
    }
}

/// Spans through the SDK's trait, on the pipeline's own thread.
#[derive(Debug)]
pub(super) struct Spans<E>(pub(super) E);

/// Log records through the SDK's trait, on the pipeline's own thread.
#[derive(Debug)]
pub(super) struct Logs<E>(pub(super) E);

impl<E: SpanExporter> Export<SpanData> for Spans<E> {
    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }

    fn export(&mut self, batch: Vec<SpanData>) -> Exported<'_> {
        Box::pin(self.0.export(batch))
    }

    fn shutdown(&mut self) {
        // What it could not send is in the counters; there is nobody to tell about the rest.
        drop(self.0.shutdown());
    }
}

impl<E: LogExporter> Export<Written> for Logs<E> {
    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }

    fn export(&mut self, batch: Vec<Written>) -> Exported<'_> {
        Box::pin(async move {
            let records: Vec<SdkLogRecord> = batch.into_iter().map(Written::into_record).collect();
            let scope = InstrumentationScope::default();
            let records: Vec<(&SdkLogRecord, &InstrumentationScope)> =
                records.iter().map(|record| (record, &scope)).collect();
            self.0.export(LogBatch::new(&records)).await
        })
    }

    fn shutdown(&mut self) {
        drop(self.0.shutdown());
    }
}
