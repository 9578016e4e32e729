//! The store's face, and the hot path.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanKind, TraceId};

use super::cell::{Cell, HistogramCell, SpanCell, SumCell, millis};
use super::collect::Ledger;
use super::exemplars::{EXPONENTIAL_SLOTS, Reservoir};
use super::gauge::Gauge;
use super::grid::{self, Grid};
use super::id::CellKind;
use super::in_flight::Operations;
use super::registry::{Registry, Wanted};
use super::shard::Shards;
use super::table::Table;
use super::{Config, Declaration, ExemplarFilter, HistogramAggregation, InFlight, Instrument, Link, Series};
use crate::clock::{Clock, Timestamp};
use crate::fork::Process;
use crate::internal::{Counter, Internal};
use crate::model::{Attributes, Exemplar, Number};
use crate::names;

/// All series of one telemetry instance.
pub struct Store {
    pub(super) config: Config,
    clock: Clock,
    /// When the store began.
    pub(super) started: Timestamp,
    pub(super) internal: Arc<Internal>,
    /// The buckets of span durations.
    span_grid: Arc<Grid>,
    pub(super) shards: Arc<Shards>,
    pub(super) gauges: Table<Gauge>,
    /// By kind of cell and place.
    pub(super) reservoirs: [Table<Reservoir>; CellKind::ALL.len()],
    /// A child of a fork has the locks as they were, also those that other threads held, and nobody to collect it:
    /// whatever would lock does nothing there.
    process: Process,
    registry: RwLock<Registry>,
    in_flight: RwLock<Operations>,
    /// What every span series has.
    constant: [KeyValue; 1],
    pub(super) generation: AtomicU32,
    /// What collections remember from one to the next. Locked before `registry` and `in_flight`.
    pub(super) ledger: Mutex<Ledger>,
}

impl Store {
    /// The built-in instrument of spans: calls, duration and self time in one cell.
    pub const SPANS: Instrument = Instrument(0);

    /// An empty store.
    pub fn new(config: Config, clock: Clock, internal: Arc<Internal>) -> Arc<Self> {
        let registry = Registry::new(&config);
        let span_grid = registry.get(Self::SPANS).map_or_else(|| Arc::new(Grid::new(&[])), |it| Arc::clone(&it.grid));
        let constant = [KeyValue::new(names::SERVICE_NAME, Arc::from(config.service_name.as_str()))];
        Arc::new(Self {
            config,
            started: clock.now(),
            clock,
            internal,
            span_grid,
            shards: Shards::new(),
            gauges: Table::new(),
            reservoirs: [const { Table::new() }; CellKind::ALL.len()],
            process: Process::current(),
            registry: RwLock::new(registry),
            in_flight: RwLock::default(),
            constant,
            generation: AtomicU32::new(0),
            ledger: Mutex::default(),
        })
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

    /// Finds or declares an instrument. Names are the same when they differ in case only. Of two declarations of a name
    /// the first decides unit, description and boundaries (a unit or description that it left empty is taken from the
    /// next). `None`, counted as [`Counter::InstrumentRefused`]: the name is empty, longer than 255 bytes, one of the span
    /// metrics or already of another kind; the boundaries are not finite and ascending, or more than 1,000; there are as
    /// many instruments as the configuration allows. Cold: locks.
    pub fn instrument(&self, declaration: &Declaration<'_>) -> Option<Instrument> {
        if self.process.is_left() {
            return None;
        }
        let found = self.registry().find(declaration);
        let declared = match found {
            Ok(Some((instrument, true))) => Ok(instrument),
            Ok(_) => self.registry_mut().declare(declaration, &self.config),
            Err(refused) => Err(refused),
        };
        if declared.is_err() {
            self.internal.count(Counter::InstrumentRefused);
        }
        declared.ok()
    }

    /// Finds or creates the series with these attributes; [`Store::SPANS`] adds `service.name` by itself. Beyond the
    /// cardinality limit it is the overflow series: the identity stays, the dimensions are replaced by
    /// `otel.metric.overflow=true`. Cold: locks and allocates.
    pub fn series(&self, instrument: Instrument, identity: &[KeyValue], dimensions: &[KeyValue]) -> Series {
        if self.process.is_left() {
            return Series::NONE;
        }
        let constant: &[KeyValue] = if instrument == Self::SPANS { &self.constant } else { &[] };
        let attributes = Attributes::new(constant.iter().chain(identity).chain(dimensions).cloned());
        if let Some(found) = self.registry().series(instrument, &attributes) {
            return found;
        }
        let now = self.clock.now();
        let mut registry = self.registry_mut();
        if let Some(found) = registry.series(instrument, &attributes) {
            return found;
        }
        let wanted = Wanted { identity, dimensions, constant, attributes, now };
        let series = registry.create(instrument, wanted, self.config.cardinality_limit);
        self.prepare_gauge(series);
        series
    }

    /// The open spans of one name and kind. Cold: locks.
    pub fn in_flight(&self, name: &str, kind: &SpanKind) -> Arc<InFlight> {
        if self.process.is_left() {
            return Arc::default();
        }
        if let Some(known) = self.in_flight_read().get(name, kind) {
            return known;
        }
        let (limit, now) = (self.config.cardinality_limit, self.clock.now());
        self.in_flight_write().get_or_insert(name, kind, &self.constant, limit, now)
    }

    /// Changes when a series may have been retired: caches of [`Series`] compare it and drop what they hold. Read it
    /// before [`Store::series`], so that a retirement in between is not missed.
    #[inline]
    pub fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }

