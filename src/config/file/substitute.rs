//! `${NAME}` in a configuration file, as
//! <https://opentelemetry.io/docs/specs/otel/configuration/data-model/#environment-variable-substitution> defines it.

use std::borrow::Cow;

/// Replaces the references in one scalar. What comes in from a variable is never looked at again, and `$$` stands for
/// one `$` that begins no reference.
///
/// # Errors
/// A reference that does not follow the grammar, as it was written.
pub(super) fn substitute<'a>(
    text: &'a str,
    variable: &mut dyn FnMut(&str) -> Option<String>,
) -> Result<Cow<'a, str>, String> {
    if !text.contains('$') {
        return Ok(Cow::Borrowed(text));
    }
    let mut output = String::with_capacity(text.len());
    for (index, part) in text.split("$$").enumerate() {
        if index > 0 {
            output.push('$');
        }
        replace(part, variable, &mut output)?;
    }
    Ok(Cow::Owned(output))
}

fn replace(part: &str, variable: &mut dyn FnMut(&str) -> Option<String>, output: &mut String) -> Result<(), String> {
    let mut rest = part;
    while let Some(start) = rest.find("${") {
        let (before, reference) = rest.split_at(start);
        output.push_str(before);
        let inside = reference[2..].find('}').map(|end| &reference[2..2 + end]).unwrap_or_default();
        if inside.is_empty() {
            // `${}`, or no end: not a reference, and so a text like any other.
            output.push_str("${");
            rest = &reference[2..];
            continue;
        }
        let (name, default) = parse(inside).ok_or_else(|| format!("${{{inside}}}"))?;
        match variable(name).filter(|value| !value.is_empty()) {
            Some(value) => output.push_str(&value),
            None => output.push_str(default),
        }
        rest = &reference[inside.len() + 3..];
    }
    output.push_str(rest);
    Ok(())
}

/// The name and the default of a reference: `NAME`, `NAME:-default`, either with `env:` before it.
fn parse(inside: &str) -> Option<(&str, &str)> {
    named(inside).or_else(|| named(inside.strip_prefix("env:")?))
}

fn named(text: &str) -> Option<(&str, &str)> {
    let (name, default) = text.split_once(":-").unwrap_or((text, ""));
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let fits = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    (starts && fits && !default.contains('\n')).then_some((name, default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_resolve_as_the_table_of_the_specification_says() {
        let variables = [
            ("STRING_VALUE", "value"),
            ("FLOAT_VALUE", "1.1"),
            ("INVALID_MAP_VALUE", "value\nkey:value"),
            ("DO_NOT_REPLACE_ME", "Never use this value"),
            ("REPLACE_ME", "${DO_NOT_REPLACE_ME}"),
            ("VALUE_WITH_ESCAPE", "value$$"),
            ("EMPTY", ""),
        ];
        let mut variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| String::from(*value));
        let cases = [
            ("plain", Ok("plain")),
            ("${STRING_VALUE}", Ok("value")),
            ("${env:STRING_VALUE}", Ok("value")),
            ("${INVALID_MAP_VALUE}", Ok("value\nkey:value")),
            ("foo ${STRING_VALUE} ${FLOAT_VALUE}", Ok("foo value 1.1")),
            ("${UNDEFINED_KEY}", Ok("")),
            ("${UNDEFINED_KEY:-fallback}", Ok("fallback")),
            ("${EMPTY:-fallback}", Ok("fallback")),
            ("${env:UNDEFINED_KEY:-fall back}", Ok("fall back")),
            ("${REPLACE_ME}", Ok("${DO_NOT_REPLACE_ME}")),
            ("${UNDEFINED_KEY:-${STRING_VALUE}}", Ok("${STRING_VALUE}")),
            ("${STRING_VALUE:?error}", Err("${STRING_VALUE:?error}")),
            ("$${STRING_VALUE}", Ok("${STRING_VALUE}")),
            ("$$${STRING_VALUE}", Ok("$value")),
            ("$$$${STRING_VALUE}", Ok("$${STRING_VALUE}")),
            ("$${STRING_VALUE:-fallback}", Ok("${STRING_VALUE:-fallback}")),
            ("$${STRING_VALUE:-${STRING_VALUE}}", Ok("${STRING_VALUE:-value}")),
            ("${UNDEFINED_KEY:-$${UNDEFINED_KEY}}", Ok("${UNDEFINED_KEY:-${UNDEFINED_KEY}}")),
            ("${VALUE_WITH_ESCAPE}", Ok("value$$")),
            ("a $$ b", Ok("a $ b")),
            ("a $ b", Ok("a $ b")),
            ("${}", Ok("${}")),
            ("${STRING_VALUE", Ok("${STRING_VALUE")),
            ("${1API_KEY}", Err("${1API_KEY}")),
            ("${API_$KEY}", Err("${API_$KEY}")),
            ("${sys:STRING_VALUE}", Err("${sys:STRING_VALUE}")),
        ];
        for (text, expected) in cases {
            let found = substitute(text, &mut variable);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
