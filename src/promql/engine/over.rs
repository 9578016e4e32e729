//! Functions of a range, one series at a time, and ranges as results.

use std::sync::Arc;

use super::counts::without_buckets;
use super::matrix::{Cell, Grid, Matrix, Series, histogram_weight};
use super::select::floats;
use super::{EvalError, Evaluator};
use crate::history::{Point, Points};
use crate::model::{Labels, NativeHistogram, ResetHint, Sample, SampleValue};
use crate::promql::ast::{Edges, Span};
use crate::promql::functions::{Context, Window};
use crate::promql::notes::Note;
use crate::promql::plan::{Over, Range, Selector, When};

/// Functions that keep the metric's name: their result is one of the samples.
const KEEP_NAME: [&str; 2] = ["first_over_time", "last_over_time"];
/// Functions that use the start times of counters.
const USE_STARTS: [&str; 4] = ["increase", "irate", "rate", "resets"];

/// Steps of a subquery may leave out a histogram, or give one twice: what was known of resets is then no longer true.
fn without_hint(value: &SampleValue) -> SampleValue {
    match value {
        SampleValue::Histogram(histogram)
            if matches!(histogram.reset_hint, ResetHint::CounterReset | ResetHint::NotCounterReset) =>
        {
            let unknown = NativeHistogram { reset_hint: ResetHint::Unknown, ..(**histogram).clone() };
            SampleValue::Histogram(Arc::new(unknown))
        }
        other => other.clone(),
    }
}

/// Cuts windows out of the samples of one series; times must not go back.
pub(super) struct Cutter<'a> {
    labels: &'a Labels,
    points: &'a Points,
    input: Shape,
    floats: (usize, usize),
    histograms: (usize, usize),
}

/// Where windows lie.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub when: When,
    /// Length of the range.
    pub range: i64,
    pub edges: Edges,
    pub lookback: i64,
}

impl Shape {
    /// Beginning (exclusive) and end of the samples of a window that ends at `end`.
    fn reach(self, end: i64) -> (i64, i64) {
        let start = end.saturating_sub(self.range);
        match self.edges {
            Edges::Inside => (start, end),
            Edges::Anchored => (start.saturating_sub(self.lookback), end),
            Edges::Smoothed => (start.saturating_sub(self.lookback), end.saturating_add(self.lookback)),
        }
    }
}

impl<'a> Cutter<'a> {
    pub(super) fn new(labels: &'a Labels, points: &'a Points, input: Shape) -> Self {
        Self { labels, points, input, floats: (0, 0), histograms: (0, 0) }
    }

    /// The window of the step at `time`, if there are samples in it.
    pub(super) fn window(&mut self, time: i64) -> Option<Window<'a>> {
        let end = self.input.when.of(time);
        let reach = self.input.reach(end);
        let window = Window {
            labels: self.labels,
            floats: advance(&self.points.floats, &mut self.floats, reach),
            histograms: advance(&self.points.histograms, &mut self.histograms, reach),
            start: end.saturating_sub(self.input.range),
            end,
            edges: self.input.edges,
        };
        (window.len() > 0).then_some(window)
    }
}

fn advance<'a, T>(points: &'a [Point<T>], at: &mut (usize, usize), (after, until): (i64, i64)) -> &'a [Point<T>] {
    while points.get(at.0).is_some_and(|point| point.time <= after) {
        at.0 += 1;
    }
    at.1 = at.1.max(at.0);
    if points.last().is_some_and(|last| last.time <= until) {
        // The usual case of one step.
        at.1 = points.len();
    }
    while points.get(at.1).is_some_and(|point| point.time <= until) {
        at.1 += 1;
    }
    &points[at.0..at.1]
}

