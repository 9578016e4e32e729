//! Collection: all threads summed into the OpenTelemetry data model, and the life of a series from tick to tick.
//!
//! A series ends when it was not measured for the idle time. It is then removed from the registry and the generation
//! changes, so that callers ask for it anew; but a caller may have read the generation just before, and a measurement
//! may be on its way. The place of the series therefore stays its own for [`GRACE`] more ticks. If something was added
//! meanwhile, it goes to the series that has the same attributes now. Only then the place is given to a new series, by
//! giving it a new number. Cells carry the number of their series, so that a caller that still holds the old one after
//! all this finds no cell: its measurement is refused and counted. Memory of cells is used again and never freed while
//! the store lives.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::cardinality;
use super::cell::{Cell, HistogramCell, SpanCell, SumCell};
use super::id::{CellKind, Instrument, Series};
use super::in_flight::Open;
use super::points::{self, Described, Phase, Reading};
use super::registry::{Entry, InstrumentState};
use super::shard::Shard;
use super::store::Store;
use super::totals::Totals;
use crate::clock::Timestamp;
use crate::internal::Counter;
use crate::model::{Attributes, Exemplar, Metric};

/// Ticks for which the place of an ended series stays its own.
const GRACE: u32 = 2;

/// What a collection does besides reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collect {
    /// Drains exemplars and peaks, precedes a new cumulative series by a point of zero, and ends idle series.
    Tick,
    /// Changes nothing.
    Peek,
}

/// What collections remember.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Live series at the last tick, by kind of cell and place.
    seen: [Vec<Seen>; CellKind::ALL.len()],
    ended: Vec<Ended>,
    /// The latest time of a collected point.
    last: Timestamp,
}

/// A live series at the last tick.
#[derive(Debug)]
struct Seen {
    /// Another series than the one that has the place now: nothing was seen of that yet.
    series: Series,
    /// Its measurements so far.
    count: u64,
    /// The tick that saw the last of them.
    active: Timestamp,
    /// Whether a point of it went out.
    reported: bool,
    /// Measurements that came to an ended series with the same attributes.
    inherited: Option<Box<Totals>>,
}

impl Seen {
    const fn nothing(series: Series, since: Timestamp) -> Self {
        Self { series, count: 0, active: since, reported: false, inherited: None }
    }
}

impl Ledger {
    fn seen(&self, series: Series) -> Option<&Seen> {
        let seen = self.seen[series.kind() as usize].get(series.place() as usize)?;
        (seen.series == series).then_some(seen)
    }

    /// What was seen of a series, to be brought up to date; of a new one, nothing `since` then.
    fn seen_mut(&mut self, series: Series, since: Timestamp) -> &mut Seen {
        let (all, place) = (&mut self.seen[series.kind() as usize], series.place() as usize);
        if all.len() <= place {
            all.resize_with(place + 1, || Seen::nothing(Series::NONE, since));
        }
        if all[place].series != series {
            all[place] = Seen::nothing(series, since);
        }
        &mut all[place]
    }

    fn inherited(&self, series: Series) -> Option<&Totals> {
        self.seen(series)?.inherited.as_deref()
    }
}

/// An ended series whose place is still its own.
#[derive(Debug)]
struct Ended {
    instrument: Instrument,
    attributes: Attributes,
    entry: Entry,
    /// What its cells held when it ended.
    reported: Totals,
    ticks_left: u32,
}

/// One instrument and its live series at the beginning of a collection.
struct Live {
    instrument: Instrument,
    described: Described,
    series: Vec<(Attributes, Entry)>,
}

impl Store {
    /// All series at `now`. Metrics without points are left out.
    ///
    /// Values are cumulative. A new counter or histogram is preceded, in the first tick that finds it, by a point of zero
    /// at its start time: Prometheus computes rates between samples and would miss what came before the first (the
    /// Collector's span metrics and Tempo's generator begin at zero for the same reason:
    /// <https://github.com/open-telemetry/opentelemetry-collector-contrib/pull/39052>,
    /// <https://github.com/grafana/tempo/pull/2068>). The two points differ by at least a millisecond, Prometheus'
    /// resolution; a series that is younger than that has no point of zero.
    pub fn collect(&self, now: Timestamp, mode: Collect) -> Vec<Metric> {
        let tick = mode == Collect::Tick;
        let mut ledger = self.ledger();
        if tick {
            ledger.last = now;
            self.settle(&mut ledger);
        }
        let live = self.live();
        let shards = self.shards.all();
        let mut metrics = Vec::new();
        for instrument in &live {
            let readings: Vec<Reading> = instrument
                .series
                .iter()
                .filter_map(|(attributes, entry)| self.read(&mut ledger, &shards, attributes, *entry, now, tick))
                .collect();
            if tick {
                self.end_idle(&mut ledger, instrument, &readings);
            }
            metrics.extend(points::metrics(&instrument.described, &readings, now, &self.config));
            if instrument.instrument == Self::SPANS {
                metrics.extend(points::open_spans(&self.open_spans(now, tick), self.started, now));
            }
        }
        drop(ledger);
        if tick {
            // Without any lock: the line goes through the host's subscriber.
            self.warn_of_overflow(&live, now);
        }
        metrics
    }

