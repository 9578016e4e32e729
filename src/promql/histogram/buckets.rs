//! Walking over buckets.

use super::bounds::{CUSTOM_BUCKETS, bound};
use crate::model::{BucketSpan, NativeHistogram};

/// One bucket with its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Where it begins.
    pub lower: f64,
    /// Where it ends.
    pub upper: f64,
    /// Whether it holds values equal to `lower`.
    pub lower_inclusive: bool,
    /// Whether it holds values equal to `upper`.
    pub upper_inclusive: bool,
    /// Observations in it.
    pub count: f64,
}

impl Bucket {
    /// The share (0 to 1) of its width that lies below `value`, which must be inside its bounds, and these finite: linear,
    /// or on a logarithmic scale.
    pub fn fraction_below(&self, value: f64, linear: bool) -> f64 {
        if linear {
            return (value - self.lower) / (self.upper - self.lower);
        }
        let [lower, upper, at] = [self.lower, self.upper, value].map(|v| v.abs().log2());
        if value > 0.0 { (at - lower) / (upper - lower) } else { 1.0 - (at - upper) / (lower - upper) }
    }
}

impl NativeHistogram {
    /// Whether its buckets have bounds of their own (`custom_values`).
    pub fn has_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS
    }

    /// The bucket around zero.
    pub fn zero_bucket(&self) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    /// Positive buckets from the smallest to the largest.
    pub fn positive_iter(&self) -> impl DoubleEndedIterator<Item = Bucket> + '_ {
        Indexed::new(&self.positive_spans, &self.positive_buckets).map(|(index, count)| self.positive_at(index, count))
    }

    /// Negative buckets from the one next to zero to the lowest one.
    pub fn negative_iter(&self) -> impl DoubleEndedIterator<Item = Bucket> + '_ {
        Indexed::new(&self.negative_spans, &self.negative_buckets).map(|(index, count)| {
            let mirrored = self.positive_at(index, count);
            let (lower, upper) = (-mirrored.upper, -mirrored.lower);
            Bucket { lower, upper, lower_inclusive: lower < 0.0, upper_inclusive: upper > 0.0, count }
        })
    }

    /// All buckets from the lowest to the highest, the zero bucket among them when something is in it; those that reach
    /// into it are cut at its bounds.
    pub fn all_iter(&self) -> impl DoubleEndedIterator<Item = Bucket> + '_ {
        let zero = (self.zero_count > 0.0).then(|| self.zero_bucket());
        let threshold = self.zero_threshold;
        let negative =
            self.negative_iter().rev().map(move |bucket| Bucket { upper: bucket.upper.min(-threshold), ..bucket });
        let positive = self.positive_iter().map(move |mut bucket| {
            if bucket.lower > 0.0 {
                bucket.lower = bucket.lower.max(threshold);
            }
            bucket
        });
        negative.chain(zero).chain(positive)
    }

    fn positive_at(&self, index: i32, count: f64) -> Bucket {
        let custom = self.has_custom_buckets();
        let lower = bound(index.wrapping_sub(1), self.schema, &self.custom_values);
        let upper = bound(index, self.schema, &self.custom_values);
        let lower_inclusive = if custom { index == 0 } else { lower < 0.0 };
        Bucket { lower, upper, lower_inclusive, upper_inclusive: custom || upper > 0.0, count }
    }
}

/// The buckets of one sign with their indices, ascending. Spans that promise more buckets than there are, or fewer,
/// end it early.
#[derive(Debug, Clone)]
pub(super) struct Indexed<'a, T> {
    spans: &'a [BucketSpan],
    counts: &'a [T],
    /// Buckets of the first and of the last span that are left, and the index of the next one at either end.
    front: Cursor,
    back: Cursor,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cursor {
    /// Buckets passed within the span at this end.
    passed: u32,
    /// Index of the next bucket.
    index: i32,
}

impl<'a, T: Copy> Indexed<'a, T> {
    pub(super) fn new(spans: &'a [BucketSpan], counts: &'a [T]) -> Self {
        let promised: usize = spans.iter().map(|span| span.length as usize).sum();
        let counts = &counts[..promised.min(counts.len())];
        // The back end stands after the last bucket that there is a count for.
        let (mut spans, mut left, mut end, mut back) = (spans, counts.len(), 0i32, Cursor::default());
        for (at, span) in spans.iter().enumerate() {
            let length = left.min(span.length as usize);
            left -= length;
            let here = u32::try_from(length).unwrap_or(u32::MAX);
            end = end.wrapping_add(span.offset).wrapping_add_unsigned(here);
            if left == 0 {
                back = Cursor { passed: span.length - here, index: end.wrapping_sub(1) };
                spans = &spans[..=at];
                break;
            }
        }
        let front = Cursor { passed: 0, index: spans.first().map_or(0, |span| span.offset) };
        Self { spans, counts, front, back }
    }
}

