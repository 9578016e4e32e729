//! Spans become metrics: calls, duration, self time, and how many are open.
//!
//! A span lasts from its opening to its last exit or, if it was never left with a child open, to its closing. The
//! Registry keeps a span whose handles are gone open for as long as a child lives; a request that leaves a task behind
//! has nevertheless ended, and its duration and self time end there, as they do in its trace.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::trace::SpanKind;
use opentelemetry::{KeyValue, StringValue, Value};
use tracing_core::span::{Attributes, Record};

use super::cache::{Caches, KEY_SYMBOLS, Key, Owner};
use super::callsite::Callsite;
use super::composite::Opened;
use super::families::{Ended, Families};
use super::fields::SpanVisitor;
use super::handle::link_of;
use super::plan::SpanPlan;
use super::spans::{INLINE_DIMENSIONS, Live, Slot, Spans, Status, Traits, USUAL_DIMENSIONS};
use super::symbols::{Symbol, Symbols};
use super::{Config, MetricDeclaration, text};
use crate::clock::Clock;
use crate::internal::{Counter, Internal};
use crate::names;
use crate::series::{ExemplarFilter, InFlight, Series, Store};

/// What an error without a known type is called
/// (<https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/>).
const OTHER_ERROR: &str = "_OTHER";
/// Names of in-flight counts remembered; further ones are asked for each time.
const NAMES_MAX: usize = 1_024;
/// A name, an error type, and the dimensions.
const _: () = assert!(KEY_SYMBOLS == 2 + USUAL_DIMENSIONS);

type BySymbols = HashMap<Box<[Symbol]>, Series>;

/// Series by more symbols than a [`Key`] holds, for all threads.
#[derive(Default)]
struct Wide {
    owner: Owner,
    /// By callsite and what varies, then by symbols, which can be looked up without making a key of them.
    series: HashMap<(u32, u32), BySymbols>,
    len: usize,
}

/// The metrics of one layer.
pub(super) struct Measure {
    pub(super) store: Arc<Store>,
    pub(super) internal: Arc<Internal>,
    pub(super) symbols: Symbols,
    /// Longest text of an attribute, in characters.
    pub(super) length: usize,
    pub(super) declarations: HashMap<String, MetricDeclaration>,
    /// Further families of metrics, when one is on.
    pub(super) families: Option<Box<Families>>,
    clock: Clock,
    /// Flags of spans that exemplars may refer to.
    linked: u32,
    owner: Owner,
    wide: RwLock<Wide>,
    /// Open spans of names that `otel.name` gave, by symbol and kind.
    named_in_flight: RwLock<HashMap<(u32, u32), Arc<InFlight>>>,
}

impl Measure {
    pub(super) fn new(config: &Config, store: Arc<Store>, internal: Arc<Internal>, clock: Clock, layer: u32) -> Self {
        let declarations = config.metric_declarations.iter();
        let linked = match store.config().exemplar_filter {
            ExemplarFilter::TraceBased => Slot::SAMPLED,
            ExemplarFilter::AlwaysOn => Slot::IDS_KNOWN,
            ExemplarFilter::AlwaysOff => 0,
        };
        Self {
            families: Families::new(&store).map(Box::new),
            store,
            internal,
            linked,
            symbols: Symbols::new(),
            length: config.dimension_length,
            declarations: declarations.map(|metric| (metric.name.clone(), metric.clone())).collect(),
            clock,
            owner: Owner::new(layer),
            wide: RwLock::default(),
            named_in_flight: RwLock::default(),
        }
    }

    /// A span opens.
    #[inline]
    pub(super) fn open(&self, spans: &Spans, plan: &SpanPlan, attributes: &Attributes<'_>, opened: Opened<'_>) {
        let slot = opened.live.slot;
        if !plan.has_identity {
            // Right away: locked instructions wait for all that stands before them, and cost least side by side.
            self.with_in_flight(opened.callsite, plan, slot, slot.traits(), InFlight::enter);
        }
        let start = match opened.parent {
            Some(parent) => parent.slot.cover.open(parent.slot.start.load(Ordering::Relaxed), || self.clock.ticks()),
            None => self.clock.ticks(),
        };
        slot.start.store(start, Ordering::Relaxed);
        if plan.has_fields {
            if plan.dimensions.len() > USUAL_DIMENSIONS {
                slot.reset_unusual_dimensions();
            }
            attributes.record(&mut SpanVisitor { measure: self, spans, plan, live: opened.live });
            if let Some(carrier) = &plan.carrier {
                self.carry(carrier, opened.live, |visitor| attributes.record(visitor));
            }
        }
        if plan.has_identity {
            self.open_identified(opened.callsite, plan, slot);
        }
    }

