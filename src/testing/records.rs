//! Spans and log records as a test wants to read them, and where they are kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::logs::{AnyValue, Severity};
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::SdkLogRecord;
use opentelemetry_sdk::trace::{self, SpanData, SpanProcessor};

use crate::clock::Timestamp;
use crate::layer::{LogSink, Written};
use crate::model::Attributes;

/// Items of a kind that a capture keeps; a test that makes more sees the first ones.
const LIMIT: usize = 100_000;

/// A sampled span that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: SpanKind,
    /// Its status.
    pub status: Status,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// The span it was opened in, local or remote.
    pub parent: Option<SpanId>,
    /// Whether the parent lives in another process.
    pub parent_is_remote: bool,
    /// When it was opened.
    pub start: Timestamp,
    /// When it was closed.
    pub end: Timestamp,
    /// Its attributes.
    pub attributes: Attributes,
    /// Events within it, in their order.
    pub events: Vec<SpanEvent>,
    /// Spans that it follows from.
    pub links: Vec<(TraceId, SpanId)>,
}

/// An event within a span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanEvent {
    /// Its message.
    pub name: String,
    /// Its fields.
    pub attributes: Attributes,
}

impl Span {
    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.get(key)
    }

    /// Whether its status says error.
    pub fn is_error(&self) -> bool {
        matches!(self.status, Status::Error { .. })
    }

    /// From start to end, by the capture's clock.
    pub fn duration(&self) -> Duration {
        self.end.since(self.start)
    }
}

impl From<SpanData> for Span {
    fn from(span: SpanData) -> Self {
        let event = |event: opentelemetry::trace::Event| SpanEvent {
            name: event.name.into_owned(),
            attributes: Attributes::new(event.attributes),
        };
        Self {
            name: span.name.into_owned(),
            kind: span.span_kind,
            status: span.status,
            trace_id: span.span_context.trace_id(),
            span_id: span.span_context.span_id(),
            parent: (span.parent_span_id != SpanId::INVALID).then_some(span.parent_span_id),
            parent_is_remote: span.parent_span_is_remote,
            start: span.start_time.into(),
            end: span.end_time.into(),
            attributes: Attributes::new(span.attributes),
            events: span.events.events.into_iter().map(event).collect(),
            links: span.links.links.iter().map(|l| (l.span_context.trace_id(), l.span_context.span_id())).collect(),
        }
    }
}

/// An event as a log record.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// How grave.
    pub severity: Option<Severity>,
    /// The message; empty when the event has none.
    pub message: String,
    /// The target of the event.
    pub target: String,
    /// Its fields.
    pub attributes: Vec<(String, AnyValue)>,
    /// When it was written.
    pub time: Option<Timestamp>,
    /// The trace and span it was written in.
    pub span: Option<(TraceId, SpanId)>,
}

impl Log {
    /// The value of a field.
    pub fn attribute(&self, key: &str) -> Option<&AnyValue> {
        self.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

impl From<&SdkLogRecord> for Log {
    fn from(record: &SdkLogRecord) -> Self {
        let message = match record.body() {
            Some(AnyValue::String(text)) => text.as_str().to_owned(),
            Some(other) => format!("{other:?}"),
            None => String::new(),
        };
        Self {
            severity: record.severity_number(),
            message,
            target: record.target().map(|target| target.clone().into_owned()).unwrap_or_default(),
            attributes: record.attributes_iter().map(|(key, value)| (key.as_str().to_owned(), value.clone())).collect(),
            time: record.timestamp().or_else(|| record.observed_timestamp()).map(Timestamp::from),
            span: record.trace_context().map(|context| (context.trace_id, context.span_id)),
        }
    }
}

/// Keeps what the SDK hands over; clones share it.
#[derive(Debug)]
pub(super) struct Kept<T>(Arc<Mutex<Vec<T>>>);

impl<T> Kept<T> {
    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, item: T) {
        let mut items = self.lock();
        if items.len() < LIMIT {
            items.push(item);
        }
    }
}

impl<T: Clone> Kept<T> {
    pub(super) fn all(&self) -> Vec<T> {
        self.lock().clone()
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl SpanProcessor for Kept<Span> {
    fn on_start(&self, _: &mut trace::Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.push(span.into());
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl LogSink for Kept<Log> {
    fn put(&self, written: Written) {
        self.push((&written.into_record()).into());
    }
}
