//! The layer that a subscriber sees: hands each callback to the members that want it.

use std::any::TypeId;
use std::fmt;
use std::ptr::from_ref;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Interest, LevelFilter};
use tracing_subscriber::layer::{Context, Layer as TracingLayer};
use tracing_subscriber::registry::LookupSpan;

use super::beside::Beside;
use super::callsite::{Callsite, Callsites, LOG_TARGET};
use super::console::{Console, Filter, Shown};
use super::gate::Gate;
use super::handle::{Core, Handle};
use super::logs::{LogSink, Logs};
use super::measure::Measure;
use super::plan::SpanPlan;
use super::provider::Traces;
use super::spans::{Live, Slot};
use super::stack::{self, Entry, Mark};
use super::suppress::{self, Ambient};
use super::values::{Fields, Reader};
use super::{Config, Limits};
use crate::clock::Clock;
use crate::internal::Internal;
use crate::series::Store;

/// What a layer is put together from.
pub struct Parts<S> {
    /// Where metrics go; without it spans and events do not become metrics.
    pub store: Option<Arc<Store>>,
    /// Where losses are counted.
    pub internal: Arc<Internal>,
    /// Time of durations.
    pub clock: Clock,
    /// Where sampled spans go; see [`super::Config::sampler`] for who decides.
    pub traces: Option<Traces>,
    /// Where log records go.
    pub logs: Option<Box<dyn LogSink>>,
    /// The console, with its own filter inside.
    pub console: Option<Console<S>>,
}

/// Turns spans and events into metrics, traces and log records, and feeds the console.
pub struct Layer<S> {
    handle: Handle,
    gate: Option<Gate>,
    logs: Option<Logs>,
    console: Option<Console<S>>,
    /// Beside layers of the host's own.
    beside: Option<Beside<S>>,
    /// Whether the gate or the console may want to know when a span is entered and exited.
    is_polled_by_others: bool,
    /// How a span is entered of which they do not.
    quiet: Mark,
    /// Longest text, in characters, that any member takes from an event's field.
    text_limit: Option<usize>,
}

/// A span that is being opened.
#[derive(Clone, Copy)]
pub(super) struct Opened<'a> {
    /// Its slot.
    pub(super) live: Live<'a>,
    /// The nearest ancestor that telemetry wants: explicit, else contextual.
    pub(super) parent: Option<Live<'a>>,
    /// What was decided about its callsite.
    pub(super) callsite: &'a Callsite,
}

