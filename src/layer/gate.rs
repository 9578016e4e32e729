//! Decides which spans are recorded, and records them.
//!
//! Sampling inside the SDK costs nearly as much for a span that is dropped as for one that is kept, because the span is
//! built before the sampler runs. The gate decides first, from the side table, and a span that it drops costs a
//! random number and a few flags. A sampled one is recorded here, as tracing-opentelemetry would have recorded it, and
//! tracing-opentelemetry gets it only when somebody asks for it there (see [`super::ecosystem`]). What must hold all the
//! same:
//!
//! * A root, and any span that talks to another process, may get a remote parent by `set_parent` until it starts, which
//!   decides anew. Until then it is recorded whatever the sampler said.
//! * A span that talks to another process (any kind but internal) is active while it is entered although its trace is
//!   not sampled, so that `traceparent` goes out with the right trace id and `sampled=0`.
//! * A parent that was dropped still is one: its children get it from the side table.

use std::any::TypeId;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt, TraceId};
use tracing::{Dispatch, Event};
use tracing_core::span::{Attributes, Id, Record};

use super::Config;
use super::active::{self, ActiveSpan, Entered};
use super::attributes::{Kind, Read};
use super::callsite::Callsite;
use super::composite::Opened;
use super::draft::DraftReader;
use super::ecosystem::Ecosystem;
use super::handle::Core;
use super::ids;
use super::pool;
use super::provider::Traces;
use super::recorder::Recorder;
use super::recording::{Activity, add_link};
use super::sampler::Rule;
use super::span_events::{self, SpanEvent};
use super::spans::{Live, Slot};
use super::suppress::{self, Active, Ambient};
use super::values::Fields;

/// The sampling gate and what it lets through.
pub(super) struct Gate {
    recorder: Arc<Recorder>,
    ecosystem: Arc<Ecosystem>,
    rule: Rule,
}

/// Where a span's trace comes from.
#[derive(Clone, Copy)]
struct Parent<'a> {
    trace_id: TraceId,
    sampled: bool,
    source: Source<'a>,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    /// The active span of OpenTelemetry's current context.
    Current,
    /// A span that is not, because it was dropped or is not entered.
    Span(Live<'a>),
}

/// What was decided about a span that is opened.
#[derive(Clone, Copy)]
struct Decision<'a> {
    parent: Option<Parent<'a>>,
    sampled: bool,
}

impl Gate {
    pub(super) fn new(config: &Config, traces: &Traces, core: &Arc<Core>) -> Self {
        let recorder = Arc::new(Recorder::new(config, traces, core));
        Self { ecosystem: Ecosystem::new(traces, &recorder), recorder, rule: Rule::new(&config.sampler) }
    }

    fn core(&self) -> &Core {
        &self.recorder.core
    }

    fn entry(&self, span: Live<'_>) -> Entered {
        Entered { id: span.id(), layer: self.core().layer }
    }

