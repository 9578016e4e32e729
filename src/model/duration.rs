//! Lengths of time as Prometheus writes them: `1h30m`.

/// The units, the largest first, in milliseconds. A year has 365 days.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The longest duration: what 64 bits of nanoseconds hold, in milliseconds (292 years).
const LONGEST: i64 = i64::MAX / 1_000_000;

/// Why a text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotADuration<'t> {
    /// There is nothing.
    Empty,
    /// A number without a unit, a unit without a number, or units out of their order.
    Malformed,
    /// A unit that there is not.
    Unit(&'t str),
    /// Longer than 292 years.
    TooLong,
}

/// Milliseconds: each unit at most once, the larger ones first; `0` needs none.
///
/// # Errors
/// What keeps it from being one, as Prometheus tells these cases apart.
pub fn parse_duration(text: &str) -> Result<i64, NotADuration<'_>> {
    if text.is_empty() {
        return Err(NotADuration::Empty);
    }
    if text == "0" {
        return Ok(0);
    }
    let (mut rest, mut total, mut units) = (text, 0_i64, UNITS.iter());
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or(NotADuration::Malformed)?;
        let (count, after) = rest.split_at(digits);
        let count: u64 = count.parse().map_err(|_| NotADuration::Malformed)?;
        let (unit, after) = after.split_at(after.find(|letter: char| letter.is_ascii_digit()).unwrap_or(after.len()));
        if !UNITS.iter().any(|(name, _)| *name == unit) {
            return Err(NotADuration::Unit(unit));
        }
        let (_, length) = units.find(|(name, _)| *name == unit).ok_or(NotADuration::Malformed)?;
        let part = i64::try_from(count).ok().and_then(|count| count.checked_mul(*length));
        let sum = part.and_then(|part| total.checked_add(part)).filter(|total| *total <= LONGEST);
        total = sum.ok_or(NotADuration::TooLong)?;
        rest = after;
    }
    Ok(total)
}

/// Milliseconds as Prometheus prints them: years and weeks only where nothing else is left over.
pub fn print_duration(milliseconds: i64) -> String {
    if milliseconds == 0 {
        return "0s".to_owned();
    }
    let mut text = String::from(if milliseconds < 0 { "-" } else { "" });
    let mut left = milliseconds.unsigned_abs();
    for (unit, length) in UNITS {
        let length = length.unsigned_abs();
        let must_be_exact = matches!(unit, "y" | "w");
        if left >= length && (!must_be_exact || left.is_multiple_of(length)) {
            text.push_str(&(left / length).to_string());
            text.push_str(unit);
            left %= length;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_as_in_prometheus() {
        let cases = [
            ("0", Some((0, "0s"))),
            ("0w", Some((0, "0s"))),
            ("1ms", Some((1, "1ms"))),
            ("30s", Some((30_000, "30s"))),
            ("1h30m", Some((5_400_000, "1h30m"))),
            ("90m", Some((5_400_000, "1h30m"))),
            ("14d", Some((1_209_600_000, "2w"))),
            ("8d", Some((691_200_000, "8d"))),
            ("3w2d1h", Some((1_990_800_000, "23d1h"))),
            ("1y", Some((31_536_000_000, "1y"))),
            ("", None),
            ("5", None),
            ("m", None),
            ("1m1h", None),
            ("1m1m", None),
            ("1.5h", None),
            ("-1m", None),
            ("1 m", None),
            ("1M", None),
            ("294y", None),
            ("99999999999999999999s", None),
        ];
        for (text, expected) in cases {
            let read = parse_duration(text).ok();
            let printed = read.map(print_duration);
            assert_eq!(read.zip(printed.as_deref()), expected, "{text:?}");
        }
        assert_eq!(print_duration(-300_000), "-5m");
    }
}
