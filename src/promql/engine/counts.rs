//! Histograms of which only sum and count are looked at.

use std::sync::Arc;

use crate::model::{NativeHistogram, ResetHint, Sample, SampleValue, is_stale};

/// Takes the buckets out of the histograms of one series. What they tell of resets is written down before.
pub(super) fn without_buckets(samples: &mut [Sample]) {
    let mut previous: Option<Arc<NativeHistogram>> = None;
    for sample in samples {
        let SampleValue::Histogram(histogram) = &mut sample.value else { continue };
        let ended = is_stale(histogram.sum);
        let reset_hint = match (&previous, histogram.reset_hint) {
            (Some(previous), ResetHint::Unknown) if !ended => {
                let reset = histogram.detect_reset(previous);
                if reset { ResetHint::CounterReset } else { ResetHint::NotCounterReset }
            }
            (_, hint) => hint,
        };
        let NativeHistogram { schema, count, sum, .. } = **histogram;
        let bare = NativeHistogram { reset_hint, schema, count, sum, ..NativeHistogram::default() };
        let full = std::mem::replace(histogram, Arc::new(bare));
        if !ended {
            previous = Some(full);
        }
    }
}
