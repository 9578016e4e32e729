//! How much a cumulative value has grown.

use crate::model::{Buckets, ExplicitHistogram, ExponentialHistogram, Number};

/// A cumulative value of which the growth can be told.
pub(super) trait Difference: Sized {
    /// The growth since an earlier value of the same series; `None` when the earlier one is not a part of this one,
    /// which means that the series began again.
    fn growth_since(&self, earlier: &Self) -> Option<Self>;

    /// All of it, as a growth.
    fn whole(&self) -> Self;

    /// Whether nothing was counted.
    fn is_zero(&self) -> bool;
}

impl Difference for Number {
    fn growth_since(&self, earlier: &Self) -> Option<Self> {
        let grown = match (*self, *earlier) {
            (Self::I64(now), Self::I64(then)) => Self::I64(now.checked_sub(then)?),
            (now, then) => Self::F64(now.as_f64() - then.as_f64()),
        };
        (grown.as_f64() >= 0.0).then_some(grown)
    }

    fn whole(&self) -> Self {
        *self
    }

    fn is_zero(&self) -> bool {
        self.as_f64() == 0.0
    }
}

impl Difference for ExplicitHistogram {
    fn growth_since(&self, earlier: &Self) -> Option<Self> {
        if self.bounds != earlier.bounds {
            return None;
        }
        Some(Self {
            count: self.count.checked_sub(earlier.count)?,
            sum: sum(self.sum, earlier.sum),
            bucket_counts: counts(&self.bucket_counts, &earlier.bucket_counts)?,
            ..self.whole()
        })
    }

    fn whole(&self) -> Self {
        Self { min: None, max: None, ..self.clone() }
    }

    fn is_zero(&self) -> bool {
        self.count == 0
    }
}

impl Difference for ExponentialHistogram {
    fn growth_since(&self, earlier: &Self) -> Option<Self> {
        // A histogram loses resolution as its range grows, and never gains it back.
        if earlier.scale < self.scale {
            return None;
        }
        let earlier = earlier.at_scale(self.scale);
        Some(Self {
            count: self.count.checked_sub(earlier.count)?,
            sum: sum(self.sum, earlier.sum),
            zero_count: self.zero_count.checked_sub(earlier.zero_count)?,
            positive: buckets(&self.positive, &earlier.positive)?,
            negative: buckets(&self.negative, &earlier.negative)?,
            ..self.whole()
        })
    }

    fn whole(&self) -> Self {
        Self { min: None, max: None, ..self.clone() }
    }

    fn is_zero(&self) -> bool {
        self.count == 0
    }
}

fn sum(now: Option<f64>, then: Option<f64>) -> Option<f64> {
    Some(now? - then?)
}

fn counts(now: &[u64], then: &[u64]) -> Option<Vec<u64>> {
    if now.len() != then.len() {
        return None;
    }
    now.iter().zip(then).map(|(now, then)| now.checked_sub(*then)).collect()
}

fn buckets(now: &Buckets, then: &Buckets) -> Option<Buckets> {
    let mut grown = now.clone();
    for (index, count) in then.iter().filter(|(_, count)| *count > 0) {
        let at = usize::try_from(index.checked_sub(now.offset)?).ok()?;
        let bucket = grown.counts.get_mut(at)?;
        *bucket = bucket.checked_sub(count)?;
    }
    Some(Buckets::of(grown.iter()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn explicit(bounds: &[f64], counts: &[u64], sum: Option<f64>) -> ExplicitHistogram {
        ExplicitHistogram {
            count: counts.iter().sum(),
            sum,
            min: Some(1.0),
            max: Some(9.0),
            bounds: Arc::from(bounds),
            bucket_counts: counts.to_vec(),
        }
    }

    fn exponential(scale: i32, offset: i32, counts: &[u64]) -> ExponentialHistogram {
        ExponentialHistogram {
            count: counts.iter().sum::<u64>() + 1,
            sum: Some(1.0),
            min: None,
            max: None,
            scale,
            zero_count: 1,
            positive: Buckets { offset, counts: counts.to_vec() },
            negative: Buckets::default(),
        }
    }

    #[test]
    fn numbers_grow_or_began_again() {
        use Number::{F64, I64};

        for (now, then, grown) in [
            (I64(7), I64(5), Some(I64(2))),
            (I64(7), I64(7), Some(I64(0))),
            (I64(7), I64(8), None),
            (I64(i64::MAX), I64(i64::MIN), None),
            (F64(7.5), F64(5.0), Some(F64(2.5))),
            (F64(7.5), I64(5), Some(F64(2.5))),
            (F64(1.0), F64(5.0), None),
        ] {
            assert_eq!(now.growth_since(&then), grown, "{now:?} {then:?}");
        }
    }

    #[test]
    fn histograms_grow_bucket_by_bucket_without_extremes() {
        let then = explicit(&[1.0, 2.0], &[1, 2, 0], Some(4.0));
        let now = explicit(&[1.0, 2.0], &[1, 3, 4], Some(50.0));
        let grown = ExplicitHistogram { min: None, max: None, ..explicit(&[1.0, 2.0], &[0, 1, 4], Some(46.0)) };
        assert_eq!(now.growth_since(&then), Some(grown));
        assert_eq!(then.growth_since(&now), None);
        assert_eq!(now.growth_since(&explicit(&[1.0, 3.0], &[1, 2, 0], None)), None, "other bounds");
        let sumless = now.growth_since(&explicit(&[1.0, 2.0], &[1, 2, 0], None));
        assert_eq!(sumless.and_then(|grown| grown.sum), None);
    }

    #[test]
    fn exponential_histograms_grow_across_a_loss_of_resolution() {
        // At scale 1 the buckets -3, -2, -1, 0, 1; one step coarser they fall into -2, -1, -1, 0, 0.
        let then = exponential(1, -3, &[1, 1, 1, 1, 1]);
        let now = exponential(0, -2, &[1, 5, 2, 7]);
        let grown = now.growth_since(&then).unwrap();
        assert_eq!(grown.positive, Buckets { offset: -1, counts: vec![3, 0, 7] });
        assert_eq!((grown.count, grown.zero_count, grown.scale), (10, 0, 0));
        assert_eq!(then.growth_since(&now), None, "a finer one is not a continuation");
        let same = then.growth_since(&then).unwrap();
        assert!(same.is_zero() && same.positive == Buckets::default());
    }
}
