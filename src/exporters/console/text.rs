//! Values as text that stays on its line.

use std::fmt;

use opentelemetry::logs::AnyValue;
use opentelemetry::{KeyValue, Value};

use crate::clock::{Timestamp, date};
use crate::model::Number;

/// A number without its type.
pub(super) struct Plain(pub(super) Number);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Number::I64(value) => write!(f, "{value}"),
            Number::F64(value) => write!(f, "{value}"),
        }
    }
}

/// Text that stays on its line and does not command the terminal.
pub(super) struct Bare<'a>(pub(super) &'a str);

impl fmt::Display for Bare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            if char.is_control() {
                write!(f, "{}", char.escape_default())?;
            } else {
                write!(f, "{char}")?;
            }
        }
        Ok(())
    }
}

/// A value of a log record.
pub(super) struct Any<'a>(pub(super) &'a AnyValue);

impl fmt::Display for Any<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            AnyValue::Int(value) => write!(f, "{value}"),
            AnyValue::Double(value) => write!(f, "{value}"),
            AnyValue::Boolean(value) => write!(f, "{value}"),
            AnyValue::String(text) => write!(f, "{:?}", text.as_str()),
            other => write!(f, "{other:?}"),
        }
    }
}

/// Attributes as `{key="text", other=1}`, or nothing.
pub(super) struct Braced<'a>(pub(super) &'a [KeyValue]);

impl fmt::Display for Braced<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, KeyValue { key, value, .. }) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { " {" } else { ", " })?;
            match value {
                Value::String(text) => write!(f, "{key}={:?}", text.as_str())?,
                other => write!(f, "{key}={other}")?,
            }
        }
        if self.0.is_empty() { Ok(()) } else { f.write_str("}") }
    }
}

/// UTC with milliseconds: `2026-11-21T09:28:21.123Z`.
pub(super) struct Rfc3339(pub(super) Timestamp);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.0 / 1_000_000;
        let (days, of_day) = (millis / 86_400_000, millis % 86_400_000);
        let (year, month, day) = date(i64::try_from(days).unwrap_or(i64::MAX));
        let (seconds, milli) = (of_day / 1_000, of_day % 1_000);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days_and_at_the_ends() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z"),
            (1_709_251_200, "2024-03-01T00:00:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Rfc3339(Timestamp(seconds * 1_000_000_000)).to_string(), date);
        }
    }
}
