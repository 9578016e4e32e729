//! Native histograms in few bytes: runs with the same buckets, each field and each bucket a column over time.

use std::sync::Arc;

use super::column::{BLOCK, decode as decode_column, encode as encode_column};
use super::pack::{read_varint, write_varint};
use crate::model::{BucketSpan, NativeHistogram, ResetHint};

/// Appends the histograms, at most [`BLOCK`].
pub(crate) fn encode(histograms: &[Arc<NativeHistogram>], bytes: &mut Vec<u8>) {
    for run in histograms.chunk_by(|a, b| same_layout(a, b)) {
        let Some(first) = run.first() else { continue };
        write_varint(run.len() as i64, bytes);
        write_layout(first, bytes);
        let mut column = |value: &dyn Fn(&NativeHistogram) -> f64| {
            let mut values = [0.0; BLOCK];
            for (slot, histogram) in values.iter_mut().zip(run) {
                *slot = value(histogram);
            }
            encode_column(&values[..run.len().min(BLOCK)], bytes);
        };
        column(&|histogram| histogram.count);
        column(&|histogram| histogram.zero_count);
        column(&|histogram| histogram.sum);
        for at in 0..first.positive_buckets.len() {
            column(&|histogram| histogram.positive_buckets.get(at).copied().unwrap_or_default());
        }
        for at in 0..first.negative_buckets.len() {
            column(&|histogram| histogram.negative_buckets.get(at).copied().unwrap_or_default());
        }
    }
}

/// Reads `count` histograms.
pub(crate) fn decode(mut bytes: &[u8], count: usize) -> Vec<NativeHistogram> {
    let mut histograms = Vec::with_capacity(count);
    while histograms.len() < count && !bytes.is_empty() {
        let run = usize::try_from(read_varint(&mut bytes)).unwrap_or_default().clamp(1, BLOCK);
        let from = histograms.len();
        let layout = read_layout(&mut bytes);
        let (positive, negative) = (layout.positive_buckets.len(), layout.negative_buckets.len());
        histograms.resize(from + run, layout);
        let mut column = |field: &dyn Fn(&mut NativeHistogram) -> &mut f64| {
            let mut values = [0.0; BLOCK];
            decode_column(&mut bytes, &mut values[..run], 0);
            for (histogram, value) in histograms[from..].iter_mut().zip(values) {
                *field(histogram) = value;
            }
        };
        column(&|histogram| &mut histogram.count);
        column(&|histogram| &mut histogram.zero_count);
        column(&|histogram| &mut histogram.sum);
        for at in 0..positive {
            column(&|histogram| &mut histogram.positive_buckets[at]);
        }
        for at in 0..negative {
            column(&|histogram| &mut histogram.negative_buckets[at]);
        }
    }
    histograms
}

/// Whether two histograms differ in counts and sums only.
fn same_layout(a: &NativeHistogram, b: &NativeHistogram) -> bool {
    a.schema == b.schema
        && a.reset_hint == b.reset_hint
        && a.zero_threshold.to_bits() == b.zero_threshold.to_bits()
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && a.positive_buckets.len() == b.positive_buckets.len()
        && a.negative_buckets.len() == b.negative_buckets.len()
        && (Arc::ptr_eq(&a.custom_values, &b.custom_values)
            || a.custom_values
                .iter()
                .map(|bound| bound.to_bits())
                .eq(b.custom_values.iter().map(|bound| bound.to_bits())))
}

const HINTS: [ResetHint; 4] =
    [ResetHint::Unknown, ResetHint::CounterReset, ResetHint::NotCounterReset, ResetHint::Gauge];

fn write_layout(histogram: &NativeHistogram, bytes: &mut Vec<u8>) {
    let hint = HINTS.iter().position(|hint| *hint == histogram.reset_hint).unwrap_or_default();
    write_varint(i64::from(histogram.schema), bytes);
    write_varint(hint as i64, bytes);
    write_float(histogram.zero_threshold, bytes);
    for spans in [&histogram.positive_spans, &histogram.negative_spans] {
        write_varint(spans.len() as i64, bytes);
        for span in spans {
            write_varint(i64::from(span.offset), bytes);
            write_varint(i64::from(span.length), bytes);
        }
    }
    write_varint(histogram.positive_buckets.len() as i64, bytes);
    write_varint(histogram.negative_buckets.len() as i64, bytes);
    write_varint(histogram.custom_values.len() as i64, bytes);
    for bound in histogram.custom_values.iter() {
        write_float(*bound, bytes);
    }
}

/// A histogram with empty buckets in the layout that comes next.
fn read_layout(bytes: &mut &[u8]) -> NativeHistogram {
    let schema = i32::try_from(read_varint(bytes)).unwrap_or_default();
    let reset_hint = HINTS.get(read_len(bytes)).copied().unwrap_or_default();
    let zero_threshold = read_float(bytes);
    let mut spans = || {
        let span = |bytes: &mut &[u8]| BucketSpan {
            offset: i32::try_from(read_varint(bytes)).unwrap_or_default(),
            length: u32::try_from(read_varint(bytes)).unwrap_or_default(),
        };
        (0..read_len(bytes)).map(|_| span(bytes)).collect()
    };
    let (positive_spans, negative_spans) = (spans(), spans());
    let positive_buckets = vec![0.0; read_len(bytes)];
    let negative_buckets = vec![0.0; read_len(bytes)];
    let custom_values = (0..read_len(bytes)).map(|_| read_float(bytes)).collect();
    NativeHistogram {
        reset_hint,
        schema,
        zero_threshold,
        positive_spans,
        negative_spans,
        positive_buckets,
        negative_buckets,
        custom_values,
        ..NativeHistogram::default()
    }
}

fn read_len(bytes: &mut &[u8]) -> usize {
    usize::try_from(read_varint(bytes)).unwrap_or_default()
}

fn write_float(value: f64, bytes: &mut Vec<u8>) {
    bytes.extend(value.to_bits().to_le_bytes());
}

fn read_float(bytes: &mut &[u8]) -> f64 {
    let Some((first, rest)) = bytes.split_first_chunk() else { return 0.0 };
    *bytes = rest;
    f64::from_bits(u64::from_le_bytes(*first))
}
