//! Decides which spans reach tracing-opentelemetry.
//!
//! Sampling inside the SDK costs nearly as much for a span that is dropped as for one that is kept, because the span is
//! built before the sampler runs. The gate decides first, from the side table, and a span that it drops costs a
//! random number and a few flags. What must hold all the same:
//!
//! * Whoever could still get a remote parent by `set_parent` is let through undecided: the first roots of each callsite,
//!   roots of kind server or consumer, and callsites that were seen to do it (see [`Learned`]).
//! * A span that talks to another process (any kind but internal) is let through unrecorded when its trace is not
//!   sampled, so that `traceparent` goes out with the right trace id and `sampled=0`.
//! * A parent that was dropped still is one: its children that are let through get it from the side table.
//! * When `OpenTelemetrySpanExt` is used on a span that was dropped, the span is let through belatedly.

use std::any::TypeId;
use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use opentelemetry::Context as OtelContext;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::dispatcher::WeakDispatch;
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_core::field::{FieldSet, Value};
use tracing_core::span::{Attributes, Id, Record};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::Config;
use super::attributes::{self, Kind};
use super::composite::Opened;
use super::handle::Core;
use super::ids;
use super::sampler::Rule;
use super::spans::{Live, Slot};
use super::stack;
use super::suppress::{self, Active, Ambient};
use super::tracer::{GateTracer, Prepared};
use super::values::{Fields, Reader};

/// The sampling gate with tracing-opentelemetry behind it.
pub(super) struct Gate<S> {
    core: Arc<Core>,
    rule: Rule,
    inner: OpenTelemetryLayer<S, GateTracer>,
    /// Longest text value of an attribute, in characters.
    limit: Option<usize>,
    /// The dispatcher that this layer serves; needed to let a span through belatedly.
    dispatch: OnceLock<WeakDispatch>,
}

/// What the gate knows of a callsite.
#[derive(Debug)]
pub(super) struct Learned {
    /// Roots that were let through undecided, up to [`Learned::ROOTS`]; [`Learned::ALWAYS`] when all spans are.
    roots: AtomicU8,
    has_kind: bool,
    has_status: bool,
}

impl Learned {
    /// So many roots of a callsite are let through undecided to see whether they get a remote parent.
    const ROOTS: u8 = 16;
    const ALWAYS: u8 = u8::MAX;

    pub(super) fn new(metadata: &Metadata<'_>) -> Self {
        let has = |name| metadata.fields().field(name).is_some();
        Self {
            roots: AtomicU8::new(0),
            has_kind: has(attributes::KIND),
            has_status: has(attributes::STATUS_CODE) || has(attributes::STATUS_DESCRIPTION),
        }
    }

    /// From now on the callsite's spans are let through: they get remote parents or are asked for their context.
    pub(super) fn let_pass(&self) {
        self.roots.store(Self::ALWAYS, Ordering::Relaxed);
    }

    #[inline]
    fn passes(&self) -> bool {
        self.roots.load(Ordering::Relaxed) == Self::ALWAYS
    }

    /// Whether a root is let through undecided.
    #[inline]
    fn passes_root(&self) -> bool {
        let roots = self.roots.load(Ordering::Relaxed);
        if roots < Self::ROOTS {
            // Not counted when another thread was faster, so a few more may be let through.
            let _counted = self.roots.compare_exchange(roots, roots + 1, Ordering::Relaxed, Ordering::Relaxed);
            return true;
        }
        roots == Self::ALWAYS
    }
}

/// Where a span's trace comes from.
#[derive(Clone, Copy)]
struct Parent {
    trace_id: TraceId,
    span_id: SpanId,
    sampled: bool,
    /// Whether `sampled` is final.
    decided: bool,
    link: Link,
}

/// How tracing-opentelemetry finds the parent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    /// It is OpenTelemetry's current context.
    Current,
    /// It is a span that was let through.
    Span(u64),
    /// It does not know the parent; we attach a context that stands for it.
    Attach { keep_baggage: bool },
}

/// So many dropped ancestors are looked at for one that was let through.
const ANCESTORS: usize = 64;

