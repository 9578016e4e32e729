//! What an aggregation keeps of a group while it goes through its series.

use std::sync::Arc;

use super::matrix::Cell;
use crate::model::{Labels, NativeHistogram, ResetHint, SampleValue};
use crate::promql::ast::AggregateOp;
use crate::promql::functions::quantile;
use crate::promql::histogram::{HistogramMean, HistogramSum, Incompatible, Reconciled};
use crate::promql::kahan::Kahan;
use crate::promql::notes::{Combining, Note};

/// One group at one step.
pub(super) enum Tally {
    /// No sample yet.
    Empty,
    /// `sum`, `avg`
    Sum(Sums),
    Count(f64),
    /// `min`, `max`
    Extreme(f64),
    /// Number, mean, and sum of squared differences from it (Welford's algorithm).
    Spread {
        count: f64,
        mean: f64,
        squares: f64,
    },
    Values(Vec<f64>),
}

/// Floats and histograms of `sum` and `avg`.
#[derive(Default)]
pub(super) struct Sums {
    floats: Option<Mean>,
    histograms: Histograms,
    /// Hints seen: after a reset, after none.
    resets: (bool, bool),
}

#[derive(Default)]
enum Histograms {
    #[default]
    None,
    Sum(Box<HistogramSum>),
    Mean(Box<HistogramMean>),
    /// There were some, and they do not fit together.
    Incompatible,
    /// There were some after floats: the group has no result in any case.
    Ignored,
}

/// A sum with its number; a running mean from where the sum would become infinite.
struct Mean {
    count: f64,
    /// The sum, or the mean once `running`.
    sum: Kahan,
    running: bool,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.running {
            let mut sum = self.sum;
            sum += value;
            if !sum.sum.is_infinite() {
                self.sum = sum;
                return;
            }
            self.running = true;
            self.sum = self.sum.divided(self.count - 1.0);
        }
        self.sum = self.sum.scaled((self.count - 1.0) / self.count);
        self.sum += value / self.count;
    }

    fn value(self) -> f64 {
        if self.running { self.sum.value() } else { self.sum.divided(self.count).value() }
    }
}

impl Tally {
    pub(super) fn new(op: AggregateOp) -> Self {
        match op {
            AggregateOp::Sum | AggregateOp::Avg => Self::Sum(Sums::default()),
            _ => Self::Empty,
        }
    }

    /// Takes a sample in, and returns what there is to remark.
    pub(super) fn add(&mut self, op: AggregateOp, value: &SampleValue, labels: &Labels) -> Option<Note<'static>> {
        if let Self::Sum(sums) = self {
            return sums.add(op, value, labels);
        }
        if matches!(op, AggregateOp::Group | AggregateOp::Count) {
            let before = if let Self::Count(count) = self { *count } else { 0.0 };
            *self = Self::Count(before + 1.0);
            return None;
        }
        let SampleValue::Float(value) = value else { return Some(Note::IgnoredInAggregation(op.as_str())) };
        self.add_float(op, *value);
        None
    }

    fn add_float(&mut self, op: AggregateOp, value: f64) {
        match self {
            Self::Empty => {
                *self = match op {
                    AggregateOp::Min | AggregateOp::Max => Self::Extreme(value),
                    AggregateOp::Stddev | AggregateOp::Stdvar => {
                        let squares = if value.is_finite() { 0.0 } else { f64::NAN };
                        Self::Spread { count: 1.0, mean: value, squares }
                    }
                    _ => Self::Values(vec![value]),
                }
            }
            Self::Extreme(extreme) => {
                let beyond = if op == AggregateOp::Max { *extreme < value } else { *extreme > value };
                if beyond || extreme.is_nan() {
                    *extreme = value;
                }
            }
            Self::Spread { count, mean, squares } => {
                *count += 1.0;
                let delta = value - *mean;
                *mean += delta / *count;
                *squares += delta * (value - *mean);
            }
            Self::Values(values) => values.push(value),
            Self::Sum(_) | Self::Count(_) => {}
        }
    }

    /// The value of the group, and what there is to remark.
    pub(super) fn finish(self, op: AggregateOp, param: f64) -> (Cell, Option<Note<'static>>) {
        let value = match self {
            Self::Empty => return (None, None),
            Self::Sum(sums) => return sums.finish(op),
            Self::Count(_) if op == AggregateOp::Group => 1.0,
            Self::Count(value) | Self::Extreme(value) => value,
            Self::Spread { count, squares, .. } if op == AggregateOp::Stddev => (squares / count).sqrt(),
            Self::Spread { count, squares, .. } => squares / count,
            Self::Values(mut values) => quantile(param, &mut values),
        };
        (Some(SampleValue::Float(value)), None)
    }
}

