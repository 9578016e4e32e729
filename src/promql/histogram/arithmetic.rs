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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BucketSpan;
    use crate::promql::histogram::TestNotation;

    /// Schema, zero threshold and count, first index and counts of the positive and of the negative buckets.
    type Shape<'a> = (i32, f64, f64, (i32, &'a [f64]), (i32, &'a [f64]));

    fn of((schema, zero_threshold, zero_count, positive, negative): Shape<'_>) -> NativeHistogram {
        let span = |(offset, counts): (i32, &[f64])| {
            let length = u32::try_from(counts.len()).unwrap();
            if length == 0 { Vec::new() } else { vec![BucketSpan { offset, length }] }
        };
        let count = zero_count + positive.1.iter().chain(negative.1).sum::<f64>();
        NativeHistogram {
            schema,
            zero_threshold,
            zero_count,
            count,
            sum: 2.0 * count,
            positive_spans: span(positive),
            negative_spans: span(negative),
            positive_buckets: positive.1.to_vec(),
            negative_buckets: negative.1.to_vec(),
            ..NativeHistogram::default()
        }
    }

    fn custom(bounds: &[f64], counts: &[f64]) -> NativeHistogram {
        NativeHistogram { custom_values: bounds.into(), ..of((CUSTOM_BUCKETS, 0.0, 0.0, (0, counts), (0, &[]))) }
    }

    #[test]
    fn sums_have_what_both_can_express() {
        let cases = [
            (
                "the same layout",
                of((0, 0.5, 1.0, (1, &[1.0, 2.0]), (3, &[4.0]))),
                of((0, 0.5, 2.0, (1, &[3.0, 5.0]), (3, &[6.0]))),
                "{{count:24 sum:48 z_bucket:3 z_bucket_w:0.5 offset:1 buckets:[4 7] n_offset:3 n_buckets:[10]}}",
            ),
            (
                "other buckets",
                of((0, 0.0, 0.0, (1, &[1.0, 2.0]), (0, &[]))),
                of((0, 0.0, 0.0, (-1, &[3.0, 0.0, 5.0]), (2, &[1.0]))),
                "{{count:12 sum:24 offset:-1 buckets:[3 0 6 2] n_offset:2 n_buckets:[1]}}",
            ),
            (
                "a finer schema on the right",
                of((0, 0.0, 0.0, (1, &[1.0]), (0, &[]))),
                of((1, 0.0, 0.0, (0, &[1.0, 2.0, 3.0]), (0, &[]))),
                "{{count:7 sum:14 buckets:[1 6]}}",
            ),
            (
                "a finer schema on the left",
                of((1, 0.0, 0.0, (0, &[1.0, 2.0, 3.0]), (0, &[]))),
                of((0, 0.0, 0.0, (1, &[1.0]), (0, &[]))),
                "{{count:7 sum:14 buckets:[1 6]}}",
            ),
            (
                "a wider zero bucket on the right that ends within a populated bucket",
                of((0, 0.001, 1.0, (-1, &[1.0, 2.0, 3.0]), (0, &[]))),
                of((0, 0.75, 5.0, (1, &[7.0]), (0, &[]))),
                "{{count:19 sum:38 z_bucket:9 z_bucket_w:1 offset:1 buckets:[10]}}",
            ),
            (
                "a wider zero bucket on the left that the other side moves again",
                of((0, 0.75, 5.0, (1, &[7.0]), (0, &[]))),
                of((0, 0.001, 1.0, (-1, &[1.0, 0.0, 3.0]), (0, &[2.0]))),
                "{{count:19 sum:38 z_bucket:9 z_bucket_w:1 offset:1 buckets:[10]}}",
            ),
            (
                "other custom bounds",
                custom(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]),
                custom(&[2.0, 4.0], &[10.0, 20.0, 30.0]),
                "{{schema:-53 count:70 sum:140 custom_values:[2] buckets:[13 57]}}",
            ),
        ];
        for (what, left, right, expected) in cases {
            let mut sum = left.clone();
            let reconciled = sum.add(&right).unwrap();
            assert_eq!(TestNotation(&sum).to_string(), expected, "{what}");
            assert_eq!(reconciled.bounds, left.custom_values != right.custom_values, "{what}");
            sum.sub(&right).unwrap();
            assert!((sum.count - left.count).abs() < 1e-9 && (sum.sum - left.sum).abs() < 1e-9, "{what}");
        }
        let mut exponential = of((0, 0.0, 0.0, (1, &[1.0]), (0, &[])));
        let before = exponential.clone();
        assert_eq!(exponential.add(&custom(&[1.0], &[1.0])), Err(Incompatible));
        assert_eq!(exponential, before);
    }

    #[test]
    fn hints_that_contradict_each_other_are_told_and_a_gauge_makes_a_gauge() {
        use ResetHint::{CounterReset, Gauge, NotCounterReset, Unknown};
        let cases = [
            (Unknown, NotCounterReset, Unknown, false),
            (CounterReset, CounterReset, CounterReset, false),
            (CounterReset, Unknown, Unknown, false),
            (CounterReset, Gauge, Gauge, false),
            (CounterReset, NotCounterReset, Unknown, true),
            (NotCounterReset, CounterReset, Unknown, true),
        ];
        for (left, right, expected, reset_collision) in cases {
            let hinted = |reset_hint| NativeHistogram { reset_hint, ..NativeHistogram::default() };
            let mut sum = hinted(left);
            assert_eq!(sum.add(&hinted(right)), Ok(Reconciled { reset_collision, bounds: false }));
            assert_eq!(sum.reset_hint, expected, "{left:?} and {right:?}");
        }
    }

    #[test]
    fn dividing_by_zero_leaves_no_buckets_and_negative_factors_make_gauges() {
        let mut divided = of((0, 0.5, 1.0, (1, &[1.0, 2.0]), (3, &[4.0])));
        divided.divide(0.0);
        assert_eq!(divided.to_string(), "{count:+Inf, sum:+Inf, [-0.5,0.5]:+Inf}");
        let mut scaled = of((0, 0.0, 0.0, (1, &[1.0]), (0, &[])));
        scaled.scale(-2.0);
        assert_eq!(
            TestNotation(&scaled).to_string(),
            "{{count:-2 sum:-4 counter_reset_hint:gauge offset:1 buckets:[-2]}}"
        );
    }

    #[test]
    fn histograms_are_equal_bucket_by_bucket_however_their_spans_are_cut() {
        let whole = of((0, 0.0, 0.0, (1, &[1.0, 2.0]), (0, &[])));
        let mut cut = whole.clone();
        cut.positive_spans = [(1, 1), (0, 0), (0, 1)].map(|(offset, length)| BucketSpan { offset, length }).into();
        let mut moved = whole.clone();
        moved.positive_spans[0].offset = 2;
        assert!(whole.equals(&cut));
        assert!(!whole.equals(&moved));
    }
}
