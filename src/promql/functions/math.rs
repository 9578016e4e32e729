//! Functions of single numbers.

use super::{Body, float};
use crate::model::SampleValue;

/// The body of a function of numbers.
pub(super) fn body(name: &str) -> Option<Body> {
    /// A function of a sample that ignores histograms.
    macro_rules! each {
        ($function:expr) => {
            Body::Each(|value: &SampleValue, _: &[f64]| float(value).map($function))
        };
    }
    Some(match name {
        "abs" => each!(f64::abs),
        "acos" => each!(f64::acos),
        "acosh" => each!(f64::acosh),
        "asin" => each!(f64::asin),
        "asinh" => each!(f64::asinh),
        "atan" => each!(f64::atan),
        "atanh" => each!(f64::atanh),
        "ceil" => each!(f64::ceil),
        "clamp" => Body::Each(|value, bounds| clamp(value, *bounds.first()?, *bounds.get(1)?)),
        "clamp_max" => Body::Each(|value, bounds| clamp(value, f64::NEG_INFINITY, *bounds.first()?)),
        "clamp_min" => Body::Each(|value, bounds| clamp(value, *bounds.first()?, f64::INFINITY)),
        "cos" => each!(f64::cos),
        "cosh" => each!(f64::cosh),
        // Not `to_degrees`, which multiplies by a rounded quotient.
        "deg" => each!(|radians| radians * 180.0 / std::f64::consts::PI),
        "exp" => each!(f64::exp),
        "floor" => each!(f64::floor),
        "ln" => each!(f64::ln),
        "log10" => each!(f64::log10),
        "log2" => each!(f64::log2),
        "max_of" => Body::Scalar(|numbers| numbers.iter().copied().reduce(max).unwrap_or(f64::NAN)),
        "min_of" => Body::Scalar(|numbers| numbers.iter().copied().reduce(min).unwrap_or(f64::NAN)),
        "pi" => Body::Scalar(|_| std::f64::consts::PI),
        "rad" => each!(|degrees| degrees * std::f64::consts::PI / 180.0),
        "round" => Body::Each(|value, to| Some(round(float(value)?, to.first().copied().unwrap_or(1.0)))),
        "sgn" => each!(sign),
        "sin" => each!(f64::sin),
        "sinh" => each!(f64::sinh),
        "sqrt" => each!(f64::sqrt),
        "tan" => each!(f64::tan),
        "tanh" => each!(f64::tanh),
        _ => return None,
    })
}

/// Nothing when the bounds are the wrong way round.
fn clamp(value: &SampleValue, lower: f64, upper: f64) -> Option<f64> {
    let value = float(value)?;
    if upper < lower { None } else { Some(max(lower, min(upper, value))) }
}

/// Ties go up. The inverse of the step loses less to rounding than the step.
fn round(value: f64, step: f64) -> f64 {
    let inverse = 1.0 / step;
    (value * inverse + 0.5).floor() / inverse
}

fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        value
    }
}

/// The greater one as Go has it: `NaN` when one of them is, unless the other is infinity; 0 is greater than -0.
pub(super) fn max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a > b || a == b && a.is_sign_positive() {
        a
    } else {
        b
    }
}

/// The lesser one in the same way.
pub(super) fn min(a: f64, b: f64) -> f64 {
    -max(-a, -b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(name: &str, value: f64, scalars: &[f64]) -> Option<f64> {
        match body(name) {
            Some(Body::Each(function)) => function(&SampleValue::Float(value), scalars),
            other => panic!("{name} is {other:?}"),
        }
    }

    #[test]
    fn single_numbers_are_calculated_as_go_calculates_them() {
        let (nan, infinite) = (f64::NAN, f64::INFINITY);
        let cases: [(&str, f64, &[f64], Option<f64>); 18] = [
            ("round", 2.5, &[], Some(3.0)),
            ("round", -2.5, &[], Some(-2.0)),
            ("round", 0.29, &[0.1], Some(0.3)),
            ("round", 17.0, &[5.0], Some(15.0)),
            ("round", infinite, &[], Some(infinite)),
            ("clamp", 7.0, &[1.0, 5.0], Some(5.0)),
            ("clamp", -7.0, &[1.0, 5.0], Some(1.0)),
            ("clamp", 7.0, &[5.0, 1.0], None),
            ("clamp", 7.0, &[nan, 5.0], Some(nan)),
            ("clamp", nan, &[1.0, 5.0], Some(nan)),
            ("clamp_min", nan, &[1.0], Some(nan)),
            ("clamp_max", -infinite, &[1.0], Some(-infinite)),
            ("sgn", -0.5, &[], Some(-1.0)),
            ("sgn", nan, &[], Some(nan)),
            ("deg", std::f64::consts::PI, &[], Some(180.0)),
            ("rad", 180.0, &[], Some(std::f64::consts::PI)),
            ("sqrt", -1.0, &[], Some(nan)),
            ("log2", 8.0, &[], Some(3.0)),
        ];
        for (name, value, scalars, expected) in cases {
            let found = each(name, value, scalars);
            let same = match (found, expected) {
                (Some(found), Some(expected)) => found.is_nan() && expected.is_nan() || found == expected,
                (found, expected) => found == expected,
            };
            assert!(same, "{name}({value}, {scalars:?}): {found:?}, expected {expected:?}");
        }
    }

    #[test]
    fn the_greater_of_two_is_infinity_before_it_is_nan() {
        assert_eq!(max(f64::NAN, f64::INFINITY), f64::INFINITY);
        assert_eq!(min(f64::NAN, f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert!(max(1.0, f64::NAN).is_nan() && min(f64::NAN, 1.0).is_nan());
        assert!(max(-0.0, 0.0).is_sign_positive() && min(0.0, -0.0).is_sign_negative());
    }
}