thread_local! {
    /// Layer and id of the last span that was opened on this thread.
    static OPENED: Cell<(u32, u64)> = const { Cell::new((0, 0)) };
    /// Whether a span is being let through belatedly.
    static BELATED: Cell<bool> = const { Cell::new(false) };
}

impl<S> Gate<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    pub(super) fn new(config: &Config, provider: &SdkTracerProvider, core: &Arc<Core>) -> Self {
        let inner = tracing_opentelemetry::layer()
            .with_tracer(GateTracer::new(provider, core))
            .with_location(config.details.location)
            .with_threads(config.details.threads)
            .with_target(config.details.target)
            .with_tracked_inactivity(config.details.inactivity);
        Self {
            core: Arc::clone(core),
            rule: Rule::new(&config.sampler),
            inner,
            limit: config.limits.span_value_length,
            dispatch: OnceLock::new(),
        }
    }

    pub(super) fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // One layer serves one dispatcher; should there be more, the first is as good.
        self.dispatch.get_or_init(|| dispatch.downgrade());
    }

    #[inline]
    pub(super) fn on_new_span(
        &self,
        attributes: &Attributes<'_>,
        id: &Id,
        opened: Opened<'_>,
        ambient: Ambient,
        context: &Context<'_, S>,
    ) {
        let Opened { live, callsite, .. } = opened;
        if self.follows_dropped(opened, ambient) {
            return;
        }
        let parent = find_parent(attributes, opened.parent, ambient);
        let trace_id = parent.map_or_else(ids::trace_id, |parent| parent.trace_id);
        live.slot.set_trace_id(trace_id);
        let sampled = self.rule.samples(parent.map(|parent| parent.sampled), trace_id);
        let kind = if callsite.gate.has_kind { kind_of(attributes) } else { SpanKind::Internal };

        let learned = &callsite.gate;
        let passes = sampled
            || kind != SpanKind::Internal
            || parent.map_or_else(|| learned.passes_root(), |parent| !parent.decided || learned.passes())
            || is_aside(attributes, trace_id, ambient);
        self.note_opened(live);
        if !passes || !suppress::is_alive() {
            live.slot.set_flags_while_opening(Slot::DECIDED | Slot::IDS_KNOWN);
            return;
        }
        let predicted = if sampled { Slot::SAMPLED } else { 0 };
        live.slot.set_flags_while_opening(Slot::PASSED | Slot::IDS_KNOWN | predicted);
        // A caller's span is sampled only if its parent is; any other may get a sampled parent yet.
        let is_call = matches!(kind, SpanKind::Client | SpanKind::Producer);
        let records = sampled || !is_call || parent.is_some_and(|parent| !parent.decided);
        self.pass(attributes, id, live, (kind, records), parent, context);
    }

    /// Drops a span as its parent was, if that is all there is to it: nearly all spans of a service that samples few
    /// traces end here.
    #[inline]
    fn follows_dropped(&self, Opened { live, parent, callsite }: Opened<'_>, ambient: Ambient) -> bool {
        let Some(parent) = parent.filter(|_| ambient == Ambient::Empty) else { return false };
        let flags = Slot::PASSED | Slot::SAMPLED | Slot::DECIDED;
        let follows = parent.slot.flags(flags) == Slot::DECIDED
            && self.rule.follows_parent()
            && !callsite.gate.has_kind
            && !callsite.gate.passes();
        if follows {
            live.slot.take_trace_id_of(parent.slot);
            live.slot.set_flags_while_opening(Slot::DECIDED | Slot::IDS_KNOWN);
            self.note_opened(live);
        }
        follows
    }

    #[inline]
    fn note_opened(&self, live: Live<'_>) {
        // Never refused: it has no destructor. `set` is not inlined.
        let _always = OPENED.try_with(|opened| opened.set((self.core.layer, live.id())));
    }

    /// Opens a span in tracing-opentelemetry.
    fn pass(
        &self,
        attributes: &Attributes<'_>,
        id: &Id,
        live: Live<'_>,
        (kind, records): (SpanKind, bool),
        parent: Option<Parent>,
        context: &Context<'_, S>,
    ) {
        let metadata = attributes.metadata();
        let mut prepared = Prepared::new(live.id(), kind, if records { attributes.fields().len() } else { 0 });
        let reader = Reader { limit: self.limit, internal: &self.core.internal };
        if records {
            attributes.record(&mut attributes::Attributes { prepared: &mut prepared, reader });
        }
        let parent = match parent {
            // Baggage that the host attached without a span is its answer.
            Some(Parent { link: Link::Attach { keep_baggage: true }, .. }) if has_baggage() => parent,
            _ => parent.map(|parent| self.by_ancestor(live, parent)),
        };
        self.open(metadata, id, prepared, parent, context.clone());
        if records && self.learned(live).is_some_and(|learned| learned.has_status) {
            let fields = Fields::read(reader, metadata.fields().len(), |visit| attributes.record(visit));
            self.record_status(id, metadata, &fields, context);
        }
    }

    /// Calls tracing-opentelemetry with no fields: it holds the span's lock while it reads them, and they may run any
    /// code of the host. The builder gets them from [`Prepared`].
    fn open(
        &self,
        metadata: &'static Metadata<'static>,
        id: &Id,
        prepared: Prepared,
        parent: Option<Parent>,
        context: Context<'_, S>,
    ) {
        let no_fields = FieldSet::new(&[], metadata.callsite());
        let no_values = no_fields.value_set(&[]);
        let _attached = parent.and_then(Parent::attach);
        let attributes = match parent.map(|parent| parent.link) {
            None => Attributes::new_root(metadata, &no_values),
            Some(Link::Current | Link::Attach { .. }) => Attributes::new(metadata, &no_values),
            Some(Link::Span(parent)) => Attributes::child_of(Id::from_u64(parent), metadata, &no_values),
        };
        prepared.scope(|| self.inner.on_new_span(&attributes, id, context));
    }

    /// A parent that was dropped has no context of its own. The trace state and baggage that it stands for are those of its
    /// nearest ancestor that was let through, which takes its place: neither of them is exported.
    fn by_ancestor(&self, live: Live<'_>, parent: Parent) -> Parent {
        let Link::Attach { .. } = parent.link else { return parent };
        let mut next = live.slot.parent();
        for _ in 0..ANCESTORS {
            let Some(found) = next.and_then(|id| self.core.spans.find(id)) else { break };
            if found.slot.ids().0 != parent.trace_id {
                break;
            }
            if found.slot.flags(Slot::PASSED) != 0 {
                return Parent { link: Link::Span(found.id()), ..parent };
            }
            next = found.slot.parent();
        }
        parent
    }

    /// A status that a span is opened with; tracing-opentelemetry has no other way in than a record.
    fn record_status(&self, id: &Id, metadata: &'static Metadata<'static>, fields: &Fields, context: &Context<'_, S>) {
        let status = [attributes::STATUS_CODE, attributes::STATUS_DESCRIPTION];
        for (name, value) in fields.named(metadata.fields()) {
            if status.contains(&name)
                && let (Some(field), Some(text)) = (metadata.fields().field(name), value.as_text())
            {
                let pair = [(&field, Some(&text as &dyn Value))];
                self.inner.on_record(id, &Record::new(&metadata.fields().value_set(&pair)), context.clone());
            }
        }
    }

    pub(super) fn on_record(&self, id: &Id, values: &Record<'_>, live: Live<'_>, context: Context<'_, S>) {
        if BELATED.get() {
            return self.pass_belatedly(id, live, context);
        }
        if !is_recorded(live.slot) {
            return;
        }
        let Some(callsite) = self.core.callsites.of_slot(live.slot) else { return };
        let fields = callsite.metadata.fields();
        let reader = Reader { limit: self.limit, internal: &self.core.internal };
        let read = Fields::read(reader, fields.len(), |visit| values.record(visit));
        read.with_value_set(fields, |values| self.inner.on_record(id, &Record::new(values), context));
    }

    pub(super) fn on_follows_from(&self, id: &Id, follows: &Id, live: Live<'_>, context: Context<'_, S>) {
        // A span that follows itself would wait for itself.
        if is_recorded(live.slot) && id != follows {
            self.inner.on_follows_from(id, follows, context);
        }
    }

    /// Whether events become events of this span.
    #[inline]
    pub(super) fn wants_event(span: Live<'_>) -> bool {
        is_recorded(span.slot)
    }

    /// An event that [`Gate::wants_event`], with its fields as they were read.
    pub(super) fn on_event(&self, event: &Event<'_>, fields: &Fields, span: Live<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        fields.with_value_set(metadata.fields(), |values| {
            let event = Event::new_child_of(Id::from_u64(span.id()), metadata, values);
            self.inner.on_event(&event, context);
        });
    }

    #[inline]
    pub(super) fn on_enter(&self, id: &Id, live: Live<'_>, context: Context<'_, S>) {
        if live.slot.flags(Slot::PASSED) != 0 && suppress::is_alive() {
            self.inner.on_enter(id, context);
            suppress::entered();
        }
    }

    #[inline]
    pub(super) fn on_exit(&self, id: &Id, live: Live<'_>, context: Context<'_, S>) {
        if live.slot.flags(Slot::PASSED) != 0 && suppress::is_alive() {
            self.inner.on_exit(id, context);
        }
    }

    /// Called before the metrics read the slot's status.
    #[inline]
    pub(super) fn on_close(&self, id: &Id, live: Live<'_>, context: Context<'_, S>) {
        if live.slot.flags(Slot::PASSED) != 0 {
            self.inner.on_close(id.clone(), context);
        }
    }

    /// What `OpenTelemetrySpanExt` needs of the inner layer. Its use shows that somebody wants the OpenTelemetry side of
    /// a span: the one entered, or the one just opened.
    #[expect(unsafe_code, reason = "the trait's way to find a layer behind a dispatcher")]
    pub(super) unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        // SAFETY: the pointer is to a member of `self`, as this method's own contract has it.
        let found = unsafe { self.inner.downcast_raw(id) }?;
        if id != TypeId::of::<OpenTelemetryLayer<S, GateTracer>>() && !BELATED.get() {
            let (layer, last) = OPENED.get();
            let last = self.core.spans.find(last).filter(|_| layer == self.core.layer);
            // A span that was let through and not started is the one that is meant.
            let is_meant = |last: &Live<'_>| last.slot.flags(Slot::PASSED | Slot::DECIDED) == Slot::PASSED;
            let current = if last.as_ref().is_some_and(is_meant) { None } else { self.core.current() };
            for span in [current, last].into_iter().flatten() {
                self.want_belatedly(span);
            }
        }
        Some(found)
    }

    fn learned(&self, live: Live<'_>) -> Option<&Learned> {
        self.core.callsites.of_slot(live.slot).map(|callsite| &callsite.gate)
    }

    #[cold]
    fn want_belatedly(&self, span: Live<'_>) {
        if span.slot.flags(Slot::PASSED) != 0 || !suppress::is_alive() {
            return;
        }
        let Some(callsite) = self.core.callsites.of_slot(span.slot) else { return };
        callsite.gate.let_pass();
        let Some(dispatch) = self.dispatch.get().and_then(WeakDispatch::upgrade) else { return };
        // Only a callback comes with the access to the Registry that tracing-opentelemetry wants; an empty record is
        // the one that changes nothing.
        let _belated = Belated::begin();
        let fields = callsite.metadata.fields();
        dispatch.record(&Id::from_u64(span.id()), &Record::new(&fields.value_set(&[])));
    }

    /// Lets a dropped span through, without its fields, which are gone.
    fn pass_belatedly(&self, id: &Id, live: Live<'_>, context: Context<'_, S>) {
        let Some(callsite) = self.core.callsites.of_slot(live.slot) else { return };
        let (trace_id, _) = live.slot.ids();
        let parent = live.slot.parent().and_then(|id| self.core.spans.find(id));
        let parent = parent.map(|parent| from_slot(parent, false)).filter(|parent| parent.trace_id == trace_id);
        let parent = parent.map(|parent| Parent { link: Link::Attach { keep_baggage: true }, ..parent });
        let parent = parent.map(|parent| self.by_ancestor(live, parent));
        live.slot.set_flags(Slot::PASSED);
        stack::make_loud(live.id(), self.core.layer);
        self.open(callsite.metadata, id, Prepared::new(live.id(), live.slot.kind(), 0), parent, context);
    }
}

