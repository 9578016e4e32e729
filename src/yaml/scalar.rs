//! A scalar's type, by YAML's core schema (<https://yaml.org/spec/1.2.2/#103-core-schema>).

/// One value of a file, after substitution.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text,
}

impl Scalar {
    /// What a scalar written without quotes stands for.
    pub fn plain(text: &str) -> Self {
        match text.trim() {
            "" | "~" | "null" | "Null" | "NULL" => Self::Null,
            "true" | "True" | "TRUE" => Self::Bool(true),
            "false" | "False" | "FALSE" => Self::Bool(false),
            ".nan" | ".NaN" | ".NAN" => Self::Float(f64::NAN),
            number => integer(number).map(Self::Int).or_else(|| float(number).map(Self::Float)).unwrap_or(Self::Text),
        }
    }
}

/// `[-+]?[0-9]+`, `0o[0-7]+`, `0x[0-9a-fA-F]+`. A number beyond 64 bits is a float.
fn integer(text: &str) -> Option<i64> {
    let radix = |digits: &str, radix: u32| {
        let digits_only = digits.chars().all(|digit| digit.is_digit(radix));
        if digits_only { i64::from_str_radix(digits, radix).ok() } else { None }
    };
    match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
        (Some(digits), _) => radix(digits, 16),
        (_, Some(digits)) => radix(digits, 8),
        _ => text.parse().ok(),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?` and the infinities.
fn float(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Some(sign * f64::INFINITY);
    }
    // Rust's own syntax is the same but for the words `inf`, `infinity` and `nan`.
    let starts = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if starts { digits.parse::<f64>().ok().map(|number| sign * number) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_types_of_the_core_schema() {
        let cases = [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("null", Scalar::Null),
            ("true", Scalar::Bool(true)),
            ("yes", Scalar::Text),
            ("0xdeadbeef", Scalar::Int(3_735_928_559)),
            ("0o17", Scalar::Int(15)),
            ("017", Scalar::Int(17)),
            ("-12", Scalar::Int(-12)),
            ("+3", Scalar::Int(3)),
            ("1.1", Scalar::Float(1.1)),
            ("-.5", Scalar::Float(-0.5)),
            ("1e3", Scalar::Float(1000.0)),
            ("99999999999999999999", Scalar::Float(1e20)),
            ("-.inf", Scalar::Float(f64::NEG_INFINITY)),
            ("inf", Scalar::Text),
            ("nan", Scalar::Text),
            ("-", Scalar::Text),
            ("--1", Scalar::Text),
            ("0x", Scalar::Text),
            ("0x-1", Scalar::Text),
            ("1_000", Scalar::Text),
            ("1.0.0", Scalar::Text),
            ("value\nkey: value", Scalar::Text),
        ];
        for (text, expected) in cases {
            assert_eq!(Scalar::plain(text), expected, "{text:?}");
        }
    }
}
