//! Instant selectors: the newest sample of each series at each step.

use std::sync::Arc;

use super::counts::without_buckets;
use super::matrix::{Cell, Grid, Matrix, Series};
use super::{EvalError, Evaluator};
use crate::model::{Labels, NativeHistogram, Sample, SampleValue, is_stale};
use crate::promql::ast::Edges;
use crate::promql::plan::{Selector, Timestamp};

impl Evaluator<'_> {
    pub(super) fn select(&mut self, selector: &Selector, grid: Grid) -> Result<Matrix, EvalError> {
        if selector.edges == Edges::Smoothed {
            return self.smooth(selector, grid);
        }
        self.newest(selector, grid, |sample| sample.value.clone())
    }

    pub(super) fn timestamp(&mut self, timestamp: &Timestamp, grid: Grid) -> Result<Matrix, EvalError> {
        let seconds = |time: i64| SampleValue::Float(time as f64 / 1_000.0);
        let mut matrix = match timestamp {
            Timestamp::Taken(selector) => self.newest(selector, grid, |sample| seconds(sample.time))?,
            Timestamp::Began(selector) if self.options.start_timestamps => {
                self.newest(selector, grid, |sample| seconds(sample.start))?
            }
            Timestamp::Began(_) => Matrix::default(),
            Timestamp::Unknown(vector) => {
                // Evaluated all the same, for what it has to remark.
                self.vector(vector, grid)?;
                Matrix::default()
            }
            Timestamp::Evaluated(vector) => {
                let mut matrix = self.vector(vector, grid)?;
                for row in matrix.cells.chunks_exact_mut(grid.count) {
                    for (cell, time) in row.iter_mut().zip(grid.times()) {
                        *cell = cell.is_some().then(|| seconds(time));
                    }
                }
                matrix
            }
        };
        for series in &mut matrix.series {
            series.drop_name = true;
        }
        self.settled(matrix)
    }

    /// What `read` makes of the newest sample of each series that is not older than the lookback.
    fn newest(
        &mut self,
        selector: &Selector,
        grid: Grid,
        read: impl Fn(&Sample) -> SampleValue,
    ) -> Result<Matrix, EvalError> {
        let when = selector.when;
        let (first, last) = (when.of(grid.start), when.of(grid.last()));
        let lookback = self.options.lookback_ms;
        let (source, after) = (self.source, first.saturating_sub(lookback));
        let mut matrix = Matrix::new(grid.count, 0);
        let mut outcome = Ok(());
        let mut row = |labels: &Labels, samples: &[Sample]| {
            if outcome.is_ok() {
                let series = matrix.series.len();
                outcome = self.check(series).and_then(|()| self.room(series + 1, grid, selector.span));
            }
            if outcome.is_err() {
                return;
            }
            let mut cursor = Cursor { samples, next: 0 };
            let cells = grid.times().map(|time| {
                let reference = when.of(time);
                cursor.newest(reference).filter(|sample| sample.time > reference.saturating_sub(lookback)).map(&read)
            });
            matrix.cells.extend(cells);
            matrix.close_row(|| Series { labels: labels.clone(), drop_name: false });
        };
        if selector.counts_only {
            let mut bare = Vec::new();
            source.visit(&selector.matchers, after, last, &mut |labels, samples| {
                bare.clear();
                bare.extend_from_slice(samples);
                without_buckets(bare.iter_mut().filter_map(histogram));
                row(labels, &bare);
            });
        } else if first == last {
            source.visit_newest(&selector.matchers, after, last, &mut |labels, newest| {
                row(labels, std::slice::from_ref(newest));
            });
        } else {
            source.visit(&selector.matchers, after, last, &mut row);
        }
        outcome?;
        self.check(matrix.series.len())?;
        Ok(matrix)
    }
}

/// The histogram in a sample, if it is one.
fn histogram(sample: &mut Sample) -> Option<&mut Arc<NativeHistogram>> {
    match &mut sample.value {
        SampleValue::Histogram(histogram) if !is_stale(histogram.sum) => Some(histogram),
        _ => None,
    }
}

/// Walks forward through the samples of a series.
struct Cursor<'a> {
    samples: &'a [Sample],
    next: usize,
}

impl<'a> Cursor<'a> {
    /// The newest sample up to the time, unless it says that the series has ended. Times must not go back.
    fn newest(&mut self, time: i64) -> Option<&'a Sample> {
        if self.samples.last().is_some_and(|last| last.time <= time) {
            // The usual case of one step.
            self.next = self.samples.len();
        }
        while self.samples.get(self.next).is_some_and(|sample| sample.time <= time) {
            self.next += 1;
        }
        let sample = self.samples.get(self.next.checked_sub(1)?)?;
        (!ends(&sample.value)).then_some(sample)
    }
}

/// Whether a value marks the end of its series.
pub(super) fn ends(value: &SampleValue) -> bool {
    match value {
        SampleValue::Float(value) => is_stale(*value),
        SampleValue::Histogram(histogram) => is_stale(histogram.sum),
    }
}

/// The cells of a row that hold a float.
pub(super) fn floats(row: &[Cell]) -> impl Iterator<Item = f64> {
    row.iter().filter_map(|cell| match cell {
        Some(SampleValue::Float(value)) => Some(*value),
        _ => None,
    })
}
