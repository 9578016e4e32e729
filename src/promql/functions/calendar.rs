//! Functions of times: `hour`, `day_of_week` and their kin, all in UTC.

use super::{Body, float};
use crate::clock;

const DAY: i64 = 86_400;

/// The body of a function of a time in seconds since the Unix epoch.
pub(super) fn body(name: &str) -> Option<Body> {
    /// A function of the seconds; a time that is no number has no date.
    macro_rules! of_seconds {
        ($function:expr) => {
            Body::Each(|value, _| {
                let value = float(value)?;
                let function: fn(i64) -> i64 = $function;
                Some(whole(value).map_or(f64::NAN, |seconds| function(seconds) as f64))
            })
        };
    }
    Some(match name {
        "day_of_month" => of_seconds!(|seconds| date(seconds).2),
        // 1970-01-01 was a Thursday; Sunday is 0.
        "day_of_week" => of_seconds!(|seconds| (seconds.div_euclid(DAY) + 4).rem_euclid(7)),
        "day_of_year" => of_seconds!(day_of_year),
        "days_in_month" => of_seconds!(|seconds| {
            let (year, month, _) = date(seconds);
            days_in_month(year, month)
        }),
        "hour" => of_seconds!(|seconds| seconds.rem_euclid(DAY) / 3_600),
        "minute" => of_seconds!(|seconds| seconds.rem_euclid(3_600) / 60),
        "month" => of_seconds!(|seconds| date(seconds).1),
        "year" => of_seconds!(|seconds| date(seconds).0),
        _ => return None,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "the fraction of a second does not matter; far times saturate")]
fn whole(seconds: f64) -> Option<i64> {
    seconds.is_finite().then_some(seconds as i64)
}

/// Year, month and day.
fn date(seconds: i64) -> (i64, i64, i64) {
    clock::date(seconds.div_euclid(DAY))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn day_of_year(seconds: i64) -> i64 {
    let (year, month, day) = date(seconds);
    (1..month).map(|month| days_in_month(year, month)).sum::<i64>() + day
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SampleValue;

    #[test]
    fn parts_of_times_are_those_of_utc_also_before_1970() {
        const NAMES: [&str; 8] =
            ["year", "month", "day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute"];
        let cases = [
            (0.0, [1970, 1, 1, 4, 1, 31, 0, 0]),
            (951_826_210.9, [2000, 2, 29, 2, 60, 29, 12, 10]),
            (1_609_459_199.0, [2020, 12, 31, 4, 366, 31, 23, 59]),
            (-1.0, [1969, 12, 31, 3, 365, 31, 23, 59]),
            (4_107_542_400.0, [2100, 3, 1, 1, 60, 31, 0, 0]),
        ];
        for (seconds, expected) in cases {
            for (name, expected) in NAMES.into_iter().zip(expected) {
                let Some(Body::Each(function)) = body(name) else { panic!("{name} is missing") };
                let found = function(&SampleValue::Float(seconds), &[]);
                assert_eq!(found, Some(f64::from(expected)), "{name} of {seconds}");
            }
        }
    }
}
