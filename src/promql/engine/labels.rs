//! `label_replace` and `label_join`: functions of labels, whatever the values.

use std::sync::Arc;

use super::matrix::{Grid, Matrix};
use super::names::merged;
use super::{EvalError, Evaluator};
use crate::model::{Labels, METRIC_NAME};
use crate::promql::plan::{LabelJoin, LabelReplace};

impl Evaluator<'_> {
    pub(super) fn label_replace(&mut self, replace: &LabelReplace, grid: Grid) -> Result<Matrix, EvalError> {
        let mut matrix = self.vector(&replace.vector, grid)?;
        for series in &mut matrix.series {
            let source = series.labels.get(&replace.source).unwrap_or_default();
            let Some(captures) = replace.pattern.captures(source) else { continue };
            let mut value = String::new();
            captures.expand(&replace.replacement, &mut value);
            series.labels = with(&series.labels, &replace.target, &value);
            series.drop_name &= *replace.target != *METRIC_NAME;
        }
        merged(matrix)
    }

    pub(super) fn label_join(&mut self, join: &LabelJoin, grid: Grid) -> Result<Matrix, EvalError> {
        let mut matrix = self.vector(&join.vector, grid)?;
        for series in &mut matrix.series {
            let values: Vec<&str> =
                join.sources.iter().map(|source| series.labels.get(source).unwrap_or_default()).collect();
            series.labels = with(&series.labels, &join.target, &values.join(&join.separator));
            series.drop_name &= *join.target != *METRIC_NAME;
        }
        merged(matrix)
    }
}

/// The labels with one of them set; an empty value takes it away.
pub(super) fn with(labels: &Labels, name: &Arc<str>, value: &str) -> Labels {
    let all = labels.iter().map(|(name, value)| (Arc::clone(name), Arc::clone(value)));
    Labels::new(all.chain([(Arc::clone(name), value.into())]))
}
