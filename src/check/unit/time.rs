//! When a test begins, and when it was run.

use crate::clock::{Timestamp, date};

/// Milliseconds since the Unix epoch of a time as seconds (`1704067200.5`) or RFC 3339 (`2024-01-01T00:00:00Z`).
pub(super) fn parse(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        #[expect(clippy::cast_possible_truncation, reason = "rounded, and in the range of the check before")]
        return (seconds.abs() < 9e15).then(|| (seconds * 1e3).round() as i64);
    }
    let (date, time) = text.split_once(['T', 't'])?;
    let mut date = date.splitn(3, '-').map(digits);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(zone);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.splitn(3, ':').map(digits);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    let thousandths = digits(format!("{fraction:0<3}").get(..3)?)?;
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset(zone)?;
    fits.then_some(seconds * 1_000 + thousandths)
}

/// A time as JUnit has it, in UTC: `2024-01-01T00:00:00`.
pub(super) fn print(time: Timestamp) -> String {
    let seconds = i64::try_from(time.0 / 1_000_000_000).unwrap_or(i64::MAX);
    let ((year, month, day), second) = (date(seconds / 86_400), seconds % 86_400);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some(sign * (digits(hours)? * 3_600 + digits(minutes)? * 60))
}

fn digits(text: &str) -> Option<i64> {
    let all = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| all)
}

/// Days since 1970-01-01 in the Gregorian calendar
/// (Howard Hinnant, <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_printed_as_a_date() {
        assert_eq!(print(Timestamp(1_709_202_615_250_000_000)), "2024-02-29T10:30:15");
    }

    #[test]
    fn a_time_is_seconds_or_a_date() {
        let cases = [
            ("0", Some(0)),
            ("1704067200", Some(1_704_067_200_000)),
            ("1.5", Some(1_500)),
            ("2024-01-01T00:00:00Z", Some(1_704_067_200_000)),
            ("2024-02-29T12:30:15.25+02:00", Some(1_709_202_615_250)),
            ("1969-12-31T23:59:59Z", Some(-1_000)),
            ("2024-13-01T00:00:00Z", None),
            ("2024-01-01", None),
            ("2024-01-01T00:00:00", None),
            ("soon", None),
            ("é", None),
            ("2024-01-01T00:00:00.é0Z", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
