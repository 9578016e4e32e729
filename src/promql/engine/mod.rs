//! Evaluates a plan.
//!
//! Node by node, each over all steps at once, as Prometheus does (`engine.go`): a part of the expression becomes a
//! [`Matrix`] of series by steps, or a [`Column`] of numbers. A query for one time is a query with one step.

mod aggregate;
mod binary;
mod calls;
mod collect;
mod counts;
mod elements;
mod groups;
mod info;
mod labels;
mod matrix;
mod names;
mod over;
mod ranked;
mod select;
mod smooth;
mod subquery;
mod tally;

use super::annotations::Annotations;
use super::answer::{Answer, EvalError, Instant, Options, Value};
use super::ast::{Expr, Span};
use super::plan::{Plan, Scalar, Times, Vector, prepare};
use super::signatures::ValueType;
use crate::history::{Selected, Source};
use crate::model::{Labels, Sample, SampleValue};
use matrix::{Cell, Column, Grid, Matrix, Series};

/// Evaluates a query at one time, milliseconds since the Unix epoch.
///
/// # Errors
/// When the query asks for something that cannot be, or for more samples than the options allow.
pub fn instant(source: &dyn Source, expr: &Expr, at_ms: i64, options: &Options) -> Result<Answer, EvalError> {
    let plan = prepare(expr, Times { start: at_ms, end: at_ms, step: 0 }, options)?;
    let grid = Grid { start: at_ms, step: 1, count: 1 };
    let mut evaluator = Evaluator::new(source, options);
    let value = match &plan {
        Plan::Text(text) => Value::String(text.as_ref().to_owned()),
        Plan::Scalar(scalar) => Value::Scalar(evaluator.scalar(scalar, grid)?.at(0)),
        Plan::Range(range) => {
            let mut matrix = evaluator.range_value(range, grid)?;
            matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
            Value::Matrix(matrix)
        }
        Plan::Vector(vector) => {
            let matrix = evaluator.vector(vector, grid)?;
            let matrix = evaluator.cleaned(matrix)?;
            let sample =
                |(series, value): (Series, Cell)| Some(Instant { labels: series.labels, time: at_ms, value: value? });
            Value::Vector(matrix.series.into_iter().zip(matrix.cells).filter_map(sample).collect())
        }
    };
    Ok(Answer { value, annotations: evaluator.annotations })
}

/// Evaluates a query at many times, from `start_ms` by `step_ms` not past `end_ms`, milliseconds since the Unix epoch.
///
/// # Errors
/// As [`instant`]; also when the step is not positive, the end lies before the start, or the query gives neither a
/// scalar nor an instant vector.
pub fn range(
    source: &dyn Source,
    expr: &Expr,
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
    options: &Options,
) -> Result<Answer, EvalError> {
    let fault = |message: String| Err(EvalError::new(message, expr.span()));
    if step_ms <= 0 {
        return fault("zero or negative query resolution step widths are not accepted".to_owned());
    }
    if end_ms < start_ms {
        return fault("end timestamp must not be before start time".to_owned());
    }
    let kind = expr.value_type();
    if !matches!(kind, ValueType::Scalar | ValueType::Vector) {
        let kind = kind.documented();
        return fault(format!("invalid expression type {kind:?} for range query, must be Scalar or instant Vector"));
    }
    let plan = prepare(expr, Times { start: start_ms, end: end_ms, step: step_ms }, options)?;
    let grid = Grid::new(start_ms, end_ms, step_ms);
    let mut evaluator = Evaluator::new(source, options);
    evaluator.room(1, grid, expr.span())?;
    let matrix = match &plan {
        Plan::Scalar(scalar) => {
            let column = evaluator.scalar(scalar, grid)?;
            let cells = (0..grid.count).map(|step| Some(SampleValue::Float(column.at(step)))).collect();
            let series = vec![Series { labels: Labels::default(), drop_name: false }];
            Matrix { steps: grid.count, series, cells }
        }
        Plan::Vector(vector) => {
            let matrix = evaluator.vector(vector, grid)?;
            evaluator.cleaned(matrix)?
        }
        Plan::Range(_) | Plan::Text(_) => return fault("invalid expression type for range query".to_owned()),
    };
    let mut series = over_time(matrix, grid);
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(Answer { value: Value::Matrix(series), annotations: evaluator.annotations })
}

/// The rows as series with the times of the grid.
fn over_time(matrix: Matrix, grid: Grid) -> Vec<Selected> {
    let mut cells = matrix.cells.into_iter();
    let row = |series: Series| {
        let sample = |(time, value): (i64, Cell)| Some(Sample { time, start: 0, value: value? });
        let samples = grid.times().zip(cells.by_ref().take(grid.count)).filter_map(sample).collect();
        Selected { labels: series.labels, samples }
    };
    matrix.series.into_iter().map(row).collect()
}

struct Evaluator<'a> {
    source: &'a dyn Source,
    options: &'a Options,
    annotations: Annotations,
    /// Samples in memory now.
    held: usize,
}

impl<'a> Evaluator<'a> {
    fn new(source: &'a dyn Source, options: &'a Options) -> Self {
        Self { source, options, annotations: Annotations::default(), held: 0 }
    }

    /// Counts samples that are in memory besides those that are counted already.
    fn check(&self, more: usize) -> Result<(), EvalError> {
        if self.held.saturating_add(more) > self.options.max_samples {
            return Err(too_many(Span::default()));
        }
        Ok(())
    }