    pub(super) fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.ecosystem.on_register_dispatch(dispatch);
    }

    #[inline]
    pub(super) fn on_new_span(&self, attributes: &Attributes<'_>, opened: Opened<'_>, ambient: Ambient) {
        let Opened { live, callsite, .. } = opened;
        if self.follows_dropped(opened, ambient) {
            return;
        }
        let parent = self.find_parent(attributes, opened.parent, ambient);
        let trace_id = parent.map_or_else(ids::trace_id, |parent| parent.trace_id);
        live.slot.set_trace_id(trace_id);
        let sampled = self.rule.samples(parent.map(|parent| parent.sampled), trace_id);
        let kind = if callsite.meanings.has_kind { kind_of(attributes) } else { SpanKind::Internal };
        // Whether it is to be OpenTelemetry's active span while it is entered.
        let is_active = sampled || kind != SpanKind::Internal || is_aside(attributes, trace_id, ambient);
        if (parent.is_some() && !is_active) || !suppress::is_alive() {
            live.slot.set_flags_while_opening(Slot::DECIDED | Slot::IDS_KNOWN);
            return;
        }
        let predicted = if sampled { Slot::SAMPLED } else { 0 };
        let adopted = if parent.is_some() && opened.parent.is_none() { Slot::ADOPTED } else { 0 };
        live.slot.set_flags_while_opening(Slot::RECORDED | Slot::IDS_KNOWN | predicted | adopted);
        if is_active {
            self.record(attributes, opened, kind, Decision { parent, sampled });
        } else {
            self.wait(attributes, live);
        }
    }

    /// Drops a span as its parent was, if that is all there is to it: nearly all spans of a service that samples few
    /// traces end here.
    #[inline]
    fn follows_dropped(&self, Opened { live, parent, callsite }: Opened<'_>, ambient: Ambient) -> bool {
        let Some(parent) = parent.filter(|_| ambient == Ambient::Empty) else { return false };
        let flags = Slot::RECORDED | Slot::SAMPLED | Slot::DECIDED;
        let follows =
            parent.slot.flags(flags) == Slot::DECIDED && self.rule.follows_parent() && !callsite.meanings.has_kind;
        if follows {
            live.slot.take_trace_id_of(parent.slot);
            live.slot.set_flags_while_opening(Slot::DECIDED | Slot::IDS_KNOWN);
        }
        follows
    }

    /// The parent by tracing-opentelemetry's rules: an explicit one, else OpenTelemetry's current context, which a span
    /// that was entered is part of, unless the gate dropped it.
    #[inline]
    fn find_parent<'a>(
        &self,
        attributes: &Attributes<'_>,
        parent: Option<Live<'a>>,
        ambient: Ambient,
    ) -> Option<Parent<'a>> {
        match (parent, ambient) {
            (_, Ambient::Active(active)) if attributes.is_contextual() => {
                let Active { trace_id, sampled, .. } = active;
                Some(Parent { trace_id, sampled, source: Source::Current })
            }
            (None, _) => None,
            (Some(span), _) => {
                if span.slot.flags(Slot::RECORDED | Slot::DECIDED) == Slot::RECORDED {
                    self.start(span);
                }
                let sampled = span.slot.flags(Slot::SAMPLED) != 0;
                Some(Parent { trace_id: span.slot.ids().0, sampled, source: Source::Span(span) })
            }
        }
    }

    /// Begins to record a span.
    fn record(&self, attributes: &Attributes<'_>, opened: Opened<'_>, kind: SpanKind, decision: Decision<'_>) {
        let recorder = &*self.recorder;
        let mut read = Read::with_details(opened.callsite.metadata, recorder.details);
        attributes.record(&mut recorder.span_reader(opened.callsite, &mut read));
        read.kind = Some(kind);
        let open = |base: &Context, parent: SpanContext| self.open(opened, read, decision, base, parent);
        match decision.parent.map(|parent| parent.source) {
            None if attributes.is_contextual() => Context::map_current(|current| open(current, SpanContext::NONE)),
            None => open(&Context::new(), SpanContext::NONE),
            Some(Source::Current) => {
                Context::map_current(|current| open(current, current.span().span_context().clone()));
            }
            Some(Source::Span(span)) => {
                // The trace state and baggage of a parent that was dropped are those of its nearest ancestor that was
                // not; but baggage that the host attached without a span is its answer.
                let base = if attributes.is_contextual() && has_baggage() {
                    Context::current()
                } else {
                    recorder.nearest_context(span).unwrap_or_default()
                };
                open(&base, span_context(span, &base));
            }
        }
    }

    fn open(
        &self,
        Opened { live, callsite, .. }: Opened<'_>,
        read: Read,
        Decision { sampled, .. }: Decision<'_>,
        base: &Context,
        parent: SpanContext,
    ) {
        let recorder = &self.recorder;
        let (time, start) = (recorder.now(), self.core().clock.ticks());
        let data = recorder.data(live, callsite, read, (&parent, sampled), time);
        let span = data.span_context.clone();
        let context = if sampled {
            base.with_span(ActiveSpan::new(recorder, live.id(), span))
        } else {
            base.with_remote_span_context(span)
        };
        let mut recording = pool::take();
        recording.data = Some(data);
        (recording.context, recording.parent, recording.start) = (context, parent, start);
        recording.activity = recorder.details.inactivity.then(|| Box::new(Activity::new(start)));
        recorder.records.insert(live.id(), recording);
    }

    /// Keeps the fields of a root that is not sampled until it starts.
    #[inline]
    fn wait(&self, attributes: &Attributes<'_>, live: Live<'_>) {
        let mut recording = pool::take();
        attributes.record(&mut DraftReader { draft: &mut recording.draft, reader: self.recorder.reader() });
        if attributes.is_contextual() {
            recording.context = Context::current();
        }
        recording.is_active = false;
        recording.is_waiting = true;
        let core = self.core();
        // Metrics have read the clock for this span already.
        recording.start =
            if core.measure.is_some() { live.slot.start.load(Ordering::Relaxed) } else { core.clock.ticks() };
        self.recorder.records.insert(live.id(), recording);
    }

    /// A span's own parent stands from now on. Gives the context that its entering makes current.
    #[inline]
    fn start(&self, span: Live<'_>) -> Option<Context> {
        let is_sampled = span.slot.flags(Slot::SAMPLED) != 0;
        let started = self.recorder.records.with_or_take(span.id(), |recording| {
            if recording.handed.is_some() && !recording.started {
                return Some(None);
            }
            if !recording.is_active {
                return None;
            }
            recording.started = true;
            if !is_sampled && recording.data.is_some() && recording.handed.is_none() {
                recording.data = None;
            }
            if recording.activity.is_some() {
                recording.polled(self.core().clock.ticks(), true);
            }
            Some(Some(recording.context.clone()))
        })?;
        match started {
            Ok(None) => self.ecosystem.start(span),
            // A passing root, as nearly all of them are.
            Err(recording) => {
                span.slot.forget_record();
                pool::give_back(recording);
                None
            }
            Ok(context) => {
                if span.slot.flags(Slot::DECIDED) == 0 {
                    span.slot.set_flags(Slot::DECIDED);
                }
                context
            }
        }
    }

    pub(super) fn on_record(&self, values: &Record<'_>, span: Live<'_>) {
        if !is_recorded(span.slot) {
            return;
        }
        let Some(callsite) = self.core().callsites.of_slot(span.slot) else { return };
        let mut read = Read::default();
        values.record(&mut self.recorder.span_reader(callsite, &mut read));
        let is_own = self.recorder.records.with(span.id(), |recording| {
            let is_own = recording.handed.is_none();
            if is_own {
                self.recorder.write_out(span, callsite, recording);
                recording.update(read, &self.recorder.limits);
            }
            is_own
        });
        if is_own == Some(false) {
            let fields = callsite.metadata.fields();
            let read = Fields::read(self.recorder.reader(), fields.len(), |visit| values.record(visit));
            read.with_value_set(fields, |values| self.ecosystem.record(span, &Record::new(values)));
        }
    }

    pub(super) fn on_follows_from(&self, span: Live<'_>, follows: &Id) {
        // As in tracing-opentelemetry, which would wait for ever for a span that follows itself.
        if !is_recorded(span.slot) || span.id() == follows.into_u64() {
            return;
        }
        let Some(cause) = self.core().spans.find(follows.into_u64()) else { return };
        if cause.slot.flags(Slot::RECORDED | Slot::DECIDED) == Slot::RECORDED {
            self.start(cause);
        }
        let context = self.recorder.nearest_context(cause).unwrap_or_default();
        let link = Link::with_context(span_context(cause, &context));
        let Some(callsite) = self.core().callsites.of_slot(span.slot) else { return };
        let is_own = self.recorder.records.with(span.id(), |recording| {
            self.recorder.write_out(span, callsite, recording);
            if let Some(data) = &mut recording.data {
                add_link(data, link, &self.recorder.limits);
            }
            recording.handed.is_none()
        });
        if is_own == Some(false) {
            self.ecosystem.follows_from(span, follows);
        }
    }

    /// Whether events become events of this span.
    #[inline]
    pub(super) fn wants_event(span: Live<'_>) -> bool {
        is_recorded(span.slot)
    }

    /// An event that [`Gate::wants_event`], with its fields as they were read.
    pub(super) fn on_event(&self, event: &Event<'_>, callsite: &Callsite, fields: &Fields, span: Live<'_>) {
        let recorder = &*self.recorder;
        let Some(owner) = recorder.core.callsites.of_slot(span.slot) else { return };
        let made = SpanEvent::new(callsite, fields, recorder.now(), recorder.details.location);
        let is_own = recorder.records.with(span.id(), |recording| {
            let is_own = recording.handed.is_none();
            if is_own {
                recorder.write_out(span, owner, recording);
                let SpanEvent { event, status, attributes } = made;
                let is_error = span_events::is_error(callsite.metadata);
                recording.add_event(event, is_error, (status, attributes), &recorder.limits);
            }
            is_own
        });
        if is_own == Some(false) {
            let metadata = event.metadata();
            fields.with_value_set(metadata.fields(), |values| {
                self.ecosystem.event(&Event::new_child_of(Id::from_u64(span.id()), metadata, values));
            });
        }
    }

    #[inline]
    pub(super) fn on_enter(&self, span: Live<'_>) {
        if span.slot.flags(Slot::RECORDED) != 0
            && suppress::is_alive()
            && let Some(context) = self.start(span)
        {
            active::enter(self.entry(span), context);
        }
    }

    #[inline]
    pub(super) fn on_exit(&self, span: Live<'_>) {
        if span.slot.flags(Slot::RECORDED) != 0 {
            let now = self.core().clock.ticks();
            self.recorder.records.with(span.id(), |recording| recording.polled(now, false));
            active::exit(self.entry(span));
        }
    }

    /// Called before the metrics read the slot's status.
    #[inline]
    pub(super) fn on_close(&self, span: Live<'_>) {
        if span.slot.flags(Slot::RECORDED) == 0 {
            return;
        }
        let Some(recording) = self.recorder.records.take(span.id()) else { return };
        if recording.handed.is_none() {
            self.recorder.finish(recording);
        } else {
            self.recorder.records.insert(span.id(), recording);
            self.ecosystem.close(span);
        }
    }

    /// What `OpenTelemetrySpanExt` needs of tracing-opentelemetry.
    #[expect(unsafe_code, reason = "the trait's way to find a layer behind a dispatcher")]
    pub(super) unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        // SAFETY: the pointer is to something that lives as long as `self`.
        unsafe { self.ecosystem.downcast_raw(id) }
    }
}

