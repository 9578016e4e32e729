//! The buckets of one sign as a list that can be rebuilt.

use super::bounds::coarser;
use super::buckets::Indexed;
use crate::model::BucketSpan;
use crate::promql::kahan::Kahan;

/// Wider gaps than there are buckets in the finest schema are not filled.
const WIDEST_GAP: i64 = 2 * 1075 * 256;

/// What a count can be: a plain number, or one that is summed with compensation.
pub(super) trait Number: Copy + Default + std::fmt::Debug {
    /// A number as it is.
    fn of(value: f64) -> Self;
    /// Adds another one.
    fn join(&mut self, other: Self);
    /// Multiplied.
    fn times(self, factor: f64) -> Self;
    /// The number that it stands for.
    fn value(self) -> f64;
    /// Whether it is a zero that lost nothing.
    fn is_empty(self) -> bool;
}

impl Number for f64 {
    fn of(value: f64) -> Self {
        value
    }

    fn join(&mut self, other: Self) {
        *self += other;
    }

    fn times(self, factor: f64) -> Self {
        self * factor
    }

    fn value(self) -> f64 {
        self
    }

    fn is_empty(self) -> bool {
        self == 0.0
    }
}

impl Number for Kahan {
    fn of(value: f64) -> Self {
        Self::of(value)
    }

    fn join(&mut self, other: Self) {
        *self += other.sum;
        if other.lost != 0.0 {
            *self += other.lost;
        }
    }

    fn times(self, factor: f64) -> Self {
        self.scaled(factor)
    }

    fn value(self) -> f64 {
        Self::value(self)
    }

    fn is_empty(self) -> bool {
        self.sum == 0.0 && self.lost == 0.0
    }
}

/// Buckets of one sign.
#[derive(Debug, Clone, Default)]
pub(super) struct Side<T> {
    pub(super) spans: Vec<BucketSpan>,
    pub(super) counts: Vec<T>,
    /// One past the last index; kept while buckets are pushed.
    end: i32,
}

impl<T: Number> Side<T> {
    pub(super) fn new(spans: Vec<BucketSpan>, counts: Vec<T>) -> Self {
        Self { spans, counts, end: 0 }
    }

    /// Of indices that do not descend; counts of equal ones are added up.
    pub(super) fn of(buckets: impl Iterator<Item = (i32, T)>) -> Self {
        let mut side = Self::new(Vec::new(), Vec::with_capacity(buckets.size_hint().0));
        for (index, count) in buckets {
            side.push(index, count);
        }
        side
    }

