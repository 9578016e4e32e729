//! Lengths of time that are calculated from the query's own step and range.

use super::super::answer::EvalError;
use super::super::ast::{BinaryOp, DurationExpr, DurationKind, Length};
use super::Times;

/// Whether a length may be zero or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Any,
    Positive,
}

/// The length in milliseconds.
pub(super) fn milliseconds(length: &Length, sign: Sign, times: Times) -> Result<i64, EvalError> {
    match length {
        Length::Fixed(milliseconds) => Ok(*milliseconds),
        Length::Calculated(expr) => calculated(expr, sign, times),
    }
}

fn calculated(expr: &DurationExpr, sign: Sign, times: Times) -> Result<i64, EvalError> {
    // Prometheus counts in nanoseconds of 64 bits.
    const LONGEST: f64 = 9_223_372_036.854_775;
    let length = seconds(expr, times)?;
    if !length.is_finite() {
        return Err(fault(expr, "duration is NaN or infinite"));
    }
    if length <= 0.0 && sign == Sign::Positive {
        return Err(fault(expr, "duration must be greater than 0"));
    }
    if length.abs() > LONGEST {
        return Err(fault(expr, "duration is out of range"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded above, and cut to whole milliseconds on purpose")]
    Ok((length * 1_000.0) as i64)
}

fn seconds(expr: &DurationExpr, times: Times) -> Result<f64, EvalError> {
    let of = |inner: &DurationExpr| seconds(inner, times);
    Ok(match &expr.kind {
        DurationKind::Number(number) => number.value,
        DurationKind::Step => times.step as f64 / 1_000.0,
        DurationKind::Range => (times.end - times.start) as f64 / 1_000.0,
        DurationKind::Negate(inner) => -of(inner)?,
        DurationKind::MinOf(a, b) => of(a)?.min(of(b)?),
        DurationKind::MaxOf(a, b) => of(a)?.max(of(b)?),
        DurationKind::Binary(op, a, b) => {
            let (a, b) = (of(a)?, of(b)?);
            match op {
                BinaryOp::Div if b == 0.0 => return Err(fault(expr, "division by zero")),
                BinaryOp::Mod if b == 0.0 => return Err(fault(expr, "modulo by zero")),
                BinaryOp::Add => a + b,
                BinaryOp::Sub => a - b,
                BinaryOp::Mul => a * b,
                BinaryOp::Div => a / b,
                BinaryOp::Mod => a % b,
                BinaryOp::Pow => a.powf(b),
                op => return Err(fault(expr, &format!("unexpected duration expression operator \"{op}\""))),
            }
        }
    })
}

fn fault(expr: &DurationExpr, what: &str) -> EvalError {
    EvalError::new(format!("{}:{}: {what}", expr.span.start, expr.span.end), expr.span)
}
