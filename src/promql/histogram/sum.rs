//! Sums and means of many histograms that lose nothing to rounding.

use super::tally::Tally;
use super::{Incompatible, Reconciled};
use crate::model::NativeHistogram;
use crate::promql::kahan::Kahan;

/// Two parts below this cannot add up to infinity.
const SAFE: f64 = f64::MAX / 4.0;

/// A sum of histograms, each part of it compensated (Kahan).
#[derive(Debug, Clone)]
pub struct HistogramSum(Tally<Kahan>);

impl HistogramSum {
    /// Begins with one histogram.
    pub fn new(first: &NativeHistogram) -> Self {
        Self(Tally::from(first))
    }

    /// Adds another.
    ///
    /// # Errors
    /// When one has exponential buckets and the other custom bounds.
    pub fn add(&mut self, other: &NativeHistogram) -> Result<Reconciled, Incompatible> {
        self.0.add(other, 1.0)
    }

    /// The sum.
    pub fn finish(self) -> NativeHistogram {
        self.0.finish()
    }
}

/// The mean of histograms: their sum divided by their number, or a running mean from where the sum would become infinite.
#[derive(Debug, Clone)]
pub struct HistogramMean {
    /// The sum of all so far, or their mean once `running`.
    tally: Tally<Kahan>,
    number: f64,
    running: bool,
}

impl HistogramMean {
    /// Begins with one histogram.
    pub fn new(first: &NativeHistogram) -> Self {
        Self { tally: Tally::from(first), number: 1.0, running: false }
    }

    /// Takes another into account.
    ///
    /// # Errors
    /// When one has exponential buckets and the other custom bounds.
    pub fn add(&mut self, other: &NativeHistogram) -> Result<Reconciled, Incompatible> {
        self.number += 1.0;
        if !self.running {
            // A copy to go back to is needed only where infinity is near.
            let before = (self.tally.peak() > SAFE || peak(other) > SAFE).then(|| self.tally.clone());
            let reconciled = self.tally.add(other, 1.0)?;
            match before {
                Some(before) if self.tally.peak().is_infinite() => {
                    self.tally = before;
                    self.tally.scale(|part| part.divided(self.number - 1.0));
                    self.running = true;
                }
                _ => return Ok(reconciled),
            }
        }
        let kept = (self.number - 1.0) / self.number;
        self.tally.scale(|part| part.scaled(kept));
        let mut share = other.clone();
        share.divide(self.number);
        self.tally.add(&share, 1.0)
    }

    /// The mean.
    pub fn finish(mut self) -> NativeHistogram {
        if !self.running {
            self.tally.scale(|part| part.divided(self.number));
        }
        self.tally.finish()
    }
}

fn peak(h: &NativeHistogram) -> f64 {
    let parts = [h.zero_count, h.count, h.sum];
    let buckets = h.positive_buckets.iter().chain(&h.negative_buckets);
    parts.iter().chain(buckets).fold(0.0, |peak: f64, part| peak.max(part.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sum: f64, bucket: f64) -> NativeHistogram {
        NativeHistogram {
            count: bucket,
            sum,
            positive_spans: vec![crate::model::BucketSpan { offset: 0, length: 1 }],
            positive_buckets: vec![bucket],
            ..NativeHistogram::default()
        }
    }

    #[test]
    fn a_sum_keeps_small_parts_beside_large_ones() {
        let mut sum = HistogramSum::new(&of(1.0, 1.0));
        for part in [of(1e100, 1e100), of(1.0, 1.0), of(-1e100, -1e100)] {
            sum.add(&part).unwrap();
        }
        assert!(sum.finish().equals(&of(2.0, 2.0)));
    }

    #[test]
    fn a_mean_survives_a_sum_that_would_be_infinite() {
        let mut mean = HistogramMean::new(&of(1e308, 4.0));
        for _ in 0..3 {
            mean.add(&of(1e308, 4.0)).unwrap();
        }
        let mean = mean.finish();
        assert!((mean.sum / 1e308 - 1.0).abs() < 1e-12, "{}", mean.sum);
        assert!((mean.positive_buckets[0] - 4.0).abs() < 1e-12, "{mean:?}");
    }
}
