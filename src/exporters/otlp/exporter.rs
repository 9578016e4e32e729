//! The three exporters. Each counts every item as delivered or dropped, once: callers must not count them again. When
//! an export's future is dropped before its end (a deadline), what was left is counted as `Reason::Deadline`.

use std::ops::Range;
use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::LogRecord as _;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, SdkLogRecord};
use opentelemetry_sdk::trace::SpanData;

use super::channel::Channel;
use super::temporality::{Outgoing, Temporality};
use super::{TemporalityPreference, encode};
use crate::clock::Clock;
use crate::exporters::Exported;
use crate::model::{Signal, Snapshot};

/// Sends spans.
#[derive(Debug)]
pub struct SpanExporter {
    channel: Arc<Channel>,
    resource: ResourceAttributesWithSchema,
}

impl SpanExporter {
    pub(super) fn new(channel: Arc<Channel>) -> Self {
        Self { channel, resource: ResourceAttributesWithSchema::default() }
    }
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let total = batch.len();
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let mut taken = Vec::new();
        self.channel.export(ExportTraceServiceRequest { resource_spans }, &mut taken).await;
        result(Signal::Traces, total, &taken)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// Sends log records.
#[derive(Debug)]
pub struct LogExporter {
    channel: Arc<Channel>,
    resource: ResourceAttributesWithSchema,
}

impl LogExporter {
    pub(super) fn new(channel: Arc<Channel>) -> Self {
        Self { channel, resource: ResourceAttributesWithSchema::default() }
    }

    fn request(&self, batch: &LogBatch<'_>) -> ExportLogsServiceRequest {
        let encode = |batch| group_logs_by_resource_and_scope(batch, &self.resource);
        // The transformation panics at a record without an observed time; the SDK's logger always sets one, others may not.
        let resource_logs = if batch.iter().all(|(record, _)| record.observed_timestamp().is_some()) {
            encode(batch)
        } else {
            let observed = with_observed_time(batch, &self.channel.clock);
            let borrowed: Vec<_> = observed.iter().map(|(record, scope)| (record, *scope)).collect();
            encode(&LogBatch::new(&borrowed))
        };
        ExportLogsServiceRequest { resource_logs }
    }
}

impl opentelemetry_sdk::logs::LogExporter for LogExporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let total = batch.iter().count();
        let request = self.request(&batch);
        let mut taken = Vec::new();
        self.channel.export(request, &mut taken).await;
        result(Signal::Logs, total, &taken)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

fn with_observed_time<'a>(batch: &'a LogBatch<'_>, clock: &Clock) -> Vec<(SdkLogRecord, &'a InstrumentationScope)> {
    let now = clock.now().into();
    let observed = |(record, scope): (&SdkLogRecord, &'a InstrumentationScope)| {
        let mut record = record.clone();
        record.set_observed_timestamp(record.observed_timestamp().unwrap_or(now));
        (record, scope)
    };
    batch.iter().map(observed).collect()
}

/// Sends metrics.
#[derive(Debug)]
pub struct MetricExporter {
    channel: Arc<Channel>,
    temporality: Temporality,
}

impl MetricExporter {
    pub(super) fn new(channel: Arc<Channel>, preference: TemporalityPreference) -> Self {
        Self { channel, temporality: Temporality::new(preference) }
    }
}

impl crate::exporters::MetricExporter for MetricExporter {
    fn export<'a>(&'a mut self, snapshot: &'a Snapshot) -> Exported<'a> {
        Box::pin(async move {
            let outgoing = self.temporality.outgoing(snapshot);
            let request = encode::request(&outgoing.snapshot);
            let mut told = Told { temporality: &mut self.temporality, outgoing: Some(outgoing), taken: Vec::new() };
            self.channel.export(request, &mut told.taken).await;
        })
    }
}

/// Remembers what the backend took, however the export ends: of one that was cut and then stopped, the parts that were
/// delivered must not be told again.
struct Told<'a> {
    temporality: &'a mut Temporality,
    outgoing: Option<Outgoing<'a>>,
    taken: Vec<Range<usize>>,
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if let Some(outgoing) = self.outgoing.take() {
            self.temporality.taken(outgoing, &self.taken);
        }
    }
}

fn result(signal: Signal, total: usize, taken: &[Range<usize>]) -> OTelSdkResult {
    let lost = total - taken.iter().map(ExactSizeIterator::len).sum::<usize>();
    match lost {
        0 => Ok(()),
        _ => Err(OTelSdkError::InternalFailure(format!("{lost} of {total} items of {signal} were lost"))),
    }
}
