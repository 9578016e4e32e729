//! Conditions as routing files write them: `severity=~"warning|critical"`.

use crate::model::{MatchOp, Matcher};

/// The operators, the longer of those that begin alike first.
const OPERATORS: [(&str, MatchOp); 4] =
    [("=~", MatchOp::Matches), ("!~", MatchOp::NotMatches), ("!=", MatchOp::NotEqual), ("=", MatchOp::Equal)];

/// What is accepted, to follow the word "expected".
pub(super) const EXPECTED: &str = "a matcher such as severity=\"critical\" or team=~\"a|b\"";

/// One condition or several between commas, with or without braces around them; none for an empty text.
///
/// # Errors
/// What is wrong, for a person.
pub(super) fn parse(text: &str) -> Result<Vec<Matcher>, String> {
    let inside = text.trim();
    let inside = inside.strip_prefix('{').unwrap_or(inside);
    let inside = inside.strip_suffix('}').unwrap_or(inside);
    split(inside).into_iter().filter(|part| !part.trim().is_empty()).map(one).collect()
}

/// The parts between commas that stand outside of quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b',' if !quoted => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            b'"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = byte == b'\\' && !escaped;
    }
    parts.push(&text[begin..]);
    parts
}

fn one(text: &str) -> Result<Matcher, String> {
    let wrong = || format!("{text:?} is not valid; expected {EXPECTED}");
    let text = text.trim();
    let quoted = text.strip_prefix('"').and_then(|rest| rest.split_once('"'));
    let (name, rest) = if let Some((name, rest)) = quoted {
        (name, rest.trim_start())
    } else {
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        (name, rest.trim_start())
    };
    let bare = text.starts_with(|c: char| c.is_ascii_digit());
    if name.is_empty() || bare {
        return Err(wrong());
    }
    let (op, value) = OPERATORS
        .iter()
        .find_map(|(sign, op)| rest.strip_prefix(sign).map(|value| (*op, value.trim())))
        .ok_or_else(wrong)?;
    let value = unquote(value).ok_or_else(wrong)?;
    Matcher::new(name, op, value).map_err(|error| format!("{text:?} is not a valid regular expression ({error})"))
}

/// A value without its quotes. A quote within it must be escaped; any other single backslash stands for itself.
fn unquote(text: &str) -> Option<String> {
    let quoted = text.strip_prefix('"');
    let inside = match quoted {
        Some(rest) => rest.strip_suffix('"')?,
        None => text,
    };
    let mut value = String::with_capacity(inside.len());
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        match (letter, letters.clone().next()) {
            ('\\', Some('n')) => value.push('\n'),
            ('\\', Some(escaped @ ('"' | '\\'))) => value.push(escaped),
            ('"', _) => return None,
            (other, _) => {
                value.push(other);
                continue;
            }
        }
        letters.next();
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<Vec<(String, MatchOp, String)>, String> {
        let show = |matcher: &Matcher| (matcher.name().to_owned(), matcher.op(), matcher.value().to_owned());
        parse(text).map(|matchers| matchers.iter().map(show).collect())
    }

    #[test]
    fn matchers_are_read_as_alertmanager_reads_them() {
        let one = |name: &str, op, value: &str| vec![(name.to_owned(), op, value.to_owned())];
        for (text, expected) in [
            ("", vec![]),
            ("foo=bar", one("foo", MatchOp::Equal, "bar")),
            ("foo = \"bar\" ", one("foo", MatchOp::Equal, "bar")),
            ("{foo!=\"bar\"}", one("foo", MatchOp::NotEqual, "bar")),
            ("statuscode=~\"5..\"", one("statuscode", MatchOp::Matches, "5..")),
            ("x!~a|b", one("x", MatchOp::NotMatches, "a|b")),
            ("empty=", one("empty", MatchOp::Equal, "")),
            (r#"q="She said: \"Hi, ladies!\"""#, one("q", MatchOp::Equal, "She said: \"Hi, ladies!\"")),
            (r#"path="C:\dir\\n\n""#, one("path", MatchOp::Equal, "C:\\dir\\n\n")),
            (r#""service.name"="search""#, one("service.name", MatchOp::Equal, "search")),
        ] {
            assert_eq!(shown(text), Ok(expected), "{text}");
        }
        assert_eq!(shown("{foo = \"bar\", dings != \"bums\", }").map(|all| all.len()), Ok(2));
    }

    #[test]
    fn what_is_no_matcher_is_refused_with_its_text() {
        for text in ["foo", "=bar", "5xx=\"a\"", "foo~bar", "a=\"b", "a=b\"c", "foo=~\"(\"", "a b=c"] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(&format!("{:?}", text.trim())), "{error}");
        }
    }
}
