//! When counting began, for each value of a series: `-1m _ -1mx3 -30s-1mx2`.

use super::MAX_VALUES;
use crate::promql::number::parse_duration;
use crate::promql::quote::quote;

/// For each value the milliseconds from its own time to its start time, negative when that is before; `None` where it is
/// not known.
///
/// # Errors
/// What is wrong with which item.
pub fn parse_start_times(text: &str) -> Result<Vec<Option<i64>>, String> {
    let mut times = Vec::new();
    for item in text.split_ascii_whitespace() {
        let wrong = |what: &str| format!("invalid start time {}: {what}", quote(item));
        let (body, count) = match item.split_once('x') {
            None => (item, None),
            Some((body, count)) => (body, Some(count.parse::<usize>().map_err(|_| wrong("invalid repeat count"))?)),
        };
        // What is left out stands for as many values as it says, everything else for one more.
        let count = if body == "_" { count.unwrap_or(1) } else { count.map_or(1, |count| count.saturating_add(1)) };
        if count > MAX_VALUES - times.len() {
            return Err(wrong("too many values"));
        }
        if body == "_" {
            times.extend(std::iter::repeat_n(None, count));
            continue;
        }
        let split = body.get(1..).and_then(|rest| rest.find(['+', '-'])).map_or(body.len(), |at| at + 1);
        let (first, step) = body.split_at(split);
        let first = signed(first).map_err(|error| wrong(&error))?;
        let step = if step.is_empty() { 0 } else { signed(step).map_err(|error| wrong(&error))? };
        times.extend((0_i64..).take(count).map(|at| Some(first.saturating_add(step.saturating_mul(at)))));
    }
    Ok(times)
}

fn signed(text: &str) -> Result<i64, String> {
    match text.strip_prefix('-') {
        Some(rest) => parse_duration(rest).map(|duration| -duration),
        None => parse_duration(text.strip_prefix('+').unwrap_or(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_start_times_is_read() {
        let cases: [(&str, Option<&[Option<i64>]>); 6] = [
            ("-1m _ 30s", Some(&[Some(-60_000), None, Some(30_000)])),
            ("_x2 -1mx1", Some(&[None, None, Some(-60_000), Some(-60_000)])),
            ("-30s-1mx2", Some(&[Some(-30_000), Some(-90_000), Some(-150_000)])),
            ("0s+1sx1", Some(&[Some(0), Some(1_000)])),
            ("1q", None),
            ("1sx", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_start_times(text).ok().as_deref(), expected, "{text}");
        }
    }
}
