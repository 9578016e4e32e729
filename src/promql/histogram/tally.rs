//! Adding and subtracting histograms of different layouts.

use std::sync::Arc;

use super::bounds::{coarser, exponential};
use super::buckets::Indexed;
use super::layout::{Number, Side};
use super::{Incompatible, Reconciled};
use crate::model::{NativeHistogram, ResetHint};
use crate::promql::kahan::Kahan;

/// A histogram that others are added to, with plain or with compensated counts.
#[derive(Debug, Clone)]
pub(super) struct Tally<T> {
    reset_hint: ResetHint,
    schema: i32,
    zero_threshold: f64,
    zero_count: T,
    count: T,
    sum: T,
    positive: Side<T>,
    negative: Side<T>,
    custom_values: Arc<[f64]>,
}

impl From<NativeHistogram> for Tally<f64> {
    fn from(h: NativeHistogram) -> Self {
        Self {
            reset_hint: h.reset_hint,
            schema: h.schema,
            zero_threshold: h.zero_threshold,
            zero_count: h.zero_count,
            count: h.count,
            sum: h.sum,
            positive: Side::new(h.positive_spans, h.positive_buckets),
            negative: Side::new(h.negative_spans, h.negative_buckets),
            custom_values: h.custom_values,
        }
    }
}

impl From<Tally<f64>> for NativeHistogram {
    fn from(t: Tally<f64>) -> Self {
        Self {
            reset_hint: t.reset_hint,
            schema: t.schema,
            zero_threshold: t.zero_threshold,
            zero_count: t.zero_count,
            count: t.count,
            sum: t.sum,
            positive_spans: t.positive.spans,
            positive_buckets: t.positive.counts,
            negative_spans: t.negative.spans,
            negative_buckets: t.negative.counts,
            custom_values: t.custom_values,
        }
    }
}

impl From<&NativeHistogram> for Tally<Kahan> {
    fn from(h: &NativeHistogram) -> Self {
        let counts = |counts: &[f64]| counts.iter().copied().map(Kahan::of).collect();
        Self {
            reset_hint: h.reset_hint,
            schema: h.schema,
            zero_threshold: h.zero_threshold,
            zero_count: Kahan::of(h.zero_count),
            count: Kahan::of(h.count),
            sum: Kahan::of(h.sum),
            positive: Side::new(h.positive_spans.clone(), counts(&h.positive_buckets)),
            negative: Side::new(h.negative_spans.clone(), counts(&h.negative_buckets)),
            custom_values: Arc::clone(&h.custom_values),
        }
    }
}

impl<T: Number> Tally<T> {
    /// Adds `other` times `sign`, bringing both to one schema, zero bucket and set of bounds.
    pub(super) fn add(&mut self, other: &NativeHistogram, sign: f64) -> Result<Reconciled, Incompatible> {
        let custom = self.schema == super::CUSTOM_BUCKETS;
        if custom != other.has_custom_buckets() {
            return Err(Incompatible);
        }
        let reset_collision = self.join_hint(other.reset_hint);
        self.count.join(T::of(sign * other.count));
        self.sum.join(T::of(sign * other.sum));
        if custom {
            let bounds = self.add_custom(other, sign);
            return Ok(Reconciled { reset_collision, bounds });
        }
        let zero_count = self.reconcile_zero_bucket(other);
        self.zero_count.join(zero_count.times(sign));
        let (schema, theirs) = (self.schema.min(other.schema), other.schema);
        self.positive.coarsen(self.schema, schema);
        self.negative.coarsen(self.schema, schema);
        self.schema = schema;
        // What lies within the zero bucket has been counted there.
        let outside = |index: i32| exponential(index, schema) > self.zero_threshold;
        for (ours, spans, counts) in [
            (&mut self.positive, &other.positive_spans, &other.positive_buckets),
            (&mut self.negative, &other.negative_spans, &other.negative_buckets),
        ] {
            let mut within = true;
            let buckets = Indexed::new(spans, counts).map(|(index, count)| (coarser(index, theirs, schema), count));
            let wanted = buckets.skip_while(|(index, _)| {
                within &= !outside(*index);
                within
            });
            if theirs == schema && ours.spans == *spans && spans.first().is_none_or(|span| outside(span.offset)) {
                ours.counts.iter_mut().zip(counts).for_each(|(own, count)| own.join(T::of(sign * count)));
            } else {
                ours.merge(wanted.map(|(index, count)| (index, T::of(sign * count))));
            }
        }
        Ok(Reconciled { reset_collision, bounds: false })
    }

    /// Says whether the bounds differed; only those that both have are kept then.
    fn add_custom(&mut self, other: &NativeHistogram, sign: f64) -> bool {
        let theirs = || {
            let buckets = Indexed::new(&other.positive_spans, &other.positive_buckets);
            buckets.map(|(index, count)| (index, T::of(sign * count)))
        };
        if self.custom_values == other.custom_values {
            self.positive.merge(theirs());
            return false;
        }
        let shared = shared_bounds(&self.custom_values, &other.custom_values);
        let mut counts = vec![T::default(); shared.len() + 1];
        spread(self.positive.iter(), &self.custom_values, &shared, &mut counts);
        spread(theirs(), &other.custom_values, &shared, &mut counts);
        self.positive = Side::of((0..).zip(counts).filter(|(_, count)| !count.is_empty()));
        self.custom_values = shared.into();
        true
    }