impl Parent {
    fn attach(self) -> Option<opentelemetry::ContextGuard> {
        let Link::Attach { keep_baggage } = self.link else { return None };
        let base = if keep_baggage { opentelemetry::Context::current() } else { opentelemetry::Context::new() };
        let flags = if self.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let span = SpanContext::new(self.trace_id, self.span_id, flags, false, TraceState::default());
        Some(base.with_remote_span_context(span).attach())
    }
}

/// The time during which a span is let through belatedly.
struct Belated;

impl Belated {
    fn begin() -> Self {
        BELATED.set(true);
        Self
    }
}

impl Drop for Belated {
    fn drop(&mut self) {
        BELATED.set(false);
    }
}

fn has_baggage() -> bool {
    OtelContext::map_current(|current| !current.baggage().is_empty())
}

/// Whether what is recorded on the span may be exported.
#[inline]
fn is_recorded(slot: &Slot) -> bool {
    let flags = slot.flags(Slot::PASSED | Slot::SAMPLED | Slot::DECIDED);
    flags & Slot::PASSED != 0 && (flags & Slot::SAMPLED != 0 || flags & Slot::DECIDED == 0)
}

/// The parent by tracing-opentelemetry's rules: an explicit one, else OpenTelemetry's current context, which a span that
/// was entered is part of, unless the gate dropped it.
#[inline]
fn find_parent(attributes: &Attributes<'_>, parent: Option<Live<'_>>, ambient: Ambient) -> Option<Parent> {
    if !attributes.is_contextual() {
        return parent.map(|parent| from_slot(parent, true));
    }
    match (parent, ambient) {
        (None, Ambient::Active(active)) => Some(from_context(active)),
        (None, _) => None,
        (Some(parent), Ambient::Active(active)) => {
            let entered = from_slot(parent, false);
            // Of another trace: it was attached after the span was entered. Of the same: the span itself, or an ancestor
            // that was let through when the span was not.
            if entered.trace_id == active.trace_id && !entered.decided {
                return Some(Parent { link: Link::Current, ..entered });
            }
            Some(from_context(active))
        }
        (Some(parent), _) => Some(Parent { link: Link::Attach { keep_baggage: true }, ..from_slot(parent, false) }),
    }
}

