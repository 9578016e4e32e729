//! Spans that the ecosystem of tracing-opentelemetry asks for.
//!
//! Spans are recorded here, which costs a fraction of what tracing-opentelemetry takes. What it alone can do is answer
//! `OpenTelemetrySpanExt` and `get_otel_context`: they look for data that it keeps with a span in the subscriber that it
//! serves. So it serves one that only we know, the [`Shelf`]: when it looks a span up there, the span is handed over with
//! its ids, its start, and all that was recorded until then, and is tracing-opentelemetry's from then on.

use std::any::TypeId;
use std::cell::RefCell;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, Status, TraceContextExt};
use tracing::dispatcher::WeakDispatch;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};
use tracing_core::callsite::Callsite;
use tracing_core::field::FieldSet;
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Interest, Kind};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::layer::{Layer, Layered};
use tracing_subscriber::registry::{Data, LookupSpan, Registry};

use super::attributes::LOCATION;
use super::gate::span_context;
use super::provider::Traces;
use super::recorder::Recorder;
use super::recording::{Handed, Recording};
use super::spans::{Live, Slot};
use super::stack;
use super::suppress;
use super::tracer::{GateTracer, Prepared};

/// tracing-opentelemetry over its shelf.
type Stack = Layered<OpenTelemetryLayer<Shelf, GateTracer>, Shelf>;

/// tracing-opentelemetry, for spans that were handed over.
pub(super) struct Ecosystem {
    stack: Stack,
    recorder: Arc<Recorder>,
    /// The dispatcher that the layer serves: the only way to a span's context is through one.
    dispatch: OnceLock<WeakDispatch>,
    /// Held while a record is made for a span that was dropped.
    reviving: Mutex<()>,
}

/// The subscriber that tracing-opentelemetry serves: places for data of spans, by the spans' own ids.
pub(super) struct Shelf {
    ecosystem: Weak<Ecosystem>,
    /// Keeps places. Only their extensions are used, and a place that is free again is used again: a registry within
    /// the callbacks of another does not free its spans.
    places: Registry,
    free: Mutex<Vec<Id>>,
    /// For spans that telemetry does not want: tracing-opentelemetry takes for granted that it finds something.
    nothing: OnceLock<Id>,
}

/// What the places have for a callsite.
struct NoCallsite;

static PLACE: Metadata<'static> = tracing_core::metadata! {
    name: "place",
    target: module_path!(),
    level: Level::TRACE,
    fields: &[],
    callsite: &NoCallsite,
    kind: Kind::SPAN,
};

impl Callsite for NoCallsite {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &PLACE
    }
}

thread_local! {
    /// The span that the thread hands over now, and its place.
    static HANDING: RefCell<Option<(Id, Id)>> = const { RefCell::new(None) };
}

impl Ecosystem {
    pub(super) fn new(traces: &Traces, recorder: &Arc<Recorder>) -> Arc<Self> {
        Arc::new_cyclic(|ecosystem| {
            let shelf = Shelf {
                ecosystem: Weak::clone(ecosystem),
                places: Registry::default(),
                free: Mutex::default(),
                nothing: OnceLock::new(),
            };
            // Details are attributes that a recording has already.
            let layer = tracing_opentelemetry::layer()
                .with_tracer(GateTracer::new(traces, recorder))
                .with_location(recorder.details.location)
                .with_threads(false)
                .with_target(false)
                .with_tracked_inactivity(false);
            Self {
                stack: layer.with_subscriber(shelf),
                recorder: Arc::clone(recorder),
                dispatch: OnceLock::new(),
                reviving: Mutex::default(),
            }
        })
    }

