//! Sums of deltas: what a series that tells only what is new has told in all.
//!
//! Rules count on series that only grow. As the Collector's `deltatocumulative` processor, which Prometheus' own
//! receiver uses for it, the total counts from the start of the first delta, and a delta that is not newer than the one
//! before it is left out.

use super::points::Value;
use crate::clock::Timestamp;
use crate::model::{Buckets, ExponentialHistogram, Number};

/// The most buckets a sign of a summed exponential histogram, as in the Collector; the scale is lowered to fit.
const MAX_SIZE: usize = 160;

/// The total of a series of deltas.
#[derive(Debug)]
pub(super) struct Total {
    /// When the first delta began.
    pub(super) start: Timestamp,
    /// When the last one ended.
    pub(super) time: Timestamp,
    pub(super) value: Value<'static>,
}

impl Total {
    /// Adds a delta that ended at `time`; `false` when it is not newer than the last one.
    pub(super) fn add(&mut self, time: Timestamp, delta: &Value<'_>) -> bool {
        if time <= self.time {
            return false;
        }
        self.time = time;
        match (&mut self.value, delta) {
            (Value::Number(total), Value::Number(delta)) => *total = plus(*total, *delta),
            (Value::Explicit(total), Value::Explicit(delta)) => {
                let total = total.to_mut();
                total.count += delta.count;
                total.sum = total.sum.zip(delta.sum).map(|(a, b)| a + b);
                for (total, delta) in total.bucket_counts.iter_mut().zip(&delta.bucket_counts) {
                    *total += delta;
                }
            }
            (Value::Exponential(total), Value::Exponential(delta)) => {
                let sum = merged(total, delta);
                *total.to_mut() = sum;
            }
            // The points of one family are all of one kind.
            _ => return false,
        }
        true
    }
}

fn plus(a: Number, b: Number) -> Number {
    match (a, b) {
        (Number::I64(a), Number::I64(b)) => Number::I64(a.saturating_add(b)),
        (a, b) => Number::F64(a.as_f64() + b.as_f64()),
    }
}

fn merged(a: &ExponentialHistogram, b: &ExponentialHistogram) -> ExponentialHistogram {
    let (a, b) = (a.at_scale(b.scale), b.at_scale(a.scale));
    let both = |a: &Buckets, b: &Buckets| Buckets::of(a.iter().chain(b.iter()));
    ExponentialHistogram {
        count: a.count + b.count,
        sum: a.sum.zip(b.sum).map(|(a, b)| a + b),
        min: None,
        max: None,
        scale: a.scale,
        zero_count: a.zero_count + b.zero_count,
        positive: both(&a.positive, &b.positive),
        negative: both(&a.negative, &b.negative),
    }
    .at_most(MAX_SIZE)
}