    /// Counts a span as open once its fields have said what it is.
    #[cold]
    #[inline(never)]
    fn open_identified(&self, callsite: &Callsite, plan: &SpanPlan, slot: &Slot) {
        slot.opened_name.store(slot.name.load(Ordering::Relaxed), Ordering::Relaxed);
        slot.keep_opened_kind();
        self.with_in_flight(callsite, plan, slot, slot.traits(), InFlight::enter);
    }

    /// Fields of an open span are recorded.
    pub(super) fn record(&self, spans: &Spans, plan: &SpanPlan, values: &Record<'_>, live: Live<'_>) {
        if plan.has_fields {
            values.record(&mut SpanVisitor { measure: self, spans, plan, live });
            if let Some(carrier) = &plan.carrier {
                self.carry(carrier, live, |visitor| values.record(visitor));
            }
        }
    }

    /// Whether an exit of this span changes nothing.
    #[inline]
    pub(super) fn is_quiet(slot: &Slot) -> bool {
        !slot.cover.is_open() && slot.end.load(Ordering::Relaxed) == 0
    }

    /// A span is exited. With children open, this may be its end. Without, its closing is; then the clock need not be
    /// read, which keeps the polls of a future cheap.
    #[inline]
    pub(super) fn exit(&self, slot: &Slot) {
        if slot.cover.is_open() {
            self.exit_before_children(slot);
        } else if slot.end.load(Ordering::Relaxed) != 0 {
            // It had been left with a child open before, and was entered again.
            slot.end.store(0, Ordering::Relaxed);
        }
    }

    #[cold]
    fn exit_before_children(&self, slot: &Slot) {
        let now = self.clock.ticks();
        let covered = slot.cover.nanos(slot.start.load(Ordering::Relaxed), now);
        slot.end_cover.store(covered, Ordering::Relaxed);
        slot.end.store(now.max(1), Ordering::Relaxed);
    }

    /// A span closes.
    #[inline]
    pub(super) fn close(&self, spans: &Spans, callsite: &Callsite, plan: &SpanPlan, live: Live<'_>) {
        let slot = live.slot;
        let traits = slot.traits();
        // Before the clock is read, next to what its reading is exchanged for; see `open`.
        self.with_in_flight(callsite, plan, slot, traits, InFlight::exit);
        let parent = slot.parent().and_then(|id| spans.find(id));
        let now = match parent {
            Some(parent) => parent.slot.cover.close(parent.slot.start.load(Ordering::Relaxed), || self.clock.ticks()),
            None => self.clock.ticks(),
        };
        let start = slot.start.load(Ordering::Relaxed);
        let (end, covered) = match slot.end.load(Ordering::Relaxed) {
            0 => (now, slot.cover.nanos(start, now)),
            end => (end, slot.end_cover.load(Ordering::Relaxed)),
        };
        let duration = end.saturating_sub(start);
        let series = self.span_series(spans, callsite, plan, live, traits);
        // Few spans are sampled, and who they are costs a look at their ids.
        let link = if traits.has(self.linked) { link_of(slot, traits) } else { None };
        self.store.record_span(series, duration, duration.saturating_sub(covered), link);
        if let Some(carrier) = &plan.carrier {
            self.end_carrier(carrier, Ended { live, parent, traits, duration_nanos: duration });
        }
    }

    /// The symbol of a text, cut to the length limit.
    #[inline]
    pub(super) fn text(&self, value: &str) -> Symbol {
        let known = if value.len() <= self.length {
            Caches::with(|caches| caches.warm_text(self.texts_owner(), value)).flatten()
        } else {
            None
        };
        known.unwrap_or_else(|| self.new_text(value))
    }

    #[cold]
    #[inline(never)]
    fn new_text(&self, value: &str) -> Symbol {
        let value = text::cut(value, self.length, &self.internal);
        let owner = self.texts_owner();
        if let Some(known) = Caches::with(|caches| caches.text(owner, value)).flatten() {
            return known;
        }
        let (symbol, whole) = self.symbols.text(value);
        Caches::with(|caches| caches.keep_text(owner, symbol, whole));
        symbol
    }

    /// The series of symbols that vary with a callsite; `find` makes it when it is not remembered.
    #[inline]
    pub(super) fn series(&self, callsite: u32, variant: u32, symbols: &[Symbol], find: impl Fn() -> Series) -> Series {
        if symbols.len() > KEY_SYMBOLS {
            return self.wide_series(callsite, variant, symbols, find);
        }
        let mut all = [Symbol::ABSENT; KEY_SYMBOLS];
        all[..symbols.len()].copy_from_slice(symbols);
        let key = Key::new(callsite, variant, all);
        self.warm_series(&key).unwrap_or_else(|| self.keep(key, find))
    }

