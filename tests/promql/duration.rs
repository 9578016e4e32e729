//! Durations as the scripts write them.

/// Milliseconds of `1h30m`, `15s` or `0`.
pub(crate) fn milliseconds(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is not a duration");
    if text == "0" {
        return Ok(0);
    }
    let mut rest = text;
    let mut sum = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: i64 = rest[..digits].parse().map_err(|_| wrong())?;
        let after = &rest[digits..];
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let unit = match &after[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            "y" => 31_536_000_000,
            _ => return Err(wrong()),
        };
        sum += number * unit;
        rest = &after[letters..];
    }
    Ok(sum)
}
