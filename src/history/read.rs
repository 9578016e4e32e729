//! What becomes of the samples of a block where they are read.

use std::ops::Range;
use std::sync::Arc;

use super::block::Form;
use super::timeline::Part;
use super::{Point, Points};
use crate::model::{NativeHistogram, Sample, SampleValue, is_stale};

/// Takes samples, block by block, oldest first: those of a block's `values` that lie in `range`, with their times.
pub(super) trait Read {
    /// There may come so many, mostly of this kind.
    fn reserve(&mut self, form: Form, len: usize);
    fn floats(&mut self, part: Part<'_>, range: Range<usize>, values: &[f64], start: i64);
    fn histograms(&mut self, part: Part<'_>, range: Range<usize>, values: &[Arc<NativeHistogram>], start: i64);
}

impl Read for Vec<Sample> {
    fn reserve(&mut self, _: Form, len: usize) {
        self.reserve_exact(len);
    }

    fn floats(&mut self, part: Part<'_>, range: Range<usize>, values: &[f64], start: i64) {
        let values = values.get(range.clone()).unwrap_or_default().iter();
        let pairs = part.slice(range).times().zip(values);
        self.extend(pairs.map(|(time, value)| Sample { time, start, value: SampleValue::Float(*value) }));
    }

    fn histograms(&mut self, part: Part<'_>, range: Range<usize>, values: &[Arc<NativeHistogram>], start: i64) {
        let values = values.get(range.clone()).unwrap_or_default().iter().cloned();
        let pairs = part.slice(range).times().zip(values);
        self.extend(pairs.map(|(time, value)| Sample { time, start, value: SampleValue::Histogram(value) }));
    }
}

impl Read for Points {
    fn reserve(&mut self, form: Form, len: usize) {
        match form {
            Form::Floats => self.floats.reserve(len),
            Form::Histograms => self.histograms.reserve(len),
        }
    }

    fn floats(&mut self, part: Part<'_>, range: Range<usize>, values: &[f64], start: i64) {
        let values = values.get(range.clone()).unwrap_or_default();
        let points = part.slice(range).times().zip(values).map(|(time, value)| Point { time, start, value: *value });
        // Without a test of each, which is nearly always in vain, they are written in one go.
        if values.iter().any(|value| is_stale(*value)) {
            self.floats.extend(points.filter(|point| !is_stale(point.value)));
        } else {
            self.floats.extend(points);
        }
    }

    fn histograms(&mut self, part: Part<'_>, range: Range<usize>, values: &[Arc<NativeHistogram>], start: i64) {
        let values = values.get(range.clone()).unwrap_or_default().iter();
        let pairs = part.slice(range).times().zip(values).filter(|(_, value)| !is_stale(value.sum));
        self.histograms.extend(pairs.map(|(time, value)| Point { time, start, value: Arc::clone(value) }));
    }
}
