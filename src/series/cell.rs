//! What one thread recorded for one series.
//!
//! A cell has one writer, so that a plain load and store is enough to add to it; atomics make reading from another
//! thread sound, not the sums exact. Every number only grows, and a reader that comes in between sees all of it but the
//! measurement that is being written.
//!
//! A cell belongs to the series whose number it carries. When its place was given to a new series, the writer itself
//! empties the cell before its first measurement for the new one; readers skip cells that carry another number.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use super::grid::Grid;
use super::id::{CellKind, Owner};
use super::pages::Counters;
use super::scale;
use super::shard::Shard;
use super::table::Table;
use super::totals::Totals;
use crate::model::Number;

/// A cell that can stand in a [`Shard`].
pub(super) trait Cell: Sized {
    const KIND: CellKind;

    /// Empty, and of no series yet.
    fn new(grid: &Arc<Grid>, monotonic: bool) -> Self;

    /// Where a shard keeps cells of this kind.
    fn table(shard: &Shard) -> &Table<Self>;

    /// The series that it belongs to.
    fn owner(&self) -> &Owner;

    /// Forgets everything recorded.
    fn reset(&self);

    /// Adds what was recorded.
    fn add_to(&self, totals: &mut Totals);
}

/// Adds for the one writer.
#[inline]
fn add(to: &AtomicU64, value: u64) {
    to.store(to.load(Relaxed).wrapping_add(value), Relaxed);
}

/// Adds for the one writer; stays finite.
#[inline]
fn add_float(to: &AtomicU64, value: f64) {
    let sum = f64::from_bits(to.load(Relaxed)) + value;
    to.store(sum.clamp(f64::MIN, f64::MAX).to_bits(), Relaxed);
}

/// Calls, durations and self time of spans, in two cache lines. The first holds all that a measurement reads and changes
/// but its bucket.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct SpanCell {
    zeros: AtomicU64,
    duration_nanos: AtomicU64,
    self_nanos: AtomicU64,
    min_nanos: AtomicU64,
    max_nanos: AtomicU64,
    owner: Owner,
    counters: Counters,
}

impl SpanCell {
    /// Counts a span. `false` when its duration is outside the range of the buckets.
    #[inline]
    pub(super) fn record(&self, grid: &Grid, duration_nanos: u64, self_nanos: u64) -> bool {
        add(&self.duration_nanos, duration_nanos);
        add(&self.self_nanos, self_nanos);
        if duration_nanos < self.min_nanos.load(Relaxed) {
            self.min_nanos.store(duration_nanos, Relaxed);
        }
        if duration_nanos > self.max_nanos.load(Relaxed) {
            self.max_nanos.store(duration_nanos, Relaxed);
        }
        if duration_nanos == 0 {
            add(&self.zeros, 1);
            return true;
        }
        self.counters.count(grid.refined(millis(duration_nanos)))
    }
}

/// Nanoseconds as milliseconds, rounded once: a division is exact where bounds are, a product with 1e-6 is not. Beyond
/// 292 years it stays there: converting a signed number is one instruction, an unsigned one five.
#[inline]
pub(super) fn millis(nanos: u64) -> f64 {
    nanos.min(u64::MAX >> 1).cast_signed() as f64 / 1e6
}

impl Cell for SpanCell {
    const KIND: CellKind = CellKind::Span;

    fn new(_: &Arc<Grid>, _: bool) -> Self {
        Self {
            zeros: AtomicU64::new(0),
            duration_nanos: AtomicU64::new(0),
            self_nanos: AtomicU64::new(0),
            min_nanos: AtomicU64::new(u64::MAX),
            max_nanos: AtomicU64::new(0),
            owner: Owner::nobody(),
            counters: Counters::new(),
        }
    }

    fn table(shard: &Shard) -> &Table<Self> {
        &shard.spans
    }

    fn owner(&self) -> &Owner {
        &self.owner
    }

    fn reset(&self) {
        for number in [&self.zeros, &self.duration_nanos, &self.self_nanos, &self.max_nanos] {
            number.store(0, Relaxed);
        }
        self.min_nanos.store(u64::MAX, Relaxed);
        self.counters.reset();
    }

    fn add_to(&self, totals: &mut Totals) {
        totals.self_nanos += u128::from(self.self_nanos.load(Relaxed));
        totals.duration_nanos += u128::from(self.duration_nanos.load(Relaxed));
        totals.zeros += self.zeros.load(Relaxed);
        let (min, max) = (self.min_nanos.load(Relaxed), self.max_nanos.load(Relaxed));
        if min <= max {
            totals.widen(millis(min), millis(max));
        }
        self.counters.add_to(&mut totals.positive);
    }
}

/// The sum of a counter or up-down counter, whole and broken numbers apart.
#[derive(Debug)]
pub(super) struct SumCell {
    owner: Owner,
    monotonic: bool,
    /// Whether a float was ever added: then the sum is exported as one.
    floats: AtomicBool,
    count: AtomicU64,
    whole: AtomicI64,
    /// Bits of a float.
    broken: AtomicU64,
}

