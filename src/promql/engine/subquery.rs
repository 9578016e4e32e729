//! Subqueries: an expression over a grid of its own, and ranges as the result of a query.

use std::sync::Arc;

use super::matrix::{Grid, Matrix};
use super::over::{Cutter, Rows, Shape, Split};
use super::smooth::extended;
use super::{EvalError, Evaluator, over_time};
use crate::history::Selected;
use crate::model::{Sample, SampleValue};
use crate::promql::ast::{Edges, Span};
use crate::promql::plan::{Plan, Range, Subquery};

impl Evaluator<'_> {
    /// The inner expression at every multiple of the subquery's step that a window of the outer grid needs.
    pub(super) fn subquery(&mut self, subquery: &Subquery, grid: Grid) -> Result<(Grid, Matrix), EvalError> {
        let after = subquery.when.of(grid.start).saturating_sub(subquery.range);
        let start = after.div_euclid(subquery.step).saturating_add(1).saturating_mul(subquery.step);
        let inner = Grid::new(start, subquery.when.of(grid.last()), subquery.step);
        self.room(1, inner, subquery.span)?;
        let Plan::Vector(vector) = &subquery.inner else {
            return Err(EvalError::new("subquery is only allowed on instant vector", subquery.span));
        };
        let mut matrix = self.vector(vector, inner)?;
        matrix.steps = inner.count;
        Ok((inner, matrix))
    }

    /// A range as the result of an instant query.
    pub(super) fn range_value(&mut self, range: &Range, grid: Grid) -> Result<Vec<Selected>, EvalError> {
        if let Range::Subquery(subquery) = range {
            let (inner, matrix) = self.subquery(subquery, grid)?;
            let matrix = self.cleaned(matrix)?;
            return Ok(over_time(matrix, inner));
        }
        let mut input = self.input(range, grid)?;
        let (shape, edges) = (Shape::new(&input, self.options.lookback_ms), input.edges);
        let (mut split, mut all, mut weight) = (Split::default(), Vec::new(), 0);
        let count = input.rows.len();
        for index in 0..count {
            let series = Rows::take(&mut input.rows, index, false, &mut split);
            let Some(window) = Cutter::new(&series.labels, &split, shape).window(grid.start) else { continue };
            let float = |time, value| Sample { time, start: 0, value: SampleValue::Float(value) };
            let mut samples: Vec<Sample> = if edges == Edges::Inside {
                window.floats.iter().map(|point| float(point.time, point.value)).collect()
            } else if window.histograms.is_empty() {
                extended(&window).into_iter().map(|(time, value)| float(time, value)).collect()
            } else {
                let word = if edges == Edges::Anchored { "anchored" } else { "smoothed" };
                let message = format!("{word} modifier is not supported with histograms");
                return Err(EvalError::new(message, Span::default()));
            };
            let histogram = |time, value| Sample { time, start: 0, value: SampleValue::Histogram(value) };
            samples.extend(window.histograms.iter().map(|point| histogram(point.time, Arc::clone(&point.value))));
            samples.sort_by_key(|sample| sample.time);
            weight += samples.len();
            self.check(weight)?;
            if !samples.is_empty() {
                all.push(Selected { labels: series.labels, samples });
            }
        }
        Ok(all)
    }
}
