//! Numbers for people (`template/template.go` and `helpers/templates/convert.go` of Prometheus).

use super::float::{self, format};
use super::time;

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

fn four(value: f64) -> String {
    format(value, 'g', Some(4))
}

/// Divides by `base` until the number is below it, or multiplies until it is not below 1.
fn scaled(mut value: f64, base: f64, prefixes: &[&'static str]) -> (f64, &'static str) {
    let mut last = "";
    for prefix in prefixes {
        if base > 1.0 && value.abs() < base || base < 1.0 && value.abs() >= 1.0 {
            break;
        }
        last = prefix;
        // Small numbers are multiplied by 1000: a division by 0.001 would round otherwise.
        value = if base > 1.0 { value / base } else { value * 1000.0 };
    }
    (value, last)
}

/// `1234567` -> `1.235M`
pub(super) fn metric(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return four(value);
    }
    let (value, prefix) = if value.abs() >= 1.0 { scaled(value, 1000.0, &LARGE) } else { scaled(value, 0.001, &SMALL) };
    four(value) + prefix
}

/// `1048576` -> `1Mi`
pub(super) fn binary(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return four(value);
    }
    let (value, prefix) = scaled(value, 1024.0, &["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"]);
    four(value) + prefix
}

/// `0.0375` -> `3.75%`
pub(super) fn percentage(value: f64) -> String {
    four(value * 100.0) + "%"
}

/// `3661` seconds -> `1h 1m 1s`
pub(super) fn duration(value: f64) -> String {
    if !value.is_finite() {
        return four(value);
    }
    if value == 0.0 {
        return four(value) + "s";
    }
    if value.abs() < 1.0 {
        let (value, prefix) = scaled(value, 0.001, &SMALL);
        return format!("{}{prefix}s", four(value));
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let value = value.abs();
    let whole = float::whole(value);
    let (seconds, minutes, hours, days) = (whole % 60, whole / 60 % 60, whole / 3600 % 24, whole / 86_400);
    if days != 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours != 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes != 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", four(value))
    }
}

/// Seconds since the Unix epoch -> `2023-11-14 22:13:20 +0000 UTC`
pub(super) fn timestamp(value: f64) -> Result<String, String> {
    if !value.is_finite() {
        return Ok(four(value));
    }
    Ok(time::print(i128::from(time::from_seconds(value)?), &time::Zone::UTC))
}
