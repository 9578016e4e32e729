//! What the layer shares with the rest of the crate, whatever subscriber it serves.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tracing::{Dispatch, Metadata, Subscriber};
use tracing_core::{Interest, LevelFilter};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::Config;
use super::callsite::{Callsite, Callsites};
use super::console::{Filter, Shown};
use super::measure::Measure;
use super::spans::{Live, Slot, Spans, Traits};
use super::stack;
use crate::clock::Clock;
use crate::families::Families;
use crate::internal::Internal;
use crate::series::{Link, Store};

/// The layer of a dispatcher, found without knowing the subscriber's type. Clones are cheap.
///
/// `Handle::of(dispatch)` finds it; [`Handle::current`] asks the calling thread's dispatcher.
#[derive(Clone)]
pub struct Handle(pub(super) Arc<Core>);

/// State that all members of one layer share.
pub(super) struct Core {
    /// Tells this layer's entries on a thread's stack from those of others.
    pub(super) layer: u32,
    pub(super) spans: Spans,
    pub(super) callsites: Callsites,
    pub(super) clock: Clock,
    pub(super) internal: Arc<Internal>,
    /// Metrics, when they are on.
    pub(super) measure: Option<Measure>,
}

impl Handle {
    /// The layer of this dispatcher, if it has one.
    pub fn of(dispatch: &Dispatch) -> Option<Self> {
        dispatch.downcast_ref::<Self>().cloned()
    }

    /// The layer of the calling thread's dispatcher, if it has one.
    pub fn current() -> Option<Self> {
        tracing::dispatcher::get_default(Self::of)
    }

    /// Where metrics go; `None` when metrics are off.
    pub fn store(&self) -> Option<&Arc<Store>> {
        self.0.measure.as_ref().map(|measure| &measure.store)
    }

    /// Where losses are counted.
    pub fn internal(&self) -> &Arc<Internal> {
        &self.0.internal
    }

    /// The layer's time.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The innermost span that the calling thread has entered, when its ids are known: what an exemplar refers to.
    pub fn link(&self) -> Option<Link> {
        self.0.current().and_then(|live| link(live.slot))
    }
}

impl Core {
    pub(super) fn new(
        config: Config,
        console: Option<Arc<Filter>>,
        clock: Clock,
        internal: Arc<Internal>,
        store: Option<Arc<Store>>,
    ) -> Self {
        static LAYERS: AtomicU32 = AtomicU32::new(1);
        let layer = LAYERS.fetch_add(1, Ordering::Relaxed);
        let families = store.as_ref().map_or(Families::NONE, |store| store.config().families);
        let measure = |store| Measure::new(&config, store, Arc::clone(&internal), clock.clone(), layer);
        let measure = store.map(measure);
        let spans = Spans::new(Arc::clone(&internal));
        Self { layer, spans, callsites: Callsites::new(config, console, families), clock, internal, measure }
    }

    /// What the layer wants of a callsite, for telemetry or for the console.
    pub(super) fn interest(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.callsites.of(metadata) {
            Callsite { wanted: true, .. } | Callsite { console: Shown::Always, .. } => Interest::always(),
            Callsite { console: Shown::Ask, .. } => Interest::sometimes(),
            Callsite { console: Shown::Never, .. } => Interest::never(),
        }
    }

    /// Whether the layer wants a span or event now, for telemetry or for the console.
    pub(super) fn is_wanted<S>(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        self.callsites.is_wanted(metadata)
            || self.callsites.console().is_some_and(|console| console.enabled(metadata, context))
    }

    /// The most verbose level that the layer may want; `None` when it is not known.
    pub(super) fn max_level(&self) -> Option<LevelFilter> {
        let console = match self.callsites.console() {
            Some(console) => console.max_level()?,
            None => LevelFilter::OFF,
        };
        Some(self.callsites.max_level().max(console))
    }

    /// The innermost live span of this layer that the calling thread has entered.
    #[inline]
    pub(super) fn current(&self) -> Option<Live<'_>> {
        match stack::top() {
            Some(top) if top.mark.is_of(self.layer) => match self.spans.find(top.id) {
                // A span that telemetry does not want, or whose guard was forgotten.
                None => self.current_below(),
                found => found,
            },
            _ => self.current_below(),
        }
    }

    #[cold]
    fn current_below(&self) -> Option<Live<'_>> {
        stack::further(|entry| if entry.mark.is_of(self.layer) { self.spans.find(entry.id) } else { None })
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// What an exemplar of this span refers to, once the gate has made its ids known.
#[inline]
pub(super) fn link(slot: &Slot) -> Option<Link> {
    link_of(slot, slot.traits())
}

/// The same for somebody who has read the traits already.
#[inline]
pub(super) fn link_of(slot: &Slot, traits: Traits) -> Option<Link> {
    if !traits.has(Slot::IDS_KNOWN) {
        return None;
    }
    let (trace_id, span_id) = slot.ids();
    Some(Link { trace_id, span_id, sampled: traits.has(Slot::SAMPLED) })
}
