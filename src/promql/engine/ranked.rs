//! Aggregations that keep some series of each group: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use std::cmp::Ordering;

use super::aggregate::Extent;
use super::collect::Collector;
use super::matrix::{Column, Grid, Matrix};
use super::{EvalError, Evaluator};
use crate::model::{Labels, SampleValue};
use crate::promql::ast::AggregateOp;
use crate::promql::notes::Note;
use crate::promql::plan::Aggregate;
use crate::promql::text::general;
use crate::promql::xxhash::xxhash64;

/// The least and the greatest whole number of 64 bits that a float can hold.
const WHOLE: (f64, f64) = (-9_223_372_036_854_775_808.0, 9_223_372_036_854_774_784.0);

impl Evaluator<'_> {
    pub(super) fn ranked(
        &mut self,
        aggregate: &Aggregate,
        param: &Column,
        matrix: &Matrix,
        of_series: &[usize],
        grid: Grid,
    ) -> Result<Matrix, EvalError> {
        if !self.wanted(aggregate, &Extent::of(param, grid))? {
            return Ok(Matrix { steps: grid.count, ..Matrix::default() });
        }
        let op = aggregate.op;
        let offsets: Vec<f64> = match op {
            AggregateOp::LimitRatio => matrix.series.iter().map(|series| offset(&series.labels)).collect(),
            _ => Vec::new(),
        };
        let groups = of_series.iter().max().map_or(0, |group| group + 1);
        let mut out = Collector::new(grid.count, aggregate.span);
        let mut rows = vec![None; matrix.series.len()];
        let mut members: Vec<Vec<(usize, f64)>> = vec![Vec::new(); groups];
        for step in 0..grid.count {
            let param = param.at(step);
            for (series, group) in of_series.iter().enumerate() {
                let Some(value) = matrix.cell(series, step) else { continue };
                match value {
                    SampleValue::Float(value) => members[*group].push((series, *value)),
                    SampleValue::Histogram(_) if matches!(op, AggregateOp::Topk | AggregateOp::Bottomk) => {
                        if whole(param) >= 1 {
                            self.annotations.add(Note::IgnoredInAggregation(op.as_str()), aggregate.span);
                        }
                    }
                    SampleValue::Histogram(_) => members[*group].push((series, f64::NAN)),
                }
            }
            for members in &mut members {
                choose(op, param, members, &offsets);
                for (series, _) in members.drain(..) {
                    let whose = &matrix.series[series];
                    let row = *rows[series].get_or_insert_with(|| out.row(whose.labels.clone(), whose.drop_name));
                    if let Some(value) = matrix.cell(series, step) {
                        out.set(row, step, value.clone())?;
                    }
                }
            }
        }
        Ok(out.finish())
    }

    /// Whether any step wants a series.
    fn wanted(&mut self, aggregate: &Aggregate, param: &Extent) -> Result<bool, EvalError> {
        let fault = |what: String| Err(EvalError::new(what, aggregate.param_span));
        if aggregate.op == AggregateOp::LimitRatio {
            if param.has_nan {
                return fault("Ratio value is NaN".to_owned());
            }
            for (beyond, value, cap) in [(param.most > 1.0, param.most, 1.0), (param.least < -1.0, param.least, -1.0)] {
                if beyond {
                    self.annotations.add(Note::InvalidRatio(value, cap), aggregate.param_span);
                }
            }
            return Ok(param.most != 0.0 || param.least != 0.0);
        }
        if param.has_nan {
            return fault("Parameter value is NaN".to_owned());
        }
        if param.most < 1.0 {
            return Ok(false);
        }
        if param.least <= WHOLE.0 {
            return fault(format!("Scalar value {} underflows int64", general(param.least, None)));
        }
        if param.most >= WHOLE.1 {
            return fault(format!("Scalar value {} overflows int64", general(param.most, None)));
        }
        Ok(true)
    }
}

/// Cut to a whole number; none when it is not positive.
fn whole(param: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut on purpose, at zero too")]
    let whole = param as usize;
    whole
}

/// Leaves those members of a group that the operator keeps, in its order.
fn choose(op: AggregateOp, param: f64, members: &mut Vec<(usize, f64)>, offsets: &[f64]) {
    match op {
        AggregateOp::Topk => members.sort_by(|a, b| nan_last(a.1, b.1).then_with(|| ascending(b.1, a.1))),
        AggregateOp::Bottomk => members.sort_by(|a, b| nan_last(a.1, b.1).then_with(|| ascending(a.1, b.1))),
        AggregateOp::LimitRatio => {
            let (ratio, from) = (param.min(1.0), 1.0 + param.max(-1.0));
            members.retain(|(series, _)| {
                let offset = offsets[*series];
                ratio >= 0.0 && offset < ratio || ratio < 0.0 && offset >= from
            });
            return;
        }
        _ => {}
    }
    members.truncate(whole(param));
}

/// `NaN`s come last whichever way one sorts.
fn nan_last(a: f64, b: f64) -> Ordering {
    a.is_nan().cmp(&b.is_nan())
}

fn ascending(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// Where a series lies between 0 and 1: the hash of its labels as Prometheus keeps them in memory, each text with its
/// length before it (`labels_stringlabels.go`).
fn offset(labels: &Labels) -> f64 {
    let mut bytes = Vec::new();
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        if let Ok(length @ 0..=254) = u8::try_from(text.len()) {
            bytes.push(length);
        } else {
            bytes.push(255);
            bytes.extend_from_slice(&text.len().to_le_bytes()[..3]);
        }
        bytes.extend_from_slice(text.as_bytes());
    }
    xxhash64(&bytes) as f64 / u64::MAX as f64
}
