//! Go's `time.Time` and `time.Duration`, as far as templates reach.

use std::borrow::Cow;

use super::float;
use super::value::Value;
use crate::clock::date;

const DAY: i64 = 86_400;
/// The beginning of the year 1, which is Go's time that was never set, in nanoseconds since the Unix epoch.
pub(super) const NEVER: i128 = -62_135_596_800_000_000_000;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Nanoseconds since the Unix epoch, at the resolution of Prometheus: whole milliseconds.
pub(super) fn from_seconds(seconds: f64) -> Result<i64, String> {
    if !seconds.is_finite() {
        return Err("value is NaN or Inf".to_owned());
    }
    let nanos = seconds * 1e9;
    // The largest integers are no floats; Go compares in the same way.
    if nanos > i64::MAX as f64 || nanos < i64::MIN as f64 {
        let shown = float::plain(seconds);
        return Err(format!("{shown} cannot be represented as a nanoseconds timestamp since it overflows int64"));
    }
    Ok(float::whole(nanos) / 1_000_000 * 1_000_000)
}

/// Whole seconds of a time; there is none beyond the range.
fn seconds(nanos: i128) -> i64 {
    narrow(nanos.div_euclid(1_000_000_000))
}

/// What fits, or the nearest that does.
fn narrow(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

/// The time of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zone {
    /// Seconds east of UTC at the time in question.
    pub(super) offset: i32,
    /// As it is abbreviated, such as `CET`.
    pub(super) name: Cow<'static, str>,
}

impl Zone {
    pub(super) const UTC: Self = Self { offset: 0, name: Cow::Borrowed("UTC") };

    /// `-07:00`, with this between hours and minutes.
    fn shown(&self, between: &str) -> String {
        let (sign, size) = (if self.offset < 0 { '-' } else { '+' }, self.offset.abs());
        format!("{sign}{:02}{between}{:02}", size / 3600, size / 60 % 60)
    }
}

/// A time taken apart.
struct Civil {
    year: i64,
    /// From 1.
    month: i64,
    day: i64,
    /// From 0, Sunday.
    weekday: i64,
    /// From 1.
    year_day: i64,
    /// Of the day.
    second: i64,
    nano: i64,
}

impl Civil {
    fn of(nanos: i128, zone: &Zone) -> Self {
        let seconds = seconds(nanos) + i64::from(zone.offset);
        let days = seconds.div_euclid(DAY);
        let (year, month, day) = date(days);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][usize::try_from(month - 1).unwrap_or(0)];
        Self {
            year,
            month,
            day,
            weekday: (days + 4).rem_euclid(7),
            year_day: before + day + i64::from(leap && month > 2),
            second: seconds.rem_euclid(DAY),
            nano: i64::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0),
        }
    }

    fn month_name(&self) -> &'static str {
        MONTHS[usize::try_from(self.month - 1).unwrap_or(0)]
    }

    fn weekday_name(&self) -> &'static str {
        WEEKDAYS[usize::try_from(self.weekday).unwrap_or(0)]
    }
}

/// As Go prints a time: `2015-06-23 13:19:44.128 +0000 UTC`.
pub(super) fn print(nanos: i128, zone: &Zone) -> String {
    layout(nanos, zone, "2006-01-02 15:04:05.999999999 -0700 MST")
}

