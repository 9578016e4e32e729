//! Numbers and durations, as Prometheus reads and Go writes them.

use super::quote::quote;
use crate::model::{self, NotADuration};

/// A number as a query has it: decimal, `0x1f`, octal with a leading zero, `1_000`, `1e9`, `Inf`, `NaN`.
pub(super) fn parse_number(text: &str) -> Result<f64, String> {
    if let Some(whole) = parse_integer(text) {
        return Ok(whole as f64);
    }
    let plain = if underscores_separate_digits(text) { text.replace('_', "") } else { String::new() };
    match plain.parse::<f64>() {
        Ok(value) if value.is_infinite() && !plain.to_ascii_lowercase().contains("inf") => {
            Err(format!("strconv.ParseFloat: parsing {}: value out of range", quote(text)))
        }
        Ok(value) => Ok(value),
        Err(_) => Err(format!("strconv.ParseFloat: parsing {}: invalid syntax", quote(text))),
    }
}

fn parse_integer(text: &str) -> Option<i64> {
    if !underscores_separate_digits(text) {
        return None;
    }
    let plain = text.replace('_', "").to_ascii_lowercase();
    match (plain.strip_prefix("0x"), plain.strip_prefix('0')) {
        (Some(digits), _) => i64::from_str_radix(digits, 16).ok(),
        (None, Some("")) => Some(0),
        (None, Some(digits)) => i64::from_str_radix(digits, 8).ok(),
        (None, None) => plain.parse().ok(),
    }
}

/// Whether every underscore stands between two digits, or between `0x` and one.
fn underscores_separate_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let hexadecimal = matches!(bytes, [b'0', b'x' | b'X', ..]);
    let is_digit =
        |byte: &u8| if hexadecimal { byte.is_ascii_hexdigit() || *byte == b'x' } else { byte.is_ascii_digit() };
    let around = |at: usize| [at.checked_sub(1), Some(at + 1)].map(|at| at.and_then(|at| bytes.get(at)));
    let mut places = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_');
    places.all(|(at, _)| around(at).iter().all(|byte| byte.is_some_and(|byte| is_digit(&byte.to_ascii_lowercase()))))
}

/// A duration such as `1h30m`, in milliseconds.
///
/// # Errors
/// In Prometheus' words.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    model::parse_duration(text).map_err(|why| match why {
        NotADuration::Empty => "empty duration string".to_owned(),
        NotADuration::Malformed => format!("not a valid duration string: {}", quote(text)),
        NotADuration::Unit(unit) => format!("unknown unit {} in duration {}", quote(unit), quote(text)),
        NotADuration::TooLong => "duration out of range".to_owned(),
    })
}

/// The shortest digits that read back as the same number, never with an exponent (Go's `'f', -1`).
pub(crate) fn format_float(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::print_duration;

    #[test]
    fn a_number_is_read_in_each_of_its_forms() {
        let cases = [
            ("1", 1.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("0x1F", 31.0),
            ("0X_1f", 31.0),
            ("010", 8.0),
            ("08", 8.0),
            ("0", 0.0),
            ("1_000", 1000.0),
            ("1_000.5", 1000.5),
            ("Inf", f64::INFINITY),
            ("123456789012345678901234567890", 1.234_567_890_123_456_8e29),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_number(text), Ok(expected), "{text}");
        }
        assert!(parse_number("nan").is_ok_and(f64::is_nan));
        for text in ["1_", "0x", "1e999", ""] {
            assert!(parse_number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_duration_reads_and_prints_as_prometheus_does() {
        let cases = [
            ("5m", 300_000, "5m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("90m", 5_400_000, "1h30m"),
            ("1y", 31_536_000_000, "1y"),
            ("7d", 604_800_000, "1w"),
            ("8d", 691_200_000, "8d"),
            ("1500ms", 1_500, "1s500ms"),
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
        ];
        for (text, milliseconds, printed) in cases {
            assert_eq!(parse_duration(text), Ok(milliseconds), "{text}");
            assert_eq!(print_duration(milliseconds), printed);
        }
        assert_eq!(print_duration(-300_000), "-5m");
        let wrong = [
            ("", "empty duration string"),
            ("5", "not a valid duration string: \"5\""),
            ("m", "not a valid duration string: \"m\""),
            ("1m1h", "not a valid duration string: \"1m1h\""),
            ("1m1m", "not a valid duration string: \"1m1m\""),
            ("5q", "unknown unit \"q\" in duration \"5q\""),
            ("300y", "duration out of range"),
        ];
        for (text, message) in wrong {
            assert_eq!(parse_duration(text), Err(message.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_number_prints_as_go_does() {
        let cases = [
            (1.0, "1"),
            (0.1, "0.1"),
            (1e21, "1000000000000000000000"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
            (-0.0, "-0"),
        ];
        for (value, expected) in cases {
            assert_eq!(format_float(value), expected);
        }
    }
}