impl<S> Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    /// Puts a layer together.
    pub fn new(config: &Config, parts: Parts<S>) -> Self {
        let Parts { store, internal, clock, traces, logs, console } = parts;
        let store = store.filter(|_| config.metrics);
        let traces = traces.filter(|_| config.traces);
        let logs = logs.filter(|_| config.logs);
        let config =
            Config { metrics: store.is_some(), traces: traces.is_some(), logs: logs.is_some(), ..config.clone() };
        let Limits { span_value_length, log_value_length, .. } = config.limits;
        let text_limit = span_value_length.zip(log_value_length).map(|(span, log)| span.max(log));
        let filter = console.as_ref().map(Console::filter);
        let core = Arc::new(Core::new(config.clone(), filter, clock, internal, store));
        Self {
            is_polled_by_others: traces.is_some() || console.is_some(),
            quiet: Mark::quiet(core.layer),
            gate: traces.map(|traces| Gate::new(&config, &traces, &core)),
            logs: logs.map(|sink| Logs::new(&config, sink, &core)),
            console,
            beside: None,
            handle: Handle(core),
            text_limit,
        }
    }

    /// For a subscriber with further layers: what this one does not want, they still get. Without it, the layer answers
    /// for the whole subscriber.
    #[must_use]
    pub fn beside_others(mut self) -> Self {
        self.beside = Some(Beside::new(Arc::clone(&self.handle.0)));
        self
    }

    /// What the rest of the crate may know of this layer.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The most verbose level that records of the `log` crate may have to be wanted by telemetry or the console.
    pub fn max_log_level(&self) -> LevelFilter {
        let callsites = &self.core().callsites;
        let console = callsites.console().map_or(Some(LevelFilter::OFF), Filter::max_level);
        callsites.max_written().max(console.unwrap_or(LevelFilter::TRACE))
    }

    fn core(&self) -> &Core {
        &self.handle.0
    }

    /// The span's slot, unless telemetry is suppressed or does not want the span.
    #[inline]
    fn find(&self, id: &Id) -> Option<Live<'_>> {
        self.core().spans.find(id.into_u64())
    }

    #[inline]
    fn open(&self, attributes: &Attributes<'_>, id: &Id, callsite: &Callsite, context: &Context<'_, S>) {
        let core = self.core();
        if !callsite.wanted {
            return;
        }
        // Only the gate needs to know OpenTelemetry's context, which costs more than the rest of this function.
        let ambient = match &self.gate {
            Some(_) => suppress::ambient(),
            None if suppress::is_suppressed() => Ambient::Suppressed,
            None => Ambient::Empty,
        };
        if ambient == Ambient::Suppressed {
            return;
        }
        let parent = self.parent(attributes, context);
        let Some(live) = core.spans.claim(id.into_u64()) else { return };
        live.slot.callsite.store(callsite.index, Ordering::Relaxed);
        if let Some(parent) = parent {
            live.slot.set_parent(parent.id());
        }
        let opened = Opened { live, parent, callsite };
        if let (Some(measure), Some(plan)) = (&core.measure, &callsite.span) {
            measure.open(&core.spans, plan, attributes, opened);
        }
        if let Some(gate) = &self.gate {
            gate.on_new_span(attributes, opened, ambient);
        }
    }

    /// What the metrics of a live span need.
    #[inline]
    fn measure(&self, live: Live<'_>) -> Option<(&Measure, &Callsite, &SpanPlan)> {
        let callsite = self.core().callsites.at(live.slot.callsite.load(Ordering::Relaxed))?;
        Some((self.core().measure.as_ref()?, callsite, callsite.span.as_ref()?))
    }

    #[inline]
    fn parent(&self, attributes: &Attributes<'_>, context: &Context<'_, S>) -> Option<Live<'_>> {
        if attributes.is_contextual() {
            self.core().current()
        } else {
            attributes.parent().and_then(|parent| self.nearest(parent, context))
        }
    }

    /// The span itself, or its nearest ancestor that telemetry wants.
    fn nearest(&self, id: &Id, context: &Context<'_, S>) -> Option<Live<'_>> {
        self.find(id).or_else(|| context.span_scope(id)?.find_map(|span| self.find(&span.id())))
    }

    /// Makes of an event what is wanted of it: an event of its span, a line on the console, a log record.
    fn write(
        &self,
        event: &Event<'_>,
        callsite: &Callsite,
        (written, span): (bool, Option<Live<'_>>),
        context: &Context<'_, S>,
    ) {
        let gate = self.gate.as_ref().zip(span).filter(|(_, span)| written && Gate::wants_event(*span));
        let logs = self.logs.as_ref().filter(|_| written);
        let console = self.console.as_ref();
        // Whether the console shows a record of the `log` crate is known only when it has been read.
        let console =
            console.filter(|console| callsite.is_log || console.shows(callsite.console, callsite.metadata, context));
        if gate.is_none() && logs.is_none() && console.is_none() {
            return;
        }
        let limit = self.text_limit.filter(|_| console.is_none());
        let reader = Reader { limit, internal: &self.core().internal };
        let fields = Fields::read(reader, callsite.metadata.fields().len(), |visit| event.record(visit));
        let log_target = if callsite.is_log { fields.log_target(callsite.metadata.fields()) } else { None };
        if let Some((gate, span)) = gate {
            gate.on_event(event, callsite, &fields, span);
        }
        if let Some(console) = console
            && log_target.is_none_or(|target| console.shows_log(target, callsite.metadata, context))
        {
            console.on_event(event, &fields, context);
        }
        if let Some(logs) = logs {
            logs.on_event(event, callsite, fields, span);
        }
    }

    /// Whether telemetry wants a record of the `log` crate, by its own target.
    #[cold]
    fn passes_log(&self, event: &Event<'_>) -> bool {
        let mut target =
            LogTarget { callsites: &self.core().callsites, level: *event.metadata().level(), passes: true };
        event.record(&mut target);
        target.passes
    }

    /// Whether neither the gate nor the console want to know that the span is entered.
    #[inline]
    fn is_quiet(&self, id: &Id) -> bool {
        let is_dropped = |live: Live<'_>| live.slot.flags(Slot::RECORDED) == 0;
        !self.is_polled_by_others
            || (self.console.is_none() && self.core().spans.find_first(id.into_u64()).is_some_and(is_dropped))
    }

    #[inline(never)]
    fn enter_others(&self, id: &Id, context: Context<'_, S>) {
        if let Some(gate) = &self.gate
            && let Some(live) = self.find(id)
        {
            gate.on_enter(live);
        }
        // The gate may have lost its interest right now.
        let mark = if self.is_quiet(id) { self.quiet } else { Mark::loud(self.core().layer) };
        stack::push(Entry { id: id.into_u64(), mark });
        if let Some(console) = &self.console {
            console.on_enter(id, context);
        }
    }

    /// The exit of the innermost span, which is quiet and has no open children; otherwise `false`, and nothing is done.
    #[inline]
    fn exit_quickly(&self, id: &Id) -> bool {
        let id = id.into_u64();
        self.core().spans.find_first(id).is_some_and(|live| Measure::is_quiet(live.slot))
            && stack::pop_top(Entry { id, mark: self.quiet })
    }

    #[inline(never)]
    fn exit_slowly(&self, id: &Id, context: Context<'_, S>) {
        stack::pop(id.into_u64(), self.core().layer);
        if let Some(live) = self.find(id) {
            if let Some(measure) = &self.core().measure {
                measure.exit(live.slot);
            }
            if let Some(gate) = &self.gate {
                gate.on_exit(live);
            }
        }
        if let Some(console) = &self.console {
            console.on_exit(id, context);
        }
    }

    /// Whether an event happens in a span that the gate has dropped.
    #[inline]
    fn is_within_dropped(&self, event: &Event<'_>) -> bool {
        event.is_contextual() && stack::top().is_some_and(|top| top.mark == self.quiet)
    }

    /// An event that somebody may want.
    #[inline(never)]
    fn take_event(&self, event: &Event<'_>, callsite: &Callsite, context: &Context<'_, S>) {
        let wanted = callsite.wanted && !suppress::is_suppressed() && (!callsite.is_log || self.passes_log(event));
        let span = if wanted { self.span_of(event, context) } else { None };
        if wanted && let Some(measure) = &self.core().measure {
            measure.event(event, callsite, span);
        }
        // A metric event counts whatever its level; written it is filtered like any other.
        let written = wanted && callsite.is_written;
        if written || callsite.console != Shown::Never {
            self.write(event, callsite, (written, span), context);
        }
    }

    /// The span that an event belongs to.
    fn span_of(&self, event: &Event<'_>, context: &Context<'_, S>) -> Option<Live<'_>> {
        if event.is_contextual() {
            self.core().current()
        } else {
            event.parent().and_then(|parent| self.nearest(parent, context))
        }
    }
}

