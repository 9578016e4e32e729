//! The store's face.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::metrics::Temporality;

use super::{Config, Declaration, InFlight, Instrument, InstrumentKind, Link, Series};
use crate::clock::{Clock, Timestamp};
use crate::internal::{Counter, Internal};
use crate::model::{Attributes, Data, Metric, Number, Operation, Point};
use crate::names;

/// What a collection does besides reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collect {
    /// Drains exemplars and peaks, precedes a new cumulative series by a point of zero, and ends idle series.
    Tick,
    /// Changes nothing.
    Peek,
}

/// All series of one telemetry instance.
#[derive(Debug)]
pub struct Store {
    config: Config,
    clock: Clock,
    internal: Arc<Internal>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    instruments: Vec<(String, String, String, InstrumentKind)>,
    series: Vec<(Instrument, Attributes, f64)>,
    in_flight: HashMap<String, Arc<InFlight>>,
}

impl Store {
    /// The built-in instrument of spans: calls, duration and self time in one cell.
    pub const SPANS: Instrument = Instrument(0);

    /// An empty store.
    pub fn new(config: Config, clock: Clock, internal: Arc<Internal>) -> Arc<Self> {
        let spans = (
            names::CALLS.name.into(),
            names::CALLS.unit.into(),
            names::CALLS.description.into(),
            InstrumentKind::Counter,
        );
        let state = State { instruments: vec![spans], ..State::default() };
        Arc::new(Self { config, clock, internal, state: Mutex::new(state) })
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its time.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Where it counts what it refuses.
    pub fn internal(&self) -> &Arc<Internal> {
        &self.internal
    }

    /// Finds or declares an instrument; `None` when it is refused, which is counted. Cold: locks.
    pub fn instrument(&self, declaration: &Declaration<'_>) -> Option<Instrument> {
        let mut state = self.state();
        let found = state.instruments.iter().position(|(name, ..)| name == declaration.name);
        if found.is_some_and(|at| state.instruments[at].3 != declaration.kind) {
            self.internal.count(Counter::InstrumentRefused);
            return None;
        }
        let at = found.unwrap_or(state.instruments.len());
        if found.is_none() {
            let Declaration { name, unit, description, kind, .. } = *declaration;
            state.instruments.push((name.into(), unit.into(), description.into(), kind));
        }
        u32::try_from(at).ok().map(Instrument)
    }

    /// Finds or creates the series with these attributes. Beyond the cardinality limit the dimensions are dropped and
    /// the identity stays. Cold: locks and allocates.
    pub fn series(&self, instrument: Instrument, identity: &[KeyValue], dimensions: &[KeyValue]) -> Series {
        let attributes = Attributes::new(identity.iter().chain(dimensions).cloned());
        let mut state = self.state();
        let found = state.series.iter().position(|(of, with, _)| *of == instrument && *with == attributes);
        let at = found.unwrap_or(state.series.len());
        if found.is_none() {
            state.series.push((instrument, attributes, 0.0));
        }
        Series(u32::try_from(at).unwrap_or(u32::MAX))
    }

    /// The open spans of one name and kind. Cold: locks.
    pub fn in_flight(&self, name: &str, kind: &SpanKind) -> Arc<InFlight> {
        Arc::clone(self.state().in_flight.entry(format!("{name} {kind:?}")).or_default())
    }

    /// Changes when a series may have been retired: caches of [`Series`] compare it and drop what they hold.
    #[inline]
    pub fn generation(&self) -> u32 {
        0
    }

    /// A span of [`Store::SPANS`] ended. Hot.
    #[inline]
    pub fn record_span(&self, series: Series, _duration_nanos: u64, _self_nanos: u64, _link: Option<Link>) {
        self.change(series, |value| value + 1.0);
    }

    /// Adds to a counter or up-down counter. Hot.
    #[inline]
    pub fn add(&self, series: Series, value: Number, _link: Option<Link>) {
        self.change(series, |sum| sum + value.as_f64());
    }

    /// Sets a gauge. Hot.
    #[inline]
    pub fn set(&self, series: Series, value: Number) {
        self.change(series, |_| value.as_f64());
    }

    /// Records into a histogram. Hot.
    #[inline]
    pub fn record(&self, series: Series, value: f64, _link: Option<Link>) {
        self.change(series, |sum| sum + value);
    }

    /// All series at `now`.
    pub fn collect(&self, now: Timestamp, _mode: Collect) -> Vec<Metric> {
        let state = self.state();
        let metric = |(at, (name, unit, description, _)): (usize, &(String, String, String, InstrumentKind))| {
            let points =
                state.series.iter().filter(|(of, ..)| of.0 as usize == at).map(|(_, attributes, value)| Point {
                    attributes: attributes.clone(),
                    start_time: now,
                    time: now,
                    value: Number::F64(*value),
                    exemplars: Vec::new(),
                    stale: false,
                });
            let data = Data::Sum { monotonic: true, temporality: Temporality::Cumulative, points: points.collect() };
            Metric {
                name: name.clone().into(),
                unit: unit.clone().into(),
                description: description.clone().into(),
                data,
            }
        };
        state.instruments.iter().enumerate().map(metric).collect()
    }

    /// The stale markers of every live series: what is exported last, at shutdown.
    pub fn end(&self, _now: Timestamp) -> Vec<Metric> {
        Vec::new()
    }

    /// What each operation did since the store began, by name and kind.
    pub fn operations(&self) -> Vec<Operation> {
        Vec::new()
    }

    fn change(&self, series: Series, change: impl FnOnce(f64) -> f64) {
        if let Some((_, _, value)) = self.state().series.get_mut(series.0 as usize) {
            *value = change(*value);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
