//! What Go's `html/template` does to values, for the places where messages have them: between tags and in quoted
//! attributes. Values in scripts and style sheets are escaped as text, which is stricter or wrong, and never harmful in
//! mail, where neither runs.

use super::format;
use super::message::Part;
use super::text::Text;
use super::value::Value;

/// Attributes whose value is an address.
const ADDRESSES: [&str; 6] = ["href", "src", "action", "background", "cite", "poster"];
/// What Go writes instead of an address that might run code.
const UNSAFE: &str = "#ZgotmplZ";

/// Appends a value, escaped for where the output has come to.
pub(super) fn print(output: &mut Text, value: &Value) {
    let shown = match value {
        Value::Nil => String::new(),
        value => {
            let mut text = Text::default();
            format::value(&mut text, value);
            match text.finish() {
                Ok(text) => text,
                Err(_) => return output.fill(),
            }
        }
    };
    let is_html = matches!(value, Value::Part(Part::Safe(_)));
    match attribute(output.as_str()) {
        None if is_html => output.push(&shown),
        Some((name, begun)) if ADDRESSES.contains(&name.to_ascii_lowercase().as_str()) => {
            let trusted = matches!(value, Value::Part(Part::Url(_)));
            let address = if begun || trusted || is_harmless(&shown) { normalized(&shown) } else { UNSAFE.to_owned() };
            output.push(&escaped(&address));
        }
        _ => output.push(&escaped(&shown)),
    }
}

/// The attribute within whose quotes the output ends, and whether its value has begun.
fn attribute(output: &str) -> Option<(&str, bool)> {
    let tag = &output[output.rfind('<')?..];
    if tag.contains('>') {
        return None;
    }
    let (before, value) = tag.rsplit_once(['"', '\'']).filter(|(before, _)| before.trim_end().ends_with('='))?;
    let name = before.trim_end().trim_end_matches('=').trim_end();
    let name = name.rsplit(|letter: char| letter.is_whitespace()).next()?;
    Some((name, !value.is_empty()))
}

/// Whether an address leads to a page, a mailbox, or somewhere below this one.
fn is_harmless(address: &str) -> bool {
    match address.split_once(':') {
        Some((scheme, _)) if !scheme.contains('/') => {
            ["http", "https", "mailto"].contains(&scheme.to_ascii_lowercase().as_str())
        }
        _ => true,
    }
}

/// Letters that an address cannot have, as `%xx`.
fn normalized(address: &str) -> String {
    let bytes = address.as_bytes();
    let mut text = String::with_capacity(address.len());
    for (at, byte) in bytes.iter().enumerate() {
        let is_escape =
            *byte == b'%' && bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
        if is_escape || byte.is_ascii_alphanumeric() || b"!#$&*+,/:;=?@[]-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    text
}

/// Text between tags or within quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\0' => escaped.push('\u{fffd}'),
            '"' => escaped.push_str("&#34;"),
            '&' => escaped.push_str("&amp;"),
            '\'' => escaped.push_str("&#39;"),
            '+' => escaped.push_str("&#43;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            other => escaped.push(other),
        }
    }
    escaped
}