/// Whether a span is opened in a trace of its own although a span of another trace is active. Such a span must be made
/// active itself when it is entered, or its children would be taken for those of the other trace.
#[inline]
fn is_aside(attributes: &Attributes<'_>, trace_id: TraceId, ambient: Ambient) -> bool {
    !attributes.is_contextual() && matches!(ambient, Ambient::Active(active) if active.trace_id != trace_id)
}

#[inline]
fn from_context(active: Active) -> Parent {
    let Active { trace_id, span_id, sampled } = active;
    Parent { trace_id, span_id, sampled, decided: true, link: Link::Current }
}

#[inline]
fn from_slot(parent: Live<'_>, explicit: bool) -> Parent {
    let (trace_id, span_id) = parent.slot.ids();
    let flags = parent.slot.flags(Slot::PASSED | Slot::SAMPLED | Slot::DECIDED);
    let link = if explicit && flags & Slot::PASSED != 0 {
        Link::Span(parent.id())
    } else {
        Link::Attach { keep_baggage: !explicit }
    };
    Parent { trace_id, span_id, sampled: flags & Slot::SAMPLED != 0, decided: flags & Slot::DECIDED != 0, link }
}

#[cold]
fn kind_of(attributes: &Attributes<'_>) -> SpanKind {
    let mut kind = Kind::default();
    attributes.record(&mut kind);
    kind.0.unwrap_or(SpanKind::Internal)
}
