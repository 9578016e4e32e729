//! Go's literals: numbers, characters and quoted texts.

use super::value::Value;

/// A number as Go reads it: `1_000`, `0x1F`, `010`, `1e3`, `.5`. What has a point or an exponent is a float. `None`
/// for what is no number or does not fit 64 bits.
pub(super) fn number(text: &str) -> Option<Value> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let plain = digits.replace('_', "");
    let (radix, body) = match plain.get(..2) {
        Some("0x" | "0X") => (16, &plain[2..]),
        Some("0o" | "0O") => (8, &plain[2..]),
        Some("0b" | "0B") => (2, &plain[2..]),
        _ if plain.len() > 1 && plain.starts_with('0') && !plain.contains(['.', 'e', 'E']) => (8, &plain[1..]),
        _ => (10, plain.as_str()),
    };
    let float = radix == 10 && plain.contains(['.', 'e', 'E']);
    if float {
        let value: f64 = body.parse().ok()?;
        return Some(Value::Float(if negative { -value } else { value }));
    }
    let value = i128::from(u64::from_str_radix(body, radix).ok()?);
    i64::try_from(if negative { -value } else { value }).ok().map(Value::Int)
}

/// `'a'` as the number of its character.
pub(super) fn character(quoted: &str) -> Option<Value> {
    let text = unquote(quoted)?;
    let mut letters = text.chars();
    let letter = letters.next()?;
    letters.next().is_none().then_some(Value::Int(i64::from(u32::from(letter))))
}

/// A quoted text without its quotes, with Go's escapes replaced. `None` for an escape that does not exist.
pub(super) fn unquote(quoted: &str) -> Option<String> {
    let quote = quoted.chars().next()?;
    let inside = quoted.get(1..quoted.len().checked_sub(1)?)?;
    let mut bytes = Vec::with_capacity(inside.len());
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            push(&mut bytes, letter);
            continue;
        }
        match letters.next()? {
            'a' => bytes.push(7),
            'b' => bytes.push(8),
            'f' => bytes.push(12),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(11),
            '\\' => bytes.push(b'\\'),
            'x' => bytes.push(u8::try_from(digits(&mut letters, 2, 16)?).ok()?),
            'u' => push(&mut bytes, char::from_u32(digits(&mut letters, 4, 16)?)?),
            'U' => push(&mut bytes, char::from_u32(digits(&mut letters, 8, 16)?)?),
            octal @ '0'..='7' => {
                let value = octal.to_digit(8)? * 64 + digits(&mut letters, 2, 8)?;
                bytes.push(u8::try_from(value).ok()?);
            }
            escaped if escaped == quote => push(&mut bytes, escaped),
            _ => return None,
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn push(bytes: &mut Vec<u8>, letter: char) {
    bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
}

fn digits(letters: &mut std::str::Chars<'_>, count: usize, radix: u32) -> Option<u32> {
    (0..count).try_fold(0_u32, |value, _| Some(value.checked_mul(radix)? + letters.next()?.to_digit(radix)?))
}
