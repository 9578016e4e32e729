//! Cutting a histogram at a value: the operators `</` and `>/`.

use super::Bucket;
use super::buckets::Indexed;
use crate::model::NativeHistogram;

/// Where a histogram is cut.
#[derive(Debug, Clone, Copy)]
struct Cut {
    at: f64,
    /// Whether what lies below is kept, rather than what lies above.
    keep_below: bool,
}

impl NativeHistogram {
    /// Keeps the observations below `at`, or those above it. A bucket that holds `at` is divided as a quantile would be
    /// interpolated in it. When something was cut away, count and sum are estimated from what is left: the observations of
    /// a bucket count as its middle.
    pub fn trim(&mut self, at: f64, keep_below: bool) {
        let cut = Cut { at, keep_below };
        let custom = self.has_custom_buckets();
        let mut left = Left::default();
        let keep_all = |buckets: &mut dyn Iterator<Item = Bucket>, positive: bool, left: &mut Left| -> Vec<f64> {
            buckets.map(|bucket| left.take(bucket.count, cut.part_of(&bucket, positive, custom))).collect()
        };
        let populated = |counts: Indexed<'_, f64>| counts.into_iter().any(|(_, count)| count != 0.0);
        let [has_positive, has_negative] = self.sides().map(populated);
        let positive = keep_all(&mut self.positive_iter(), true, &mut left);
        let negative = keep_all(&mut self.negative_iter(), false, &mut left);
        if self.zero_count > 0.0 {
            let mut zero = self.zero_bucket();
            match (has_negative, has_positive) {
                (true, false) => zero.upper = 0.0,
                (false, true) => zero.lower = 0.0,
                _ => {}
            }
            self.zero_count = left.take(self.zero_count, cut.part_of_zero(&zero));
        }
        if left.cut {
            (self.positive_buckets, self.negative_buckets) = (positive, negative);
            (self.count, self.sum) = (left.count, left.sum);
            self.compact(0);
        }
    }
}

/// What is left after a cut.
#[derive(Debug, Default)]
struct Left {
    count: f64,
    sum: f64,
    /// Whether anything was cut away.
    cut: bool,
}

impl Left {
    /// Counts in what is kept of a bucket, as many observations of that value, and returns how many.
    fn take(&mut self, before: f64, (kept, middle): (f64, f64)) -> f64 {
        if before != 0.0 {
            self.count += kept;
            self.sum += middle * kept;
            self.cut |= kept != before;
        }
        kept
    }
}

impl Cut {
    /// How many observations of a bucket are kept, and the value that they count as.
    fn part_of(self, bucket: &Bucket, positive: bool, custom: bool) -> (f64, f64) {
        let Self { at, keep_below } = self;
        let (all, none) = if keep_below {
            (bucket.upper <= at, bucket.lower >= at)
        } else {
            (bucket.lower >= at, bucket.upper <= at)
        };
        if all {
            return (bucket.count, middle(bucket.lower, bucket.upper, positive, custom));
        }
        // Neither also when the cut is not a number: nothing is kept then.
        if none || at.is_nan() {
            return (0.0, 0.0);
        }
        if bucket.lower == f64::NEG_INFINITY {
            return self.part_without_lower(bucket);
        }
        if bucket.upper == f64::INFINITY {
            // How observations lie towards infinity is not known: they stay together, above the cut.
            return if keep_below { (0.0, 0.0) } else { (bucket.count, at) };
        }
        let below = bucket.count * bucket.fraction_below(at, custom);
        if keep_below {
            (below, middle(bucket.lower, at, positive, custom))
        } else {
            (bucket.count - below, middle(at, bucket.upper, positive, custom))
        }
    }

    /// The same for a bucket that begins at minus infinity and is cut. With a positive upper bound its observations are
    /// taken to be positive too.
    fn part_without_lower(self, bucket: &Bucket) -> (f64, f64) {
        let Self { at, keep_below } = self;
        let bounded = bucket.upper < f64::INFINITY;
        if keep_below {
            if at > 0.0 && bucket.upper > 0.0 && bounded {
                return (bucket.count * at / bucket.upper, at / 2.0);
            }
            return if bucket.upper <= 0.0 { (bucket.count, at) } else { (0.0, 0.0) };
        }
        if at >= 0.0 && bounded {
            return (bucket.count * (1.0 - at / bucket.upper), f64::midpoint(at, bucket.upper));
        }
        (0.0, 0.0)
    }

