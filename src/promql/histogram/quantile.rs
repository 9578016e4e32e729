//! Quantiles, shares and spread.

use super::Bucket;
use crate::model::NativeHistogram;
use crate::promql::kahan::Kahan;

/// What observations that are not numbers did to a quantile. They are counted, but lie in no bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NanNote {
    /// The quantile lies among them.
    Result,
    /// The quantile is higher than it would be without them.
    Skewed,
}

/// Where a walk over buckets stopped.
struct Reached {
    bucket: Bucket,
    /// Observations up to and with `bucket`.
    count: f64,
    /// Observations in the buckets that were not walked over, and the last of these; only when the sum is not a number.
    rest: f64,
    last: Option<Bucket>,
}

impl NativeHistogram {
    /// The value below which the share `q` of the observations lies, as `histogram_quantile` has it: infinite when `q` is
    /// not within 0 and 1, `NaN` without observations.
    ///
    /// Within an exponential bucket observations are taken to lie evenly on a logarithmic scale, in custom buckets and in
    /// the zero bucket on a linear one. Without negative buckets the zero bucket begins at zero, without positive
    /// ones it ends there.
    pub fn quantile(&self, q: f64) -> (f64, Option<NanNote>) {
        if q < 0.0 {
            return (f64::NEG_INFINITY, None);
        }
        if q > 1.0 {
            return (f64::INFINITY, None);
        }
        if self.count == 0.0 || q.is_nan() {
            return (f64::NAN, None);
        }
        // Observations that are not numbers are beyond all buckets, so that ranks must be counted from below then.
        let has_nan = self.sum.is_nan();
        let forward = has_nan || q < 0.5;
        let rank = (if forward { q } else { 1.0 - q }) * self.count;
        let reached =
            if forward { walk(self.all_iter(), rank, has_nan) } else { walk(self.all_iter().rev(), rank, has_nan) };
        let bucket = match self.assume_sign(reached.bucket) {
            Ok(bucket) => bucket,
            Err(value) => return (value, None),
        };
        let count = if reached.count > self.count { self.count } else { reached.count };
        if count < rank {
            // Without `NaN`s only rounding can lead here.
            return if has_nan { (f64::NAN, Some(NanNote::Result)) } else { (bucket.upper, None) };
        }
        let rank = if forward { rank - (count - bucket.count) } else { count - rank };
        let note = (has_nan && count + reached.rest < self.count).then_some(NanNote::Skewed);
        // As release 3.14 has it: when the sum is not a number, it interpolates in the highest bucket instead.
        let bucket = reached.last.unwrap_or(bucket);
        (interpolate(&bucket, rank / bucket.count, self.has_custom_buckets()), note)
    }

    /// Where observations lie in a bucket that reaches over zero or to infinity; an error is the quantile itself.
    fn assume_sign(&self, mut bucket: Bucket) -> Result<Bucket, f64> {
        if self.has_custom_buckets() {
            if bucket.lower == f64::NEG_INFINITY {
                if bucket.upper <= 0.0 {
                    return Err(bucket.upper);
                }
                bucket.lower = 0.0;
            } else if bucket.upper == f64::INFINITY {
                return Err(bucket.lower);
            }
        } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
            self.clip_zero_bucket(&mut bucket);
        }
        Ok(bucket)
    }

    /// Lets a bucket that reaches over zero end there when nothing is on the other side.
    fn clip_zero_bucket(&self, bucket: &mut Bucket) {
        match (self.negative_buckets.is_empty(), self.positive_buckets.is_empty()) {
            (true, false) => bucket.lower = 0.0,
            (false, true) => bucket.upper = 0.0,
            _ => {}
        }
    }

    /// The share of the observations between two values, as `histogram_fraction` has it, and whether some of the
    /// observations are not numbers, which lie between no values.
    pub fn fraction(&self, lower: f64, upper: f64) -> (f64, bool) {
        if self.count == 0.0 || lower.is_nan() || upper.is_nan() {
            return (f64::NAN, false);
        }
        if lower >= upper {
            return (0.0, false);
        }
        let has_nan = self.sum.is_nan();
        let [mut lower_rank, mut upper_rank] = [None; 2];
        let (mut rank, mut count) = (0.0, 0.0);
        for mut bucket in self.all_iter() {
            count += bucket.count;
            if lower_rank.is_some() && upper_rank.is_some() {
                if has_nan {
                    continue;
                }
                break;
            }
            let mut linear = self.has_custom_buckets();
            if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
                self.clip_zero_bucket(&mut bucket);
                linear = true;
            }
            for (value, found) in [(lower, &mut lower_rank), (upper, &mut upper_rank)] {
                if found.is_none() {
                    *found = rank_within(&bucket, value, rank, linear);
                }
            }
            rank += bucket.count;
        }
        let all = if has_nan { count } else { self.count };
        let [lower_rank, upper_rank] =
            [lower_rank, upper_rank].map(|rank| rank.filter(|rank| *rank <= all).unwrap_or(all));
        ((upper_rank - lower_rank) / self.count, has_nan && count < self.count)
    }

    /// The estimated variance of the observations: those of a bucket count as its middle, geometric for exponential buckets.
    pub fn variance(&self) -> f64 {
        let mean = self.sum / self.count;
        let squares = self.all_iter().filter(|bucket| bucket.count != 0.0).map(|bucket| {
            let middle = if self.has_custom_buckets() {
                f64::midpoint(bucket.upper, bucket.lower)
            } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
                0.0
            } else {
                (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
            };
            let delta = middle - mean;
            bucket.count * delta * delta
        });
        squares.collect::<Kahan>().value() / self.count
    }
}

