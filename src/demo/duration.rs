//! Durations as a person types them: `20s`, `1m30s`, `500ms`.

use std::time::Duration;

/// Units and their length in nanoseconds.
const UNITS: [(&str, u64); 4] =
    [("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];

/// Reads whole numbers with units (`ms`, `s`, `m`, `h`), the parts added up.
///
/// # Errors
/// What is wrong with the text, and what is accepted.
///
/// ```
/// # use std::time::Duration;
/// assert_eq!(bellwether::demo::duration::parse("1m30s"), Ok(Duration::from_secs(90)));
/// assert!(bellwether::demo::duration::parse("20").is_err());
/// ```
pub fn parse(text: &str) -> Result<Duration, String> {
    let expected =
        || format!("{text:?} is not a duration; expected a number with a unit (ms, s, m, h): 500ms, 20s, 1m30s");
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return Err(expected());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(expected)?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, next) = tail.split_at(letters);
        let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(expected)?;
        let number: u64 = number.parse().map_err(|_| expected())?;
        let part = number.checked_mul(*nanos);
        total = part.and_then(|part| total.checked_add(part)).ok_or_else(|| format!("{text:?} is too long"))?;
        rest = next;
    }
    if total == 0 {
        return Err(format!("{text:?} is no time at all; expected a duration above zero"));
    }
    Ok(Duration::from_nanos(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units_and_nothing_else_is() {
        let accepted =
            [("20s", 20_000), ("1m", 60_000), ("500ms", 500), ("1m30s", 90_000), ("2h", 7_200_000), (" 1s ", 1_000)];
        for (text, millis) in accepted {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in
            ["", "20", "s", "20 s", "1.5s", "-1s", "20sec", "5d", "ms20", "99999999999999999999s", "0s", "9999999999h"]
        {
            let error = parse(text).expect_err(text);
            assert!(error.contains(text) && (error.contains("expected") || error.contains("too long")), "{error}");
        }
    }
}
