//! The cold side: which instruments and series there are, and how many there may be.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;

use super::grid::Grid;
use super::id::{CellKind, Instrument, Series};
use super::{Config, Declaration, HistogramAggregation, InstrumentKind, Store};
use crate::clock::Timestamp;
use crate::families::Family;
use crate::internal::RateLimit;
use crate::model::Attributes;
use crate::names::{self, Name};

/// The specification's limit of an instrument's name, in bytes.
const NAME_LENGTH: usize = 255;
/// At most one line about an instrument's cardinality in this time.
const WARNING_INTERVAL: Duration = Duration::from_secs(3_600);

/// Names that are no user's.
const BUILT_IN: [Name; 8] = [
    names::CALLS,
    names::DURATION,
    names::SELF_TIME,
    names::IN_FLIGHT,
    names::IN_FLIGHT_PEAK,
    names::TEMPO_CALLS,
    names::TEMPO_LATENCY,
    names::TEMPO_TARGET_INFO,
];

/// All instruments with their series.
#[derive(Debug)]
pub(super) struct Registry {
    instruments: Vec<InstrumentState>,
    /// By name in lower case: the specification compares names so.
    by_name: HashMap<String, Instrument>,
    /// By kind of cell and place: the series that has the place now, and its instrument.
    places: [Vec<(Series, Instrument)>; CellKind::ALL.len()],
    /// Identities are counted by their hash.
    hasher: RandomState,
}

/// One instrument.
#[derive(Debug)]
pub(super) struct InstrumentState {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) description: String,
    pub(super) kind: InstrumentKind,
    pub(super) grid: Arc<Grid>,
    /// Its live series.
    series: HashMap<Attributes, Entry>,
    /// Live series that are not overflow series.
    normal: usize,
    /// Places of series that are gone.
    free: VecDeque<Series>,
    /// Identities (their hashes) that have series with dimensions or an overflow series, and how many. Each has a place
    /// kept for its overflow series.
    kept: BTreeMap<NonZeroU64, usize>,
    /// The first attributes that went to an overflow series since it was last looked at.
    overflowed: Option<Attributes>,
    pub(super) warning: Arc<RateLimit>,
}

/// A live series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) series: Series,
    /// When it was created.
    pub(super) start: Timestamp,
    /// Hash of the identity for which it keeps a place.
    pub(super) kept: Option<NonZeroU64>,
    /// Whether it takes what exceeds the limit.
    pub(super) overflow: bool,
}

/// What a new cell has to know.
pub(super) struct CellPlan {
    pub(super) grid: Arc<Grid>,
    pub(super) monotonic: bool,
}

impl Registry {
    /// With the built-in instrument of spans.
    pub(super) fn new(config: &Config) -> Self {
        let spans = Declaration {
            name: names::CALLS.name,
            unit: names::CALLS.unit,
            description: names::CALLS.description,
            kind: InstrumentKind::Histogram,
            boundaries: Some(&config.duration_bounds),
        };
        let mut registry = Self {
            instruments: vec![InstrumentState {
                grid: Arc::new(span_grid(config)),
                ..InstrumentState::new(&spans, config)
            }],
            by_name: HashMap::new(),
            places: [const { Vec::new() }; CellKind::ALL.len()],
            hasher: RandomState::new(),
        };
        for name in BUILT_IN {
            registry.by_name.insert(name.name.to_ascii_lowercase(), Store::SPANS);
        }
        registry
    }

    /// The instruments, in the order of their declaration.
    pub(super) fn instruments(&self) -> impl Iterator<Item = (Instrument, &InstrumentState)> {
        (0..).map(Instrument).zip(&self.instruments)
    }

    /// An instrument that stands already, and whether the declaration adds nothing to it. `Ok(None)` when there is none of
    /// this name, `Err` when it does not fit.
    pub(super) fn find(&self, declaration: &Declaration<'_>) -> Result<Option<(Instrument, bool)>, ()> {
        let Some(found) = self.by_name.get(&declaration.name.to_ascii_lowercase()) else { return Ok(None) };
        let state = self.get(*found).filter(|it| *found != Store::SPANS && it.kind == declaration.kind).ok_or(())?;
        let complete = (!state.unit.is_empty() || declaration.unit.is_empty())
            && (!state.description.is_empty() || declaration.description.is_empty());
        Ok(Some((*found, complete)))
    }

