//! From a byte of a scalar's text back to its place in the file.

use super::{Content, Node, Place};

/// The place in `file` of the byte `offset` of a scalar's text. `file` is the whole text that the node was read from, and
/// without variables put in. For an offset at the end the place behind the last character; for anything but a scalar
/// the node's own place.
pub fn locate(file: &str, node: &Node, offset: usize) -> Place {
    let (Content::Scalar(_, text), Some(raw)) = (&node.content, file.get(node.written.bytes.clone())) else {
        return node.place;
    };
    let quote = node.written.quote;
    place_of(file, node.written.bytes.start + walk(raw, quote, text, offset.min(text.len())))
}

fn place_of(file: &str, byte: usize) -> Place {
    let before = file.get(..byte).unwrap_or(file);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

/// Walks what was written and what it stands for side by side: letters one by one, escapes as one, and where lines were
/// folded or indented a run of white space as one.
fn walk(raw: &str, quote: Option<char>, text: &str, offset: usize) -> usize {
    let mut written = usize::from(quote.is_some());
    // A block begins with its first line that is not empty.
    let mut at = if blank_length(raw) == 0 { blank_length(text).min(offset) } else { 0 };
    while at < offset || starts_blank_before_text(&raw[written..], &text[at..]) {
        let (rest, wanted) = (&raw[written..], &text[at..]);
        let (gap, blank) = (blank_length(rest), blank_length(wanted));
        if rest.is_empty() {
            break;
        } else if rest.starts_with("\\\n") && quote == Some('"') {
            written += 1 + blank_length(&rest[1..]);
        } else if gap > 0 && rest[..gap].contains('\n') {
            if at + blank > offset {
                return written + (offset - at).min(gap);
            }
            (written, at) = (written + gap, at + blank);
        } else if gap > 0 && blank == 0 {
            written += gap;
        } else {
            written += written_length(rest, quote);
            at += wanted.chars().next().map_or(1, char::len_utf8);
        }
    }
    written
}

/// Whether indentation stands before a letter of the text.
fn starts_blank_before_text(rest: &str, wanted: &str) -> bool {
    blank_length(rest) > 0 && blank_length(wanted) == 0 && !wanted.is_empty()
}

fn blank_length(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t', '\n', '\r']).len()
}

/// Bytes that the next character of the text takes in the file.
fn written_length(rest: &str, quote: Option<char>) -> usize {
    let length = match (quote, rest.as_bytes()) {
        (Some('"'), [b'\\', b'x', ..]) => 4,
        (Some('"'), [b'\\', b'u', ..]) => 6,
        (Some('"'), [b'\\', b'U', ..]) => 10,
        (Some('"'), [b'\\', _, ..]) | (Some('\''), [b'\'', b'\'', ..]) => 2,
        _ => rest.chars().next().map_or(0, char::len_utf8),
    };
    length.min(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Options, read};

    /// The place of `!` in the text of the first value of a mapping.
    fn found(file: &str) -> (usize, usize) {
        let root = read("f", file, &Options::default(), None).unwrap().unwrap();
        let Content::Mapping(entries) = root.content else { panic!("no mapping") };
        let Content::Scalar(_, text) = &entries[0].value.content else { panic!("no scalar") };
        let place = locate(file, &entries[0].value, text.find('!').unwrap());
        (place.line, place.column)
    }

    #[test]
    fn a_letter_of_a_text_is_found_in_the_file_in_every_style() {
        let files = [
            "a: up!",
            "a:   x + !",
            "a: 'it''s !'",
            "a: \"tab\\t \\u00e9 \\x41 !\"",
            "a: \"b \\\n   c !\"",
            "a: \"b\n   c !\"",
            "a: |\n  sum(\n    up !\n  )\n",
            "a: |2-  # a comment\n    x\n  !\n",
            "a: >\n  sum(\n  up\n  !\n",
            "a: >-\n\n  x\n\n  y !\n",
            "a: x\n  y\n   z !\n",
            "a: !!str x",
            "# ü\na: 'ü' # !\n",
            "- 1",
        ];
        for file in &files[..11] {
            let at = file.find('!').unwrap();
            let place = place_of(file, at);
            assert_eq!(found(file), (place.line, place.column), "{file:?}");
        }
    }

    #[test]
    fn the_end_of_a_text_is_behind_its_last_letter() {
        for (file, expected) in [("a: 'x +'", (1, 8)), ("a: x +\nb: 1", (1, 7)), ("a: |\n  x +\n", (2, 6))] {
            let root = read("f", file, &Options::default(), None).unwrap().unwrap();
            let Content::Mapping(entries) = root.content else { panic!("no mapping") };
            let place = locate(file, &entries[0].value, 3);
            assert_eq!((place.line, place.column), expected, "{file:?}");
        }
    }
}