    #[inline]
    fn warm_series(&self, key: &Key) -> Option<Series> {
        Caches::with(|caches| caches.warm_series(self.series_owner(), key)).flatten()
    }

    /// A series that this thread remembers, else a new one, which it then does.
    fn keep(&self, key: Key, make: impl FnOnce() -> Series) -> Series {
        // Read first, so that what is retired meanwhile is not remembered as what came later.
        let owner = self.series_owner();
        if let Some(known) = Caches::with(|caches| caches.series(owner, &key)).flatten() {
            return known;
        }
        let series = make();
        Caches::with(|caches| caches.keep_series(owner, key, series));
        series
    }

    /// Attributes from keys and symbols; absent values are left out.
    pub(super) fn attributes(&self, keys: &[&'static str], symbols: &[Symbol]) -> Vec<KeyValue> {
        let attribute = |(key, symbol): (&&'static str, &Symbol)| {
            let value = self.symbols.value(*symbol);
            if value.is_none() && !symbol.is_absent() {
                // Forgotten while its span was open: as if beyond the cardinality limit.
                self.internal.count(Counter::CardinalityOverflow);
            }
            Some(KeyValue::new(*key, value?))
        };
        keys.iter().zip(symbols).filter_map(attribute).collect()
    }

    #[inline]
    fn texts_owner(&self) -> Owner {
        self.owner.since(self.symbols.period())
    }

    #[inline]
    fn series_owner(&self) -> Owner {
        self.owner.since(self.store.generation())
    }

    #[inline]
    fn span_series(
        &self,
        spans: &Spans,
        callsite: &Callsite,
        plan: &SpanPlan,
        live: Live<'_>,
        traits: Traits,
    ) -> Series {
        let slot = live.slot;
        let (name, error) = (slot.name.load(Ordering::Relaxed), slot.error.load(Ordering::Relaxed));
        if plan.dimensions.is_empty() && (name | error | traits.kind()) == 0 {
            let status = traits.status();
            let find = || self.make_span_series(callsite, plan, slot, status, &[]);
            return plan.plain(status).get(self.store.generation(), find);
        }
        let variant = traits.variant();
        if plan.dimensions.len() > USUAL_DIMENSIONS {
            return self.wide_span_series(spans, callsite, plan, live, variant);
        }
        // Symbols of dimensions that the callsite does not have are absent.
        let [a, b, c, d, ..] = &slot.symbols;
        let [a, b, c, d] = [a, b, c, d].map(|symbol| Symbol(symbol.load(Ordering::Relaxed)));
        let key = Key::new(callsite.index, variant, [Symbol(name), Symbol(error), a, b, c, d]);
        self.warm_series(&key).unwrap_or_else(|| self.narrow_span_series(key, callsite, plan, slot))
    }

    /// The series of a key that does not lie in its first place.
    #[cold]
    #[inline(never)]
    fn narrow_span_series(&self, key: Key, callsite: &Callsite, plan: &SpanPlan, slot: &Slot) -> Series {
        self.keep(key, || {
            let symbols = slot.symbols[..USUAL_DIMENSIONS].iter().map(|symbol| Symbol(symbol.load(Ordering::Relaxed)));
            self.make_span_series(callsite, plan, slot, slot.status(), &symbols.collect::<Vec<_>>())
        })
    }

    #[cold]
    fn wide_span_series(
        &self,
        spans: &Spans,
        callsite: &Callsite,
        plan: &SpanPlan,
        live: Live<'_>,
        variant: u32,
    ) -> Series {
        let slot = live.slot;
        let mut inline = [Symbol::ABSENT; 2 + INLINE_DIMENSIONS];
        for (symbol, value) in inline.iter_mut().zip([&slot.name, &slot.error].into_iter().chain(&slot.symbols)) {
            *symbol = Symbol(value.load(Ordering::Relaxed));
        }
        let find = |symbols: &[Symbol]| self.make_span_series(callsite, plan, slot, slot.status(), &symbols[2..]);
        if plan.dimensions.len() <= INLINE_DIMENSIONS {
            return self.wide_series(callsite.index, variant, &inline, || find(&inline));
        }
        let further = spans.take_further(live).into_iter().flatten().map(Symbol);
        let all: Vec<Symbol> = inline.into_iter().chain(further).collect();
        self.wide_series(callsite.index, variant, &all, || find(&all))
    }

    #[cold]
    fn make_span_series(
        &self,
        callsite: &Callsite,
        plan: &SpanPlan,
        slot: &Slot,
        status: Status,
        symbols: &[Symbol],
    ) -> Series {
        let identity = [
            KeyValue::new(names::SPAN_NAME, self.name(callsite, slot.name.load(Ordering::Relaxed))),
            KeyValue::new(names::SPAN_KIND, kind_name(&slot.kind())),
            KeyValue::new(names::STATUS_CODE, status_name(status)),
        ];
        let mut dimensions = self.attributes(&plan.dimensions, symbols);
        let error = self.symbols.value(Symbol(slot.error.load(Ordering::Relaxed)));
        let error = error.or_else(|| (status == Status::Error).then(|| Value::from(OTHER_ERROR)));
        if plan.has_error_type
            && status != Status::Ok
            && let Some(error) = error
        {
            dimensions.push(KeyValue::new(names::ERROR_TYPE, error));
        }
        self.store.series(Store::SPANS, &identity, &dimensions)
    }

    /// The span's name: `otel.name`, else the callsite's.
    fn name(&self, callsite: &Callsite, symbol: u32) -> StringValue {
        match self.symbols.value(Symbol(symbol)) {
            Some(Value::String(name)) => name,
            _ => callsite.metadata.name().into(),
        }
    }

    #[inline]
    fn with_in_flight(
        &self,
        callsite: &Callsite,
        plan: &SpanPlan,
        slot: &Slot,
        traits: Traits,
        f: impl FnOnce(&InFlight),
    ) {
        match plan.in_flight(traits.opened_kind()).get() {
            Some(known) if slot.opened_name.load(Ordering::Relaxed) == 0 => f(known),
            _ => f(&self.find_in_flight(callsite, plan, slot)),
        }
    }

    #[cold]
    #[inline(never)]
    fn find_in_flight(&self, callsite: &Callsite, plan: &SpanPlan, slot: &Slot) -> Arc<InFlight> {
        let (name, kind) = (slot.opened_name.load(Ordering::Relaxed), slot.traits().opened_kind());
        if name != 0 {
            return self.named_in_flight(callsite, slot, name, kind);
        }
        let find = || self.store.in_flight(callsite.metadata.name(), &slot.opened_kind());
        Arc::clone(plan.in_flight(kind).get_or_init(find))
    }

    fn named_in_flight(&self, callsite: &Callsite, slot: &Slot, name: u32, kind: u32) -> Arc<InFlight> {
        let known = self.named_in_flight.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&(name, kind)) {
            return Arc::clone(known);
        }
        drop(known);
        let in_flight = self.store.in_flight(self.name(callsite, name).as_str(), &slot.opened_kind());
        let mut known = self.named_in_flight.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= NAMES_MAX {
            known.clear();
        }
        known.insert((name, kind), Arc::clone(&in_flight));
        in_flight
    }

