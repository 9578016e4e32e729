//! Operators on two values.

use std::sync::Arc;

use crate::model::{NativeHistogram, ResetHint, SampleValue};
use crate::promql::ast::BinaryOp;
use crate::promql::notes::{Combining, Note};

/// What an operator makes of two values.
pub(super) struct Outcome {
    /// The value; `None`: the operator is not defined for the two, or they do not fit.
    pub value: Option<SampleValue>,
    /// Whether a comparison holds; true for other operators.
    pub holds: bool,
    /// What there is to remark.
    pub note: Option<Note<'static>>,
}

impl Outcome {
    fn of(value: SampleValue) -> Self {
        Self { value: Some(value), holds: true, note: None }
    }

    fn filtered(value: SampleValue, holds: bool) -> Self {
        Self { value: Some(value), holds, note: None }
    }

    fn none(note: Note<'static>) -> Self {
        Self { value: None, holds: false, note: Some(note) }
    }

    fn undefined(op: BinaryOp, left: &'static str, right: &'static str) -> Self {
        Self::none(Note::IncompatibleTypes { operator: op.as_str(), left, right })
    }
}

/// An operator between scalars; a comparison gives 1 or 0.
pub(super) fn scalars(op: BinaryOp, left: f64, right: f64) -> f64 {
    match compare(op, left, right) {
        Some(holds) => f64::from(u8::from(holds)),
        None => arithmetic(op, left, right).unwrap_or(f64::NAN),
    }
}

fn arithmetic(op: BinaryOp, left: f64, right: f64) -> Option<f64> {
    Some(match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => left / right,
        BinaryOp::Pow => left.powf(right),
        BinaryOp::Mod => left % right,
        BinaryOp::Atan2 => left.atan2(right),
        _ => return None,
    })
}

#[expect(clippy::float_cmp, reason = "the language compares exactly")]
fn compare(op: BinaryOp, left: f64, right: f64) -> Option<bool> {
    Some(match op {
        BinaryOp::Equal => left == right,
        BinaryOp::NotEqual => left != right,
        BinaryOp::Greater => left > right,
        BinaryOp::Less => left < right,
        BinaryOp::GreaterEqual => left >= right,
        BinaryOp::LessEqual => left <= right,
        _ => return None,
    })
}

/// An operator between samples. A comparison gives the left one.
pub(super) fn samples(op: BinaryOp, left: &SampleValue, right: &SampleValue) -> Outcome {
    use SampleValue::{Float, Histogram};
    match (left, right) {
        (Float(left), Float(right)) => floats(op, *left, *right),
        (Float(left), Histogram(right)) => match op {
            BinaryOp::Mul => changed(right, |right| right.scale(*left)),
            _ => Outcome::undefined(op, "float", "histogram"),
        },
        (Histogram(left), Float(right)) => histogram_and_float(op, left, *right),
        (Histogram(left), Histogram(right)) => histograms(op, left, right),
    }
}

fn floats(op: BinaryOp, left: f64, right: f64) -> Outcome {
    if let Some(holds) = compare(op, left, right) {
        return Outcome::filtered(SampleValue::Float(left), holds);
    }
    match arithmetic(op, left, right) {
        Some(value) => Outcome::of(SampleValue::Float(value)),
        None => Outcome::undefined(op, "float", "float"),
    }
}

fn histogram_and_float(op: BinaryOp, left: &Arc<NativeHistogram>, right: f64) -> Outcome {
    match op {
        BinaryOp::Mul => changed(left, |left| left.scale(right)),
        BinaryOp::Div => changed(left, |left| left.divide(right)),
        BinaryOp::TrimUpper | BinaryOp::TrimLower => {
            let mut trimmed = (**left).clone();
            trimmed.trim(right, op == BinaryOp::TrimUpper);
            Outcome::of(SampleValue::Histogram(Arc::new(trimmed)))
        }
        _ => Outcome::undefined(op, "histogram", "float"),
    }
}

fn changed(histogram: &NativeHistogram, change: impl FnOnce(&mut NativeHistogram)) -> Outcome {
    let mut histogram = histogram.clone();
    change(&mut histogram);
    histogram.compact(0);
    Outcome::of(SampleValue::Histogram(Arc::new(histogram)))
}

fn histograms(op: BinaryOp, left: &Arc<NativeHistogram>, right: &NativeHistogram) -> Outcome {
    let (combined, combining) = match op {
        BinaryOp::Equal | BinaryOp::NotEqual => {
            let holds = left.equals(right) == (op == BinaryOp::Equal);
            return Outcome::filtered(SampleValue::Histogram(Arc::clone(left)), holds);
        }
        BinaryOp::Add => {
            let mut sum = (**left).clone();
            (sum.add(right).map(|reconciled| (sum, reconciled)), Combining::Addition)
        }
        BinaryOp::Sub => {
            let mut difference = (**left).clone();
            let reconciled = difference.sub(right);
            difference.reset_hint = ResetHint::Gauge;
            (reconciled.map(|reconciled| (difference, reconciled)), Combining::Subtraction)
        }
        _ => return Outcome::undefined(op, "histogram", "histogram"),
    };
    match combined {
        // Prometheus warns, and gives nothing.
        Ok((_, reconciled)) if reconciled.reset_collision => Outcome::none(Note::ResetCollision(combining)),
        Ok((mut result, reconciled)) => {
            result.compact(0);
            let note = reconciled.bounds.then_some(Note::ReconciledBuckets(combining));
            Outcome { note, ..Outcome::of(SampleValue::Histogram(Arc::new(result))) }
        }
        Err(_) => Outcome::none(Note::IncompatibleBuckets(op.as_str())),
    }
}
