//! Numbers, times, labels and histograms as Prometheus' API writes them (`util/jsonutil`, `web/api/v1/json_codec.go`).

use std::fmt::{Arguments, Write as _};

use jiff::Timestamp as Moment;

use crate::model::{Labels, NativeHistogram, Sample, SampleValue};

/// What Go writes for a time that is not known.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// Items with commas between them.
pub(super) fn list<T>(out: &mut String, items: impl IntoIterator<Item = T>, mut one: impl FnMut(&mut String, T)) {
    out.push('[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        one(out, item);
    }
    out.push(']');
}

/// A text in quotes.
pub(super) fn text(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            letter if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') => {
                put(out, format_args!("\\u{:04x}", u32::from(letter)));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}

/// `{"job":"search"}`
pub(super) fn labels(out: &mut String, labels: &Labels) {
    pairs(out, labels.iter().map(|(name, value)| (&**name, &**value)));
}

/// An object of texts.
pub(super) fn pairs<'t>(out: &mut String, pairs: impl Iterator<Item = (&'t str, &'t str)>) {
    out.push('{');
    for (at, (name, value)) in pairs.enumerate() {
        if at > 0 {
            out.push(',');
        }
        text(out, name);
        out.push(':');
        text(out, value);
    }
    out.push('}');
}

/// Milliseconds as seconds with up to three digits behind the point.
pub(super) fn seconds(out: &mut String, milliseconds: i64) {
    if milliseconds < 0 {
        out.push('-');
    }
    let absolute = milliseconds.unsigned_abs();
    put(out, format_args!("{}", absolute / 1_000));
    if !absolute.is_multiple_of(1_000) {
        put(out, format_args!(".{:03}", absolute % 1_000));
    }
}

/// A number in quotes: JSON has no word for those that are not finite.
pub(super) fn number(out: &mut String, value: f64) {
    let size = value.abs();
    out.push('"');
    if size != 0.0 && size.is_finite() && !(1e-6..1e21).contains(&size) {
        out.push_str(&scientific(value));
    } else {
        out.push_str(&plain(value));
    }
    out.push('"');
}

fn put(out: &mut String, text: Arguments<'_>) {
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok(), "a text takes everything");
}

/// Without an exponent, as Go's `%f` with as many digits as tell a number from its neighbours.
pub(super) fn plain(value: f64) -> String {
    if value == f64::INFINITY { "+Inf".to_owned() } else { value.to_string().replace("inf", "Inf") }
}

/// With an exponent of two digits or more, as Go's `%e`.
pub(super) fn scientific(value: f64) -> String {
    if !value.is_finite() {
        return plain(value);
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

/// `"value":[time,"1"]`, or the same with a histogram.
pub(super) fn value(out: &mut String, time: i64, value: &SampleValue) {
    out.push_str(if matches!(value, SampleValue::Float(_)) { "\"value\":" } else { "\"histogram\":" });
    point(out, time, value);
}

/// `"values":[…]` and `"histograms":[…]`, each where there are some.
pub(super) fn values(out: &mut String, samples: &[Sample]) {
    for (name, floats) in [(",\"values\":", true), (",\"histograms\":", false)] {
        let is_meant = |sample: &&Sample| matches!(sample.value, SampleValue::Float(_)) == floats;
        if samples.iter().any(|sample| is_meant(&sample)) {
            out.push_str(name);
            list(out, samples.iter().filter(is_meant), |out, sample| point(out, sample.time, &sample.value));
        }
    }
}

fn point(out: &mut String, time: i64, value: &SampleValue) {
    out.push('[');
    seconds(out, time);
    out.push(',');
    match value {
        SampleValue::Float(value) => number(out, *value),
        SampleValue::Histogram(value) => histogram(out, value),
    }
    out.push(']');
}

/// Count, sum, and the buckets that something is in: which bounds belong to it, the bounds, the count.
fn histogram(out: &mut String, histogram: &NativeHistogram) {
    out.push_str("{\"count\":");
    number(out, histogram.count);
    out.push_str(",\"sum\":");
    number(out, histogram.sum);
    let mut buckets = histogram.all_iter().filter(|bucket| bucket.count != 0.0).peekable();
    if buckets.peek().is_some() {
        out.push_str(",\"buckets\":");
        list(out, buckets, |out, bucket| {
            out.push_str(match (bucket.lower_inclusive, bucket.upper_inclusive) {
                (false, true) => "[0,",
                (true, false) => "[1,",
                (false, false) => "[2,",
                (true, true) => "[3,",
            });
            number(out, bucket.lower);
            out.push(',');
            number(out, bucket.upper);
            out.push(',');
            number(out, bucket.count);
            out.push(']');
        });
    }
    out.push('}');
}

/// Milliseconds since the Unix epoch as RFC 3339 in UTC.
pub(super) fn date(milliseconds: Option<i64>) -> String {
    let moment = milliseconds.and_then(|milliseconds| Moment::from_millisecond(milliseconds).ok());
    moment.map_or_else(|| NEVER.to_owned(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn numbers_are_written_as_prometheus_writes_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (0.000_001, "0.000001"),
            (0.000_000_1, "1e-07"),
            (1.25e-300, "1.25e-300"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ];
        for (value, expected) in cases {
            assert_eq!(written(|out| number(out, value)), format!("\"{expected}\""));
        }
        assert_eq!(
            (scientific(1.0), scientific(0.05), scientific(f64::NAN)),
            ("1e+00".into(), "5e-02".into(), "NaN".into())
        );
    }

    #[test]
    fn times_are_seconds_with_only_the_digits_that_they_need() {
        let cases = [(0, "0"), (1_000, "1"), (1_500, "1.500"), (1_001, "1.001"), (-1_050, "-1.050")];
        for (time, expected) in cases {
            assert_eq!(written(|out| seconds(out, time)), expected);
        }
        assert_eq!(date(Some(1_435_781_451_781)), "2015-07-01T20:10:51.781Z");
        assert_eq!(date(None), NEVER);
    }

    #[test]
    fn every_text_is_one_that_a_reader_of_json_takes_back() {
        for value in ["plain", "quote \" and \\", "two\nlines\t\u{1}", "\u{2028}\u{7f}", "ünï ☃"] {
            let read: String = serde_json::from_str(&written(|out| text(out, value))).unwrap();
            assert_eq!(read, value);
        }
    }
}
