//! The tracer that tracing-opentelemetry starts its spans with.
//!
//! tracing-opentelemetry keeps a span as a builder until it must exist (it is entered, asked for its context, has a
//! child, or closes), so that a remote parent can still be set. [`GateTracer`] stands at both ends of that wait: it fills
//! the builder with what was recorded until the span was handed over, and when the span starts it gives the span the ids
//! and the start that it has here, and writes back what came of it.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::{self, Event, Link, SpanBuilder, SpanContext, SpanKind, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{SdkTracer, Span, SpanData};

use super::active::raise_status;
use super::ids;
use super::provider::Traces;
use super::recorder::{Recorder, SCOPE};
use super::recording::Recording;
use super::spans::Slot;

/// Key of the first attribute of a builder of ours; its value is the span's id. It never leaves the tracer.
const MARK: &str = "bellwether.span";

/// What a span that is handed over brings for the builder that tracing-opentelemetry is about to ask for.
#[derive(Debug)]
pub(super) struct Prepared {
    name: Option<Cow<'static, str>>,
    kind: SpanKind,
    /// The first one is the mark.
    attributes: Vec<KeyValue>,
    events: Vec<Event>,
    links: Vec<Link>,
}

// Taken and put back whole; no foreign code runs meanwhile.
thread_local! {
    static PREPARED: Cell<Option<Prepared>> = const { Cell::new(None) };
}

impl Prepared {
    /// For the span with this id, of which nothing is known but its kind.
    pub(super) fn new(span: u64, kind: SpanKind) -> Self {
        let mark = KeyValue::new(MARK, span.cast_signed());
        Self { name: None, kind, attributes: vec![mark], events: Vec::new(), links: Vec::new() }
    }

    /// What was recorded so far.
    pub(super) fn take(&mut self, data: SpanData) {
        self.name = Some(data.name);
        self.kind = data.span_kind;
        self.attributes.extend(data.attributes);
        self.events = data.events.events;
        self.links = data.links.links;
    }

    /// Runs `f`, which opens the span in tracing-opentelemetry, so that its builder is filled with this.
    pub(super) fn scope<R>(self, f: impl FnOnce() -> R) {
        if PREPARED.try_with(|prepared| prepared.set(Some(self))).is_ok() {
            f();
            drop(PREPARED.try_with(Cell::take));
        }
    }
}

/// See the module.
pub(super) struct GateTracer {
    tracer: SdkTracer,
    recorder: Arc<Recorder>,
}

impl GateTracer {
    pub(super) fn new(traces: &Traces, recorder: &Arc<Recorder>) -> Self {
        Self { tracer: traces.provider().tracer(SCOPE), recorder: Arc::clone(recorder) }
    }

    fn span(&self, span: Span, id: u64, status: trace::Status) -> GateSpan {
        GateSpan { span, id, status, recorder: Arc::clone(&self.recorder) }
    }
}

impl Tracer for GateTracer {
    type Span = GateSpan;

    fn span_builder<T: Into<Cow<'static, str>>>(&self, name: T) -> SpanBuilder {
        match PREPARED.try_with(Cell::take) {
            Ok(Some(Prepared { name: own_name, kind, attributes, events, links })) => SpanBuilder {
                span_kind: Some(kind),
                attributes: Some(attributes),
                events: Some(events),
                links: Some(links),
                ..SpanBuilder::from_name(own_name.unwrap_or_else(|| name.into()))
            },
            _ => SpanBuilder::from_name(name),
        }
    }

    fn build_with_context(&self, mut builder: SpanBuilder, parent: &Context) -> GateSpan {
        let Some(id) = take_mark(&mut builder) else {
            return self.span(self.tracer.build_with_context(builder, parent), 0, trace::Status::Unset);
        };
        let Some(live) = self.recorder.core.spans.find(id) else {
            return self.span(self.tracer.build_with_context(builder, parent), id, trace::Status::Unset);
        };
        let handed = |recording: &mut Recording| {
            let handed = recording.handed.as_mut()?;
            Some((handed.start, std::mem::take(&mut handed.status)))
        };
        let (start, status) = self.recorder.records.with(id, handed).flatten().unwrap_or_default();
        builder.start_time = start.or(builder.start_time);
        let (trace_id, span_id) = live.slot.ids();
        let span = ids::with_pending(trace_id, span_id, || self.tracer.build_with_context(builder, parent));
        let context = trace::Span::span_context(&span);
        live.slot.set_decision(context.is_sampled());
        if context.is_valid() && context.trace_id() != trace_id {
            // The parent came after the span was opened: by `set_parent`.
            live.slot.set_ids(context.trace_id(), context.span_id());
            live.slot.set_flags(Slot::ADOPTED);
        }
        self.span(span, id, status)
    }
}

fn take_mark(builder: &mut SpanBuilder) -> Option<u64> {
    let attributes = builder.attributes.as_mut()?;
    match attributes.first()? {
        KeyValue { key, value: Value::I64(id), .. } if key.as_str() == MARK => {
            let id = id.cast_unsigned();
            attributes.remove(0);
            Some(id)
        }
        _ => None,
    }
}

/// A span of the SDK that tells the side table when its status is set, and lives in a test's time if there is one.
pub(super) struct GateSpan {
    span: Span,
    /// 0 when the span is not one of the side table's.
    id: u64,
    /// The status that the span had when it was handed over; one that was given since then takes its place.
    status: trace::Status,
    recorder: Arc<Recorder>,
}

impl GateSpan {
    /// The time of a manual clock, else the time given.
    fn time(&self, given: SystemTime) -> SystemTime {
        if self.recorder.core.clock.is_manual() { self.recorder.now() } else { given }
    }

    /// When a span that was opened here ended.
    fn end_time(&self) -> Option<SystemTime> {
        let now = self.recorder.core.clock.ticks();
        let end =
            |recording: &mut Recording| recording.handed.as_ref()?.start.map(|start| recording.end_time(start, now));
        self.recorder.records.with(self.id, end).flatten()
    }
}

impl fmt::Debug for GateSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GateSpan").field(&self.span).finish()
    }
}

impl trace::Span for GateSpan {
    fn add_event_with_timestamp<T>(&mut self, name: T, timestamp: SystemTime, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        self.span.add_event_with_timestamp(name, self.time(timestamp), attributes);
    }

    fn span_context(&self) -> &SpanContext {
        self.span.span_context()
    }

    fn is_recording(&self) -> bool {
        self.span.is_recording()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.span.set_attribute(attribute);
    }

    fn set_status(&mut self, status: trace::Status) {
        // Whoever starts a span sets its status first of all.
        let before = std::mem::take(&mut self.status);
        let status = if status == trace::Status::Unset { before } else { status };
        if let Some(live) = self.recorder.core.spans.find(self.id) {
            raise_status(live, &status);
        }
        self.span.set_status(status);
    }

    fn update_name<T: Into<Cow<'static, str>>>(&mut self, name: T) {
        self.span.update_name(name);
    }

    fn add_link(&mut self, context: SpanContext, attributes: Vec<KeyValue>) {
        self.span.add_link(context, attributes);
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        let end = self.end_time().unwrap_or_else(|| self.time(timestamp));
        self.span.end_with_timestamp(end);
    }
}