    /// The stale markers of every live series: what is exported last, at shutdown, after a last tick. They carry a time
    /// after that tick's, because Prometheus takes one sample a series and millisecond.
    pub fn end(&self, now: Timestamp) -> Vec<Metric> {
        let ledger = self.ledger();
        let now = Timestamp(now.0.max(ledger.last.0.saturating_add(points::RESOLUTION_NANOS)));
        let mut metrics = Vec::new();
        for instrument in self.live() {
            let reported =
                |(_, entry): &&(Attributes, Entry)| ledger.seen(entry.series).is_some_and(|seen| seen.reported);
            let readings: Vec<Reading> = instrument
                .series
                .iter()
                .filter(reported)
                .map(|(attributes, entry)| Reading::ended(attributes.clone(), *entry))
                .collect();
            metrics.extend(points::metrics(&instrument.described, &readings, now, &self.config));
            if instrument.instrument == Self::SPANS {
                let mut open = self.in_flight_read().peek();
                for open in &mut open {
                    open.ended = true;
                }
                metrics.extend(points::open_spans(&open, self.started, now));
            }
        }
        metrics
    }

    /// What was recorded for each live series of spans.
    pub(super) fn span_totals(&self) -> Vec<(Attributes, Totals)> {
        let ledger = self.ledger();
        let live = self.registry().get(Self::SPANS).map(InstrumentState::live).unwrap_or_default();
        let shards = self.shards.all();
        let totals = live.into_iter().map(|(attributes, entry)| {
            (attributes, self.totals(&shards, entry.series, ledger.inherited(entry.series)))
        });
        totals.collect()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self) -> Vec<Live> {
        let registry = self.registry();
        let instruments = registry.instruments();
        instruments
            .map(|(instrument, state)| Live {
                instrument,
                described: Described::of(instrument, state),
                series: state.live(),
            })
            .collect()
    }

    /// One series, with what it says about its life; `None` when there is nothing to report.
    fn read(
        &self,
        ledger: &mut Ledger,
        shards: &[Arc<Shard>],
        attributes: &Attributes,
        entry: Entry,
        now: Timestamp,
        tick: bool,
    ) -> Option<Reading> {
        let series = entry.series;
        if !tick {
            let totals = self.totals(shards, series, ledger.inherited(series));
            let exemplars = self.exemplars(series, false);
            let reading = Reading { attributes: attributes.clone(), entry, totals, exemplars, phase: Phase::Running };
            return (reading.totals.measurements() > 0).then_some(reading);
        }
        let seen = ledger.seen_mut(series, entry.start);
        let totals = self.totals(shards, series, seen.inherited.as_deref());
        let count = totals.measurements();
        let added = count.wrapping_sub(seen.count);
        if added > 0 {
            seen.active = now;
        }
        if entry.overflow {
            self.internal.add(Counter::CardinalityOverflow, added);
        }
        let idle = added == 0 && now.since(seen.active) >= self.config.idle_timeout;
        let phase = match (idle, seen.reported) {
            (true, true) => Phase::Ended,
            (true, false) => Phase::Unborn,
            (false, false) => Phase::First,
            (false, true) => Phase::Running,
        };
        seen.count = count;
        seen.reported |= count > 0;
        let exemplars = self.exemplars(series, true);
        let reading = Reading { attributes: attributes.clone(), entry, totals, exemplars, phase };
        (idle || count > 0).then_some(reading)
    }

