//! Numbers and times as Go's library writes them, which Prometheus' texts show.

use crate::clock::date;

/// A number as Go's `%g` writes it: with `digits` significant ones, or as few as tell it from its neighbours.
pub(crate) fn general(value: f64, digits: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = digits.map_or_else(|| format!("{value:e}"), |digits| format!("{value:.*e}", digits.max(1) - 1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    // A precision removes the zeros at the end, as C's `%g` does.
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    let threshold = digits.map_or(6, |digits| i32::try_from(digits).unwrap_or(i32::MAX));
    if exponent < -4 || exponent >= threshold {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
    // Through the rounded form, so that the digits are the asked ones.
    format!("{mantissa}e{exponent}").parse::<f64>().unwrap_or(value).to_string()
}

/// A time in milliseconds since the Unix epoch as RFC 3339 in whole seconds, UTC.
pub(crate) fn utc(time: i64) -> String {
    let seconds = time / 1_000;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        let cases = [
            (0.0, None, "0"),
            (1.5, None, "1.5"),
            (-0.25, None, "-0.25"),
            (123_456.0, None, "123456"),
            (1e6, None, "1e+06"),
            (1_234_567.0, None, "1.234567e+06"),
            (0.00001, None, "1e-05"),
            (12.345, Some(2), "12"),
            (1234.0, Some(2), "1.2e+03"),
            (0.1, Some(2), "0.1"),
            (f64::INFINITY, None, "+Inf"),
            (f64::NAN, None, "NaN"),
        ];
        for (value, digits, expected) in cases {
            assert_eq!(general(value, digits), expected);
        }
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_826_210_999), "2000-02-29T12:10:10Z");
        assert_eq!(utc(-1_000), "1969-12-31T23:59:59Z");
    }
}
