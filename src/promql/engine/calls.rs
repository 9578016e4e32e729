//! Functions of instant vectors.

use super::collect::Collector;
use super::matrix::{Cell, Column, Grid, Matrix, Series};
use super::{EvalError, Evaluator};
use crate::model::{Labels, SampleValue};
use crate::promql::functions::{Arguments, Context, Element};
use crate::promql::notes::Note;
use crate::promql::plan::{Each, Scalar, Vector, Whole};

impl Evaluator<'_> {
    pub(super) fn negate(&mut self, inner: &Vector, grid: Grid) -> Result<Matrix, EvalError> {
        let mut matrix = self.vector(inner, grid)?;
        for cell in matrix.cells.iter_mut().flatten() {
            match cell {
                SampleValue::Float(value) => *value = -*value,
                SampleValue::Histogram(histogram) => std::sync::Arc::make_mut(histogram).scale(-1.0),
            }
        }
        self.named_no_more(matrix)
    }

    /// Names are no longer true of the values of any series.
    fn named_no_more(&self, mut matrix: Matrix) -> Result<Matrix, EvalError> {
        for series in &mut matrix.series {
            series.drop_name = true;
        }
        self.settled(matrix)
    }

    pub(super) fn each(&mut self, each: &Each, grid: Grid) -> Result<Matrix, EvalError> {
        let columns = self.scalars(&each.scalars, grid)?;
        let Some(vector) = &each.vector else {
            let mut matrix = self.scalar_as_vector(&Scalar::Time, grid)?;
            apply(&mut matrix, &columns, each.function);
            return Ok(matrix);
        };
        let mut matrix = self.vector(vector, grid)?;
        apply(&mut matrix, &columns, each.function);
        matrix.sweep();
        self.named_no_more(matrix)
    }

    pub(super) fn whole(&mut self, whole: &Whole, grid: Grid) -> Result<Matrix, EvalError> {
        if whole.sorts && grid.count > 1 {
            self.annotations.add(Note::SortInRange, whole.span);
        }
        let columns = self.scalars(&whole.scalars, grid)?;
        let mut matrix = self.vector(&whole.vector, grid)?;
        let mut collector = Collector::new(grid.count, whole.span);
        let (mut numbers, mut failure) = (Vec::new(), None);
        for (step, time) in grid.times().enumerate() {
            numbers.clear();
            numbers.extend(columns.iter().map(|column| column.at(step)));
            let vector = if grid.count == 1 { elements(std::mem::take(&mut matrix)) } else { gathered(&matrix, step) };
            let mut arguments = Arguments { vector, scalars: &numbers, texts: &whole.texts };
            let delayed = self.options.delayed_name_removal;
            let mut context = Context::new(time, delayed, &whole.spans, &mut self.annotations, &mut failure);
            let result = (whole.function)(&mut arguments, &mut context);
            if let Some(message) = failure {
                return Err(EvalError::new(message, whole.span));
            }
            for Element { labels, drop_name, value } in result {
                let row = collector.row(labels, drop_name);
                collector.set(row, step, value)?;
            }
            self.check(collector.series().len())?;
        }
        self.settled(collector.finish())
    }

    pub(super) fn absent(&mut self, inner: &Vector, labels: &Labels, grid: Grid) -> Result<Matrix, EvalError> {
        let matrix = self.vector(inner, grid)?;
        let mut absent = vec![Some(SampleValue::Float(1.0)); grid.count];
        for (_, row) in matrix.rows() {
            for (absent, cell) in absent.iter_mut().zip(row) {
                if cell.is_some() {
                    *absent = None;
                }
            }
        }
        let mut result = Matrix { steps: grid.count, series: Vec::new(), cells: absent };
        result.close_row(|| Series { labels: labels.clone(), drop_name: false });
        Ok(result)
    }

    pub(super) fn scalar_as_vector(&mut self, scalar: &Scalar, grid: Grid) -> Result<Matrix, EvalError> {
        let column = self.scalar(scalar, grid)?;
        let cells = (0..grid.count).map(|step| Some(SampleValue::Float(column.at(step)))).collect();
        let series = vec![Series { labels: Labels::default(), drop_name: false }];
        Ok(Matrix { steps: grid.count, series, cells })
    }
}

fn apply(matrix: &mut Matrix, columns: &[Column], function: fn(&SampleValue, &[f64]) -> Option<f64>) {
    let mut numbers: Vec<f64> = columns.iter().map(|column| column.at(0)).collect();
    let same = columns.iter().all(|column| matches!(column, Column::Same(_)));
    for row in matrix.cells.chunks_exact_mut(matrix.steps.max(1)) {
        for (step, cell) in row.iter_mut().enumerate() {
            if !same {
                numbers.clear();
                numbers.extend(columns.iter().map(|column| column.at(step)));
            }
            *cell = cell.take().and_then(|value| function(&value, &numbers)).map(SampleValue::Float);
        }
    }
}

/// The samples of a matrix with one step.
fn elements(matrix: Matrix) -> Vec<Element> {
    let element = |(series, value): (Series, Cell)| {
        Some(Element { labels: series.labels, drop_name: series.drop_name, value: value? })
    };
    matrix.series.into_iter().zip(matrix.cells).filter_map(element).collect()
}

/// The samples of one step.
fn gathered(matrix: &Matrix, step: usize) -> Vec<Element> {
    let element = |(series, row): (&Series, &[Cell])| {
        let value = row.get(step)?.clone()?;
        Some(Element { labels: series.labels.clone(), drop_name: series.drop_name, value })
    };
    matrix.rows().filter_map(element).collect()
}
