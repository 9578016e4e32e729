//! Finding out whether a counter histogram was reset.

use super::CUSTOM_BUCKETS;
use super::bounds::{coarser, exponential};
use super::buckets::Indexed;
use super::layout::Side;
use super::tally::{shared_bounds, spread, zero_count_at};
use crate::model::{NativeHistogram, ResetHint, is_stale};

impl NativeHistogram {
    /// What Prometheus' store knows of a reset when it reads a histogram behind `previous`: that there was none within a
    /// chunk, which ends with a reset or another layout.
    pub fn hint_after(&self, previous: Option<&Self>) -> ResetHint {
        if self.reset_hint == ResetHint::Gauge {
            return ResetHint::Gauge;
        }
        let Some(previous) = previous else { return ResetHint::Unknown };
        let told = self.reset_hint == ResetHint::CounterReset || previous.reset_hint == ResetHint::Gauge;
        let relaid = self.schema != previous.schema
            || self.zero_threshold.to_bits() != previous.zero_threshold.to_bits()
            || self.custom_values != previous.custom_values;
        let compared = Self { reset_hint: ResetHint::Unknown, ..self.clone() };
        let goes_on = is_stale(self.sum) || !(relaid || is_stale(previous.sum) || compared.detect_reset(previous));
        if goes_on && !told { ResetHint::NotCounterReset } else { ResetHint::Unknown }
    }