    /// Declares an instrument, or completes one that was declared without unit or description. `Err` when it is refused.
    pub(super) fn declare(&mut self, declaration: &Declaration<'_>, config: &Config) -> Result<Instrument, ()> {
        if let Some((found, _)) = self.find(declaration)? {
            self.instruments[found.0 as usize].complete(declaration);
            return Ok(found);
        }
        let named = (1..=NAME_LENGTH).contains(&declaration.name.len());
        let bounded = declaration.boundaries.is_none_or(Grid::accepts);
        // The built-in instrument is not one of the user's.
        if !named || !bounded || self.instruments.len() > config.instrument_limit {
            return Err(());
        }
        let instrument = u32::try_from(self.instruments.len()).map(Instrument).map_err(|_| ())?;
        self.instruments.push(InstrumentState::new(declaration, config));
        self.by_name.insert(declaration.name.to_ascii_lowercase(), instrument);
        Ok(instrument)
    }

    /// A live series.
    pub(super) fn series(&self, instrument: Instrument, attributes: &Attributes) -> Option<Series> {
        self.get(instrument)?.series.get(attributes).map(|entry| entry.series)
    }

    /// Creates a series, or finds the overflow series when the instrument has as many as it may.
    ///
    /// The limit holds for all series of an instrument together. One place is always kept for the series without
    /// identity, and one for each identity that has series with dimensions, so that what overflows stays with its
    /// operation as long as any limit allows it.
    pub(super) fn create(&mut self, instrument: Instrument, wanted: Wanted<'_>, limit: usize) -> Series {
        let identity = Some(wanted.identity).filter(|identity| !identity.is_empty());
        let kept =
            identity.map(|identity| NonZeroU64::MIN | self.hasher.hash_one(Attributes::new(identity.iter().cloned())));
        let Some(state) = self.instruments.get_mut(instrument.0 as usize) else { return Series::NONE };
        let has_place = kept.is_some_and(|kept| state.kept.contains_key(&kept));
        let keeps = kept.filter(|_| !wanted.dimensions.is_empty());
        // One is for the series that takes what has no identity, or none with a place.
        let free = limit.saturating_sub(state.normal + state.kept.len() + 1);
        if free > usize::from(keeps.is_some() && !has_place) {
            let entry = Entry { series: Series::NONE, start: wanted.now, kept: keeps, overflow: false };
            return self.insert(instrument, wanted.attributes, entry);
        }
        let kept = kept.filter(|_| has_place || free > 0);
        let identity = kept.and(identity).unwrap_or_default();
        let overflow = [KeyValue::new(names::OVERFLOW, true)];
        let attributes = Attributes::new(identity.iter().chain(wanted.constant).chain(&overflow).cloned());
        let found = state.series.get(&attributes).map(|entry| entry.series);
        state.overflowed.get_or_insert(wanted.attributes);
        let entry = Entry { series: Series::NONE, start: wanted.now, kept, overflow: true };
        found.unwrap_or_else(|| self.insert(instrument, attributes, entry))
    }

    /// Brings a series back that was removed, whatever the limit.
    pub(super) fn restore(&mut self, instrument: Instrument, attributes: &Attributes, gone: Entry) -> Series {
        let found = self.series(instrument, attributes);
        found.unwrap_or_else(|| self.insert(instrument, attributes.clone(), gone))
    }

    /// Ends a series. Its place stays taken until [`Registry::release`].
    pub(super) fn remove(&mut self, instrument: Instrument, attributes: &Attributes, series: Series) {
        let Some(state) = self.instruments.get_mut(instrument.0 as usize) else { return };
        let Some(entry) = state.series.get(attributes).copied().filter(|entry| entry.series == series) else { return };
        state.series.remove(attributes);
        state.normal -= usize::from(!entry.overflow);
        let Some(kept) = entry.kept else { return };
        if let Some(count) = state.kept.get_mut(&kept) {
            *count -= 1;
            if *count == 0 {
                state.kept.remove(&kept);
            }
        }
    }

    /// Gives the place of a removed series to the next one of its instrument.
    pub(super) fn release(&mut self, series: Series) {
        let next = series.next();
        let Some((current, instrument)) = self.places[series.kind() as usize].get_mut(series.place() as usize) else {
            return;
        };
        *current = next;
        if let Some(state) = self.instruments.get_mut(instrument.0 as usize) {
            state.free.push_back(next);
        }
    }

    /// What a cell of this series has to know; `None` when the series is of another kind or its place has a new owner.
    pub(super) fn plan(&self, series: Series, kind: CellKind) -> Option<CellPlan> {
        let (current, instrument) = self.places[series.kind() as usize].get(series.place() as usize)?;
        let state = self.get(*instrument)?;
        let monotonic = state.kind == InstrumentKind::Counter;
        (*current == series && series.kind() == kind).then(|| CellPlan { grid: Arc::clone(&state.grid), monotonic })
    }