impl Sums {
    fn add(&mut self, op: AggregateOp, value: &SampleValue, labels: &Labels) -> Option<Note<'static>> {
        if matches!(self.histograms, Histograms::Incompatible) {
            return None;
        }
        match value {
            SampleValue::Float(value) => {
                match &mut self.floats {
                    Some(mean) if op == AggregateOp::Avg => mean.add(*value),
                    Some(mean) => mean.sum += *value,
                    None => self.floats = Some(Mean { count: 1.0, sum: Kahan::of(*value), running: false }),
                }
                None
            }
            SampleValue::Histogram(histogram) => self.add_histogram(op, histogram, labels),
        }
    }

    fn add_histogram(&mut self, op: AggregateOp, value: &NativeHistogram, labels: &Labels) -> Option<Note<'static>> {
        let first = matches!(self.histograms, Histograms::None);
        if first && self.floats.is_some() {
            self.histograms = Histograms::Ignored;
        }
        if matches!(self.histograms, Histograms::Ignored) {
            return None;
        }
        match value.reset_hint {
            ResetHint::CounterReset => self.resets.0 = true,
            ResetHint::NotCounterReset => self.resets.1 = true,
            ResetHint::Unknown | ResetHint::Gauge => {}
        }
        let added: Result<Reconciled, Incompatible> = match &mut self.histograms {
            Histograms::Sum(sum) => sum.add(value),
            Histograms::Mean(mean) => mean.add(value),
            histograms => {
                *histograms = if op == AggregateOp::Avg {
                    Histograms::Mean(Box::new(HistogramMean::new(value)))
                } else {
                    Histograms::Sum(Box::new(HistogramSum::new(value)))
                };
                return None;
            }
        };
        if let Ok(reconciled) = added {
            return reconciled.bounds.then_some(Note::ReconciledBuckets(Combining::Aggregation));
        }
        self.histograms = Histograms::Incompatible;
        let metric = labels.metric_name().unwrap_or_default().to_owned();
        Some(Note::MixedExponentialCustom(metric.into()))
    }

    fn finish(self, op: AggregateOp) -> (Cell, Option<Note<'static>>) {
        let mixed = self.floats.is_some() && !matches!(self.histograms, Histograms::None);
        if mixed {
            return (None, Some(Note::MixedInAggregation));
        }
        let histogram = match self.histograms {
            Histograms::None => None,
            Histograms::Sum(sum) => Some(sum.finish()),
            Histograms::Mean(mean) => Some(mean.finish()),
            Histograms::Incompatible | Histograms::Ignored => return (None, None),
        };
        let collision = (self.resets == (true, true)).then_some(Note::ResetCollision(Combining::Aggregation));
        let value = match (histogram, self.floats) {
            (Some(mut histogram), _) => {
                histogram.compact(0);
                Some(SampleValue::Histogram(Arc::new(histogram)))
            }
            (None, Some(mean)) if op == AggregateOp::Avg => Some(SampleValue::Float(mean.value())),
            (None, Some(mean)) => Some(SampleValue::Float(mean.sum.value())),
            (None, None) => None,
        };
        (value, collision)
    }
}
