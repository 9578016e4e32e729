//! Whether a histogram makes sense.

use std::fmt;

use super::{CUSTOM_BUCKETS, is_exponential};
use crate::model::{BucketSpan, NativeHistogram};
use crate::promql::text::general;

/// What is wrong with a histogram; it prints in Prometheus' words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

impl NativeHistogram {
    /// Checks that spans, counts, bounds and schema agree, and that no count is negative. Whether the counts of the buckets
    /// add up to the count of all is not checked: rounding alone could tell otherwise.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn validate(&self) -> Result<(), Invalid> {
        if self.schema == CUSTOM_BUCKETS {
            self.check_custom()?;
        } else if is_exponential(self.schema) {
            self.check_exponential()?;
        } else {
            return invalid(format!(
                "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for \
                 custom buckets, got schema {}",
                self.schema
            ));
        }
        if self.count < 0.0 {
            let count = general(self.count, None);
            return invalid(format!("observation count is  {count}: histogram's observation count is negative"));
        }
        check_counts(&self.positive_buckets, "positive")
    }

    fn check_exponential(&self) -> Result<(), Invalid> {
        for (side, spans, counts) in [
            ("positive", &self.positive_spans, &self.positive_buckets),
            ("negative", &self.negative_spans, &self.negative_buckets),
        ] {
            let backwards = spans.iter().enumerate().skip(1).find(|(_, span)| span.offset < 0);
            check_spans(backwards, spans, counts.len(), &format!("{side} side"))?;
        }
        check_counts(&self.negative_buckets, "negative")?;
        if self.zero_count < 0.0 {
            let count = general(self.zero_count, None);
            return invalid(format!("zero bucket has observation count of {count}: {NEGATIVE_BUCKET}"));
        }
        if !self.custom_values.is_empty() {
            return invalid("histogram with exponential schema must not have custom bounds");
        }
        Ok(())
    }

    fn check_custom(&self) -> Result<(), Invalid> {
        let bounds = &self.custom_values;
        if bounds.iter().any(|bound| bound.is_nan()) {
            return invalid("custom buckets: histogram custom bounds must not be NaN");
        }
        if let Some([before, bound, ..]) = bounds.windows(2).find(|pair| pair[1] <= pair[0]) {
            return invalid(format!(
                "custom buckets: previous bound is {before:.6} and current is {bound:.6}: histogram custom bounds must be in \
                 strictly increasing order"
            ));
        }
        if bounds.last() == Some(&f64::INFINITY) {
            return invalid(
                "custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must be finite",
            );
        }
        let backwards = self.positive_spans.iter().enumerate().find(|(_, span)| span.offset < 0);
        check_spans(backwards, &self.positive_spans, self.positive_buckets.len(), "custom buckets")?;
        let reach: u64 =
            self.positive_spans.iter().map(|span| u64::from(span.length) + u64::from(span.offset.unsigned_abs())).sum();
        if (bounds.len() as u64) + 1 < reach {
            return invalid(format!(
                "custom buckets: only {} custom bounds defined which is insufficient to cover total span length of \
                 {reach}: histogram custom bounds are too few",
                bounds.len()
            ));
        }
        let unused = [(self.zero_count != 0.0, "zero count of 0"), (self.zero_threshold != 0.0, "zero threshold of 0")];
        if let Some((_, what)) = unused.into_iter().find(|(used, _)| *used) {
            return invalid(format!("custom buckets: must have {what}"));
        }
        if !self.negative_spans.is_empty() {
            return invalid("custom buckets: must not have negative spans");
        }
        if !self.negative_buckets.is_empty() {
            return invalid("custom buckets: must not have negative buckets");
        }
        Ok(())
    }
}

const NEGATIVE_BUCKET: &str = "histogram has a bucket whose observation count is negative";