/// A time in the layout of an example: `Format` of Go's `time.Time`.
pub(super) fn layout(nanos: i128, zone: &Zone, example: &str) -> String {
    /// The parts of an example, the longer ones before those that they begin with.
    const PARTS: [&str; 26] = [
        "January", "Jan", "Monday", "Mon", "2006", "Z07:00", "-07:00", "-0700", "Z0700", "MST", "002", "01", "02",
        "03", "04", "05", "06", "15", "PM", "pm", "_2", "-07", "1", "2", "3", "4",
    ];
    let civil = Civil::of(nanos, zone);
    let mut text = String::new();
    let mut rest = example;
    while let Some(first) = rest.chars().next() {
        if let Some((fraction, length)) = fraction(rest, civil.nano) {
            text.push_str(&fraction);
            rest = &rest[length..];
        } else if let Some(part) = PARTS.iter().find(|part| rest.starts_with(**part)) {
            text.push_str(&civil_part(&civil, zone, part));
            rest = &rest[part.len()..];
        } else if first == '5' {
            text.push_str(&(civil.second % 60).to_string());
            rest = &rest[1..];
        } else {
            text.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    text
}

/// `.000` and `,000`: so many digits; `.999`: the same without zeros at the end.
fn fraction(rest: &str, nano: i64) -> Option<(String, usize)> {
    let point = rest.chars().next().filter(|point| matches!(point, '.' | ','))?;
    let digit = rest[1..].chars().next().filter(|digit| matches!(digit, '0' | '9'))?;
    let count = rest[1..].len() - rest[1..].trim_start_matches(digit).len();
    if rest[1 + count..].starts_with(|next: char| next.is_ascii_digit()) {
        return None;
    }
    let all = format!("{nano:09}");
    let digits = &all[..count.min(9)];
    let digits = if digit == '9' { digits.trim_end_matches('0') } else { digits };
    let text = if digits.is_empty() { String::new() } else { format!("{point}{digits}") };
    Some((text, 1 + count))
}

fn civil_part(civil: &Civil, zone: &Zone, part: &str) -> String {
    let (hour, minute, second) = (civil.second / 3600, civil.second / 60 % 60, civil.second % 60);
    let half = if hour % 12 == 0 { 12 } else { hour % 12 };
    match part {
        "January" => civil.month_name().to_owned(),
        "Jan" => civil.month_name()[..3].to_owned(),
        "Monday" => civil.weekday_name().to_owned(),
        "Mon" => civil.weekday_name()[..3].to_owned(),
        "2006" => format!("{:04}", civil.year),
        "Z07:00" | "Z0700" if zone.offset == 0 => "Z".to_owned(),
        "Z07:00" | "-07:00" => zone.shown(":"),
        "Z0700" | "-0700" => zone.shown(""),
        "-07" => zone.shown("")[..3].to_owned(),
        "MST" => zone.name.to_string(),
        "002" => format!("{:03}", civil.year_day),
        "01" => format!("{:02}", civil.month),
        "02" => format!("{:02}", civil.day),
        "03" => format!("{half:02}"),
        "04" => format!("{minute:02}"),
        "05" => format!("{second:02}"),
        "06" => format!("{:02}", civil.year.rem_euclid(100)),
        "15" => format!("{hour:02}"),
        "PM" => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        "pm" => if hour < 12 { "am" } else { "pm" }.to_owned(),
        "_2" => format!("{:2}", civil.day),
        "1" => civil.month.to_string(),
        "2" => civil.day.to_string(),
        "3" => half.to_string(),
        _ => minute.to_string(),
    }
}

/// A method of a time. `None`: there is none of that name.
pub(super) fn method(nanos: i128, zone: &Zone, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    let civil = Civil::of(nanos, zone);
    let number = match name {
        "Format" => {
            return Some(match args {
                [Value::Text(example)] => Ok(Value::text(layout(nanos, zone, example))),
                _ => Err("Format: expected the layout as a text".to_owned()),
            });
        }
        "Year" => civil.year,
        "Day" => civil.day,
        "YearDay" => civil.year_day,
        "Hour" => civil.second / 3600,
        "Minute" => civil.second / 60 % 60,
        "Second" => civil.second % 60,
        "Nanosecond" => civil.nano,
        "Unix" => seconds(nanos),
        "UnixMilli" => narrow(nanos.div_euclid(1_000_000)),
        "UnixMicro" => narrow(nanos.div_euclid(1_000)),
        "UnixNano" => narrow(nanos),
        "IsZero" => return Some(no_args(name, args, Value::Bool(nanos == NEVER))),
        "Month" => return Some(no_args(name, args, Value::text(civil.month_name()))),
        "Weekday" => return Some(no_args(name, args, Value::text(civil.weekday_name()))),
        "String" => return Some(no_args(name, args, Value::text(print(nanos, zone)))),
        "UTC" => return Some(no_args(name, args, Value::Time(narrow(nanos)))),
        _ => return None,
    };
    Some(no_args(name, args, Value::Int(number)))
}

/// A method of a duration. `None`: there is none of that name.
pub(super) fn duration_method(nanos: i64, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    let value = match name {
        "Hours" => Value::Float(nanos as f64 / 3.6e12),
        "Minutes" => Value::Float(nanos as f64 / 6e10),
        "Seconds" => Value::Float(nanos as f64 / 1e9),
        "Milliseconds" => Value::Int(nanos / 1_000_000),
        "Microseconds" => Value::Int(nanos / 1_000),
        "Nanoseconds" => Value::Int(nanos),
        "Abs" => Value::Duration(nanos.saturating_abs()),
        "String" => Value::text(print_duration(nanos)),
        _ => return None,
    };
    Some(no_args(name, args, value))
}

fn no_args(name: &str, args: &[Value], value: Value) -> Result<Value, String> {
    if args.is_empty() { Ok(value) } else { Err(format!("wrong number of args for {name}: want 0 got {}", args.len())) }
}

/// As Go prints a duration: `1h2m3.5s`.
pub(super) fn print_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    let decimal = |unit: u64, name: &str| {
        let fraction = format!("{:0width$}", size % unit, width = unit.to_string().len() - 1);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{}{point}{fraction}{name}", size / unit)
    };
    match size {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{size}ns"),
        1_000..1_000_000 => decimal(1_000, "µs"),
        1_000_000..1_000_000_000 => decimal(1_000_000, "ms"),
        _ => {
            let seconds = size / 1_000_000_000;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let rest = size % 60_000_000_000;
            let fraction = format!("{:09}", rest % 1_000_000_000);
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            let hours_shown = if hours > 0 { format!("{hours}h") } else { String::new() };
            let minutes_shown = if hours > 0 || minutes > 0 { format!("{minutes}m") } else { String::new() };
            format!("{sign}{hours_shown}{minutes_shown}{}{point}{fraction}s", rest / 1_000_000_000)
        }
    }
}
