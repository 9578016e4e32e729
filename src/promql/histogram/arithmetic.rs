//! Addition, subtraction, scaling, resolution.

use super::layout::Side;
use super::tally::Tally;
use super::{CUSTOM_BUCKETS, Incompatible, Reconciled, is_exponential};
use crate::model::{NativeHistogram, ResetHint};

impl NativeHistogram {
    /// Adds another histogram. Schemas, zero buckets and custom bounds that differ are brought to what both can express.
    ///
    /// # Errors
    /// When one has exponential buckets and the other custom bounds; nothing is changed then.
    pub fn add(&mut self, other: &Self) -> Result<Reconciled, Incompatible> {
        self.combine(other, 1.0)
    }

    /// Subtracts another histogram, by the same rules.
    ///
    /// # Errors
    /// As [`NativeHistogram::add`].
    pub fn sub(&mut self, other: &Self) -> Result<Reconciled, Incompatible> {
        self.combine(other, -1.0)
    }

    fn combine(&mut self, other: &Self, sign: f64) -> Result<Reconciled, Incompatible> {
        let mut tally = Tally::<f64>::from(std::mem::take(self));
        let reconciled = tally.add(other, sign);
        *self = tally.into();
        reconciled
    }

    /// Multiplies every count and the sum. A negative factor makes it a gauge.
    pub fn scale(&mut self, factor: f64) {
        self.each(|part| part * factor);
        if factor < 0.0 {
            self.reset_hint = ResetHint::Gauge;
        }
    }

    /// Divides every count and the sum; by zero, nothing is left of the buckets.
    pub fn divide(&mut self, divisor: f64) {
        self.each(|part| part / divisor);
        if divisor == 0.0 {
            self.positive_spans.clear();
            self.positive_buckets.clear();
            self.negative_spans.clear();
            self.negative_buckets.clear();
        } else if divisor < 0.0 {
            self.reset_hint = ResetHint::Gauge;
        }
    }

    fn each(&mut self, by: impl Fn(f64) -> f64) {
        for part in [&mut self.zero_count, &mut self.count, &mut self.sum] {
            *part = by(*part);
        }
        self.positive_buckets.iter_mut().chain(&mut self.negative_buckets).for_each(|count| *count = by(*count));
    }

    /// Leaves out empty buckets, except up to `max_empty` in a row between others.
    pub fn compact(&mut self, max_empty: u32) {
        self.each_side(|side| side.compact(max_empty));
    }

    /// The same in a coarser exponential schema; unchanged when `schema` is not coarser, or when bounds are custom.
    pub fn coarsen(&mut self, schema: i32) {
        if schema < self.schema && is_exponential(schema) && !self.has_custom_buckets() {
            let from = self.schema;
            self.each_side(|side| side.coarsen(from, schema));
            self.schema = schema;
        }
    }

    /// Whether two histograms hold the same, bit by bit, in the same buckets, empty ones included. What is known of
    /// resets does not count.
    pub fn equals(&self, other: &Self) -> bool {
        let bits = |h: &Self| [h.count, h.sum, h.zero_count].map(f64::to_bits);
        let bounds = self.schema != CUSTOM_BUCKETS || self.custom_values == other.custom_values;
        self.schema == other.schema
            && self.zero_threshold == other.zero_threshold
            && bits(self) == bits(other)
            && bounds
            && self.sides().into_iter().zip(other.sides()).all(|(ours, theirs)| {
                ours.map(|(index, count)| (index, count.to_bits()))
                    .eq(theirs.map(|(index, count)| (index, count.to_bits())))
            })
    }

    /// Positive and negative buckets with their indices.
    pub(super) fn sides(&self) -> [super::buckets::Indexed<'_, f64>; 2] {
        [
            super::buckets::Indexed::new(&self.positive_spans, &self.positive_buckets),
            super::buckets::Indexed::new(&self.negative_spans, &self.negative_buckets),
        ]
    }

    fn each_side(&mut self, change: impl Fn(&mut Side<f64>)) {
        for (spans, counts) in [
            (&mut self.positive_spans, &mut self.positive_buckets),
            (&mut self.negative_spans, &mut self.negative_buckets),
        ] {
            let mut side = Side::new(std::mem::take(spans), std::mem::take(counts));
            change(&mut side);
            (*spans, *counts) = (side.spans, side.counts);
        }
    }
}

