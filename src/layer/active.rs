//! Recorded spans in OpenTelemetry's current context: whoever asks it for the active span finds the one that is entered.

use std::borrow::Cow;
use std::cell::RefCell;
use std::mem;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::{self, Event, Link, SpanContext, Status};
use opentelemetry::{Context, ContextGuard, KeyValue};

use super::recorder::Recorder;
use super::recording::Change;
use super::spans::{self, Live};

/// A recorded span, as OpenTelemetry's context holds it.
pub(super) struct ActiveSpan {
    recorder: Arc<Recorder>,
    /// The span's id in its subscriber.
    id: u64,
    context: SpanContext,
}

impl ActiveSpan {
    pub(super) fn new(recorder: &Arc<Recorder>, id: u64, context: SpanContext) -> Self {
        Self { recorder: Arc::clone(recorder), id, context }
    }

    /// The span, unless it has closed. Ids come again, but not with the same OpenTelemetry id.
    fn live(&self) -> Option<Live<'_>> {
        self.recorder.core.spans.find(self.id).filter(|live| live.slot.ids().1 == self.context.span_id())
    }

    fn change(&self, change: Change) {
        if let Some(live) = self.live() {
            self.recorder.change(live, change);
        }
    }
}

impl trace::Span for ActiveSpan {
    fn add_event_with_timestamp<T>(&mut self, name: T, timestamp: SystemTime, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        let clock = &self.recorder.core.clock;
        let timestamp = if clock.is_manual() { clock.now().into() } else { timestamp };
        self.change(Change::Event(Event::new(name, timestamp, attributes, 0)));
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        self.live().is_some_and(|live| self.recorder.is_recording(live))
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.change(Change::Attribute(attribute));
    }

    fn set_status(&mut self, status: Status) {
        if let Some(live) = self.live() {
            raise_status(live, &status);
            self.recorder.change(live, Change::Status(status));
        }
    }

    fn update_name<T: Into<Cow<'static, str>>>(&mut self, name: T) {
        self.change(Change::Name(name.into()));
    }

    fn add_link(&mut self, context: SpanContext, attributes: Vec<KeyValue>) {
        self.change(Change::Link(Link::new(context, attributes, 0)));
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        let Some(live) = self.live() else { return };
        let ended = self.recorder.records.with(live.id(), |recording| recording.data.take());
        if let Some(mut data) = ended.flatten().filter(|data| data.span_context.is_sampled()) {
            let clock = &self.recorder.core.clock;
            data.end_time = if clock.is_manual() { clock.now().into() } else { timestamp };
            self.recorder.export(data);
        }
    }
}

/// Tells the metrics of a status that came through the OpenTelemetry API.
pub(super) fn raise_status(live: Live<'_>, status: &Status) {
    match status {
        Status::Unset => {}
        Status::Ok => live.slot.set_status(spans::Status::Ok),
        Status::Error { .. } => live.slot.set_status(spans::Status::Error),
    }
}

/// A span that a thread has entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entered {
    pub(super) id: u64,
    /// The layer that it was entered through.
    pub(super) layer: u32,
}

/// The contexts that a thread has attached for entered spans.
struct Guards(RefCell<Vec<(Entered, ContextGuard)>>);

impl Drop for Guards {
    fn drop(&mut self) {
        // A thread that ends within a span: OpenTelemetry's own stack goes with it.
        mem::take(self.0.get_mut()).into_iter().for_each(mem::forget);
    }
}

thread_local! {
    /// Never borrowed while a context is dropped, which may run code of a span processor.
    static GUARDS: Guards = const { Guards(RefCell::new(Vec::new())) };
}

/// Makes a span's context the current one until [`exit`].
#[inline]
pub(super) fn enter(span: Entered, context: Context) {
    let guard = context.attach();
    // Refused only on a thread that ends; the context then goes at once.
    let _refused = GUARDS.try_with(|guards| guards.0.borrow_mut().push((span, guard)));
}

/// Undoes the last [`enter`] of a span on this thread, wherever it lies.
#[inline]
pub(super) fn exit(span: Entered) {
    let pop = |guards: &Guards| {
        let mut guards = guards.0.borrow_mut();
        if guards.last().is_some_and(|(last, _)| *last == span) {
            return guards.pop();
        }
        let at = guards.iter().rposition(|(entered, _)| *entered == span)?;
        Some(guards.remove(at))
    };
    drop(GUARDS.try_with(pop).ok().flatten());
}
