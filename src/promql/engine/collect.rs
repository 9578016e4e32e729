//! Puts the results of single steps into rows.

use std::collections::HashMap;

use super::EvalError;
use super::matrix::{Cell, Matrix, Series};
use crate::model::{Labels, SampleValue};
use crate::promql::ast::Span;

/// Samples with the same labels become one row. With a single step nothing is put together, and the order stays.
pub(super) struct Collector {
    matrix: Matrix,
    rows: HashMap<Labels, usize>,
    span: Span,
}

impl Collector {
    pub(super) fn new(steps: usize, span: Span) -> Self {
        Self { matrix: Matrix::new(steps, 0), rows: HashMap::new(), span }
    }

    /// The row of these labels. Whether the name is dropped is decided by the first sample of a row.
    pub(super) fn row(&mut self, labels: Labels, drop_name: bool) -> usize {
        if self.matrix.steps == 1 {
            return self.append(labels, drop_name);
        }
        if let Some(row) = self.rows.get(&labels) {
            return *row;
        }
        let row = self.append(labels.clone(), drop_name);
        self.rows.insert(labels, row);
        row
    }

    fn append(&mut self, labels: Labels, drop_name: bool) -> usize {
        self.matrix.series.push(Series { labels, drop_name });
        self.matrix.cells.extend(std::iter::repeat_n(Cell::None, self.matrix.steps));
        self.matrix.series.len() - 1
    }

    /// Sets the value of a row at a step.
    pub(super) fn set(&mut self, row: usize, step: usize, value: SampleValue) -> Result<(), EvalError> {
        let cell = &mut self.matrix.cells[row * self.matrix.steps + step];
        if cell.is_some() {
            return Err(same_labels(self.span));
        }
        *cell = Some(value);
        Ok(())
    }

    pub(super) fn series(&self) -> &[Series] {
        &self.matrix.series
    }

    pub(super) fn finish(self) -> Matrix {
        self.matrix
    }
}

pub(super) fn same_labels(span: Span) -> EvalError {
    EvalError::new("vector cannot contain metrics with the same labelset", span)
}