    /// Whether rows of so many series may be laid out over the grid: most of their cells may stay empty.
    fn room(&self, series: usize, grid: Grid, span: Span) -> Result<(), EvalError> {
        const CELLS_A_SAMPLE: usize = 16;
        /// Of 24 bytes at most: 200 MB, unless so many samples are allowed as well.
        const CELLS: usize = 8 << 20;
        let samples = self.options.max_samples;
        let most = samples.saturating_mul(CELLS_A_SAMPLE).min(CELLS.max(samples));
        if series.saturating_mul(grid.count) > most { Err(too_many(span)) } else { Ok(()) }
    }

    /// A vector over the grid.
    fn vector(&mut self, vector: &Vector, grid: Grid) -> Result<Matrix, EvalError> {
        if grid.count == 0 {
            return Ok(Matrix::default());
        }
        if self.source.is_over() {
            return Err(EvalError::new("query timed out in expression evaluation", Span::default()));
        }
        let before = self.held;
        let matrix = self.evaluate(vector, grid)?;
        let weight = matrix.weight();
        self.check(weight)?;
        // What the parts held has been given back by now.
        self.held = before + weight;
        Ok(matrix)
    }

    fn evaluate(&mut self, vector: &Vector, grid: Grid) -> Result<Matrix, EvalError> {
        match vector {
            Vector::Select(selector) => self.select(selector, grid),
            Vector::Negate(inner) => self.negate(inner, grid),
            Vector::Binary(binary) => self.binary(binary, grid),
            Vector::WithScalar(binary) => self.with_scalar(binary, grid),
            Vector::Aggregate(aggregate) => self.aggregate(aggregate, grid),
            Vector::Each(each) => self.each(each, grid),
            Vector::Over(over) => self.over(over, grid),
            Vector::Whole(whole) => self.whole(whole, grid),
            Vector::Absent(inner, labels) => self.absent(inner, labels, grid),
            Vector::AbsentOver(range, labels) => self.absent_over(range, labels, grid),
            Vector::Scalar(scalar) => self.scalar_as_vector(scalar, grid),
            Vector::Timestamp(timestamp) => self.timestamp(timestamp, grid),
            Vector::LabelReplace(replace) => self.label_replace(replace, grid),
            Vector::LabelJoin(join) => self.label_join(join, grid),
            Vector::Info(info) => self.info(info, grid),
            Vector::Once(inner) => {
                let once = self.vector(inner, grid.once())?;
                self.room(once.series.len(), grid, Span::default())?;
                Ok(repeated(once, grid.count))
            }
        }
    }

    /// A scalar over the grid.
    fn scalar(&mut self, scalar: &Scalar, grid: Grid) -> Result<Column, EvalError> {
        Ok(match scalar {
            Scalar::Number(value) => Column::Same(*value),
            Scalar::Time => Column::Each(grid.times().map(|time| time as f64 / 1_000.0).collect()),
            Scalar::Once(inner) => Column::Same(self.scalar(inner, grid.once())?.at(0)),
            Scalar::Negate(inner) => match self.scalar(inner, grid)? {
                Column::Same(value) => Column::Same(-value),
                Column::Each(values) => Column::Each(values.into_iter().map(|value| -value).collect()),
            },
            Scalar::Binary(op, left, right) => {
                let (left, right) = (self.scalar(left, grid)?, self.scalar(right, grid)?);
                columns(&[left, right], grid, |sides| elements::scalars(*op, sides[0], sides[1]))
            }
            Scalar::Call(function, args) => {
                let args = self.scalars(args, grid)?;
                columns(&args, grid, function)
            }
            Scalar::Of(vector) => {
                let before = self.held;
                let matrix = self.vector(vector, grid)?;
                self.held = before;
                Column::Each((0..grid.count).map(|step| only_float(&matrix, step)).collect())
            }
        })
    }

    fn scalars(&mut self, scalars: &[Scalar], grid: Grid) -> Result<Vec<Column>, EvalError> {
        scalars.iter().map(|scalar| self.scalar(scalar, grid)).collect()
    }
}

/// Calculates a column from others.
fn columns(args: &[Column], grid: Grid, calculate: impl Fn(&[f64]) -> f64) -> Column {
    let mut numbers = Vec::with_capacity(args.len());
    let mut at = |step| {
        numbers.clear();
        numbers.extend(args.iter().map(|arg| arg.at(step)));
        calculate(&numbers)
    };
    if args.iter().all(|arg| matches!(arg, Column::Same(_))) {
        Column::Same(at(0))
    } else {
        Column::Each((0..grid.count).map(at).collect())
    }
}

/// The float of a step when there is just one, otherwise `NaN`.
fn only_float(matrix: &Matrix, step: usize) -> f64 {
    let mut floats = (0..matrix.series.len()).filter_map(|series| match matrix.cell(series, step) {
        Some(SampleValue::Float(value)) => Some(*value),
        _ => None,
    });
    match (floats.next(), floats.next()) {
        (Some(value), None) => value,
        _ => f64::NAN,
    }
}

/// The one step of a matrix as often as the grid wants it.
fn repeated(once: Matrix, steps: usize) -> Matrix {
    if steps == once.steps {
        return once;
    }
    let cells = once.cells.iter().flat_map(|cell| std::iter::repeat_n(cell.clone(), steps)).collect();
    Matrix { steps, series: once.series, cells }
}

/// What an evaluation says that needs more samples than [`Options::max_samples`].
pub const TOO_MANY_SAMPLES: &str = "query processing would load too many samples into memory in query execution";

fn too_many(span: Span) -> EvalError {
    EvalError::new(TOO_MANY_SAMPLES, span)
}

#[cfg(test)]
mod tests;