    /// A span of [`Store::SPANS`] ended after `duration_nanos`, of which no child covered `self_nanos`. Hot.
    #[inline]
    pub fn record_span(&self, series: Series, duration_nanos: u64, self_nanos: u64, link: Option<Link>) {
        let recorded = self.with_cell(series, move |cell: &SpanCell| {
            if !cell.record(&self.span_grid, duration_nanos, self_nanos) {
                self.internal.count(Counter::HistogramRange);
            }
            true
        });
        if let Some(link) = link.filter(|link| recorded && self.wants(link)) {
            self.keep_in_bucket(series, millis(duration_nanos), &self.span_grid, link);
        }
    }

    /// Adds to a counter or up-down counter. A negative increment of a counter is refused, as is what is not finite;
    /// both are counted. Hot.
    #[inline]
    pub fn add(&self, series: Series, value: Number, link: Option<Link>) {
        if !self.is_finite(value) {
            return;
        }
        let added = self.with_cell(series, move |cell: &SumCell| {
            let added = cell.add(value);
            if !added {
                self.internal.count(Counter::NegativeIncrement);
            }
            added
        });
        if let Some(link) = link.filter(|link| added && self.wants(link)) {
            self.keep(series, 0, value, 1, link);
        }
    }

    /// Sets a gauge; of several threads the last one wins. What is not finite is refused and counted. Hot.
    #[inline]
    pub fn set(&self, series: Series, value: Number) {
        if !self.is_finite(value) {
            return;
        }
        match self.gauge(series) {
            Some(gauge) => gauge.set(value),
            None => self.refuse(series),
        }
    }

    /// Records into a histogram. What is not finite is refused and counted. Hot.
    #[inline]
    pub fn record(&self, series: Series, value: f64, link: Option<Link>) {
        if !self.is_finite(Number::F64(value)) {
            return;
        }
        self.with_cell(series, move |cell: &HistogramCell| {
            if !cell.record(value) {
                self.internal.count(Counter::HistogramRange);
            }
            if let Some(link) = link.filter(|link| self.wants(link)) {
                self.keep_in_bucket(series, value, cell.grid(), link);
            }
            true
        });
    }

    pub(super) fn gauge(&self, series: Series) -> Option<&Gauge> {
        self.gauges.get(series.place()).filter(|gauge| gauge.owner.is(series))
    }

