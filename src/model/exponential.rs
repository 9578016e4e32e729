//! Reading, subtracting and coarsening exponential histograms.

use super::{Buckets, ExponentialHistogram};

impl ExponentialHistogram {
    /// Without values, at a scale.
    pub fn empty(scale: i32) -> Self {
        Self {
            count: 0,
            sum: Some(0.0),
            min: None,
            max: None,
            scale,
            zero_count: 0,
            positive: Buckets::default(),
            negative: Buckets::default(),
        }
    }

    /// The value below which the share `q` (0 to 1) of the values lies; `None` without values.
    ///
    /// Within a bucket values are taken to lie evenly on a logarithmic scale, as Prometheus' `histogram_quantile` does
    /// for native histograms; the result never leaves the range from `min` to `max`.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if self.count == 0 || q.is_nan() {
            return None;
        }
        let rank = q.clamp(0.0, 1.0) * self.count as f64;
        let negative = self.negative.iter().rev().map(|(index, count)| (Some((index, -1.0)), count));
        let positive = self.positive.iter().map(|(index, count)| (Some((index, 1.0)), count));
        let mut below = 0.0;
        let mut value = 0.0;
        for (bucket, count) in negative.chain([(None, self.zero_count)]).chain(positive).filter(|(_, n)| *n > 0) {
            let within = ((rank - below) / count as f64).clamp(0.0, 1.0);
            value = bucket.map_or(0.0, |(index, sign): (i32, f64)| {
                // Negative buckets are walked from their larger magnitude to the smaller one.
                let within = if sign < 0.0 { 1.0 - within } else { within };
                sign * power(f64::from(index) + within, self.scale)
            });
            below += count as f64;
            if below >= rank {
                break;
            }
        }
        Some(value.max(self.min.unwrap_or(f64::MIN)).min(self.max.unwrap_or(f64::MAX)))
    }

    /// The values that came after `earlier`, a reading of the same histogram. The extremes of a window are not known
    /// exactly: they are the outer bounds of its buckets, within the extremes of the whole.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let (later, earlier) = (self.at_scale(earlier.scale), earlier.at_scale(self.scale));
        let positive = later.positive.minus(&earlier.positive);
        let negative = later.negative.minus(&earlier.negative);
        let zero_count = later.zero_count.saturating_sub(earlier.zero_count);
        let edge = |buckets: &Buckets, upper: bool| {
            let index = if upper { buckets.end() } else { Some(buckets.offset) };
            index.filter(|_| !buckets.counts.is_empty()).map(|index| power(f64::from(index), later.scale))
        };
        let zero = (zero_count > 0).then_some(0.0);
        let low = edge(&negative, true).map(|v| -v).or(zero).or_else(|| edge(&positive, false));
        let high = edge(&positive, true).or(zero).or_else(|| edge(&negative, false).map(|v| -v));
        Self {
            count: positive.total() + negative.total() + zero_count,
            sum: later.sum.zip(earlier.sum).map(|(later, earlier)| later - earlier),
            min: low.map(|low| low.max(later.min.unwrap_or(f64::MIN))),
            max: high.map(|high| high.min(later.max.unwrap_or(f64::MAX))),
            scale: later.scale,
            zero_count,
            positive,
            negative,
        }
    }

    /// The same values in coarser buckets; unchanged when `scale` is not lower.
    #[must_use]
    pub fn at_scale(&self, scale: i32) -> Self {
        let steps = self.scale.saturating_sub(scale);
        if steps <= 0 {
            return self.clone();
        }
        Self {
            scale,
            positive: self.positive.coarser(steps.unsigned_abs()),
            negative: self.negative.coarser(steps.unsigned_abs()),
            ..self.clone()
        }
    }

    /// The same values in at most `max_size` buckets (but never fewer than two) a sign, at the finest scale that allows it.
    #[must_use]
    pub fn at_most(&self, max_size: usize) -> Self {
        let max_size = max_size.max(2);
        let fits = |steps: u32| {
            [&self.positive, &self.negative].into_iter().all(|buckets| buckets.width_after(steps) <= max_size)
        };
        let steps = (0..31).find(|steps| fits(*steps)).unwrap_or(31);
        self.at_scale(self.scale.saturating_sub_unsigned(steps))
    }
}

impl Buckets {
    /// Of counts by index, in any order; an index may come more than once.
    pub fn of(counts: impl IntoIterator<Item = (i32, u64)>) -> Self {
        let counts: Vec<(i32, u64)> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
        let Some(first) = counts.iter().map(|(index, _)| *index).min() else { return Self::default() };
        let mut buckets = Self { offset: first, counts: Vec::new() };
        for (index, count) in counts {
            let at = index.abs_diff(first) as usize;
            if buckets.counts.len() <= at {
                buckets.counts.resize(at + 1, 0);
            }
            buckets.counts[at] += count;
        }
        buckets
    }

