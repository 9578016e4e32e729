//! Floats as Go prints them (`strconv.FormatFloat`).

/// A float in one of Go's formats `e`, `E`, `f`, `F`, `g`, `G`, `x`, `X`, with a precision or with as many digits as
/// tell it from all others. No sign for positive numbers but `+Inf`.
pub(super) fn format(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    match verb {
        'e' => exponential(value, precision),
        'E' => exponential(value, precision).to_uppercase(),
        'f' | 'F' => precision.map_or_else(|| format!("{value}"), |digits| format!("{value:.digits$}")),
        'G' => general(value, precision).to_uppercase(),
        'x' => hexadecimal(value, precision),
        'X' => hexadecimal(value, precision).to_uppercase(),
        _ => general(value, precision),
    }
}

/// The whole part; beyond the range of integers the nearest one.
#[expect(clippy::cast_possible_truncation, reason = "saturates, which is the best there is beyond the range")]
pub(super) fn whole(value: f64) -> i64 {
    value as i64
}

/// As `%v` prints it.
pub(super) fn plain(value: f64) -> String {
    format(value, 'g', None)
}

/// `1.5e+06`: at least two digits in the exponent.
fn exponential(value: f64, precision: Option<usize>) -> String {
    let text = precision.map_or_else(|| format!("{value:e}"), |digits| format!("{value:.digits$e}"));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// `%e` for large and small exponents, otherwise `%f`, without zeros at the end.
fn general(value: f64, precision: Option<usize>) -> String {
    let digits = precision.map(|digits| digits.max(1));
    let text = digits.map_or_else(|| format!("{value:e}"), |digits| format!("{value:.*e}", digits - 1));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    let significant = signed(mantissa.bytes().filter(u8::is_ascii_digit).count());
    let point = exponent + 1;
    let limit = match digits {
        // Where the number of digits is free, Go decides as if it were six.
        None => 6,
        Some(digits) if signed(digits) > significant && significant >= point => significant,
        Some(digits) => signed(digits),
    };
    if exponent < -4 || exponent >= limit {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let decimals = usize::try_from(significant - point).unwrap_or(0);
    let shown: f64 = format!("{mantissa}e{exponent}").parse().unwrap_or(value);
    format!("{shown:.decimals$}")
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// `0x1.8p+00`
fn hexadecimal(value: f64, precision: Option<usize>) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value == 0.0 {
        let zeros = "0".repeat(precision.unwrap_or(0));
        return if zeros.is_empty() { format!("{sign}0x0p+00") } else { format!("{sign}0x0.{zeros}p+00") };
    }
    let bits = value.abs().to_bits();
    let mut exponent = ((bits >> 52) as i32) - 1023;
    // 53 bits, the first of them set.
    let mut mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    if bits >> 52 == 0 {
        // A subnormal number: its first bit is moved to where it belongs.
        let shift = bits.leading_zeros() - 11;
        mantissa = bits << shift;
        exponent = -1022 - i32::try_from(shift).unwrap_or(0);
    }
    if let Some(digits) = precision.filter(|digits| *digits < 13) {
        let drop = 52 - 4 * u32::try_from(digits).unwrap_or(0);
        let (half, rest) = (1_u64 << (drop - 1), mantissa & ((1 << drop) - 1));
        mantissa >>= drop;
        mantissa += u64::from(rest > half || rest == half && mantissa & 1 == 1);
        mantissa <<= drop;
        if mantissa >> 53 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let all = format!("{:013x}", mantissa & ((1 << 52) - 1));
    let fraction = match precision {
        None => all.trim_end_matches('0').to_owned(),
        Some(digits) => format!("{all:0<digits$}")[..digits].to_owned(),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}0x1{point}{fraction}p{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_go_prints_them() {
        let cases = [
            (123_456.0, "123456 1.23e+05 0x1.e24p+16 0x1.e2p+16"),
            (1_234_567.0, "1.234567e+06 1.23e+06 0x1.2d687p+20 0x1.2dp+20"),
            (0.0001, "0.0001 0.0001 0x1.a36e2eb1c432dp-14 0x1.a3p-14"),
            (0.00001, "1e-05 1e-05 0x1.4f8b588e368f1p-17 0x1.50p-17"),
            (100_000.0, "100000 1e+05 0x1.86ap+16 0x1.87p+16"),
            (1_000_000.0, "1e+06 1e+06 0x1.e848p+19 0x1.e8p+19"),
            (1e21, "1e+21 1e+21 0x1.b1ae4d6e2ef5p+69 0x1.b2p+69"),
            (5e-324, "5e-324 4.94e-324 0x1p-1074 0x1.00p-1074"),
            (1_234_567.5, "1.2345675e+06 1.23e+06 0x1.2d6878p+20 0x1.2dp+20"),
            (-0.1, "-0.1 -0.1 -0x1.999999999999ap-04 -0x1.9ap-04"),
            (0.0, "0 0 0x0p+00 0x0.00p+00"),
            (f64::INFINITY, "+Inf +Inf +Inf +Inf"),
        ];
        for (value, expected) in cases {
            let formats = [('g', None), ('g', Some(3)), ('x', None), ('x', Some(2))];
            let found: Vec<String> = formats.map(|(verb, precision)| format(value, verb, precision)).into();
            assert_eq!(found.join(" "), expected);
        }
    }
}
