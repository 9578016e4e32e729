//! The two texts of a histogram: for people, and of Prometheus' unit tests.

use std::fmt;

use super::Bucket;
use crate::model::{BucketSpan, NativeHistogram, ResetHint};
use crate::promql::text::general;

/// As Prometheus prints it: `{count:9, sum:18.4, [-0.001,0.001]:2, (0.5,1]:7}`, without empty buckets.
impl fmt::Display for NativeHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", general(self.count, None), general(self.sum, None))?;
        let negative = self.negative_iter().rev();
        let zero = std::iter::once(self.zero_bucket());
        for bucket in negative.chain(zero).chain(self.positive_iter()).filter(|bucket| bucket.count != 0.0) {
            write!(f, ", {bucket}")?;
        }
        f.write_str("}")
    }
}

/// `(1,2]:7`, a square bracket where the bound belongs to it.
impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = if self.lower_inclusive { '[' } else { '(' };
        let close = if self.upper_inclusive { ']' } else { ')' };
        write!(
            f,
            "{open}{},{}{close}:{}",
            general(self.lower, None),
            general(self.upper, None),
            general(self.count, None)
        )
    }
}

/// A histogram in the notation of rule unit tests: `{{schema:1 count:3 sum:2 buckets:[1 2]}}`
/// (<https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series>).
#[derive(Debug, Clone, Copy)]
pub struct TestNotation<'a>(pub &'a NativeHistogram);

impl fmt::Display for TestNotation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One span a sign: the notation knows one offset.
        let mut h = self.0.clone();
        h.compact(u32::MAX);
        let mut fields = Vec::new();
        if h.schema != 0 {
            fields.push(format!("schema:{}", h.schema));
        }
        let numbers =
            [("count", h.count), ("sum", h.sum), ("z_bucket", h.zero_count), ("z_bucket_w", h.zero_threshold)];
        for (name, value) in numbers.into_iter().filter(|(_, value)| *value != 0.0) {
            fields.push(format!("{name}:{}", general(value, None)));
        }
        if h.has_custom_buckets() {
            fields.push(format!("custom_values:{}", list(&h.custom_values)));
        }
        let hint = match h.reset_hint {
            ResetHint::Unknown => None,
            ResetHint::CounterReset => Some("reset"),
            ResetHint::NotCounterReset => Some("not_reset"),
            ResetHint::Gauge => Some("gauge"),
        };
        fields.extend(hint.map(|hint| format!("counter_reset_hint:{hint}")));
        side(&mut fields, "", &h.positive_spans, &h.positive_buckets);
        side(&mut fields, "n_", &h.negative_spans, &h.negative_buckets);
        write!(f, "{{{{{}}}}}", fields.join(" "))
    }
}

fn side(fields: &mut Vec<String>, prefix: &str, spans: &[BucketSpan], counts: &[f64]) {
    let offset = spans.first().map_or(0, |span| span.offset);
    if offset != 0 {
        fields.push(format!("{prefix}offset:{offset}"));
    }
    if !counts.is_empty() {
        fields.push(format!("{prefix}buckets:{}", list(counts)));
    }
}

fn list(numbers: &[f64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(|number| general(*number, None)).collect();
    format!("[{}]", numbers.join(" "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn both_texts_are_those_of_prometheus() {
        let span = |offset, length| BucketSpan { offset, length };
        let exponential = NativeHistogram {
            schema: 1,
            zero_threshold: 0.001,
            zero_count: 2.0,
            count: 3_493.3,
            sum: 2_349_209.324,
            positive_spans: vec![span(-2, 1), span(2, 3)],
            positive_buckets: vec![1.0, 3.3, 4.2, 0.1],
            negative_spans: vec![span(3, 2), span(3, 2)],
            negative_buckets: vec![3.1, 3.0, 1.234e5, 1_000_000.0],
            ..NativeHistogram::default()
        };
        let custom = NativeHistogram {
            schema: super::super::CUSTOM_BUCKETS,
            reset_hint: ResetHint::Gauge,
            count: 7.0,
            sum: 1e-7,
            positive_spans: vec![span(0, 1), span(1, 1)],
            positive_buckets: vec![3.0, 4.0],
            custom_values: Arc::from([1.0, 2.5]),
            ..NativeHistogram::default()
        };
        let cases = [
            (
                &exponential,
                "{count:3493.3, sum:2.349209324e+06, [-22.62741699796952,-16):1e+06, [-16,-11.31370849898476):123400, \
                 [-4,-2.82842712474619):3, [-2.82842712474619,-2):3.1, [-0.001,0.001]:2, \
                 (0.35355339059327373,0.5]:1, (1,1.414213562373095]:3.3, (1.414213562373095,2]:4.2, \
                 (2,2.82842712474619]:0.1}",
                "{{schema:1 count:3493.3 sum:2.349209324e+06 z_bucket:2 z_bucket_w:0.001 offset:-2 \
                 buckets:[1 0 0 3.3 4.2 0.1] n_offset:3 n_buckets:[3.1 3 0 0 0 123400 1e+06]}}",
            ),
            (
                &custom,
                "{count:7, sum:1e-07, [-Inf,1]:3, (2.5,+Inf]:4}",
                "{{schema:-53 count:7 sum:1e-07 custom_values:[1 2.5] counter_reset_hint:gauge buckets:[3 0 4]}}",
            ),
            (&NativeHistogram::default(), "{count:0, sum:0}", "{{}}"),
        ];
        for (histogram, text, notation) in cases {
            assert_eq!(histogram.to_string(), text);
            assert_eq!(TestNotation(histogram).to_string(), notation);
        }
    }
}