/// Goes on until the observations passed are at least `rank`; the last bucket when they never are.
fn walk(mut buckets: impl Iterator<Item = Bucket>, rank: f64, has_nan: bool) -> Reached {
    let nothing = Bucket { lower: 0.0, upper: 0.0, lower_inclusive: false, upper_inclusive: false, count: 0.0 };
    let mut reached = Reached { bucket: nothing, count: 0.0, rest: 0.0, last: None };
    for bucket in buckets.by_ref() {
        reached.bucket = bucket;
        reached.count += bucket.count;
        if bucket.count != 0.0 && reached.count >= rank {
            break;
        }
    }
    for bucket in buckets.filter(|_| has_nan) {
        reached.rest += bucket.count;
        reached.last = Some(bucket);
    }
    reached
}

fn interpolate(bucket: &Bucket, share: f64, custom: bool) -> f64 {
    if custom || bucket.lower <= 0.0 && bucket.upper >= 0.0 {
        return bucket.lower + (bucket.upper - bucket.lower) * share;
    }
    let [lower, upper] = [bucket.lower, bucket.upper].map(|bound| bound.abs().log2());
    if bucket.lower > 0.0 {
        (lower + (upper - lower) * share).exp2()
    } else {
        -(upper + (lower - upper) * (1.0 - share)).exp2()
    }
}

