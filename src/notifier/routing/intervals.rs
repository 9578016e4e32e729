//! Times at which a route is mute, or active: `mute_time_intervals` and `active_time_intervals`.

use std::ops::RangeInclusive;

use jiff::tz::TimeZone;
use jiff::{Timestamp as Moment, Zoned};

use crate::clock::Timestamp;
use crate::yaml::{Content, Fault, Node, Reader, Section};

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const KEYS: [&str; 6] = ["times", "weekdays", "days_of_month", "months", "years", "location"];

/// A time interval: a moment is in it when each list that is not empty has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimeInterval {
    /// Minutes of a day, the last one excluded.
    times: Vec<std::ops::Range<i32>>,
    /// 0 is Sunday.
    weekdays: Vec<RangeInclusive<i32>>,
    /// From 1; negative ones count from the month's end.
    days_of_month: Vec<RangeInclusive<i32>>,
    months: Vec<RangeInclusive<i32>>,
    years: Vec<RangeInclusive<i32>>,
    /// UTC when there is none.
    location: Option<TimeZone>,
}

impl TimeInterval {
    /// Whether a moment is in it.
    pub(crate) fn contains(&self, now: Timestamp) -> bool {
        let Ok(moment) = Moment::from_nanosecond(i128::from(now.0)) else { return false };
        let there: Zoned = moment.to_zoned(self.location.clone().unwrap_or(TimeZone::UTC));
        let minute = i32::from(there.hour()) * 60 + i32::from(there.minute());
        let has = |ranges: &[RangeInclusive<i32>], value: i32| {
            ranges.is_empty() || ranges.iter().any(|range| range.contains(&value))
        };
        let day = i32::from(there.day());
        let days = i32::from(there.days_in_month());
        (self.times.is_empty() || self.times.iter().any(|range| range.contains(&minute)))
            && has(&self.weekdays, i32::from(there.weekday().to_sunday_zero_offset()))
            && (self.days_of_month.is_empty()
                || self.days_of_month.iter().any(|range| of_month(range, days).contains(&day)))
            && has(&self.months, i32::from(there.month()))
            && has(&self.years, i32::from(there.year()))
    }
}

/// A range of days within a month of so many.
fn of_month(range: &RangeInclusive<i32>, days: i32) -> RangeInclusive<i32> {
    let day = |day: i32| if day < 0 { days + 1 + day } else { day.min(days) };
    // A range that begins after the end of a short month has no day in it.
    if *range.start() > days { RangeInclusive::new(1, 0) } else { day(*range.start()).max(1)..=day(*range.end()) }
}

/// The intervals of one name.
pub(super) fn read<'n>(reader: &Reader<'n>, nodes: &'n [Node]) -> Result<Vec<TimeInterval>, Fault> {
    nodes.iter().map(|node| one(reader, &reader.section(node, &KEYS)?)).collect()
}

fn one<'n>(reader: &Reader<'n>, section: &Section<'n>) -> Result<TimeInterval, Fault> {
    let location = section.parsed("location", |name| {
        // "Local" is the machine's own, as in Go.
        let zone = if name == "Local" { Ok(TimeZone::system()) } else { TimeZone::get(name) };
        zone.map_err(|error| format!("a time zone such as Europe/Berlin ({error})").into())
    })?;
    Ok(TimeInterval {
        times: times(reader, section)?,
        weekdays: ranges(section, "weekdays", |word| index(&WEEKDAYS, word), "weekdays such as monday:friday")?,
        days_of_month: ranges(section, "days_of_month", day_of_month, "days such as 1:5 or -3:-1")?,
        months: ranges(section, "months", month, "months such as january:march or 1:3")?,
        years: ranges(section, "years", |word| word.parse().ok(), "years such as 2026:2030")?,
        location,
    })
}

fn index(words: &[&str], word: &str) -> Option<i32> {
    i32::try_from(words.iter().position(|known| known.eq_ignore_ascii_case(word))?).ok()
}

fn month(word: &str) -> Option<i32> {
    let number = index(&MONTHS, word).map(|index| index + 1).or_else(|| word.parse().ok());
    number.filter(|number| (1..=12).contains(number))
}

fn day_of_month(word: &str) -> Option<i32> {
    word.parse().ok().filter(|day: &i32| *day != 0 && (-31..=31).contains(day))
}

fn ranges(
    section: &Section<'_>,
    key: &str,
    read: impl Fn(&str) -> Option<i32>,
    expected: &str,
) -> Result<Vec<RangeInclusive<i32>>, Fault> {
    let texts = section.texts(key)?.unwrap_or_default();
    let range = |text: &String| {
        let (from, to) = text.split_once(':').unwrap_or((text, text));
        let (from, to) = (read(from.trim())?, read(to.trim())?);
        // Days from the end are compared within the shortest month.
        let place = |day: i32| if day < 0 { 28 + day } else { day };
        let ends_backwards = from < 0 && to > 0;
        (place(from) <= place(to) && !ends_backwards).then_some(from..=to)
    };
    let all = texts.iter().map(|text| range(text).ok_or_else(|| section.invalid(key, text, expected)));
    all.collect()
}

