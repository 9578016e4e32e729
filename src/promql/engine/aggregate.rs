//! Aggregations that make one series of each group: `sum`, `avg`, `min`, `quantile` and the like, and `count_values`.

use std::collections::HashMap;
use std::sync::Arc;

use super::collect::Collector;
use super::groups::{Groups, Key};
use super::labels::with;
use super::matrix::{Column, Grid, Matrix, Series};
use super::tally::Tally;
use super::{EvalError, Evaluator};
use crate::model::{Labels, SampleValue};
use crate::promql::ast::AggregateOp;
use crate::promql::notes::Note;
use crate::promql::plan::Aggregate;

impl Aggregate {
    fn key(&self) -> Key<'_> {
        if self.without { Key::Without(&self.grouping) } else { Key::Only(&self.grouping) }
    }
}

impl Evaluator<'_> {
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate, grid: Grid) -> Result<Matrix, EvalError> {
        if let Some(label) = &aggregate.label {
            return self.count_values(aggregate, label, grid);
        }
        let param = match &aggregate.param {
            Some(param) => self.scalar(param, grid)?,
            None => Column::Same(f64::NAN),
        };
        let matrix = self.vector(&aggregate.vector, grid)?;
        let mut groups = Groups::new(aggregate.key());
        let of_series = groups.assign(&matrix.series);
        match aggregate.op {
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk | AggregateOp::LimitRatio => {
                self.ranked(aggregate, &param, &matrix, &of_series, grid)
            }
            _ => self.tallied(aggregate, &param, &matrix, &groups, &of_series, grid),
        }
    }

    /// One series for each group.
    fn tallied(
        &mut self,
        aggregate: &Aggregate,
        param: &Column,
        matrix: &Matrix,
        groups: &Groups<'_>,
        of_series: &[usize],
        grid: Grid,
    ) -> Result<Matrix, EvalError> {
        if aggregate.op == AggregateOp::Quantile {
            self.doubt_quantile(aggregate, param, grid);
        }
        self.room(groups.len(), grid, aggregate.span)?;
        let mut tallies: Vec<Tally> = Vec::new();
        tallies.resize_with(groups.len() * grid.count, || Tally::new(aggregate.op));
        let mut drop_names = vec![false; groups.len()];
        for ((series, row), group) in matrix.rows().zip(of_series) {
            drop_names[*group] |= series.drop_name;
            for (cell, tally) in row.iter().zip(&mut tallies[group * grid.count..]) {
                let Some(value) = cell else { continue };
                if let Some(note) = tally.add(aggregate.op, value, &series.labels) {
                    self.annotations.add(note, aggregate.inner_span);
                }
            }
        }
        let mut result = Matrix::new(grid.count, groups.len());
        let mut tallies = tallies.into_iter();
        for (member, drop_name) in groups.members().zip(drop_names) {
            for (step, tally) in tallies.by_ref().take(grid.count).enumerate() {
                let (cell, note) = tally.finish(aggregate.op, param.at(step));
                if let Some(note) = note {
                    self.annotations.add(note, aggregate.inner_span);
                }
                result.cells.push(cell);
            }
            result.close_row(|| Series { labels: aggregate.key().of(member), drop_name });
        }
        Ok(result)
    }

    /// Remarks quantiles outside 0 to 1.
    fn doubt_quantile(&mut self, aggregate: &Aggregate, param: &Column, grid: Grid) {
        let extent = Extent::of(param, grid);
        let doubts = [(extent.has_nan, f64::NAN), (extent.most > 1.0, extent.most), (extent.least < 0.0, extent.least)];
        for (_, value) in doubts.into_iter().filter(|(doubtful, _)| *doubtful) {
            self.annotations.add(Note::InvalidQuantile(value), aggregate.param_span);
        }
    }

    /// A series for each value, which stands in a label, with how often there is one.
    fn count_values(&mut self, aggregate: &Aggregate, label: &Arc<str>, grid: Grid) -> Result<Matrix, EvalError> {
        let matrix = self.vector(&aggregate.vector, grid)?;
        let mut grouping = aggregate.grouping.clone();
        if !aggregate.without {
            grouping.push(Arc::clone(label));
        }
        let key = if aggregate.without { Key::Without(&grouping) } else { Key::Only(&grouping) };
        let mut out = Collector::new(grid.count, aggregate.span);
        for step in 0..grid.count {
            let mut counts: Vec<(Labels, f64)> = Vec::new();
            let mut index: HashMap<Labels, usize> = HashMap::new();
            for (series, row) in matrix.rows() {
                let Some(value) = &row[step] else { continue };
                let labels = key.of(&with(&series.labels, label, &as_text(value)));
                let at = *index.entry(labels).or_insert_with_key(|labels| {
                    counts.push((labels.clone(), 0.0));
                    counts.len() - 1
                });
                counts[at].1 += 1.0;
            }
            for (labels, count) in counts {
                let row = out.row(labels, false);
                out.set(row, step, SampleValue::Float(count))?;
            }
            self.check(out.series().len())?;
        }
        Ok(out.finish())
    }
}

/// Between what the numbers of a column lie.
pub(super) struct Extent {
    pub least: f64,
    pub most: f64,
    pub has_nan: bool,
}

impl Extent {
    pub(super) fn of(column: &Column, grid: Grid) -> Self {
        let none = Self { least: f64::INFINITY, most: f64::NEG_INFINITY, has_nan: false };
        (0..grid.count).map(|step| column.at(step)).fold(none, |extent, value| Self {
            least: extent.least.min(value),
            most: extent.most.max(value),
            has_nan: extent.has_nan || value.is_nan(),
        })
    }
}

/// A value as the text of a label.
fn as_text(value: &SampleValue) -> String {
    match value {
        SampleValue::Float(value) if value.is_infinite() => if *value > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        SampleValue::Float(value) => value.to_string(),
        SampleValue::Histogram(histogram) => histogram.to_string(),
    }
}
