//! Histograms of which only sum and count are looked at.

use std::sync::Arc;

use crate::model::{NativeHistogram, ResetHint};

/// Takes the buckets out of the histograms of one series, oldest first, none of them a staleness marker. What they tell
/// of resets is written down before.
pub(super) fn without_buckets<'a>(histograms: impl Iterator<Item = &'a mut Arc<NativeHistogram>>) {
    let mut previous: Option<Arc<NativeHistogram>> = None;
    for histogram in histograms {
        let reset_hint = match (&previous, histogram.reset_hint) {
            (Some(previous), ResetHint::Unknown) => {
                let reset = histogram.detect_reset(previous);
                if reset { ResetHint::CounterReset } else { ResetHint::NotCounterReset }
            }
            (_, hint) => hint,
        };
        let NativeHistogram { schema, count, sum, .. } = **histogram;
        let bare = NativeHistogram { reset_hint, schema, count, sum, ..NativeHistogram::default() };
        previous = Some(std::mem::replace(histogram, Arc::new(bare)));
    }
}