    /// Gives a gauge's place to a new series. The registry must be locked, so that only one thread is at it.
    pub(super) fn prepare_gauge(&self, series: Series) {
        if series.kind() != CellKind::Gauge || series == Series::NONE {
            return;
        }
        if let Some(gauge) = self.gauges.get_or_insert(series.place(), Gauge::new).filter(|it| !it.owner.is(series)) {
            gauge.reset();
            gauge.owner.set(series);
        }
    }

    pub(super) fn registry(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn registry_mut(&self) -> RwLockWriteGuard<'_, Registry> {
        self.registry.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn in_flight_read(&self) -> RwLockReadGuard<'_, Operations> {
        self.in_flight.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn in_flight_write(&self) -> RwLockWriteGuard<'_, Operations> {
        self.in_flight.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `f` with the calling thread's cell. `false` when there is none for this series, or `f` says so.
    #[inline]
    fn with_cell<C: Cell>(&self, series: Series, f: impl FnOnce(&C) -> bool) -> bool {
        let cell = self.shards.current().and_then(|shard| C::table(shard).get(series.place()));
        match cell.filter(|cell| cell.owner().is(series)) {
            Some(cell) => f(cell),
            None => self.with_new_cell(series, f),
        }
    }

    /// The first measurement of a thread for a series, and any of a thread whose thread-locals are gone.
    #[cold]
    #[inline(never)]
    fn with_new_cell<C: Cell>(&self, series: Series, f: impl FnOnce(&C) -> bool) -> bool {
        if self.process.is_left() {
            return false;
        }
        let plan = self.registry().plan(series, C::KIND);
        let Some(plan) = plan else {
            self.refuse(series);
            return false;
        };
        self.shards.with(|shard| {
            let new = || C::new(&plan.grid, plan.monotonic);
            let Some(cell) = C::table(shard).get_or_insert(series.place(), new) else { return false };
            if !cell.owner().is(series) {
                cell.reset();
                cell.owner().set(series);
            }
            f(cell)
        })
    }

    /// A series that no cell can take: of another kind than the measurement, or gone for long.
    #[cold]
    fn refuse(&self, series: Series) {
        if self.process.is_left() {
            return;
        }
        let gone = series != Series::NONE && self.registry().is_gone(series);
        self.internal.count(if gone { Counter::SeriesGone } else { Counter::InvalidMeasurement });
    }

    #[inline]
    fn is_finite(&self, value: Number) -> bool {
        let finite = match value {
            Number::I64(_) => true,
            Number::F64(value) => value.is_finite(),
        };
        if !finite {
            self.internal.count(Counter::NotFinite);
        }
        finite
    }

    #[inline]
    fn wants(&self, link: &Link) -> bool {
        match self.config.exemplar_filter {
            ExemplarFilter::TraceBased => link.sampled,
            ExemplarFilter::AlwaysOn => true,
            ExemplarFilter::AlwaysOff => false,
        }
    }

    /// Keeps an exemplar of a histogram: one a bucket of the form that is exported.
    #[cold]
    fn keep_in_bucket(&self, series: Series, value: f64, grid: &Grid, link: Link) {
        let (bucket, slots) = match self.config.aggregation {
            HistogramAggregation::ExplicitBucket => {
                (i32::try_from(grid.explicit(value)).unwrap_or(i32::MAX), grid.bounds().len() + 1)
            }
            HistogramAggregation::Base2ExponentialBucket => {
                (grid::fine(value), EXPONENTIAL_SLOTS.min(self.config.max_size))
            }
        };
        self.keep(series, bucket, Number::F64(value), slots, link);
    }

    #[cold]
    fn keep(&self, series: Series, bucket: i32, value: Number, slots: usize, link: Link) {
        if link.trace_id == TraceId::INVALID || series == Series::NONE {
            return;
        }
        let exemplar = Exemplar { time: self.clock.now(), value, trace_id: link.trace_id, span_id: link.span_id };
        let reservoir = self.reservoirs[series.kind() as usize].get_or_insert(series.place(), Reservoir::new);
        if let Some(reservoir) = reservoir {
            reservoir.offer(series, bucket, exemplar, slots);
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("config", &self.config).finish_non_exhaustive()
    }
}
