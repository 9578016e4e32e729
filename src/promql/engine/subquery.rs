//! Subqueries: an expression over a grid of its own, and ranges as the result of a query.

use std::sync::Arc;

use super::matrix::{Grid, Matrix};
use super::over::Cutter;
use super::smooth::extended;
use super::{EvalError, Evaluator, over_time};
use crate::history::Selected;
use crate::model::{Sample, SampleValue};
use crate::promql::ast::{Edges, Span};
use crate::promql::functions::Window;
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
        let shape = self.shape(range);
        let (mut all, mut weight) = (Vec::new(), 0);
        self.each_series(range, grid, false, &mut |evaluator, series, points| {
            let Some(window) = Cutter::new(&series.labels, points, shape).window(grid.start) else { return Ok(()) };
            let samples = samples_of(&window)?;
            weight += samples.len();
            evaluator.check(weight)?;
            if !samples.is_empty() {
                all.push(Selected { labels: series.labels.clone(), samples });
            }
            Ok(())
        })?;
        Ok(all)
    }
}

/// The samples of a window as a result.
fn samples_of(window: &Window<'_>) -> Result<Vec<Sample>, EvalError> {
    let float = |time, value| Sample { time, start: 0, value: SampleValue::Float(value) };
    let mut samples: Vec<Sample> = if window.edges == Edges::Inside {
        window.floats.iter().map(|point| float(point.time, point.value)).collect()
    } else if window.histograms.is_empty() {
        extended(window).into_iter().map(|(time, value)| float(time, value)).collect()
    } else {
        let word = if window.edges == Edges::Anchored { "anchored" } else { "smoothed" };
        return Err(EvalError::new(format!("{word} modifier is not supported with histograms"), Span::default()));
    };
    let histogram = |time, value| Sample { time, start: 0, value: SampleValue::Histogram(value) };
    samples.extend(window.histograms.iter().map(|point| histogram(point.time, Arc::clone(&point.value))));
    samples.sort_by_key(|sample| sample.time);
    Ok(samples)
}
