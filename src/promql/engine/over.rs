//! Functions of a range, one series at a time, and ranges as results.

use std::sync::Arc;

use super::matrix::{Grid, Matrix, Series, histogram_weight};
use super::select::{ends, floats};
use super::{EvalError, Evaluator};
use crate::history::Selected;
use crate::model::{Labels, NativeHistogram, ResetHint, Sample, SampleValue};
use crate::promql::ast::{Edges, Span};
use crate::promql::functions::{Context, Point, Window};
use crate::promql::notes::Note;
use crate::promql::plan::{Over, Range, When};

/// Functions that keep the metric's name: their result is one of the samples.
const KEEP_NAME: [&str; 2] = ["first_over_time", "last_over_time"];
/// Functions that use the start times of counters.
const USE_STARTS: [&str; 4] = ["increase", "irate", "rate", "resets"];

/// What a range selects, before it is cut into windows.
pub(super) struct Input {
    pub rows: Rows,
    pub when: When,
    /// Length of the range.
    pub range: i64,
    pub edges: Edges,
}

pub(super) enum Rows {
    Selected(Vec<Selected>),
    Evaluated(Grid, Matrix),
}

/// The samples of one series by kind, without the marks of its end. Reused from series to series.
#[derive(Default)]
pub(super) struct Split {
    pub floats: Vec<Point<f64>>,
    pub histograms: Vec<Point<Arc<NativeHistogram>>>,
}

impl Split {
    fn clear(&mut self) {
        self.floats.clear();
        self.histograms.clear();
    }

    fn push(&mut self, time: i64, start: i64, value: SampleValue) {
        match value {
            SampleValue::Float(value) => self.floats.push(Point { time, start, value }),
            SampleValue::Histogram(value) => self.histograms.push(Point { time, start, value }),
        }
    }

    fn extend(&mut self, samples: Vec<Sample>, starts: bool) {
        for Sample { time, start, value } in samples {
            if !ends(&value) {
                self.push(time, if starts { start } else { 0 }, value);
            }
        }
    }
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Selected(selected) => selected.len(),
            Self::Evaluated(_, matrix) => matrix.series.len(),
        }
    }

    /// Takes the samples of the series at `index`, and returns whose they are.
    pub(super) fn take(&mut self, index: usize, starts: bool, split: &mut Split) -> Series {
        split.clear();
        match self {
            Self::Selected(selected) => {
                let Selected { labels, samples } = &mut selected[index];
                split.extend(std::mem::take(samples), starts);
                Series { labels: std::mem::take(labels), drop_name: false }
            }
            Self::Evaluated(grid, matrix) => {
                for (time, cell) in grid.times().zip(matrix.row(index)) {
                    if let Some(value) = cell {
                        split.push(time, 0, without_hint(value));
                    }
                }
                matrix.series[index].clone()
            }
        }
    }
}

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
    split: &'a Split,
    input: Shape,
    floats: (usize, usize),
    histograms: (usize, usize),
}

/// Where windows lie.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    when: When,
    range: i64,
    edges: Edges,
    lookback: i64,
}

impl Shape {
    pub(super) fn new(input: &Input, lookback: i64) -> Self {
        Self { when: input.when, range: input.range, edges: input.edges, lookback }
    }

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
    pub(super) fn new(labels: &'a Labels, split: &'a Split, input: Shape) -> Self {
        Self { labels, split, input, floats: (0, 0), histograms: (0, 0) }
    }

    /// The window of the step at `time`, if there are samples in it.
    pub(super) fn window(&mut self, time: i64) -> Option<Window<'a>> {
        let end = self.input.when.of(time);
        let reach = self.input.reach(end);
        let window = Window {
            labels: self.labels,
            floats: advance(&self.split.floats, &mut self.floats, reach),
            histograms: advance(&self.split.histograms, &mut self.histograms, reach),
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
    while points.get(at.1).is_some_and(|point| point.time <= until) {
        at.1 += 1;
    }
    &points[at.0..at.1]
}

impl Evaluator<'_> {
    /// The samples that the windows of all steps need.
    pub(super) fn input(&mut self, range: &Range, grid: Grid) -> Result<Input, EvalError> {
        match range {
            Range::Select { selector, range } => {
                let (when, edges) = (selector.when, selector.edges);
                let mut input = Input { rows: Rows::Selected(Vec::new()), when, range: *range, edges };
                let shape = Shape::new(&input, self.options.lookback_ms);
                let (after, _) = shape.reach(when.of(grid.start));
                let (_, until) = shape.reach(when.of(grid.last()));
                input.rows = Rows::Selected(self.selected(selector, after, until));
                Ok(input)
            }
            Range::Subquery(subquery) => {
                let (inner, matrix) = self.subquery(subquery, grid)?;
                let rows = Rows::Evaluated(inner, matrix);
                Ok(Input { rows, when: subquery.when, range: subquery.range, edges: Edges::Inside })
            }
        }
    }

    pub(super) fn over(&mut self, over: &Over, grid: Grid) -> Result<Matrix, EvalError> {
        let columns = self.scalars(&over.scalars, grid)?;
        let mut input = self.input(&over.range, grid)?;
        let shape = Shape::new(&input, self.options.lookback_ms);
        let starts = self.options.start_timestamps && USE_STARTS.contains(&over.name);
        let drop_name = !KEEP_NAME.contains(&over.name);
        let counts = matches!(over.name, "rate" | "increase");
        let shown = over.spans.first().copied().unwrap_or_default();

        self.room(input.rows.len(), grid, over.span)?;
        let mut matrix = Matrix::new(grid.count, input.rows.len());
        let (mut split, mut numbers, mut failure) = (Split::default(), Vec::new(), None);
        for index in 0..input.rows.len() {
            let series = input.rows.take(index, starts, &mut split);
            let mut cutter = Cutter::new(&series.labels, &split, shape);
            let mut weight = 0;
            for (step, time) in grid.times().enumerate() {
                let cell = cutter.window(time).and_then(|window| {
                    numbers.clear();
                    numbers.extend(columns.iter().map(|column| column.at(step)));
                    weight = weight.max(window_weight(&window));
                    let annotations = &mut self.annotations;
                    let delayed = self.options.delayed_name_removal;
                    let mut context = Context::new(time, delayed, &over.spans, annotations, &mut failure);
                    (over.function)(&window, &numbers, &mut context)
                });
                matrix.cells.push(cell);
            }
            if let Some(message) = failure {
                return Err(EvalError::new(message, over.span));
            }
            self.check(matrix.series.len() + weight)?;
            if counts {
                self.doubt_counter(&series.labels, &matrix, shown);
            }
            let drop_name = series.drop_name || drop_name;
            matrix.close_row(|| Series { labels: series.labels, drop_name });
        }
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
        let mut input = self.input(range, grid)?;
        let shape = Shape::new(&input, self.options.lookback_ms);
        let mut absent = vec![true; grid.count];
        let mut split = Split::default();
        for index in 0..input.rows.len() {
            let series = input.rows.take(index, false, &mut split);
            let mut cutter = Cutter::new(&series.labels, &split, shape);
            for (absent, time) in absent.iter_mut().zip(grid.times()) {
                *absent &= cutter.window(time).is_none();
            }
        }
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
