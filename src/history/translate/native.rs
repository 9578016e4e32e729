//! Exponential histograms as Prometheus' native ones (`exponentialToNativeHistogram` in
//! `storage/remote/otlptranslator/prometheusremotewrite/histograms.go`).

use crate::model::{BucketSpan, Buckets, ExponentialHistogram, NativeHistogram, STALE};

/// The coarsest resolution that a native histogram can have.
const COARSEST: i32 = -4;
/// The finest one; what is finer is made coarser.
const FINEST: i32 = 8;
/// Width of the zero bucket that Prometheus assumes, as OTLP's histograms do not say theirs.
const ZERO_THRESHOLD: f64 = 1e-128;
/// The longest run of empty buckets that is written out instead of starting a new span.
const LONGEST_GAP: i64 = 2;

/// The same counts in Prometheus' form. `None` when the resolution is coarser than a native histogram can have.
pub(super) fn native(histogram: &ExponentialHistogram) -> Option<NativeHistogram> {
    if histogram.scale < COARSEST {
        return None;
    }
    let histogram = histogram.at_scale(FINEST.min(histogram.scale));
    let (positive_spans, positive_buckets) = spans(&histogram.positive);
    let (negative_spans, negative_buckets) = spans(&histogram.negative);
    Some(NativeHistogram {
        schema: histogram.scale,
        zero_threshold: ZERO_THRESHOLD,
        zero_count: histogram.zero_count as f64,
        count: histogram.count as f64,
        sum: histogram.sum.unwrap_or_default(),
        positive_spans,
        negative_spans,
        positive_buckets,
        negative_buckets,
        ..NativeHistogram::default()
    })
}

/// The end of a series of native histograms.
pub(crate) fn stale() -> NativeHistogram {
    NativeHistogram { sum: STALE, ..NativeHistogram::default() }
}

/// OTLP's bucket `i` ends where Prometheus' bucket `i + 1` does.
fn spans(buckets: &Buckets) -> (Vec<BucketSpan>, Vec<f64>) {
    let (mut spans, mut counts) = (Vec::<BucketSpan>::new(), Vec::new());
    let mut next = 0;
    for (index, count) in buckets.iter().filter(|(_, count)| *count > 0) {
        let index = i64::from(index) + 1;
        let gap = index - next;
        match spans.last_mut() {
            Some(span) if gap <= LONGEST_GAP => {
                let empty = usize::try_from(gap).unwrap_or_default();
                counts.resize(counts.len() + empty, 0.0);
                span.length += u32::try_from(empty).unwrap_or_default() + 1;
            }
            _ => spans.push(BucketSpan { offset: i32::try_from(gap).unwrap_or(i32::MAX), length: 1 }),
        }
        counts.push(count as f64);
        next = index + 1;
    }
    (spans, counts)
}
