//! The tracer that tracing-opentelemetry starts its spans with.
//!
//! tracing-opentelemetry keeps a span as a builder until it must exist (it is entered, asked for its context, has a
//! child, or closes), so that a remote parent can still be set. [`GateTracer`] stands at both ends of that wait: it fills
//! the builder with what the gate read from the host's fields, and when the span starts it gives the span the ids that
//! the side table has, and writes back what came of it.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use opentelemetry::trace::{self, SpanBuilder, SpanContext, SpanKind, Tracer, TracerProvider};
use opentelemetry::{Context, Key, KeyValue, Value};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};

use super::handle::Core;
use super::ids;
use super::spans::Status;
use crate::clock::Timestamp;

/// Name of the instrumentation scope of the host's spans.
const SCOPE: &str = env!("CARGO_PKG_NAME");

/// Key of the first attribute of a builder of ours; its value is the span's id. It never leaves the tracer.
const MARK: &str = "bellwether.span";

/// What the gate read from a span's fields for the builder that tracing-opentelemetry is about to ask for.
#[derive(Debug)]
pub(super) struct Prepared {
    name: Option<Cow<'static, str>>,
    kind: SpanKind,
    /// The first one is the mark.
    attributes: Vec<KeyValue>,
}

// Taken and put back whole; no foreign code runs meanwhile.
thread_local! {
    static PREPARED: Cell<Option<Prepared>> = const { Cell::new(None) };
}

impl Prepared {
    /// For the span with this id; `attributes` more will be added.
    pub(super) fn new(span: u64, kind: SpanKind, attributes: usize) -> Self {
        let mut all = Vec::with_capacity(attributes + 1);
        all.push(KeyValue::new(MARK, span.cast_signed()));
        Self { name: None, kind, attributes: all }
    }

    pub(super) fn set_name(&mut self, name: impl Into<Cow<'static, str>>) {
        self.name = Some(name.into());
    }

    pub(super) fn push(&mut self, key: impl Into<Key>, value: impl Into<Value>) {
        self.attributes.push(KeyValue::new(key, value));
    }

    /// Runs `f`, which opens the span in tracing-opentelemetry, so that its builder is filled with this.
    pub(super) fn scope(self, f: impl FnOnce()) {
        if PREPARED.try_with(|prepared| prepared.set(Some(self))).is_ok() {
            f();
            drop(PREPARED.try_with(Cell::take));
        }
    }
}

/// See the module.
pub(super) struct GateTracer {
    tracer: SdkTracer,
    core: Arc<Core>,
}

impl GateTracer {
    pub(super) fn new(provider: &SdkTracerProvider, core: &Arc<Core>) -> Self {
        Self { tracer: provider.tracer(SCOPE), core: Arc::clone(core) }
    }
}

impl Tracer for GateTracer {
    type Span = GateSpan;

    fn span_builder<T: Into<Cow<'static, str>>>(&self, name: T) -> SpanBuilder {
        match PREPARED.try_with(Cell::take) {
            Ok(Some(Prepared { name: own_name, kind, attributes })) => SpanBuilder {
                span_kind: Some(kind),
                attributes: Some(attributes),
                ..SpanBuilder::from_name(own_name.unwrap_or_else(|| name.into()))
            },
            _ => SpanBuilder::from_name(name),
        }
    }

    fn build_with_context(&self, mut builder: SpanBuilder, parent: &Context) -> GateSpan {
        let Some(id) = take_mark(&mut builder) else {
            return GateSpan::new(self.tracer.build_with_context(builder, parent), 0, &self.core);
        };
        let Some(live) = self.core.spans.find(id) else {
            return GateSpan::new(self.tracer.build_with_context(builder, parent), id, &self.core);
        };
        if self.core.clock.is_manual() {
            let opened = live.slot.start.load(Ordering::Relaxed);
            builder.start_time = Some(Timestamp(opened).into());
        }
        let (trace_id, span_id) = live.slot.ids();
        let span = ids::with_pending(trace_id, span_id, || self.tracer.build_with_context(builder, parent));
        let context = trace::Span::span_context(&span);
        live.slot.set_decision(context.is_sampled());
        if context.is_valid() && context.trace_id() != trace_id {
            live.slot.set_ids(context.trace_id(), context.span_id());
            // The parent came after the span was opened: by `set_parent`.
            if let Some(callsite) = self.core.callsites.of_slot(live.slot) {
                callsite.gate.let_pass();
            }
        }
        GateSpan::new(span, id, &self.core)
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
    core: Arc<Core>,
}

impl GateSpan {
    fn new(span: Span, id: u64, core: &Arc<Core>) -> Self {
        Self { span, id, core: Arc::clone(core) }
    }

    /// The time of a manual clock, else the time given.
    fn time(&self, given: SystemTime) -> SystemTime {
        if self.core.clock.is_manual() { self.core.clock.now().into() } else { given }
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
        let known = match &status {
            trace::Status::Unset => return,
            trace::Status::Ok => Status::Ok,
            trace::Status::Error { .. } => Status::Error,
        };
        if let Some(live) = self.core.spans.find(self.id) {
            live.slot.set_status(known);
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
        self.span.end_with_timestamp(self.time(timestamp));
    }
}
