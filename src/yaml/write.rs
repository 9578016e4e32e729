//! Texts as scalars of a file that people read.

use super::scalar::Scalar;

/// Words that older readers of YAML take for something else than a text.
const WORDS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];

/// A text as the value of a key in a block mapping, in the style that needs the fewest marks: plain, in single quotes, as
/// a block, in double quotes. `indent` is the column that the lines of a block stand in.
pub fn scalar(text: &str, indent: usize) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    if let Some(block) = block(text, indent) {
        return block;
    }
    if text.chars().any(must_be_escaped) { double_quoted(text) } else { format!("'{}'", text.replace('\'', "''")) }
}

/// In double quotes, as YAML, JSON and Prometheus' query language all read them.
pub fn double_quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if must_be_escaped(letter) => quoted.extend(format!("\\u{:04x}", u32::from(letter)).chars()),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

fn must_be_escaped(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Whether every reader of YAML takes the text for that text without quotes.
fn is_plain(text: &str) -> bool {
    let begins = text.starts_with(|first: char| first.is_alphabetic() || matches!(first, '_' | '/' | '('));
    let ends = !text.ends_with([' ', ':']);
    let inside = !text.contains(": ") && !text.contains(" #") && !text.chars().any(must_be_escaped);
    let is_word = WORDS.iter().any(|word| text.eq_ignore_ascii_case(word));
    begins && ends && inside && !is_word && Scalar::plain(text) == Scalar::Text
}

/// Several lines as a literal block; `None` when it would not come back as it is.
fn block(text: &str, indent: usize) -> Option<String> {
    let (lines, header) = match text.strip_suffix('\n') {
        Some(lines) => (lines, "|"),
        None => (text, "|-"),
    };
    let fits = |line: &str| line.trim_end() == line && !line.chars().any(must_be_escaped);
    let is_block =
        text.contains('\n') && !lines.starts_with([' ', '\n']) && !lines.is_empty() && !lines.ends_with('\n');
    if !is_block || !lines.split('\n').all(fits) {
        return None;
    }
    let indented = lines.split('\n').map(|line| match line {
        "" => String::new(),
        line => format!("{:indent$}{line}", ""),
    });
    Some(format!("{header}\n{}", indented.collect::<Vec<_>>().join("\n")))
}

#[cfg(test)]
mod tests {
    use super::super::{Content, Options, read};
    use super::*;

    #[test]
    fn a_text_is_written_with_the_fewest_marks() {
        let cases = [
            ("sum(rate(x{job=\"a\"}[5m])) > 1", "sum(rate(x{job=\"a\"}[5m])) > 1"),
            ("{{ $value }} is 'much'", "'{{ $value }} is ''much'''"),
            ("a: b", "'a: b'"),
            ("0.05", "'0.05'"),
            ("No", "'No'"),
            ("true", "'true'"),
            ("", "''"),
            ("a\nb", "|-\n  a\n  b"),
            ("a\n\n b\n", "|\n  a\n\n   b"),
            ("a \nb", "\"a \\u000ab\""),
            ("\ta", "\"\\u0009a\""),
        ];
        for (text, written) in cases {
            assert_eq!(scalar(text, 2), written, "{text:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let texts = [
            "a",
            " a",
            "a ",
            "a:",
            "#a",
            "a #b",
            "- a",
            "? a",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a`",
            "~",
            "null",
            "0x1f",
            "1e3",
            ".5",
            "=",
            "<<",
            "---",
            "[1]",
            "{a: 1}",
            "a\n",
            "\na",
            "\n",
            "a\n\n",
            " a\nb",
            "a\n b\n",
            "a\r\nb",
            "\u{2028}",
            "\u{feff}a",
            "☃: \u{1}",
            "'",
            "\"",
            "\\",
            "a\n# no comment",
            "a\n---\nb",
            "y",
            "Yes",
            "2020-01-01",
        ];
        for text in texts {
            let file = format!("groups:\n  - key: {}\n    other: 1\n", scalar(text, 6));
            let root = read("", &file, &Options::default(), None).unwrap_or_else(|fault| panic!("{fault}\n{file}"));
            let Some(Content::Mapping(entries)) = root.map(|root| root.content) else { panic!("{file}") };
            let Content::Sequence(items) = &entries[0].value.content else { panic!("{file}") };
            let Content::Mapping(entries) = &items[0].content else { panic!("{file}") };
            let Content::Scalar(kind, read) = &entries[0].value.content else { panic!("{file}") };
            assert_eq!((read.as_str(), kind, entries.len()), (text, &Scalar::Text, 2), "{file}");
        }
    }
}
