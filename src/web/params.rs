//! What a request asks for: query and form, times, durations, matchers.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{Method, header};
use jiff::Timestamp as Moment;

use super::answer::Refusal;
use crate::history::Matcher;
use crate::model::parse_duration;
use crate::promql::{self, At, Expr, Length};

/// The parameters of a request, those of its form before those of its path.
#[derive(Debug, Default)]
pub(super) struct Params {
    all: Vec<(String, String)>,
    /// The part of the path that is a label's name.
    pub(super) label: String,
}

impl Params {
    pub(super) fn read(head: &Parts, body: &Bytes, label: String) -> Self {
        let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_form = head.method == Method::POST && kind.starts_with("application/x-www-form-urlencoded");
        let form: &[u8] = if is_form { body } else { &[] };
        let query = head.uri.query().unwrap_or_default().as_bytes();
        let all = [form, query].into_iter().flat_map(form_urlencoded::parse);
        Self { all: all.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(), label }
    }

    /// The first value of a name; empty when there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.all.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    /// All values of a name.
    pub(super) fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.all.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// A time in milliseconds since the Unix epoch, which must be there.
    pub(super) fn time(&self, name: &str) -> Result<i64, Refusal> {
        time(self.get(name)).map_err(|why| Refusal::parameter(name, why))
    }

    /// The same for a time that has a default.
    pub(super) fn time_or(&self, name: &str, default: i64) -> Result<i64, Refusal> {
        let wrong = |why| Refusal::parameter(name, format!("invalid time value for '{name}': {why}"));
        if self.get(name).is_empty() { Ok(default) } else { time(self.get(name)).map_err(wrong) }
    }

    /// From and until when, both included; without them always.
    pub(super) fn span(&self) -> Result<(i64, i64), Refusal> {
        Ok((self.time_or("start", i64::MIN)?, self.time_or("end", i64::MAX)?))
    }

    /// A duration in milliseconds, which must be there.
    pub(super) fn duration(&self, name: &str) -> Result<i64, Refusal> {
        duration(self.get(name)).map_err(|why| Refusal::parameter(name, why))
    }

    /// How long the request may take: what it asks for, at most `longest`.
    pub(super) fn timeout(&self, longest: Duration) -> Result<Duration, Refusal> {
        if self.get("timeout").is_empty() {
            return Ok(longest);
        }
        let asked = Duration::from_millis(u64::try_from(self.duration("timeout")?).unwrap_or(0));
        Ok(asked.min(longest))
    }

    /// Items of a list at most; 0: all.
    pub(super) fn limit(&self) -> Result<usize, Refusal> {
        let limit = whole(self.get("limit")).map_err(|why| Refusal::parameter("limit", why))?.unwrap_or(0);
        usize::try_from(limit).map_err(|_| Refusal::parameter("limit", "limit must be non-negative"))
    }

    /// The sets of matchers of `match[]`, of which a series must satisfy one.
    pub(super) fn matchers(&self) -> Result<Vec<Vec<Matcher>>, String> {
        self.all("match[]").map(selector).collect()
    }
}

/// A whole number as Go reads it; `None` when there is none.
pub(super) fn whole(text: &str) -> Result<Option<i64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| format!("strconv.Atoi: parsing {text:?}: invalid syntax"))
}

/// Seconds since the Unix epoch, or RFC 3339; in milliseconds.
fn time(text: &str) -> Result<i64, String> {
    if let Some(seconds) = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite()) {
        #[expect(clippy::cast_possible_truncation, reason = "beyond the range it is the end of the range")]
        return Ok((seconds * 1_000.0).round() as i64);
    }
    let rfc3339 = text.as_bytes().get(10) == Some(&b'T');
    let moment = text.parse::<Moment>().ok().filter(|_| rfc3339);
    match (moment, text) {
        (Some(moment), _) => Ok(moment.as_nanosecond().div_euclid(1_000_000).try_into().unwrap_or(i64::MAX)),
        // The earliest and latest time of Go's clients.
        (None, "-292273086-05-16T16:47:06Z") => Ok(i64::MIN),
        (None, "292277025-08-18T07:12:54.999999999Z") => Ok(i64::MAX),
        _ => Err(format!("cannot parse {text:?} to a valid timestamp")),
    }
}

/// Seconds, or a duration such as `1h30m`; in milliseconds.
fn duration(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        let nanos = seconds * 1e9;
        if nanos > i64::MAX as f64 || nanos < i64::MIN as f64 || nanos.is_nan() {
            return Err(format!("cannot parse {text:?} to a valid duration. It overflows int64"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "it was looked at")]
        return Ok(nanos as i64 / 1_000_000);
    }
    parse_duration(text).map_err(|_| format!("cannot parse {text:?} to a valid duration"))
}

/// The matchers of a selector that is nothing else.
fn selector(text: &str) -> Result<Vec<Matcher>, String> {
    const EMPTY: &str = "match[] must contain at least one non-empty matcher";
    let expr = promql::parse(text).map_err(|error| {
        // Inside an expression it is a mistake of the language.
        let empty = error.first().message.starts_with("vector selector must contain at least one non-empty matcher");
        if empty { EMPTY.to_owned() } else { error.to_string() }
    })?;
    match expr {
        Expr::Vector(selector) if is_bare(selector.at, &selector.offset) => Ok(selector.matchers),
        other => Err(format!("1:1: parse error: unexpected {other}, expected a selector of series and nothing else")),
    }
}

fn is_bare(at: Option<At>, offset: &Length) -> bool {
    at.is_none() && matches!(offset, Length::Fixed(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_dates() {
        let cases = [
            ("0", Ok(0)),
            ("1435781451.781", Ok(1_435_781_451_781)),
            ("-1.5", Ok(-1_500)),
            ("1e3", Ok(1_000_000)),
            ("2015-07-01T20:10:51.781Z", Ok(1_435_781_451_781)),
            ("2015-07-01T22:10:51.781+02:00", Ok(1_435_781_451_781)),
            ("9223372036854776.000000", Ok(i64::MAX)),
            ("-292273086-05-16T16:47:06Z", Ok(i64::MIN)),
            ("", Err(())),
            ("now", Err(())),
            ("2015-07-01", Err(())),
            ("2015-07-01 20:10:51Z", Err(())),
            ("inf", Err(())),
        ];
        for (text, expected) in cases {
            assert_eq!(time(text).map_err(|_| ()), expected, "{text}");
        }
    }

    #[test]
    fn durations_are_seconds_or_words() {
        let cases = [
            ("15", Ok(15_000)),
            ("0.0015", Ok(1)),
            ("1h30m", Ok(5_400_000)),
            ("-1", Ok(-1_000)),
            ("", Err(())),
            ("1x", Err(())),
            ("1e30", Err(())),
        ];
        for (text, expected) in cases {
            assert_eq!(duration(text).map_err(|_| ()), expected, "{text}");
        }
    }

    #[test]
    fn a_matcher_is_a_selector_and_nothing_else() {
        for good in ["up", "{job=\"a\"}", "up{a=~\"b.*\"}", "{\"utf8 name\"}"] {
            assert!(selector(good).is_ok(), "{good}");
        }
        for bad in ["", "{}", "{a=~\".*\"}", "up offset 5m", "up[5m]", "sum(up)", "up @ 0", "1"] {
            assert!(selector(bad).is_err(), "{bad}");
        }
        assert_eq!(selector("{}").err().as_deref(), Some("match[] must contain at least one non-empty matcher"));
    }
}
