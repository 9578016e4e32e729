//! What was decided about each callsite, found by the address of its metadata.
//!
//! The first time a callsite is seen, a lock is taken and everything that depends on names, levels and settings is
//! worked out; from then on it is one hash and one comparison, without a lock.

use std::fmt;
use std::ptr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing::{Level, Metadata};
use tracing_core::LevelFilter;

use super::Config;
use super::attributes::Meanings;
use super::console::{Filter, Shown};
use super::plan::{EventPlan, SpanPlan};
use super::spans::Slot;
use crate::families::Families;
use crate::internal;

/// Places that are there from the beginning.
const FIRST: usize = 1_024;
/// Levels made when callsites crowd the places before, each twice as large: more than any program has callsites.
const LEVELS: usize = 9;
/// Neighbouring places that a callsite may take on a level.
const WINDOW: usize = 8;

/// A callsite: where a span or an event stands in the source.
pub(super) struct Callsite {
    pub(super) metadata: &'static Metadata<'static>,
    /// Finds it again, see [`Callsites::at`].
    pub(super) index: u32,
    /// Whether any member but the console wants it. Nothing else needs a look when not.
    pub(super) wanted: bool,
    /// An event that becomes a log record and an event of its span. A metric event may be wanted although its level is
    /// filtered, and is written only if it has something to say besides its numbers: a message.
    pub(super) is_written: bool,
    /// An event that becomes an event of its span and nothing else: wanted only in a sampled trace.
    pub(super) is_of_traces: bool,
    /// An event of the `log` crate: its target is a field, and the filter must be asked for each event.
    pub(super) is_log: bool,
    /// An ERROR event that passes the filter: it marks its span.
    pub(super) is_error: bool,
    /// What metrics take from a span's fields; for spans when metrics are on.
    pub(super) span: Option<SpanPlan>,
    /// What metrics take from an event's fields; for metric events when metrics are on.
    pub(super) event: Option<EventPlan>,
    /// Whether the console shows it.
    pub(super) console: Shown,
    /// What the fields of its spans mean.
    pub(super) meanings: Meanings,
}

type Place = OnceLock<Box<Callsite>>;

/// All callsites seen by one layer.
pub(super) struct Callsites {
    config: Config,
    /// Which families of metrics are on.
    families: Families,
    console: Option<Arc<Filter>>,
    first: Box<[Place; FIRST]>,
    further: [OnceLock<Box<[Place]>>; LEVELS],
    /// Held while a callsite is added.
    adding: Mutex<()>,
    /// What a callsite gets that finds no place; never wanted.
    nowhere: OnceLock<Box<Callsite>>,
}

impl Callsites {
    pub(super) fn new(config: Config, console: Option<Arc<Filter>>, families: Families) -> Self {
        let first = Box::new([const { OnceLock::new() }; FIRST]);
        let further = [const { OnceLock::new() }; LEVELS];
        Self { config, families, console, first, further, adding: Mutex::new(()), nowhere: OnceLock::new() }
    }

    /// What was decided about a callsite; decides now if it is new.
    #[inline]
    pub(super) fn of(&self, metadata: &'static Metadata<'static>) -> &Callsite {
        match self.find(metadata) {
            Some(callsite) => callsite,
            None => self.add(metadata),
        }
    }

    /// What was decided about a callsite, if it has been seen.
    #[inline]
    pub(super) fn find(&self, metadata: &Metadata<'_>) -> Option<&Callsite> {
        match self.find_first(metadata) {
            None => self.find_further(metadata),
            found => found,
        }
    }

    /// The same if it is where it is looked for first; says nothing about a callsite when it is not.
    #[inline]
    pub(super) fn find_first(&self, metadata: &Metadata<'_>) -> Option<&Callsite> {
        let callsite = self.first[hash(metadata) % FIRST].get()?;
        ptr::addr_eq(callsite.metadata, metadata).then_some(&**callsite)
    }

    #[cold]
    fn find_further(&self, metadata: &Metadata<'_>) -> Option<&Callsite> {
        let is_it = |callsite: &&Callsite| ptr::addr_eq(callsite.metadata, metadata);
        let further = self.further.iter().map_while(|level| level.get().map(|places| &**places));
        std::iter::once(&self.first[..]).chain(further).find_map(|places| {
            window(metadata, places).filter_map(|(_, place)| place.get()).map(|it| &**it).find(is_it)
        })
    }

    /// The callsite with this number.
    #[inline]
    pub(super) fn at(&self, index: u32) -> Option<&Callsite> {
        let index = index as usize;
        let place = if index < FIRST { &self.first[index] } else { self.place_further(index)? };
        place.get().map(|callsite| &**callsite)
    }

    #[cold]
    fn place_further(&self, index: usize) -> Option<&Place> {
        self.further.get((index >> PLACE_BITS).wrapping_sub(1))?.get()?.get(index & PLACE_MASK)
    }

    /// The callsite of a live span.
    #[inline]
    pub(super) fn of_slot(&self, slot: &Slot) -> Option<&Callsite> {
        self.at(slot.callsite.load(Ordering::Relaxed))
    }

    /// What the console shows, if there is one.
    pub(super) fn console(&self) -> Option<&Filter> {
        self.console.as_deref()
    }