    /// Whether there was a counter reset since `previous`: a count (not the sum) that fell, a populated bucket that is
    /// gone, a schema that became finer, or a zero bucket that became narrower or now ends within a populated bucket.
    /// A hint that says so, or says no, is believed; a gauge is compared as if it were a counter.
    pub fn detect_reset(&self, previous: &Self) -> bool {
        match self.reset_hint {
            ResetHint::CounterReset => return true,
            ResetHint::NotCounterReset => return false,
            ResetHint::Unknown | ResetHint::Gauge => {}
        }
        if self.count < previous.count || self.has_custom_buckets() && !previous.has_custom_buckets() {
            return true;
        }
        if self.has_custom_buckets() && self.custom_values != previous.custom_values {
            return self.fell_by_shared_bounds(previous);
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        let (zero_count, threshold) = zero_count_at(previous, self.zero_threshold);
        if threshold != self.zero_threshold || self.zero_count < zero_count {
            return true;
        }
        self.sides().into_iter().zip(previous.sides()).any(|(ours, theirs)| self.fell(ours, theirs, previous.schema))
    }

    /// Whether a bucket outside the zero bucket fell or vanished; `theirs` may be of a finer schema.
    fn fell(&self, ours: Indexed<'_, f64>, theirs: Indexed<'_, f64>, finer: i32) -> bool {
        let schema = self.schema;
        let outside = |index: i32| schema == CUSTOM_BUCKETS || exponential(index, schema) > self.zero_threshold;
        let mut ours = ours.peekable();
        let mut fell = |(index, before): (i32, f64)| {
            while ours.next_if(|(own, _)| *own < index).is_some() {}
            match ours.next_if(|(own, _)| *own == index) {
                Some((_, now)) => now < before,
                None => before != 0.0,
            }
        };
        if finer == schema {
            return theirs.into_iter().skip_while(|(index, _)| !outside(*index)).any(fell);
        }
        let merged = Side::of(theirs.map(|(index, count)| (coarser(index, finer, schema), count)));
        merged.iter().skip_while(|(index, _)| !outside(*index)).any(&mut fell)
    }

    fn fell_by_shared_bounds(&self, previous: &Self) -> bool {
        let shared = shared_bounds(&self.custom_values, &previous.custom_values);
        let by_shared = |h: &Self| {
            let mut counts = vec![0.0; shared.len() + 1];
            spread(Indexed::new(&h.positive_spans, &h.positive_buckets), &h.custom_values, &shared, &mut counts);
            counts
        };
        by_shared(self).iter().zip(by_shared(previous)).any(|(now, before)| *now < before)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::BucketSpan;

    /// Schema, threshold, zero count, first index, positive buckets; the count is their total.
    type Shape<'a> = (i32, f64, f64, i32, &'a [f64]);

    fn of((schema, zero_threshold, zero_count, offset, buckets): Shape<'_>) -> NativeHistogram {
        NativeHistogram {
            schema,
            zero_threshold,
            zero_count,
            count: zero_count + buckets.iter().sum::<f64>(),
            positive_spans: vec![BucketSpan { offset, length: u32::try_from(buckets.len()).unwrap() }],
            positive_buckets: buckets.to_vec(),
            ..NativeHistogram::default()
        }
    }

    #[test]
    fn a_reset_is_a_fall_or_a_layout_that_cannot_follow_from_the_one_before() {
        let before: Shape<'_> = (1, 0.01, 2.0, 0, &[1.0, 2.0, 3.0]);
        let cases: [(&str, Shape<'_>, bool); 11] = [
            ("the same", before, false),
            ("grown", (1, 0.01, 3.0, -1, &[4.0, 1.0, 2.0, 3.0]), false),
            ("a fallen bucket hidden by another's growth", (1, 0.01, 2.0, 0, &[0.0, 9.0, 3.0]), true),
            ("a vanished bucket", (1, 0.01, 2.0, 1, &[9.0, 3.0]), true),
            ("a fallen zero bucket", (1, 0.01, 1.0, 0, &[9.0, 9.0, 9.0]), true),
            ("a finer schema", (2, 0.01, 9.0, 0, &[9.0, 9.0, 9.0]), true),
            ("a coarser schema", (0, 0.01, 2.0, 0, &[1.0, 5.0]), false),
            ("a coarser schema and a fall", (0, 0.01, 9.0, 0, &[1.0, 4.0]), true),
            ("a narrower zero bucket", (1, 0.001, 9.0, 0, &[9.0, 9.0, 9.0]), true),
            ("a wider zero bucket", (1, 1.0, 3.0, 1, &[2.0, 3.0]), false),
            ("a zero bucket that ends within a populated bucket", (1, 1.2, 9.0, 2, &[9.0]), true),
        ];
        for (what, now, expected) in cases {
            assert_eq!(of(now).detect_reset(&of(before)), expected, "{what}");
        }
    }

    #[test]
    fn hints_are_believed_unless_they_say_nothing() {
        let (small, large) = (of((0, 0.0, 0.0, 0, &[1.0])), of((0, 0.0, 0.0, 0, &[2.0])));
        let cases = [
            (ResetHint::CounterReset, true, true),
            (ResetHint::NotCounterReset, false, false),
            (ResetHint::Gauge, false, true),
            (ResetHint::Unknown, false, true),
        ];
        for (reset_hint, growing, falling) in cases {
            let hinted = |h: &NativeHistogram| NativeHistogram { reset_hint, ..h.clone() };
            assert_eq!(hinted(&large).detect_reset(&small), growing, "{reset_hint:?}");
            assert_eq!(hinted(&small).detect_reset(&large), falling, "{reset_hint:?}");
        }
    }

    #[test]
    fn custom_buckets_are_compared_by_the_bounds_that_both_have() {
        let custom = |bounds: &[f64], buckets: &[f64]| NativeHistogram {
            custom_values: Arc::from(bounds),
            ..of((CUSTOM_BUCKETS, 0.0, 0.0, 0, buckets))
        };
        let before = custom(&[1.0, 2.0, 3.0], &[1.0, 1.0, 1.0, 1.0]);
        let cases = [
            (custom(&[1.0, 3.0], &[1.0, 2.0, 1.0]), false),
            (custom(&[1.0, 3.0], &[1.0, 1.0, 2.0]), true),
            (custom(&[7.0], &[4.0]), false),
            (of((0, 0.0, 9.0, 0, &[9.0])), true),
        ];
        for (now, expected) in cases {
            assert_eq!(now.detect_reset(&before), expected, "{now:?}");
        }
    }
}