    /// A series by more symbols than a thread's cache holds.
    #[cold]
    fn wide_series(&self, callsite: u32, variant: u32, symbols: &[Symbol], find: impl Fn() -> Series) -> Series {
        let owner = self.series_owner();
        let key = (callsite, variant);
        let wide = self.wide.read().unwrap_or_else(PoisonError::into_inner);
        let known = wide.series.get(&key).and_then(|series| series.get(symbols)).filter(|_| wide.owner == owner);
        if let Some(series) = known {
            return *series;
        }
        drop(wide);
        let series = find();
        let mut wide = self.wide.write().unwrap_or_else(PoisonError::into_inner);
        if wide.owner != owner || wide.len >= self.store.config().cardinality_limit {
            *wide = Wide { owner, ..Wide::default() };
        }
        wide.len += 1;
        wide.series.entry(key).or_default().insert(symbols.into(), series);
        series
    }
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measure").finish_non_exhaustive()
    }
}

/// As the Collector's span-metrics connector writes it.
fn kind_name(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "SPAN_KIND_INTERNAL",
        SpanKind::Server => "SPAN_KIND_SERVER",
        SpanKind::Client => "SPAN_KIND_CLIENT",
        SpanKind::Producer => "SPAN_KIND_PRODUCER",
        SpanKind::Consumer => "SPAN_KIND_CONSUMER",
    }
}

/// As the Collector's span-metrics connector writes it.
fn status_name(status: Status) -> &'static str {
    match status {
        Status::Unset => "STATUS_CODE_UNSET",
        Status::Error => "STATUS_CODE_ERROR",
        Status::Ok => "STATUS_CODE_OK",
    }
}