    /// Widens the zero bucket until it ends at no populated bucket of either, and returns what `other` has in it.
    fn reconcile_zero_bucket(&mut self, other: &NativeHistogram) -> T {
        let (mut count, mut threshold) = (T::of(other.zero_count), other.zero_threshold);
        loop {
            if self.zero_threshold > threshold {
                (count, threshold) = zero_count_at(other, self.zero_threshold);
            }
            // Also ends the loop when a threshold is not a number.
            if threshold <= self.zero_threshold || threshold.is_nan() || self.zero_threshold.is_nan() {
                return count;
            }
            let (positive, negative) = (self.positive.iter(), self.negative.iter());
            (self.zero_count, self.zero_threshold) =
                wider_zero(self.zero_count, self.schema, threshold, &positive, &negative);
            let (schema, threshold) = (self.schema, self.zero_threshold);
            let outside = |index: i32| exponential(index.wrapping_sub(1), schema) >= threshold;
            self.positive.retain(outside);
            self.negative.retain(outside);
        }
    }

    /// What is known of resets once two histograms are one; says whether one of them came after a reset and the other
    /// surely did not.
    fn join_hint(&mut self, other: ResetHint) -> bool {
        use ResetHint::{CounterReset, Gauge, NotCounterReset, Unknown};
        let (hint, collision) = match (self.reset_hint, other) {
            (Gauge, _) | (_, Gauge) => (Gauge, false),
            (Unknown, _) | (_, Unknown) => (Unknown, false),
            (CounterReset, NotCounterReset) | (NotCounterReset, CounterReset) => (Unknown, true),
            (same, _) => (same, false),
        };
        self.reset_hint = hint;
        collision
    }

    pub(super) fn scale(&mut self, by: impl Fn(T) -> T) {
        for part in [&mut self.zero_count, &mut self.count, &mut self.sum] {
            *part = by(*part);
        }
        self.positive.counts.iter_mut().chain(&mut self.negative.counts).for_each(|count| *count = by(*count));
    }

    /// The largest magnitude of any part.
    pub(super) fn peak(&self) -> f64 {
        let parts = [self.zero_count, self.count, self.sum];
        let buckets = self.positive.counts.iter().chain(&self.negative.counts);
        parts.iter().chain(buckets).fold(0.0, |peak: f64, part| peak.max(part.value().abs()))
    }

    /// With plain counts.
    pub(super) fn finish(self) -> NativeHistogram {
        let plain = |side: Side<T>| Side::new(side.spans, side.counts.iter().map(|count| count.value()).collect());
        NativeHistogram::from(Tally {
            reset_hint: self.reset_hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count.value(),
            count: self.count.value(),
            sum: self.sum.value(),
            positive: plain(self.positive),
            negative: plain(self.negative),
            custom_values: self.custom_values,
        })
    }
}

/// What the zero bucket of `h` would hold if it reached at least to `threshold`, and how far it would reach.
pub(super) fn zero_count_at<T: Number>(h: &NativeHistogram, threshold: f64) -> (T, f64) {
    let zero_count = T::of(h.zero_count);
    if threshold == h.zero_threshold {
        return (zero_count, threshold);
    }
    let [positive, negative] = h.sides().map(|side| side.map(|(index, count)| (index, T::of(count))));
    wider_zero(zero_count, h.schema, threshold, &positive, &negative)
}

/// What a zero bucket that reaches to `threshold` holds, and the threshold: moved up to the end of a populated bucket
/// that it would otherwise cut.
fn wider_zero<T: Number>(
    zero_count: T,
    schema: i32,
    mut threshold: f64,
    positive: &(impl Iterator<Item = (i32, T)> + Clone),
    negative: &(impl Iterator<Item = (i32, T)> + Clone),
) -> (T, f64) {
    loop {
        let mut count = zero_count;
        let after_positive = swallow(&mut count, schema, threshold, positive.clone());
        threshold = swallow(&mut count, schema, after_positive, negative.clone());
        // The negative side moved it: the positive buckets have to be looked at again.
        if threshold == after_positive {
            return (count, threshold);
        }
    }
}

/// Adds the buckets that begin below the threshold; returns where it has to lie so that it cuts none of them.
fn swallow<T: Number>(count: &mut T, schema: i32, threshold: f64, buckets: impl Iterator<Item = (i32, T)>) -> f64 {
    for (index, bucket) in buckets {
        if exponential(index.wrapping_sub(1), schema) >= threshold {
            break;
        }
        count.join(bucket);
        let upper = exponential(index, schema);
        if upper > threshold {
            return if bucket.is_empty() { threshold } else { upper };
        }
    }
    threshold
}

/// Bounds that both have.
pub(super) fn shared_bounds(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut b = b.iter().copied().peekable();
    let shared = a.iter().copied().filter(|bound| {
        while b.next_if(|other| other < bound).is_some() {}
        b.next_if(|other| other == bound).is_some()
    });
    shared.collect()
}

/// Adds each bucket to the one of `counts`, by `shared` bounds, that holds it.
pub(super) fn spread<T: Number>(
    buckets: impl Iterator<Item = (i32, T)>,
    bounds: &[f64],
    shared: &[f64],
    counts: &mut [T],
) {
    for (index, count) in buckets {
        let bound = usize::try_from(index).ok().and_then(|at| bounds.get(at));
        let target = bound.map_or(shared.len(), |bound| shared.partition_point(|shared| shared < bound));
        if let Some(target) = counts.get_mut(target) {
            target.join(count);
        }
    }
}