    /// Removes idle series from the registry; what late writers add is settled some ticks later.
    fn end_idle(&self, ledger: &mut Ledger, instrument: &Live, readings: &[Reading]) {
        let idle = readings.iter().filter(|reading| matches!(reading.phase, Phase::Ended | Phase::Unborn));
        let mut registry = None;
        for reading in idle {
            let registry = registry.get_or_insert_with(|| self.registry_mut());
            let series = reading.entry.series;
            registry.remove(instrument.instrument, &reading.attributes, series);
            let ended_at = ledger.last;
            let seen = std::mem::replace(ledger.seen_mut(series, ended_at), Seen::nothing(Series::NONE, ended_at));
            let totals = reading.totals.clone();
            let reported = match seen.inherited {
                Some(inherited) => totals.minus(&inherited),
                None => totals,
            };
            ledger.ended.push(Ended {
                instrument: instrument.instrument,
                attributes: reading.attributes.clone(),
                entry: Entry { start: ended_at, ..reading.entry },
                reported,
                ticks_left: GRACE,
            });
            self.internal.count(Counter::SeriesExpired);
        }
        if registry.is_some() {
            self.generation.fetch_add(1, Ordering::Release);
        }
    }

    /// Gives the places of series that ended some ticks ago to new ones, and what came for them since to their
    /// successors.
    fn settle(&self, ledger: &mut Ledger) {
        for ended in &mut ledger.ended {
            ended.ticks_left -= 1;
        }
        let (due, waiting) = std::mem::take(&mut ledger.ended).into_iter().partition(|ended| ended.ticks_left == 0);
        ledger.ended = waiting;
        let due: Vec<Ended> = due;
        if due.is_empty() {
            return;
        }
        let shards = self.shards.all();
        let mut registry = self.registry_mut();
        for ended in due {
            let series = ended.entry.series;
            let totals = self.totals(&shards, series, None);
            if totals.measurements() != ended.reported.measurements() {
                let heir = registry.restore(ended.instrument, &ended.attributes, ended.entry);
                self.prepare_gauge(heir);
                self.inherit(ledger, heir, totals, &ended);
            }
            registry.release(series);
        }
    }

    fn inherit(&self, ledger: &mut Ledger, heir: Series, totals: Totals, ended: &Ended) {
        if heir.kind() == CellKind::Gauge {
            // A value that was set later is the newer one.
            if let Some(gauge) = self.gauge(heir).filter(|gauge| gauge.is_unset()) {
                gauge.set(totals.number());
            }
            return;
        }
        let seen = ledger.seen_mut(heir, ended.entry.start);
        let inherited = seen.inherited.get_or_insert_default();
        inherited.add(&totals.minus(&ended.reported));
    }

    /// What all threads recorded for a series.
    fn totals(&self, shards: &[Arc<Shard>], series: Series, inherited: Option<&Totals>) -> Totals {
        let mut totals = inherited.cloned().unwrap_or_default();
        match series.kind() {
            CellKind::Span => sum::<SpanCell>(shards, series, &mut totals),
            CellKind::Sum => sum::<SumCell>(shards, series, &mut totals),
            CellKind::Histogram => sum::<HistogramCell>(shards, series, &mut totals),
            CellKind::Gauge => {
                if let Some(gauge) = self.gauge(series) {
                    gauge.add_to(&mut totals);
                }
            }
        }
        totals
    }

    fn exemplars(&self, series: Series, drain: bool) -> Vec<Exemplar> {
        let reservoir = self.reservoirs[series.kind() as usize].get(series.place());
        reservoir.map(|reservoir| reservoir.read(series, drain)).unwrap_or_default()
    }

    fn open_spans(&self, now: Timestamp, tick: bool) -> Vec<Open> {
        if tick {
            return self.in_flight_write().tick(now, self.config.idle_timeout);
        }
        self.in_flight_read().peek()
    }

    fn warn_of_overflow(&self, live: &[Live], now: Timestamp) {
        let overflowed = self.registry_mut().overflowed();
        for (instrument, attributes) in overflowed {
            let limit = self.registry().get(instrument).map(|state| Arc::clone(&state.warning));
            let series = live.iter().find(|live| live.instrument == instrument);
            if let Some((limit, live)) = limit.zip(series)
                && limit.allows(now, &self.internal)
            {
                let all = live.series.iter().map(|(attributes, _)| attributes);
                cardinality::warn(&live.described.name, self.config.cardinality_limit, Some(&attributes), all);
            }
        }
    }
}

fn sum<C: Cell>(shards: &[Arc<Shard>], series: Series, totals: &mut Totals) {
    for shard in shards {
        let cell = C::table(shard).get(series.place());
        if let Some(cell) = cell.filter(|cell| cell.owner().is_seen(series)) {
            cell.add_to(totals);
        }
    }
}
