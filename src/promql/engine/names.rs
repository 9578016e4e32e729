//! What becomes of the metric's name once it is no longer true of the values, and of series that are then the same.

use std::collections::HashMap;

use super::collect::same_labels;
use super::matrix::Matrix;
use super::{EvalError, Evaluator};
use crate::model::{Labels, METRIC_NAME};
use crate::promql::ast::Span;

/// Labels that say what the values of a metric are.
fn is_metadata(name: &str) -> bool {
    matches!(name, METRIC_NAME | "__type__" | "__unit__")
}

/// Without the labels that say what the values are.
pub(super) fn without_metadata(labels: &Labels) -> Labels {
    labels.filtered(|name| !is_metadata(name))
}

impl Evaluator<'_> {
    /// A result within the query: names that have to go do so now, unless that is delayed to the end.
    pub(super) fn settled(&self, matrix: Matrix) -> Result<Matrix, EvalError> {
        if self.options.delayed_name_removal { Ok(matrix) } else { nameless(matrix) }
    }

    /// The result of the query.
    pub(super) fn cleaned(&self, matrix: Matrix) -> Result<Matrix, EvalError> {
        if self.options.delayed_name_removal { nameless(matrix) } else { Ok(matrix) }
    }
}

fn nameless(mut matrix: Matrix) -> Result<Matrix, EvalError> {
    for series in matrix.series.iter_mut().filter(|series| series.drop_name) {
        series.labels = without_metadata(&series.labels);
    }
    merged(matrix)
}

/// Puts rows of the same labels together; they must have no step in common.
pub(super) fn merged(mut matrix: Matrix) -> Result<Matrix, EvalError> {
    // Series come in the order of their labels, and mostly stay so: then no two are the same.
    if matrix.series.windows(2).all(|pair| pair[0].labels < pair[1].labels) {
        return Ok(matrix);
    }
    let steps = matrix.steps;
    let mut rows: HashMap<Labels, usize> = HashMap::with_capacity(matrix.series.len());
    for row in 0..matrix.series.len() {
        let first = *rows.entry(matrix.series[row].labels.clone()).or_insert(row);
        if first == row {
            continue;
        }
        let (before, from) = matrix.cells.split_at_mut(row * steps);
        for (into, cell) in before[first * steps..].iter_mut().zip(&mut from[..steps]) {
            match cell.take() {
                Some(_) if into.is_some() => return Err(same_labels(Span::default())),
                Some(value) => *into = Some(value),
                None => {}
            }
        }
    }
    if rows.len() < matrix.series.len() {
        matrix.sweep();
    }
    Ok(matrix)
}