    /// The same for the zero bucket, in which observations lie evenly.
    fn part_of_zero(self, zero: &Bucket) -> (f64, f64) {
        let Bucket { lower, upper, count, .. } = *zero;
        let Self { at, keep_below } = self;
        let (all, none) = if keep_below { (at >= upper, at <= lower) } else { (at <= lower, at >= upper) };
        // A bucket without width at the cut itself lies above it.
        if none && (keep_below || !all) {
            (0.0, 0.0)
        } else if all {
            (count, f64::midpoint(lower, upper))
        } else if keep_below {
            (count * ((at - lower) / (upper - lower)), f64::midpoint(lower, at))
        } else {
            (count * ((upper - at) / (upper - lower)), f64::midpoint(at, upper))
        }
    }
}

/// The value that the observations between two bounds count as.
fn middle(lower: f64, upper: f64, positive: bool, custom: bool) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        (false, false) if custom => f64::midpoint(lower, upper),
        (false, false) => (lower * upper).abs().sqrt() * if positive { 1.0 } else { -1.0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BucketSpan;
    use crate::promql::histogram::{CUSTOM_BUCKETS, TestNotation};

    fn exponential(zero_count: f64, positive: &[f64], negative: &[f64]) -> NativeHistogram {
        let span = |counts: &[f64]| BucketSpan { offset: 1, length: u32::try_from(counts.len()).unwrap() };
        NativeHistogram {
            zero_threshold: 0.5,
            zero_count,
            count: zero_count + positive.iter().chain(negative).sum::<f64>(),
            sum: 10.0,
            positive_spans: vec![span(positive)],
            positive_buckets: positive.to_vec(),
            negative_spans: vec![span(negative)],
            negative_buckets: negative.to_vec(),
            ..NativeHistogram::default()
        }
    }

    fn custom(bounds: &[f64], counts: &[f64]) -> NativeHistogram {
        let mut h = exponential(0.0, counts, &[]);
        h.positive_spans[0].offset = 0;
        NativeHistogram { schema: CUSTOM_BUCKETS, zero_threshold: 0.0, custom_values: bounds.into(), ..h }
    }

    #[test]
    fn what_lies_beyond_the_cut_is_gone_and_a_bucket_that_it_goes_through_is_divided() {
        let (below, above) = (true, false);
        let whole = exponential(2.0, &[4.0, 4.0], &[4.0]);
        let bounded = custom(&[2.0, 4.0], &[2.0, 4.0, 2.0]);
        let cases = [
            (&whole, 4.0, below, "{count:14, sum:10, [-2,-1):4, [-0.5,0.5]:2, (1,2]:4, (2,4]:4}"),
            (&whole, 2.0, below, "{count:10, sum:0, [-2,-1):4, [-0.5,0.5]:2, (1,2]:4}"),
            (&whole, 0.0, below, "{count:5, sum:-5.906854249492381, [-2,-1):4, [-0.5,0.5]:1}"),
            (&whole, -2.0, below, "{count:0, sum:0}"),
            (&whole, 2.0, above, "{count:4, sum:11.313708498984761, (2,4]:4}"),
            (&whole, f64::INFINITY, above, "{count:0, sum:0}"),
            (&whole, f64::NEG_INFINITY, above, "{count:14, sum:10, [-2,-1):4, [-0.5,0.5]:2, (1,2]:4, (2,4]:4}"),
            (&bounded, 3.0, below, "{count:4, sum:7, [-Inf,2]:2, (2,4]:2}"),
            (&bounded, 1.0, below, "{count:1, sum:0.5, [-Inf,2]:1}"),
            (&bounded, 5.0, below, "{count:6, sum:14, [-Inf,2]:2, (2,4]:4}"),
            (&bounded, 1.0, above, "{count:7, sum:21.5, [-Inf,2]:1, (2,4]:4, (4,+Inf]:2}"),
            (&bounded, 5.0, above, "{count:2, sum:10, (4,+Inf]:2}"),
        ];
        for (histogram, at, keep_below, expected) in cases {
            let mut left = histogram.clone();
            left.trim(at, keep_below);
            let sign = if keep_below { "</" } else { ">/" };
            assert_eq!(left.to_string(), expected, "{} {sign} {at}", TestNotation(histogram));
        }
    }
}