fn check_spans(
    backwards: Option<(usize, &BucketSpan)>,
    spans: &[BucketSpan],
    counts: usize,
    place: &str,
) -> Result<(), Invalid> {
    if let Some((at, span)) = backwards {
        let number = at + 1;
        return invalid(format!(
            "{place}: span number {number} with offset {}: histogram has a span whose offset is negative",
            span.offset
        ));
    }
    let promised: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
    if promised != counts as u64 {
        return invalid(format!(
            "{place}: spans need {promised} buckets, have {counts} buckets: histogram spans specify different number of \
             buckets than provided"
        ));
    }
    Ok(())
}

fn check_counts(counts: &[f64], side: &str) -> Result<(), Invalid> {
    match counts.iter().position(|count| *count < 0.0) {
        None => Ok(()),
        Some(at) => {
            let (number, count) = (at + 1, general(counts[at], None));
            invalid(format!("{side} side: bucket number {number} has observation count of {count}: {NEGATIVE_BUCKET}"))
        }
    }
}

fn invalid(what: impl Into<String>) -> Result<(), Invalid> {
    Err(Invalid(what.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(offset: i32, length: u32) -> BucketSpan {
        BucketSpan { offset, length }
    }

    fn good() -> NativeHistogram {
        NativeHistogram {
            count: 3.0,
            positive_spans: vec![span(-2, 1), span(1, 1)],
            positive_buckets: vec![1.0, 2.0],
            ..NativeHistogram::default()
        }
    }

    fn custom() -> NativeHistogram {
        NativeHistogram {
            schema: CUSTOM_BUCKETS,
            positive_spans: vec![span(0, 2)],
            custom_values: [1.0, 2.0].into(),
            ..good()
        }
    }

    fn assert_told(cases: &[(NativeHistogram, Option<&str>)]) {
        for (histogram, expected) in cases {
            let found = histogram.validate().err().map(|fault| fault.to_string());
            assert_eq!(found.as_deref(), *expected, "{histogram:?}");
        }
    }

    #[test]
    fn every_fault_is_told_in_the_words_of_prometheus() {
        assert_told(&[
            (good(), None),
            (
                NativeHistogram { schema: 17, ..good() },
                Some(
                    "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for \
                     custom buckets, got schema 17",
                ),
            ),
            (
                NativeHistogram { positive_buckets: vec![1.0], ..good() },
                Some(
                    "positive side: spans need 2 buckets, have 1 buckets: histogram spans specify different number of \
                     buckets than provided",
                ),
            ),
            (
                NativeHistogram { positive_spans: vec![span(-2, 1), span(-1, 1)], ..good() },
                Some("positive side: span number 2 with offset -1: histogram has a span whose offset is negative"),
            ),
            (
                NativeHistogram { positive_buckets: vec![1.0, -2.0], ..good() },
                Some(
                    "positive side: bucket number 2 has observation count of -2: histogram has a bucket whose \
                     observation count is negative",
                ),
            ),
            (
                NativeHistogram { count: -3.0, ..good() },
                Some("observation count is  -3: histogram's observation count is negative"),
            ),
            (
                NativeHistogram { custom_values: [1.0].into(), ..good() },
                Some("histogram with exponential schema must not have custom bounds"),
            ),
        ]);
    }

    #[test]
    fn faults_of_custom_buckets_are_told_too() {
        assert_told(&[
            (custom(), None),
            (
                NativeHistogram { custom_values: [2.0, 2.0].into(), ..custom() },
                Some(
                    "custom buckets: previous bound is 2.000000 and current is 2.000000: histogram custom bounds must be \
                     in strictly increasing order",
                ),
            ),
            (
                NativeHistogram { positive_spans: vec![span(2, 2)], ..custom() },
                Some(
                    "custom buckets: only 2 custom bounds defined which is insufficient to cover total span length of 4: \
                     histogram custom bounds are too few",
                ),
            ),
            (NativeHistogram { zero_count: 1.0, ..custom() }, Some("custom buckets: must have zero count of 0")),
            (
                NativeHistogram { custom_values: [1.0, f64::INFINITY].into(), ..custom() },
                Some(
                    "custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must be \
                     finite",
                ),
            ),
        ]);
    }
}
