//! Lengths of time as Prometheus writes them: `1h30m`.

/// The units, the largest first, in milliseconds.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Milliseconds: each unit at most once, the larger ones first, or `0`. `None` when it is something else or longer than
/// 64-bit nanoseconds hold (292 years), as in Prometheus.
pub fn parse_duration(text: &str) -> Option<i64> {
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut total, mut units) = (text, 0_i64, UNITS.iter());
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_lowercase()).len();
        let (unit, tail) = tail.split_at(letters);
        let (_, factor) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(*factor)?)?;
        rest = tail;
    }
    (!text.is_empty() && total <= i64::MAX / 1_000_000).then_some(total)
}

/// The same length as Prometheus prints it: whole weeks or years only where nothing else is left over.
pub fn print_duration(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let (mut rest, mut text) = (ms, String::new());
    for (unit, factor) in UNITS {
        let exact_only = matches!(unit, "y" | "w");
        if rest >= factor && (!exact_only || rest % factor == 0) {
            text.push_str(&(rest / factor).to_string());
            text.push_str(unit);
            rest %= factor;
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
            let read = parse_duration(text);
            let printed = read.map(print_duration);
            assert_eq!(read.zip(printed.as_deref()), expected, "{text:?}");
        }
    }
}