impl SumCell {
    /// Adds a finite number. `false` when it is negative and the sum must not decrease.
    #[inline]
    pub(super) fn add(&self, value: Number) -> bool {
        let negative = match value {
            Number::I64(value) => value < 0,
            Number::F64(value) => value < 0.0,
        };
        if negative && self.monotonic {
            return false;
        }
        match value {
            Number::I64(value) => self.whole.store(self.whole.load(Relaxed).saturating_add(value), Relaxed),
            Number::F64(value) => {
                add_float(&self.broken, value);
                self.floats.store(true, Relaxed);
            }
        }
        add(&self.count, 1);
        true
    }
}

impl Cell for SumCell {
    const KIND: CellKind = CellKind::Sum;

    fn new(_: &Arc<Grid>, monotonic: bool) -> Self {
        Self {
            owner: Owner::nobody(),
            monotonic,
            floats: AtomicBool::new(false),
            count: AtomicU64::new(0),
            whole: AtomicI64::new(0),
            broken: AtomicU64::new(0),
        }
    }

    fn table(shard: &Shard) -> &Table<Self> {
        &shard.sums
    }

    fn owner(&self) -> &Owner {
        &self.owner
    }

    fn reset(&self) {
        self.floats.store(false, Relaxed);
        self.count.store(0, Relaxed);
        self.whole.store(0, Relaxed);
        self.broken.store(0, Relaxed);
    }

    fn add_to(&self, totals: &mut Totals) {
        totals.count += self.count.load(Relaxed);
        totals.whole += i128::from(self.whole.load(Relaxed));
        totals.sum += f64::from_bits(self.broken.load(Relaxed));
        totals.floats |= self.floats.load(Relaxed);
    }
}

/// A distribution of any numbers.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct HistogramCell {
    zeros: AtomicU64,
    /// Bits of floats, as the next two.
    sum: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
    owner: Owner,
    grid: Arc<Grid>,
    counters: Counters,
    negative: OnceLock<Box<Negative>>,
}

/// Values below zero are rare: they have fine buckets of their absolute value, and explicit counters beside them.
#[derive(Debug)]
struct Negative {
    counters: Counters,
    explicit: Box<[AtomicU64]>,
}

impl HistogramCell {
    /// Counts a finite value. `false` when it is outside the range of the buckets.
    #[inline]
    pub(super) fn record(&self, value: f64) -> bool {
        add_float(&self.sum, value);
        if value < f64::from_bits(self.min.load(Relaxed)) {
            self.min.store(value.to_bits(), Relaxed);
        }
        if value > f64::from_bits(self.max.load(Relaxed)) {
            self.max.store(value.to_bits(), Relaxed);
        }
        if value > 0.0 {
            return self.counters.count(self.grid.refined(value));
        }
        self.record_other(value)
    }

    /// How its values fall into buckets.
    pub(super) fn grid(&self) -> &Grid {
        &self.grid
    }

    #[inline(never)]
    fn record_other(&self, value: f64) -> bool {
        if value == 0.0 {
            add(&self.zeros, 1);
            return true;
        }
        let negative = self.negative.get_or_init(|| {
            let explicit = std::iter::repeat_with(AtomicU64::default).take(self.grid.bounds().len() + 1).collect();
            Box::new(Negative { counters: Counters::new(), explicit })
        });
        if let Some(count) = negative.explicit.get(self.grid.explicit(value)) {
            add(count, 1);
        }
        negative.counters.count(scale::index(-value))
    }
}

impl Cell for HistogramCell {
    const KIND: CellKind = CellKind::Histogram;

    fn new(grid: &Arc<Grid>, _: bool) -> Self {
        Self {
            zeros: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            min: AtomicU64::new(f64::INFINITY.to_bits()),
            max: AtomicU64::new(f64::NEG_INFINITY.to_bits()),
            owner: Owner::nobody(),
            grid: Arc::clone(grid),
            counters: Counters::new(),
            negative: OnceLock::new(),
        }
    }

    fn table(shard: &Shard) -> &Table<Self> {
        &shard.histograms
    }

    fn owner(&self) -> &Owner {
        &self.owner
    }

    fn reset(&self) {
        self.zeros.store(0, Relaxed);
        self.sum.store(0, Relaxed);
        self.min.store(f64::INFINITY.to_bits(), Relaxed);
        self.max.store(f64::NEG_INFINITY.to_bits(), Relaxed);
        self.counters.reset();
        if let Some(negative) = self.negative.get() {
            negative.counters.reset();
            for count in &negative.explicit {
                count.store(0, Relaxed);
            }
        }
    }

    fn add_to(&self, totals: &mut Totals) {
        totals.zeros += self.zeros.load(Relaxed);
        totals.sum += f64::from_bits(self.sum.load(Relaxed));
        let (min, max) = (f64::from_bits(self.min.load(Relaxed)), f64::from_bits(self.max.load(Relaxed)));
        if min <= max {
            totals.widen(min, max);
        }
        self.counters.add_to(&mut totals.positive);
        if let Some(negative) = self.negative.get() {
            negative.counters.add_to(&mut totals.negative);
            totals.negative_explicit.resize(negative.explicit.len(), 0);
            for (sum, count) in totals.negative_explicit.iter_mut().zip(&negative.explicit) {
                *sum += count.load(Relaxed);
            }
        }
    }
}