fn has_baggage() -> bool {
    Context::map_current(|current| !current.baggage().is_empty())
}

/// Whether what is recorded on the span may be exported.
#[inline]
fn is_recorded(slot: &Slot) -> bool {
    let flags = slot.flags(Slot::RECORDED | Slot::SAMPLED | Slot::DECIDED);
    flags & Slot::RECORDED != 0 && (flags & Slot::SAMPLED != 0 || flags & Slot::DECIDED == 0)
}

/// What others see of a span; its trace state is that of `context`, if that is of the same trace.
pub(super) fn span_context(span: Live<'_>, context: &Context) -> SpanContext {
    let (trace_id, span_id) = span.slot.ids();
    let known = context.span();
    let known = Some(known.span_context()).filter(|known| known.trace_id() == trace_id);
    let state = known.map(|known| known.trace_state().clone()).unwrap_or_default();
    let flags = known.map(SpanContext::trace_flags).unwrap_or_default();
    SpanContext::new(trace_id, span_id, flags.with_sampled(span.slot.flags(Slot::SAMPLED) != 0), false, state)
}

/// Whether a span is opened in a trace of its own although a span of another trace is active. Such a span must be made
/// active itself when it is entered, or its children would be taken for those of the other trace.
#[inline]
fn is_aside(attributes: &Attributes<'_>, trace_id: TraceId, ambient: Ambient) -> bool {
    !attributes.is_contextual() && matches!(ambient, Ambient::Active(active) if active.trace_id != trace_id)
}

#[cold]
fn kind_of(attributes: &Attributes<'_>) -> SpanKind {
    let mut kind = Kind::default();
    attributes.record(&mut kind);
    kind.0.unwrap_or(SpanKind::Internal)
}