    /// Whether the place of a series has a new owner.
    pub(super) fn is_gone(&self, series: Series) -> bool {
        let place = self.places[series.kind() as usize].get(series.place() as usize);
        place.is_some_and(|(current, _)| *current != series)
    }

    /// Takes note of what overflowed since the last call, by instrument.
    pub(super) fn overflowed(&mut self) -> Vec<(Instrument, Attributes)> {
        let each = (0..).map(Instrument).zip(&mut self.instruments);
        each.filter_map(|(instrument, state)| Some((instrument, state.overflowed.take()?))).collect()
    }

    pub(super) fn get(&self, instrument: Instrument) -> Option<&InstrumentState> {
        self.instruments.get(instrument.0 as usize)
    }

    /// Gives a place to a series; `entry` says the rest.
    fn insert(&mut self, instrument: Instrument, attributes: Attributes, mut entry: Entry) -> Series {
        let Some(state) = self.instruments.get_mut(instrument.0 as usize) else { return Series::NONE };
        let kind = state.cell_kind(instrument);
        let places = &mut self.places[kind as usize];
        let Some(series) = state.free.pop_front().or_else(|| Series::new(kind, places.len())) else {
            return Series::NONE;
        };
        if series.place() as usize == places.len() {
            places.push((series, instrument));
        }
        if let Some(kept) = entry.kept {
            *state.kept.entry(kept).or_default() += 1;
        }
        state.normal += usize::from(!entry.overflow);
        entry.series = series;
        state.series.insert(attributes, entry);
        series
    }
}

/// A series that somebody asked for.
pub(super) struct Wanted<'a> {
    pub(super) identity: &'a [KeyValue],
    pub(super) dimensions: &'a [KeyValue],
    /// What every series of the instrument has.
    pub(super) constant: &'a [KeyValue],
    /// All three.
    pub(super) attributes: Attributes,
    pub(super) now: Timestamp,
}

/// The buckets of span durations. Tempo's family has explicit ones, whatever the form of other histograms.
fn span_grid(config: &Config) -> Grid {
    let explicit = config.aggregation == HistogramAggregation::ExplicitBucket || config.families.has(Family::Tempo);
    let bounds = if explicit { config.duration_bounds.as_slice() } else { &[] };
    Grid::new(if Grid::accepts(bounds) { bounds } else { &[] })
}

impl InstrumentState {
    fn new(declaration: &Declaration<'_>, config: &Config) -> Self {
        let bounds = match (config.aggregation, declaration.kind) {
            (HistogramAggregation::ExplicitBucket, InstrumentKind::Histogram) => {
                declaration.boundaries.unwrap_or(&Config::DEFAULT_BOUNDS)
            }
            _ => &[],
        };
        Self {
            name: declaration.name.into(),
            unit: declaration.unit.into(),
            description: declaration.description.into(),
            kind: declaration.kind,
            grid: Arc::new(Grid::new(if Grid::accepts(bounds) { bounds } else { &[] })),
            series: HashMap::new(),
            normal: 0,
            free: VecDeque::new(),
            kept: BTreeMap::new(),
            overflowed: None,
            warning: Arc::new(RateLimit::new(WARNING_INTERVAL)),
        }
    }

    /// Its live series in the order of their places.
    pub(super) fn live(&self) -> Vec<(Attributes, Entry)> {
        let mut live: Vec<_> = self.series.iter().map(|(attributes, entry)| (attributes.clone(), *entry)).collect();
        live.sort_unstable_by_key(|(_, entry)| entry.series.place());
        live
    }

    /// Whoever declares first decides; who comes later may only say what was left open.
    fn complete(&mut self, declaration: &Declaration<'_>) {
        for (open, given) in [(&mut self.unit, declaration.unit), (&mut self.description, declaration.description)] {
            if open.is_empty() {
                given.clone_into(open);
            }
        }
    }

    fn cell_kind(&self, instrument: Instrument) -> CellKind {
        match self.kind {
            _ if instrument == Store::SPANS => CellKind::Span,
            InstrumentKind::Counter | InstrumentKind::UpDownCounter => CellKind::Sum,
            InstrumentKind::Gauge => CellKind::Gauge,
            InstrumentKind::Histogram => CellKind::Histogram,
        }
    }
}
