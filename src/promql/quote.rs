//! Texts in quotes, as Go writes and Prometheus reads them.

/// In Go a text is bytes, and `"\xff"` is one that is not UTF-8. Such a byte is kept as the private character this far
/// beyond it, so that it prints back as it was written and is not taken for a character of a label's name.
const BROKEN: u32 = 0x0010_ff00;

/// The byte that a character of a text stands for, if it does.
fn broken_byte(letter: char) -> Option<u8> {
    let byte = u32::from(letter).checked_sub(BROKEN)?;
    u8::try_from(byte).ok().filter(|byte| !byte.is_ascii())
}

/// Whether a text that a query wrote is UTF-8, as the names of labels must be.
pub(crate) fn is_utf8(text: &str) -> bool {
    !text.chars().any(|letter| broken_byte(letter).is_some())
}

fn from_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(BROKEN + u32::from(*byte))));
    }
    text
}

/// In double quotes, with what Go would not show as it is written as an escape (`strconv.Quote`).
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        escape(&mut out, letter, '"');
    }
    out.push('"');
    out
}

/// One character in single quotes (`strconv.QuoteRune`).
pub(super) fn quote_char(letter: char) -> String {
    let mut out = String::from("'");
    escape(&mut out, letter, '\'');
    out.push('\'');
    out
}

fn escape(out: &mut String, letter: char, quote: char) {
    match letter {
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        '\\' => out.push_str("\\\\"),
        letter if letter == quote => {
            out.push('\\');
            out.push(letter);
        }
        letter if is_shown(letter) => out.push(letter),
        letter => {
            let code = broken_byte(letter).map_or_else(|| u32::from(letter), u32::from);
            let digits = match code {
                0..=0x1f | 0x7f => format!("\\x{code:02x}"),
                0x80..=0xff if code != u32::from(letter) => format!("\\x{code:02x}"),
                0..=0xffff => format!("\\u{code:04x}"),
                _ => format!("\\U{code:08x}"),
            };
            out.push_str(&digits);
        }
    }
}

/// Whether a character has a shape of its own (`strconv.IsPrint`, which differs from Rust's idea only where the Unicode
/// versions do).
fn is_shown(letter: char) -> bool {
    if letter.is_ascii() {
        return matches!(letter, ' '..='~');
    }
    // After a letter, because Rust escapes a combining mark only where it has nothing to combine with.
    broken_byte(letter).is_none() && !["a", letter.encode_utf8(&mut [0; 4])].concat().escape_debug().any(|c| c == '{')
}

/// The value of a text in double quotes, single quotes or backquotes. `None` when an escape is not one.
pub(super) fn unquote(quoted: &str) -> Option<String> {
    let quote = quoted.chars().next()?;
    let inside = quoted.strip_prefix(quote)?.strip_suffix(quote)?;
    if quote == '`' || !inside.contains('\\') {
        return Some(inside.to_owned());
    }
    let mut out = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(letter) = rest.chars().next() {
        rest = rest.get(letter.len_utf8()..)?;
        if letter == '\\' {
            rest = unescape(&mut out, rest, quote)?;
        } else {
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Some(from_bytes(&out))
}

/// Adds what an escape means, and returns what follows it. Its backslash has been read.
fn unescape<'a>(out: &mut Vec<u8>, text: &'a str, quote: char) -> Option<&'a str> {
    let letter = text.chars().next()?;
    let after = text.get(letter.len_utf8()..)?;
    let byte = match letter {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '\'' | '"' if letter == quote => u8::try_from(letter).ok()?,
        '0'..='7' => {
            out.push(u8::try_from(u32::from_str_radix(text.get(..3)?, 8).ok()?).ok()?);
            return text.get(3..);
        }
        'x' => {
            out.push(u8::from_str_radix(after.get(..2)?, 16).ok()?);
            return after.get(2..);
        }
        'u' | 'U' => {
            let digits = if letter == 'u' { 4 } else { 8 };
            let code = char::from_u32(u32::from_str_radix(after.get(..digits)?, 16).ok()?)?;
            out.extend_from_slice(code.encode_utf8(&mut [0; 4]).as_bytes());
            return after.get(digits..);
        }
        _ => return None,
    };
    out.push(byte);
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_quoted_as_go_does() {
        let cases = [
            ("plain", r#""plain""#),
            ("a\"b\\c\nd", r#""a\"b\\c\nd""#),
            ("\x07\x08\x0c\r\t\x0b", r#""\a\b\f\r\t\v""#),
            ("\0\x1f\x7f", r#""\x00\x1f\x7f""#),
            ("é日'", "\"é日'\""),
            ("e\u{301}", "\"e\u{301}\""),
            ("\u{a0}\u{200b}\u{e000}", r#""\u00a0\u200b\ue000""#),
            ("\u{10fffd}", r#""\xfd""#),
            ("\u{10fefe}", r#""\U0010fefe""#),
        ];
        for (text, expected) in cases {
            assert_eq!(quote(text), expected);
            assert_eq!(unquote(expected).as_deref(), Some(text));
        }
        assert!(is_utf8("é") && !is_utf8(&unquote(r#""\xff""#).unwrap()));
        assert_eq!(quote_char('\''), r"'\''");
        assert_eq!(quote_char('"'), "'\"'");
    }

    #[test]
    fn each_kind_of_quotes_is_read() {
        let cases = [
            (r"'it\'s'", Some("it's")),
            (r#""\'""#, None),
            (r"`a\n`", Some(r"a\n")),
            (r#""\x41\101\u00e9\U0001F600\xc3\xa9""#, Some("AAé😀é")),
            (r#""\400""#, None),
            (r#""\q""#, None),
            ("\"", None),
        ];
        for (quoted, expected) in cases {
            assert_eq!(unquote(quoted).as_deref(), expected, "{quoted}");
        }
    }
}
