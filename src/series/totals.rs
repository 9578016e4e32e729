//! What all threads together recorded for one series.

use std::sync::Arc;

use super::grid::Grid;
use super::pages::{self, Counts};
use super::scale::SCALE;
use crate::model::{Buckets, ExplicitHistogram, ExponentialHistogram, Number};

/// Sums over cells of one kind; the fields of the other kinds stay zero.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Totals {
    /// Measurements of a sum or gauge.
    pub(super) count: u64,
    /// Whole numbers of a sum, or the last value of a gauge.
    pub(super) whole: i128,
    /// Broken numbers of a sum, the last value of a gauge, or the sum of a histogram.
    pub(super) sum: f64,
    /// Whether a broken number came.
    pub(super) floats: bool,
    /// Time of spans.
    pub(super) duration_nanos: u128,
    /// Time of spans that no child covered.
    pub(super) self_nanos: u128,
    /// Values that were zero.
    pub(super) zeros: u64,
    /// Values above zero, by refined bucket.
    pub(super) positive: Counts,
    /// Values below zero, by fine bucket of their absolute value.
    pub(super) negative: Counts,
    /// The same by explicit bucket; empty when there are none.
    pub(super) negative_explicit: Vec<u64>,
    /// The least and the greatest value.
    pub(super) range: Option<(f64, f64)>,
}

impl Totals {
    /// How many measurements these are.
    pub(super) fn measurements(&self) -> u64 {
        self.count + self.zeros + pages::total(&self.positive) + pages::total(&self.negative)
    }

    /// Takes in a least and a greatest value.
    pub(super) fn widen(&mut self, min: f64, max: f64) {
        self.range = Some(self.range.map_or((min, max), |(a, b)| (a.min(min), b.max(max))));
    }

    /// Adds what was recorded elsewhere for the same series.
    pub(super) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.whole += other.whole;
        self.sum += other.sum;
        self.floats |= other.floats;
        self.duration_nanos += other.duration_nanos;
        self.self_nanos += other.self_nanos;
        self.zeros += other.zeros;
        merge(&mut self.positive, &other.positive, u64::saturating_add);
        merge(&mut self.negative, &other.negative, u64::saturating_add);
        self.negative_explicit.resize(self.negative_explicit.len().max(other.negative_explicit.len()), 0);
        for (sum, count) in self.negative_explicit.iter_mut().zip(&other.negative_explicit) {
            *sum += count;
        }
        if let Some((min, max)) = other.range {
            self.widen(min, max);
        }
    }

    /// What came after an earlier reading. The extremes stay those of the whole.
    pub(super) fn minus(mut self, earlier: &Self) -> Self {
        self.count = self.count.saturating_sub(earlier.count);
        self.whole -= earlier.whole;
        self.sum -= earlier.sum;
        self.duration_nanos = self.duration_nanos.saturating_sub(earlier.duration_nanos);
        self.self_nanos = self.self_nanos.saturating_sub(earlier.self_nanos);
        self.zeros = self.zeros.saturating_sub(earlier.zeros);
        merge(&mut self.positive, &earlier.positive, u64::saturating_sub);
        merge(&mut self.negative, &earlier.negative, u64::saturating_sub);
        for (count, before) in self.negative_explicit.iter_mut().zip(&earlier.negative_explicit) {
            *count = count.saturating_sub(*before);
        }
        self
    }

    /// The value of a sum or gauge: whole when only whole numbers came, at the ends of its range when it is beyond.
    pub(super) fn number(&self) -> Number {
        if self.floats {
            return Number::F64((self.sum + self.whole as f64).clamp(f64::MIN, f64::MAX));
        }
        let end = if self.whole < 0 { i64::MIN } else { i64::MAX };
        Number::I64(i64::try_from(self.whole).unwrap_or(end))
    }

    /// Self time in milliseconds.
    pub(super) fn self_ms(&self) -> f64 {
        self.self_nanos as f64 / 1e6
    }

    /// The histogram between the explicit bounds.
    pub(super) fn explicit(&self, grid: &Grid) -> ExplicitHistogram {
        let mut bucket_counts = vec![0; grid.bounds().len() + 1];
        let positive = pages::buckets(&self.positive).map(|(refined, count)| (grid.explicit_of(refined), count));
        let negative = self.negative_explicit.iter().copied().enumerate();
        for (bucket, count) in positive.chain(negative).chain([(grid.explicit(0.0), self.zeros)]) {
            if let Some(sum) = bucket_counts.get_mut(bucket) {
                *sum += count;
            }
        }
        ExplicitHistogram {
            count: bucket_counts.iter().sum(),
            sum: self.histogram_sum(),
            min: self.range.map(|(min, _)| min),
            max: self.range.map(|(_, max)| max),
            bounds: Arc::clone(grid.bounds()),
            bucket_counts,
        }
    }

    /// The exponential histogram at the finest scale there is.
    pub(super) fn exponential(&self, grid: &Grid) -> ExponentialHistogram {
        let positive = pages::buckets(&self.positive).map(|(refined, count)| (grid.fine(refined), count));
        ExponentialHistogram {
            count: self.measurements(),
            sum: self.histogram_sum(),
            min: self.range.map(|(min, _)| min),
            max: self.range.map(|(_, max)| max),
            scale: SCALE,
            zero_count: self.zeros,
            positive: Buckets::of(positive),
            negative: Buckets::of(pages::buckets(&self.negative)),
        }
    }

    /// Left out once a value was negative, as the data model asks: the sum is no counter then.
    fn histogram_sum(&self) -> Option<f64> {
        let sum = self.sum + self.duration_nanos as f64 / 1e6;
        self.negative.is_empty().then_some(sum.clamp(f64::MIN, f64::MAX))
    }
}

fn merge(into: &mut Counts, other: &Counts, combine: fn(u64, u64) -> u64) {
    for (number, counts) in other {
        let sums = into.entry(*number).or_insert([0; pages::WIDTH]);
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum = combine(*sum, *count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_stay_whole_until_a_broken_one_comes_and_saturate() {
        let cases = [
            (5, 0.0, false, Number::I64(5)),
            (5, 0.5, true, Number::F64(5.5)),
            (i128::from(i64::MAX) * 3, 0.0, false, Number::I64(i64::MAX)),
            (i128::from(i64::MIN) * 3, 0.0, false, Number::I64(i64::MIN)),
            (1, f64::MAX, true, Number::F64(f64::MAX)),
        ];
        for (whole, sum, floats, expected) in cases {
            assert_eq!(Totals { whole, sum, floats, ..Totals::default() }.number(), expected);
        }
    }

    #[test]
    fn the_difference_of_two_readings_added_to_the_first_is_the_second() {
        let reading = |zeros, counts: &[(i32, u64)]| {
            let mut totals = Totals { zeros, count: zeros, sum: 1.5 * zeros as f64, ..Totals::default() };
            totals.widen(0.0, 9.0);
            for (number, count) in counts {
                totals.positive.insert(*number, [*count; pages::WIDTH]);
            }
            totals
        };
        let (earlier, later) = (reading(2, &[(0, 1)]), reading(5, &[(0, 3), (4, 2)]));
        let mut sum = earlier.clone();
        sum.add(&later.clone().minus(&earlier));
        assert_eq!(sum, later);
    }
}