impl<T: Copy> Iterator for Indexed<'_, T> {
    type Item = (i32, T);

    fn next(&mut self) -> Option<Self::Item> {
        let (count, rest) = self.counts.split_first()?;
        while self.front.passed >= self.spans.first()?.length {
            self.spans = self.spans.split_first()?.1;
            self.front = Cursor { passed: 0, index: self.front.index.wrapping_add(self.spans.first()?.offset) };
        }
        let index = self.front.index;
        self.counts = rest;
        self.front = Cursor { passed: self.front.passed + 1, index: index.wrapping_add(1) };
        Some((index, *count))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.counts.len(), Some(self.counts.len()))
    }
}

impl<T: Copy> DoubleEndedIterator for Indexed<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (count, rest) = self.counts.split_last()?;
        while self.back.passed >= self.spans.last()?.length {
            let (gone, before) = self.spans.split_last()?;
            self.spans = before;
            self.back = Cursor { passed: 0, index: self.back.index.wrapping_sub(gone.offset) };
        }
        let index = self.back.index;
        self.counts = rest;
        self.back = Cursor { passed: self.back.passed + 1, index: index.wrapping_sub(1) };
        Some((index, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(spans: &[(i32, u32)]) -> Vec<BucketSpan> {
        spans.iter().map(|&(offset, length)| BucketSpan { offset, length }).collect()
    }

    #[test]
    fn buckets_come_with_their_indices_from_either_end_however_the_spans_are_cut() {
        type Case = (&'static [(i32, u32)], &'static [f64], &'static [(i32, f64)]);
        let cases: [Case; 6] = [
            (&[], &[], &[]),
            (&[(-2, 2), (3, 1)], &[1.0, 2.0, 3.0], &[(-2, 1.0), (-1, 2.0), (3, 3.0)]),
            (&[(0, 0), (2, 1), (0, 0), (1, 0), (1, 2), (4, 0)], &[1.0, 2.0, 3.0], &[(2, 1.0), (5, 2.0), (6, 3.0)]),
            (&[(1, 2), (1, 3)], &[1.0, 2.0, 3.0], &[(1, 1.0), (2, 2.0), (4, 3.0)]),
            (&[(1, 1)], &[1.0, 2.0], &[(1, 1.0)]),
            (&[(1, 1), (2, 0)], &[], &[]),
        ];
        for (layout, counts, expected) in cases {
            let layout = spans(layout);
            let iter = Indexed::new(&layout, counts);
            assert_eq!(iter.clone().collect::<Vec<_>>(), expected, "{layout:?}");
            let mut backwards: Vec<_> = iter.clone().rev().collect();
            backwards.reverse();
            assert_eq!(backwards, expected, "{layout:?} from the back");
            let mut both = iter;
            let halves: Vec<_> = both.next().into_iter().chain(both.next_back()).chain(both.next()).collect();
            let picked: Vec<_> = [0, expected.len().wrapping_sub(1), 1].into_iter().take(expected.len()).collect();
            assert_eq!(halves, picked.iter().map(|at| expected[*at]).collect::<Vec<_>>(), "{layout:?} from both ends");
        }
    }

    #[test]
    fn all_buckets_ascend_and_those_that_reach_into_the_zero_bucket_are_cut() {
        let histogram = NativeHistogram {
            zero_threshold: 0.75,
            zero_count: 5.0,
            positive_spans: spans(&[(0, 2)]),
            positive_buckets: vec![1.0, 2.0],
            negative_spans: spans(&[(0, 1), (1, 1)]),
            negative_buckets: vec![3.0, 4.0],
            ..NativeHistogram::default()
        };
        let found: Vec<_> = histogram.all_iter().map(|b| (b.lower, b.upper, b.count)).collect();
        let expected = [(-4.0, -2.0, 4.0), (-1.0, -0.75, 3.0), (-0.75, 0.75, 5.0), (0.75, 1.0, 1.0), (1.0, 2.0, 2.0)];
        assert_eq!(found, expected);
        let mut reversed: Vec<_> = histogram.all_iter().rev().map(|b| (b.lower, b.upper, b.count)).collect();
        reversed.reverse();
        assert_eq!(reversed, expected);
    }
}
