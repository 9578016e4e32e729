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
    /// Observations in the buckets that were not walked over; only known when the sum is not a number.
    rest: f64,
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

    /// Lets the zero bucket end at zero when there is nothing on one side of it.
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
    let mut reached = Reached { bucket: nothing, count: 0.0, rest: 0.0 };
    for bucket in buckets.by_ref() {
        reached.bucket = bucket;
        reached.count += bucket.count;
        if bucket.count != 0.0 && reached.count >= rank {
            break;
        }
    }
    if has_nan {
        reached.rest = buckets.map(|bucket| bucket.count).sum();
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