impl Evaluator<'_> {
    /// How the windows of a range lie.
    pub(super) fn shape(&self, range: &Range) -> Shape {
        let lookback = self.options.lookback_ms;
        match range {
            Range::Select { selector, range } => {
                Shape { when: selector.when, range: *range, edges: selector.edges, lookback }
            }
            Range::Subquery(subquery) => {
                Shape { when: subquery.when, range: subquery.range, edges: Edges::Inside, lookback }
            }
        }
    }

    /// Shows each series of a range with the samples that its windows need. The first error is the last that is shown.
    pub(super) fn each_series(
        &mut self,
        range: &Range,
        grid: Grid,
        starts: bool,
        show: &mut dyn FnMut(&mut Self, Series, &Points) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        let mut points = Points::default();
        match range {
            Range::Select { selector, .. } => self.selected_series(selector, self.shape(range), grid, starts, show),
            Range::Subquery(subquery) => {
                let (inner, matrix) = self.subquery(subquery, grid)?;
                for (series, row) in matrix.rows() {
                    let sample = |(time, cell): (i64, &Cell)| {
                        cell.as_ref().map(|value| Sample { time, start: 0, value: without_hint(value) })
                    };
                    points.clear();
                    points.extend(inner.times().zip(row).filter_map(sample));
                    show(self, series.clone(), &points)?;
                }
                Ok(())
            }
        }
    }

    /// The same of a selector, whose windows have this shape.
    pub(super) fn selected_series(
        &mut self,
        selector: &Selector,
        shape: Shape,
        grid: Grid,
        starts: bool,
        show: &mut dyn FnMut(&mut Self, Series, &Points) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        let (after, _) = shape.reach(shape.when.of(grid.start));
        let (_, until) = shape.reach(shape.when.of(grid.last()));
        let (source, mut outcome) = (self.source, Ok(()));
        source.visit_points(&selector.matchers, after, until, &mut |labels, points| {
            if outcome.is_err() {
                return;
            }
            if !starts {
                points.forget_starts();
            }
            if selector.counts_only {
                without_buckets(points.histograms.iter_mut().map(|point| &mut point.value));
            }
            outcome = show(self, Series { labels: labels.clone(), drop_name: false }, points);
        });
        outcome
    }

    pub(super) fn over(&mut self, over: &Over, grid: Grid) -> Result<Matrix, EvalError> {
        let columns = self.scalars(&over.scalars, grid)?;
        let shape = self.shape(&over.range);
        let starts = self.options.start_timestamps && USE_STARTS.contains(&over.name);
        let drop_name = !KEEP_NAME.contains(&over.name);
        let counts = matches!(over.name, "rate" | "increase");
        let shown = over.spans.first().copied().unwrap_or_default();

        let mut matrix = Matrix::new(grid.count, 0);
        let (mut numbers, mut failure) = (Vec::new(), None);
        self.each_series(&over.range, grid, starts, &mut |evaluator, series, points| {
            evaluator.room(matrix.series.len() + 1, grid, over.span)?;
            let mut cutter = Cutter::new(&series.labels, points, shape);
            let mut weight = 0;
            for (step, time) in grid.times().enumerate() {
                let cell = cutter.window(time).and_then(|window| {
                    numbers.clear();
                    numbers.extend(columns.iter().map(|column| column.at(step)));
                    weight = weight.max(window_weight(&window));
                    let annotations = &mut evaluator.annotations;
                    let delayed = evaluator.options.delayed_name_removal;
                    let mut context = Context::new(time, delayed, &over.spans, annotations, &mut failure);
                    (over.function)(&window, &numbers, &mut context)
                });
                matrix.cells.push(cell);
            }
            if let Some(message) = failure.take() {
                return Err(EvalError::new(message, over.span));
            }
            evaluator.check(matrix.series.len() + weight)?;
            if counts {
                evaluator.doubt_counter(&series.labels, &matrix, shown);
            }
            let drop_name = series.drop_name || drop_name;
            matrix.close_row(|| Series { labels: series.labels, drop_name });
            Ok(())
        })?;
        self.settled(matrix)
    }

    /// Remarks that the series of the row being built does not look like a counter.
    fn doubt_counter(&mut self, labels: &Labels, matrix: &Matrix, span: Span) {
        const ENDINGS: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];
        let row = &matrix.cells[matrix.series.len() * matrix.steps..];
        let Some(metric) = labels.metric_name().filter(|_| floats(row).next().is_some()) else { return };
        if self.options.type_and_unit {
            let kind = labels.get("__type__").unwrap_or_default();
            if !matches!(kind, "counter" | "histogram") {
                self.annotations.add(Note::PossibleNonCounterType { metric: metric.into(), kind: kind.into() }, span);
            }
        } else if !ENDINGS.iter().any(|ending| metric.ends_with(ending)) {
            self.annotations.add(Note::PossibleNonCounter(metric.into()), span);
        }
    }

    /// One where no series has a sample in its range.
    pub(super) fn absent_over(&mut self, range: &Range, labels: &Labels, grid: Grid) -> Result<Matrix, EvalError> {
        let shape = self.shape(range);
        let mut absent = vec![true; grid.count];
        self.each_series(range, grid, false, &mut |_, series, points| {
            let mut cutter = Cutter::new(&series.labels, points, shape);
            for (absent, time) in absent.iter_mut().zip(grid.times()) {
                *absent &= cutter.window(time).is_none();
            }
            Ok(())
        })?;
        let mut matrix = Matrix::new(grid.count, 1);
        matrix.cells.extend(absent.into_iter().map(|absent| absent.then_some(SampleValue::Float(1.0))));
        matrix.close_row(|| Series { labels: labels.clone(), drop_name: true });
        Ok(matrix)
    }
}

fn window_weight(window: &Window<'_>) -> usize {
    let histograms = window.histograms.iter().map(|point| histogram_weight(&point.value));
    window.floats.len() + histograms.sum::<usize>()
}