    /// Whether telemetry wants a span or event. A record of the `log` crate asks with metadata of its own, before its
    /// message is formatted.
    pub(super) fn is_wanted(&self, metadata: &Metadata<'_>) -> bool {
        match self.find(metadata) {
            Some(callsite) => callsite.wanted,
            None if is_log(metadata) => self.passes(metadata.target(), *metadata.level()),
            None => true,
        }
    }

    /// Whether the telemetry filter passes a record of the `log` crate.
    pub(super) fn passes(&self, target: &str, level: Level) -> bool {
        self.config.filter.would_enable(target, &level) && target != internal::TARGET
    }

    /// The most verbose level that telemetry wants.
    pub(super) fn max_level(&self) -> LevelFilter {
        // A count must not depend on a level: metric events of all levels count.
        if self.config.metrics { LevelFilter::TRACE } else { self.max_written() }
    }

    /// The most verbose level of what telemetry writes down; records of the `log` crate are never metric events.
    pub(super) fn max_written(&self) -> LevelFilter {
        let Config { metrics, traces, logs, filter, .. } = &self.config;
        let levels = filter.iter().map(|(_, level)| level).chain(filter.default_level());
        if *metrics || *traces || *logs { levels.max().unwrap_or(LevelFilter::OFF) } else { LevelFilter::OFF }
    }

    #[cold]
    fn add(&self, metadata: &'static Metadata<'static>) -> &Callsite {
        let adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(added_meanwhile) = self.find(metadata) {
            return added_meanwhile;
        }
        let further = self.further.iter().zip(1..).map(|(level, number)| {
            let places = level.get_or_init(|| (0..FIRST << number).map(|_| OnceLock::new()).collect());
            (&**places, number)
        });
        for (places, number) in std::iter::once((&self.first[..], 0)).chain(further) {
            if let Some((at, place)) = window(metadata, places).find(|(_, place)| place.get().is_none()) {
                let index = u32::try_from((number << PLACE_BITS) | at).unwrap_or(u32::MAX);
                return place.get_or_init(|| Box::new(self.decide(metadata, index)));
            }
        }
        drop(adding);
        self.nowhere.get_or_init(|| Box::new(Callsite { wanted: false, ..self.decide(metadata, u32::MAX) }))
    }

    fn decide(&self, metadata: &'static Metadata<'static>, index: u32) -> Callsite {
        let Config { metrics, traces, logs, filter, .. } = &self.config;
        let is_log = metadata.target() == "log" && is_log(metadata);
        // Each record of the `log` crate has a target of its own, which is asked about when it comes.
        let passes_filter = if is_log {
            *metadata.level() <= self.max_written()
        } else {
            filter.would_enable(metadata.target(), metadata.level())
        };
        let base = Callsite {
            metadata,
            index,
            wanted: false,
            is_written: false,
            is_of_traces: false,
            is_log,
            is_error: false,
            span: None,
            event: None,
            console: self.console.as_ref().map_or(Shown::Never, |console| console.shown(metadata, is_log)),
            meanings: Meanings::new(metadata),
        };
        if metadata.is_span() {
            let wanted = passes_filter && (*metrics || *traces);
            let span = (wanted && *metrics).then(|| SpanPlan::new(metadata, &self.config, self.families));
            return Callsite { wanted, span, ..base };
        }
        // Lines of our own never become telemetry: trouble in exporting must not make more to export.
        if metadata.target() == internal::TARGET {
            return base;
        }
        let is_error = passes_filter && *metadata.level() == Level::ERROR;
        // A target that is off stays off, but a level does not switch a count off.
        let event = if *metrics && filter.would_enable(metadata.target(), &Level::ERROR) {
            EventPlan::new(metadata)
        } else {
            None
        };
        let speaks = event.is_none() || metadata.fields().field("message").is_some();
        let is_written = passes_filter && speaks && (*traces || *logs);
        let wanted = event.is_some() || is_written || (*metrics && is_error);
        let is_of_metrics = *metrics && (is_error || event.is_some());
        let is_of_traces = is_written && !*logs && !is_of_metrics && !is_log && base.console == Shown::Never;
        Callsite { wanted, is_written, is_of_traces, is_error, event, ..base }
    }
}

/// Where the `log` bridge (`tracing-log`) keeps the target of a record.
pub(super) const LOG_TARGET: &str = "log.target";

fn is_log(metadata: &Metadata<'_>) -> bool {
    metadata.fields().field(LOG_TARGET).is_some()
}

/// The places that a callsite may take on a level.
fn window<'a>(metadata: &Metadata<'_>, places: &'a [Place]) -> impl Iterator<Item = (usize, &'a Place)> {
    let first = hash(metadata);
    (0..WINDOW).map(move |step| {
        let at = first.wrapping_add(step) & (places.len() - 1);
        (at, &places[at])
    })
}

const PLACE_BITS: usize = 24;
const PLACE_MASK: usize = (1 << PLACE_BITS) - 1;

#[inline]
fn hash(metadata: &Metadata<'_>) -> usize {
    let address = ptr::from_ref(metadata).cast::<()>() as usize;
    // Fibonacci hashing; the upper half of the product is the well-mixed one.
    ((address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize
}

impl fmt::Debug for Callsites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callsites").finish_non_exhaustive()
    }
}
