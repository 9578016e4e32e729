//! What parts of an expression evaluate to: a row of values for each series, a value for each step.

use crate::model::{Labels, NativeHistogram, SampleValue};

/// The times at which an expression is evaluated, milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    pub start: i64,
    /// At least 1.
    pub step: i64,
    /// How many times.
    pub count: usize,
}

impl Grid {
    /// From `start` to `end`, neither past it nor empty unless it lies before.
    pub(super) fn new(start: i64, end: i64, step: i64) -> Self {
        let step = step.max(1);
        let beyond = end.checked_sub(start).map_or(i64::MAX, |length| length.div_euclid(step));
        let count = usize::try_from(beyond.saturating_add(1)).unwrap_or(0);
        Self { start, step, count }
    }

    pub(super) fn at(self, step: usize) -> i64 {
        let steps = i64::try_from(step).unwrap_or(i64::MAX);
        self.start.saturating_add(self.step.saturating_mul(steps))
    }

    pub(super) fn last(self) -> i64 {
        self.at(self.count.saturating_sub(1))
    }

    pub(super) fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |step| self.at(step))
    }

    /// Its first time alone.
    pub(super) fn once(self) -> Self {
        Self { count: self.count.min(1), ..self }
    }
}

/// A value of a series at a step, if there is one.
pub(super) type Cell = Option<SampleValue>;

/// Whose row it is.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub labels: Labels,
    /// The metric's name is no longer true of the values, and is dropped at the end.
    pub drop_name: bool,
}

/// One number a step.
#[derive(Debug)]
pub(super) enum Column {
    Same(f64),
    Each(Vec<f64>),
}

impl Column {
    /// The number of a step; the evaluator asks for no step that is not there.
    pub(super) fn at(&self, step: usize) -> f64 {
        match self {
            Self::Same(value) => *value,
            Self::Each(values) => values.get(step).copied().unwrap_or(f64::NAN),
        }
    }
}

/// Rows of series, one after the other in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Matrix {
    pub steps: usize,
    pub series: Vec<Series>,
    /// `steps` cells for each series.
    pub cells: Vec<Cell>,
}

impl Matrix {
    pub(super) fn new(steps: usize, series: usize) -> Self {
        let (series, cells) = (Vec::with_capacity(series), Vec::with_capacity(series.saturating_mul(steps)));
        Self { steps, series, cells }
    }

    pub(super) fn cell(&self, series: usize, step: usize) -> &Cell {
        &self.cells[series * self.steps + step]
    }

    /// Every series with its row.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&Series, &[Cell])> {
        // Without steps there are no series.
        self.series.iter().zip(self.cells.chunks_exact(self.steps.max(1)))
    }

    /// Makes the cells that were appended since the last series its row; a series without a value is left out.
    pub(super) fn close_row(&mut self, series: impl FnOnce() -> Series) {
        let begin = self.series.len() * self.steps;
        if self.cells[begin..].iter().any(Option::is_some) {
            self.cells.resize(begin + self.steps, None);
            self.series.push(series());
        } else {
            self.cells.truncate(begin);
        }
    }

    /// Leaves out every series without a value.
    pub(super) fn sweep(&mut self) {
        let steps = self.steps;
        let mut kept = 0;
        for series in 0..self.series.len() {
            let begin = series * steps;
            if self.cells[begin..begin + steps].iter().all(Option::is_none) {
                continue;
            }
            if kept != series {
                self.series.swap(kept, series);
                for step in 0..steps {
                    self.cells.swap(kept * steps + step, begin + step);
                }
            }
            kept += 1;
        }
        self.series.truncate(kept);
        self.cells.truncate(kept * steps);
    }

    /// Samples it holds; a histogram counts by its size.
    pub(super) fn weight(&self) -> usize {
        self.cells.iter().flatten().map(weight).sum()
    }
}

/// What a value counts as against the limit on samples.
pub(super) fn weight(value: &SampleValue) -> usize {
    match value {
        SampleValue::Float(_) => 1,
        SampleValue::Histogram(histogram) => histogram_weight(histogram),
    }
}

/// A histogram counts as many floats with their times as would take the same memory.
pub(super) fn histogram_weight(histogram: &NativeHistogram) -> usize {
    // Prometheus counts its struct with 192 bytes, and 8 for the time.
    const FIXED: usize = 200;
    let buckets = histogram.positive_buckets.len() + histogram.negative_buckets.len();
    let spans = histogram.positive_spans.len() + histogram.negative_spans.len();
    (FIXED + 8 * (buckets + spans + histogram.custom_values.len())) / 16
}