    /// Index and count of each bucket, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, u64)> + '_ {
        self.counts.iter().enumerate().map(|(at, count)| (self.index(at), *count))
    }

    /// All values in them.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn index(&self, at: usize) -> i32 {
        self.offset.saturating_add(i32::try_from(at).unwrap_or(i32::MAX))
    }

    /// One past the last index.
    fn end(&self) -> Option<i32> {
        (!self.counts.is_empty()).then(|| self.index(self.counts.len()))
    }

    fn minus(&self, earlier: &Self) -> Self {
        let before = |index: i32| {
            let at = usize::try_from(i64::from(index) - i64::from(earlier.offset)).ok();
            at.and_then(|at| earlier.counts.get(at)).copied().unwrap_or(0)
        };
        Self::of(self.iter().map(|(index, count)| (index, count.saturating_sub(before(index)))))
    }

    /// Merges `2^steps` neighbours into one. The shift rounds down, as the data model's "perfect subsetting" needs.
    fn coarser(&self, steps: u32) -> Self {
        Self::of(self.iter().map(|(index, count)| (index >> steps.min(31), count)))
    }

    fn width_after(&self, steps: u32) -> usize {
        let Some(end) = self.end() else { return 0 };
        let (first, last) = (self.offset >> steps, (end - 1) >> steps);
        first.abs_diff(last) as usize + 1
    }
}

/// `base^index` at a scale: `2^(index * 2^-scale)`.
fn power(index: f64, scale: i32) -> f64 {
    (index * f64::from(-scale).exp2()).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(
        positive: &[(i32, u64)],
        zero_count: u64,
        negative: &[(i32, u64)],
        range: (f64, f64),
    ) -> ExponentialHistogram {
        let (positive, negative) = (Buckets::of(positive.iter().copied()), Buckets::of(negative.iter().copied()));
        ExponentialHistogram {
            count: positive.total() + negative.total() + zero_count,
            min: Some(range.0),
            max: Some(range.1),
            zero_count,
            positive,
            negative,
            ..ExponentialHistogram::empty(0)
        }
    }

    #[test]
    fn quantiles_interpolate_within_a_bucket_and_stay_within_the_extremes() {
        // Scale 0: bucket i holds (2^i, 2^(i+1)].
        let cases: [(ExponentialHistogram, f64, Option<f64>); 8] = [
            (ExponentialHistogram::empty(3), 0.5, None),
            (histogram(&[(2, 4)], 0, &[], (4.5, 8.0)), 0.5, Some(4.0 * 2f64.sqrt())),
            (histogram(&[(2, 4)], 0, &[], (5.0, 6.0)), 0.0, Some(5.0)),
            (histogram(&[(2, 4)], 0, &[], (5.0, 6.0)), 1.0, Some(6.0)),
            (histogram(&[(0, 1), (9, 1)], 0, &[], (1.5, 1_000.0)), 0.25, Some(2f64.sqrt().max(1.5))),
            (histogram(&[(0, 1)], 3, &[], (0.0, 2.0)), 0.5, Some(0.0)),
            (histogram(&[], 0, &[(2, 2)], (-8.0, -4.5)), 0.5, Some(-4.0 * 2f64.sqrt())),
            (histogram(&[(1023, 1)], 0, &[], (1e308, f64::MAX)), 1.0, Some(f64::MAX)),
        ];
        for (histogram, q, expected) in cases {
            let found = histogram.quantile(q);
            let close = match (found, expected) {
                (Some(a), Some(b)) => (a - b).abs() <= b.abs() * 1e-12,
                (a, b) => a == b,
            };
            assert!(close, "quantile {q} of {histogram:?}: {found:?}, expected {expected:?}");
        }
    }

    #[test]
    fn coarsening_keeps_every_value_and_rounds_indices_down() {
        let fine = histogram(&[(-5, 1), (-4, 2), (-1, 3), (0, 4), (7, 5)], 1, &[(-3, 6)], (-1.0, 200.0));
        let coarse = fine.at_scale(-2);
        assert_eq!(coarse.positive, Buckets { offset: -2, counts: vec![1, 5, 4, 5] });
        assert_eq!(coarse.negative, Buckets { offset: -1, counts: vec![6] });
        assert_eq!(coarse.count, coarse.positive.total() + coarse.negative.total() + coarse.zero_count);
        assert_eq!(fine.at_most(160), fine);
        let two = fine.at_most(1);
        assert!(two.positive.counts.len() <= 2 && two.positive.total() == 15, "{two:?}");
    }

    #[test]
    fn a_window_holds_what_came_between_two_readings() {
        let earlier = histogram(&[(2, 4)], 1, &[], (0.0, 7.0));
        let later = histogram(&[(2, 4), (5, 3)], 1, &[], (0.0, 40.0));
        let window = later.since(&earlier);
        assert_eq!((window.count, window.zero_count, window.min, window.max), (3, 0, Some(32.0), Some(40.0)));
        assert_eq!(window.positive, Buckets { offset: 5, counts: vec![3] });
        assert_eq!(later.since(&later).quantile(0.5), None);
    }
}