    pub(super) fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // One layer serves one dispatcher; should there be more, the first is as good.
        self.dispatch.get_or_init(|| dispatch.downgrade());
    }

    /// The context of a span that was handed over, which starts the span.
    pub(super) fn start(&self, span: Live<'_>) -> Option<Context> {
        let dispatch = self.dispatch.get()?.upgrade()?;
        let context = tracing_opentelemetry::get_otel_context(&Id::from_u64(span.id()), &dispatch)?;
        let former = self.recorder.records.with(span.id(), |recording| {
            recording.started = true;
            std::mem::replace(&mut recording.context, context.clone())
        });
        drop(former);
        Some(context)
    }

    pub(super) fn record(&self, span: Live<'_>, values: &Record<'_>) {
        self.stack.record(&Id::from_u64(span.id()), values);
    }

    pub(super) fn follows_from(&self, span: Live<'_>, follows: &Id) {
        self.stack.record_follows_from(&Id::from_u64(span.id()), follows);
    }

    pub(super) fn event(&self, event: &Event<'_>) {
        self.stack.event(event);
    }

    /// A span that was handed over closes.
    pub(super) fn close(&self, span: Live<'_>) {
        let activity = self.recorder.records.with(span.id(), Recording::take_activity).flatten();
        if let Some(activity) = activity
            && let Some(context) = self.start(span)
        {
            context.span().set_attributes(activity);
        }
        self.stack.try_close(Id::from_u64(span.id()));
        let recording = self.recorder.records.take(span.id());
        if let (Some(Some(handed)), Some(shelf)) = (recording.map(|it| it.handed), self.stack.downcast_ref::<Shelf>()) {
            shelf.free.lock().unwrap_or_else(PoisonError::into_inner).push(handed.place);
        }
    }

    /// What `OpenTelemetrySpanExt` needs of the inner layer.
    #[expect(unsafe_code, reason = "the trait's way to find a layer behind a dispatcher")]
    pub(super) unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        // SAFETY: the pointer is to a member of `self`, as this method's own contract has it.
        unsafe { self.stack.downcast_raw(id) }
    }

    /// The place of a span, which is handed over unless it was before.
    #[cold]
    fn place(&self, shelf: &Shelf, span: Live<'_>) -> Option<Id> {
        let callsite = self.recorder.core.callsites.of_slot(span.slot)?;
        if span.slot.flags(Slot::RECORDED) == 0 {
            self.revive(span);
        }
        // Nobody sees the span between both sides: its record stays locked meanwhile, and no foreign code runs.
        let (place, has_started) = self.recorder.records.with(span.id(), |recording| {
            if let Some(handed) = &recording.handed {
                return (handed.place.clone(), false);
            }
            let place = shelf.take();
            self.recorder.write_out(span, callsite, recording);
            recording.is_active = true;
            self.hand_over(span, callsite.metadata, recording, place.clone());
            (place, recording.started)
        })?;
        if has_started {
            // There too, so that nobody sets another parent.
            self.start(span);
        }
        Some(place)
    }

    /// Calls tracing-opentelemetry with no fields; the builder gets all from [`Prepared`].
    fn hand_over(&self, span: Live<'_>, metadata: &'static Metadata<'static>, recording: &mut Recording, place: Id) {
        let mut prepared = Prepared::new(span.id(), span.slot.kind());
        let mut handed = Handed { place: place.clone(), start: None, status: Status::default() };
        if let Some(mut data) = recording.data.take() {
            if self.recorder.details.location {
                // Added again there, as its events need it.
                data.attributes.retain(|attribute| !LOCATION.contains(&attribute.key.as_str()));
            }
            handed.start = Some(data.start_time);
            handed.status = data.status.clone();
            prepared.take(data);
        }
        recording.handed = Some(Box::new(handed));
        let _attached = recording.context.with_remote_span_context(recording.parent.clone()).attach();
        let no_fields = FieldSet::new(&[], metadata.callsite());
        let no_values = no_fields.value_set(&[]);
        let before = HANDING.replace(Some((Id::from_u64(span.id()), place)));
        prepared.scope(|| self.stack.new_span(&Attributes::new(metadata, &no_values)));
        HANDING.set(before);
    }

    /// Makes a record for a span that was dropped, without its fields, which are gone.
    fn revive(&self, span: Live<'_>) {
        let _one_at_a_time = self.reviving.lock().unwrap_or_else(PoisonError::into_inner);
        if span.slot.flags(Slot::RECORDED) != 0 {
            return;
        }
        let (trace_id, _) = span.slot.ids();
        let parent = span.slot.parent().and_then(|id| self.recorder.core.spans.find(id));
        let parent = parent.filter(|parent| parent.slot.ids().0 == trace_id);
        let context = parent.and_then(|parent| self.recorder.nearest_context(parent)).unwrap_or_default();
        let parent = parent.map_or(SpanContext::NONE, |parent| span_context(parent, &context));
        let recording = Recording { context, parent, ..Recording::default() };
        self.recorder.records.insert(span.id(), Box::new(recording));
        span.slot.set_flags(Slot::RECORDED);
        stack::make_loud(span.id(), self.recorder.core.layer);
    }
}

impl Shelf {
    fn take(&self) -> Id {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| self.make())
    }

    fn make(&self) -> Id {
        self.places.new_span(&Attributes::new_root(&PLACE, &PLACE.fields().value_set(&[])))
    }

    /// The place of a span that telemetry knows.
    fn place(&self, id: &Id) -> Option<Id> {
        let handing = HANDING.with_borrow(|handing| handing.clone().filter(|(span, _)| span == id));
        if let Some((_, place)) = handing {
            return Some(place);
        }
        let ecosystem = self.ecosystem.upgrade()?;
        let span = ecosystem.recorder.core.spans.find(id.into_u64()).filter(|_| suppress::is_alive())?;
        ecosystem.place(self, span)
    }
}

impl<'a> LookupSpan<'a> for Shelf {
    type Data = Data<'a>;

    fn span_data(&'a self, id: &Id) -> Option<Data<'a>> {
        let place = self.place(id);
        let nothing = || self.nothing.get_or_init(|| self.make());
        self.places.span_data(place.as_ref().unwrap_or_else(nothing))
    }
}

impl Subscriber for Shelf {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        HANDING.with_borrow(|handing| handing.as_ref().map_or_else(|| Id::from_u64(u64::MAX), |(span, _)| span.clone()))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn try_close(&self, _: Id) -> bool {
        true
    }
}