impl<S> TracingLayer<S> for Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        if let Some(gate) = &self.gate {
            gate.on_register_dispatch(dispatch);
        }
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        if let Some(beside) = &mut self.beside {
            beside.0.on_layer(subscriber);
        }
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match &self.beside {
            Some(beside) => beside.0.register_callsite(metadata),
            None => self.core().interest(metadata),
        }
    }

    // Called only for callsites that some layer of the subscriber answered with `sometimes`, and for the `log` crate.
    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        match &self.beside {
            Some(beside) => beside.0.enabled(metadata, context),
            None => self.core().is_wanted(metadata, &context),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.core().max_level()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let callsite = self.core().callsites.of(attributes.metadata());
        if let Some(beside) = &self.beside {
            beside.on_new_span(callsite, attributes, id, &context);
        }
        self.open(attributes, id, callsite, &context);
        if let Some(console) = &self.console {
            console.on_new_span(callsite.console, attributes, id, &context, &self.core().internal);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(live) = self.find(id) {
            if let Some((measure, _, plan)) = self.measure(live) {
                measure.record(&self.core().spans, plan, values, live);
            }
            if let Some(gate) = &self.gate {
                gate.on_record(values, live);
            }
        }
        if let Some(console) = &self.console
            && let Some(metadata) = context.metadata(id)
        {
            let shown = self.core().callsites.of(metadata).console;
            console.on_record(shown, (id, metadata), values, &context, &self.core().internal);
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _: Context<'_, S>) {
        if let Some(live) = self.find(id)
            && let Some(gate) = &self.gate
        {
            gate.on_follows_from(live, follows);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let callsite = self.core().callsites.of(event.metadata());
        if let Some(beside) = &self.beside {
            beside.on_event(callsite, event, &context);
        }
        if !(callsite.is_of_traces && self.is_within_dropped(event)) {
            self.take_event(event, callsite, &context);
        }
    }

    // Asked before every event. Nearly all events of a service that samples few traces end here, those whose callsite is
    // not found at once a few steps later.
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let is_of_traces = |callsite: &Callsite| callsite.is_of_traces;
        self.beside.is_some()
            || !self.is_within_dropped(event)
            || !self.core().callsites.find_first(event.metadata()).is_some_and(is_of_traces)
    }

    #[inline]
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        // The common case is apart from the rest, here and at the exit, so that it needs neither calls nor saved
        // registers: polls are many.
        if self.is_quiet(id) {
            // Whether telemetry wants the span is asked when it matters: when a child looks for its parent.
            stack::push(Entry { id: id.into_u64(), mark: self.quiet });
        } else {
            self.enter_others(id, context);
        }
    }

    #[inline]
    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if !self.exit_quickly(id) {
            self.exit_slowly(id, context);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(live) = self.find(&id) {
            // The gate first: a status set through the OpenTelemetry API is known only once the span has ended.
            if let Some(gate) = &self.gate {
                gate.on_close(live);
            }
            if let Some((measure, callsite, plan)) = self.measure(live) {
                measure.close(&self.core().spans, callsite, plan, live);
            }
            self.core().spans.release(live);
        }
        if let Some(console) = &self.console {
            console.on_close(id, context);
        }
    }

    #[expect(unsafe_code, reason = "the trait's way to find a layer behind a dispatcher")]
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(from_ref(self).cast());
        }
        if id == TypeId::of::<Handle>() {
            return Some(from_ref(&self.handle).cast());
        }
        // SAFETY: the pointers are to members of `self`, which live as long as it does.
        let beside = self.beside.as_ref().and_then(|beside| unsafe { beside.0.downcast_raw(id) });
        // SAFETY: as above.
        beside.or_else(|| self.gate.as_ref().and_then(|gate| unsafe { gate.downcast_raw(id) }))
    }
}

/// Asks about the target of a record of the `log` crate, and formats nothing.
struct LogTarget<'a> {
    callsites: &'a Callsites,
    level: Level,
    passes: bool,
}

impl Visit for LogTarget<'_> {
    fn record_str(&mut self, field: &Field, target: &str) {
        if field.name() == LOG_TARGET {
            self.passes = self.callsites.passes(target, self.level);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl<S> fmt::Debug for Layer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer").finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for Parts<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}