/// The observations below `value` when it lies at the beginning of the bucket, or within it.
fn rank_within(bucket: &Bucket, value: f64, rank: f64, linear: bool) -> Option<f64> {
    if bucket.lower >= value {
        return Some(rank);
    }
    if bucket.upper <= value {
        return None;
    }
    // Nothing is known of how observations lie in a bucket without a beginning; all of it counts.
    if linear && bucket.lower == f64::NEG_INFINITY {
        return Some(bucket.count);
    }
    Some(rank + bucket.count * bucket.fraction_below(value, linear))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BucketSpan;
    use crate::promql::histogram::CUSTOM_BUCKETS;

    fn exponential(zero_count: f64, positive: &[f64], negative: &[f64]) -> NativeHistogram {
        let spans = |counts: &[f64]| {
            let length = u32::try_from(counts.len()).unwrap();
            if length == 0 { Vec::new() } else { vec![BucketSpan { offset: 1, length }] }
        };
        NativeHistogram {
            zero_threshold: 0.5,
            zero_count,
            count: zero_count + positive.iter().chain(negative).sum::<f64>(),
            sum: 10.0,
            positive_spans: spans(positive),
            positive_buckets: positive.to_vec(),
            negative_spans: spans(negative),
            negative_buckets: negative.to_vec(),
            ..NativeHistogram::default()
        }
    }

    fn custom(bounds: &[f64], counts: &[f64]) -> NativeHistogram {
        let length = u32::try_from(counts.len()).unwrap();
        NativeHistogram {
            schema: CUSTOM_BUCKETS,
            zero_threshold: 0.0,
            custom_values: bounds.into(),
            positive_spans: vec![BucketSpan { offset: 0, length }],
            ..exponential(0.0, counts, &[])
        }
    }

    fn with_nan(observations: f64) -> NativeHistogram {
        let mut h = exponential(0.0, &[4.0, 4.0], &[]);
        h.count += observations;
        h.sum = f64::NAN;
        h
    }

    #[test]
    fn quantiles_lie_on_a_logarithmic_scale_but_in_the_zero_bucket_and_custom_ones_on_a_linear_scale() {
        let root = 2f64.sqrt();
        let cases = [
            ("in a positive bucket", exponential(0.0, &[4.0, 4.0], &[]), 0.25, root, None),
            ("at a bound", exponential(0.0, &[4.0, 4.0], &[]), 0.5, 2.0, None),
            ("from above", exponential(0.0, &[4.0, 4.0], &[]), 0.75, 2.0 * root, None),
            ("in a negative bucket", exponential(0.0, &[], &[4.0, 4.0]), 0.25, -2.0 * root, None),
            ("in a zero bucket with nothing below", exponential(4.0, &[4.0], &[]), 0.25, 0.25, None),
            ("in a zero bucket with nothing above", exponential(4.0, &[], &[4.0]), 0.75, -0.25, None),
            ("in a zero bucket between others", exponential(4.0, &[2.0], &[2.0]), 0.5, 0.0, None),
            ("below all", exponential(4.0, &[4.0], &[]), -0.1, f64::NEG_INFINITY, None),
            ("above all", exponential(4.0, &[4.0], &[]), 1.1, f64::INFINITY, None),
            ("of nothing", exponential(0.0, &[], &[]), 0.5, f64::NAN, None),
            ("in a custom bucket", custom(&[2.0, 4.0], &[2.0, 4.0, 2.0]), 0.5, 3.0, None),
            ("in the lowest custom bucket", custom(&[2.0, 4.0], &[2.0, 4.0, 2.0]), 0.125, 1.0, None),
            ("in the lowest custom bucket below zero", custom(&[-2.0, 4.0], &[2.0, 4.0, 2.0]), 0.125, -2.0, None),
            ("in the highest custom bucket", custom(&[2.0, 4.0], &[2.0, 4.0, 2.0]), 0.9, 4.0, None),
            ("below observations that are not numbers", with_nan(2.0), 0.8, 4.0, Some(NanNote::Skewed)),
            ("among observations that are not numbers", with_nan(2.0), 0.9, f64::NAN, Some(NanNote::Result)),
            ("of infinities that cancel out", with_nan(0.0), 1.0, 4.0, None),
        ];
        for (what, histogram, q, expected, note) in cases {
            let (found, noted) = histogram.quantile(q);
            let same = found == expected || (found - expected).abs() < 1e-12 || found.is_nan() && expected.is_nan();
            assert!(same && noted == note, "{what}: {found} {noted:?}, expected {expected} {note:?}");
        }
    }

    #[test]
    fn a_fraction_is_what_quantiles_would_say() {
        let cases = [
            (exponential(0.0, &[4.0, 4.0], &[]), 2f64.sqrt(), 2.0, 0.25),
            (exponential(4.0, &[4.0], &[]), 0.0, 0.25, 0.25),
            (exponential(4.0, &[4.0], &[]), f64::NEG_INFINITY, f64::INFINITY, 1.0),
            (exponential(0.0, &[], &[4.0, 4.0]), -2.0, 0.0, 0.5),
            (custom(&[2.0, 4.0], &[2.0, 4.0, 2.0]), 3.0, f64::INFINITY, 0.5),
            (custom(&[2.0, 4.0], &[2.0, 4.0, 2.0]), f64::NEG_INFINITY, 1.0, 0.125),
            (exponential(4.0, &[4.0], &[]), 2.0, 1.0, 0.0),
            (with_nan(2.0), f64::NEG_INFINITY, f64::INFINITY, 0.8),
        ];
        for (histogram, lower, upper, expected) in cases {
            let (found, has_nan) = histogram.fraction(lower, upper);
            assert!((found - expected).abs() < 1e-12, "{lower} to {upper} of {histogram}: {found}");
            assert_eq!(has_nan, histogram.sum.is_nan());
        }
        assert!(exponential(0.0, &[], &[]).fraction(0.0, 1.0).0.is_nan());
    }

    #[test]
    fn variance_takes_the_middle_of_each_bucket() {
        // Two at 3 and two at 5, around a mean of 4.
        let mut h = custom(&[2.0, 4.0, 6.0], &[0.0, 2.0, 2.0]);
        h.sum = 16.0;
        assert!((h.variance() - 1.0).abs() < 1e-12);
    }
}