    pub(super) fn iter(&self) -> Indexed<'_, T> {
        Indexed::new(&self.spans, &self.counts)
    }

    fn push(&mut self, index: i32, count: T) {
        match (self.spans.last_mut(), self.counts.last_mut()) {
            (Some(_), Some(last)) if index < self.end => return last.join(count),
            (Some(span), _) if index == self.end => span.length += 1,
            (last, _) => {
                let before = if last.is_some() { self.end } else { 0 };
                self.spans.push(BucketSpan { offset: index.wrapping_sub(before), length: 1 });
            }
        }
        self.end = index.wrapping_add(1);
        self.counts.push(count);
    }

    /// Adds buckets with ascending indices (equal ones may repeat), making those that are missing.
    pub(super) fn merge(&mut self, theirs: impl Iterator<Item = (i32, T)>) {
        let mut merged = Self::new(Vec::with_capacity(self.spans.len()), Vec::with_capacity(self.counts.len()));
        let mut ours = self.iter().peekable();
        for (index, count) in theirs {
            while let Some((before, own)) = ours.next_if(|(own, _)| *own < index) {
                merged.push(before, own);
            }
            match ours.next_if(|(own, _)| *own == index) {
                Some((_, mut own)) => {
                    own.join(count);
                    merged.push(index, own);
                }
                None => merged.push(index, count),
            }
        }
        ours.for_each(|(index, own)| merged.push(index, own));
        *self = merged;
    }

    /// Merges neighbours so that they fit a coarser schema.
    pub(super) fn coarsen(&mut self, from: i32, to: i32) {
        if to < from {
            *self = Self::of(self.iter().map(|(index, count)| (coarser(index, from, to), count)));
        }
    }

    /// Keeps the buckets that are wanted and not empty.
    pub(super) fn retain(&mut self, wanted: impl Fn(i32) -> bool) {
        *self = Self::of(self.iter().filter(|(index, count)| !count.is_empty() && wanted(*index)));
    }

    /// Leaves out empty buckets, but keeps up to `max_empty` in a row between others, so that a span need not end.
    pub(super) fn compact(&mut self, max_empty: u32) {
        let tight = self.spans.iter().enumerate().all(|(at, span)| {
            span.length > 0 && (at == 0 || span.offset > 0 && span.offset.unsigned_abs() > max_empty)
        });
        if tight && !self.counts.iter().any(|count| count.is_empty()) {
            return;
        }
        let mut compacted = Self::new(Vec::new(), Vec::with_capacity(self.counts.len()));
        for (index, count) in self.iter().filter(|(_, count)| !count.is_empty()) {
            let gap = i64::from(index) - i64::from(compacted.end);
            if !compacted.spans.is_empty() && gap <= i64::from(max_empty).min(WIDEST_GAP) {
                (compacted.end..index).for_each(|empty| compacted.push(empty, T::default()));
            }
            compacted.push(index, count);
        }
        *self = compacted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(spans: &[(i32, u32)], counts: &[f64]) -> Side<f64> {
        Side::new(spans.iter().map(|&(offset, length)| BucketSpan { offset, length }).collect(), counts.to_vec())
    }

    fn shape(side: &Side<f64>) -> (Vec<(i32, u32)>, Vec<f64>) {
        (side.spans.iter().map(|span| (span.offset, span.length)).collect(), side.counts.clone())
    }

    #[test]
    fn compacting_cuts_empty_buckets_and_joins_spans_that_are_near() {
        type Shape<'a> = (&'a [(i32, u32)], &'a [f64]);
        let cases: [(Shape<'_>, u32, Shape<'_>); 8] = [
            ((&[], &[]), 0, (&[], &[])),
            ((&[(0, 3)], &[0.0, 0.0, 0.0]), 0, (&[], &[])),
            ((&[(-2, 1), (2, 3)], &[1.0, 3.0, 2.5, 4.2]), 0, (&[(-2, 1), (2, 3)], &[1.0, 3.0, 2.5, 4.2])),
            ((&[(-2, 4)], &[0.0, 1.0, 0.0, 3.0]), 0, (&[(-1, 1), (1, 1)], &[1.0, 3.0])),
            ((&[(-2, 4)], &[0.0, 1.0, 0.0, 3.0]), 1, (&[(-1, 3)], &[1.0, 0.0, 3.0])),
            ((&[(-2, 1), (0, 0), (0, 2)], &[1.0, 2.0, 3.0]), 0, (&[(-2, 3)], &[1.0, 2.0, 3.0])),
            ((&[(1, 1), (2, 1), (5, 1)], &[1.0, 2.0, 3.0]), 2, (&[(1, 4), (5, 1)], &[1.0, 0.0, 0.0, 2.0, 3.0])),
            ((&[(1, 1), (1, 1), (1, 1)], &[1.0, 0.0, 3.0]), 2, (&[(1, 1), (3, 1)], &[1.0, 3.0])),
        ];
        for ((spans, counts), max_empty, (expected_spans, expected)) in cases {
            let mut found = side(spans, counts);
            found.compact(max_empty);
            assert_eq!(shape(&found), (expected_spans.to_vec(), expected.to_vec()), "{spans:?} {counts:?} {max_empty}");
        }
    }

    #[test]
    fn merging_adds_equal_indices_and_makes_missing_ones() {
        let mut ours = side(&[(-1, 2), (1, 1)], &[1.0, 2.0, 3.0]);
        ours.merge([(-3, 1.0), (0, 10.0), (1, 20.0), (1, 5.0), (7, 4.0)].into_iter());
        assert_eq!(shape(&ours), (vec![(-3, 1), (1, 4), (4, 1)], vec![1.0, 1.0, 12.0, 25.0, 3.0, 4.0]));
    }

    #[test]
    fn coarsening_adds_neighbours_up() {
        let mut fine = side(&[(-4, 2), (1, 3)], &[1.0, 2.0, 3.0, 4.0, 5.0]);
        fine.coarsen(1, 0);
        assert_eq!(shape(&fine), (vec![(-2, 4)], vec![1.0, 2.0, 7.0, 5.0]));
    }
}