fn times<'n>(reader: &Reader<'n>, section: &Section<'n>) -> Result<Vec<std::ops::Range<i32>>, Fault> {
    const EXPECTED: &str = "times of a day such as 09:00, up to 24:00, the end after the start";
    let Some(node) = section.get("times") else { return Ok(Vec::new()) };
    let Content::Sequence(nodes) = &node.content else {
        return Err(reader.error(node.place, "times: expected a list of start_time and end_time"));
    };
    let one = |node: &'n Node| {
        let section = reader.section(node, &["start_time", "end_time"])?;
        let minute = |key: &str| {
            let text = section.required(key).and_then(|_| section.text(key))?.unwrap_or_default();
            minute(text).ok_or_else(|| section.invalid(key, text, EXPECTED))
        };
        let (start, end) = (minute("start_time")?, minute("end_time")?);
        if start < end {
            Ok(start..end)
        } else {
            Err(section.invalid("end_time", section.text("end_time")?.unwrap_or_default(), EXPECTED))
        }
    };
    nodes.iter().map(one).collect()
}

fn minute(text: &str) -> Option<i32> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (i32, i32) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intervals(text: &str) -> Result<Vec<TimeInterval>, String> {
        let node = crate::yaml::read("routes.yml", text, &crate::yaml::Options::default(), None)
            .map_err(|fault| fault.to_string())?
            .unwrap();
        let Content::Sequence(nodes) = &node.content else { panic!("a list") };
        let reader = Reader { file: "routes.yml", warnings: Vec::new() };
        read(&reader, nodes).map_err(|fault| fault.to_string())
    }

    fn at(text: &str) -> Timestamp {
        let moment: Moment = text.parse().unwrap();
        Timestamp(u64::try_from(moment.as_nanosecond()).unwrap())
    }

    #[test]
    fn a_moment_is_in_an_interval_when_every_list_has_it() {
        for (text, moment, expected) in [
            ("[{}]", "2026-11-21T12:00:00Z", true),
            ("[{times: [{start_time: '09:00', end_time: '17:00'}]}]", "2026-11-21T09:00:00Z", true),
            ("[{times: [{start_time: '09:00', end_time: '17:00'}]}]", "2026-11-21T17:00:00Z", false),
            ("[{times: [{start_time: '23:00', end_time: '24:00'}]}]", "2026-11-21T23:59:59Z", true),
            ("[{weekdays: ['monday:friday']}]", "2026-11-21T12:00:00Z", false),
            ("[{weekdays: ['saturday', 'sunday']}]", "2026-11-21T12:00:00Z", true),
            ("[{days_of_month: ['-1']}]", "2026-11-30T12:00:00Z", true),
            ("[{days_of_month: ['-3:-1']}]", "2026-02-26T12:00:00Z", true),
            ("[{days_of_month: ['-3:-1']}]", "2026-02-25T12:00:00Z", false),
            ("[{days_of_month: ['1:31']}]", "2026-02-28T12:00:00Z", true),
            ("[{days_of_month: ['30:31']}]", "2026-02-28T12:00:00Z", false),
            ("[{months: ['november'], years: ['2026:2027']}]", "2026-11-21T12:00:00Z", true),
            ("[{months: ['1:3', 'december']}]", "2026-11-21T12:00:00Z", false),
            ("[{weekdays: [sunday], location: Australia/Sydney}]", "2026-11-21T14:00:00Z", true),
            ("[{weekdays: [sunday]}]", "2026-11-21T14:00:00Z", false),
        ] {
            let intervals = intervals(text).unwrap();
            assert_eq!(intervals[0].contains(at(moment)), expected, "{text} {moment}");
        }
    }

    #[test]
    fn what_is_no_interval_is_refused_with_its_place() {
        for (text, says) in [
            ("[{weekdays: [funday]}]", "weekdays such as"),
            ("[{weekdays: ['friday:monday']}]", "weekdays such as"),
            ("[{months: ['13']}]", "months such as"),
            ("[{days_of_month: ['0']}]", "days such as"),
            ("[{days_of_month: ['-1:5']}]", "days such as"),
            ("[{years: ['x']}]", "years such as"),
            ("[{times: [{start_time: '9:00', end_time: '17:00'}]}]", "times of a day"),
            ("[{times: [{start_time: '17:00', end_time: '09:00'}]}]", "times of a day"),
            ("[{times: [{start_time: '17:00'}]}]", "end_time is missing"),
            ("[{location: Mars/Base}]", "a time zone such as"),
            ("[{weekday: [monday]}]", "did you mean \"weekdays\"?"),
        ] {
            let error = intervals(text).unwrap_err();
            assert!(error.starts_with("routes.yml:1:") && error.contains(says), "{text}: {error}");
        }
    }
}
