//! What differs between two lists, for people.

use std::fmt::{self, Write as _};

/// Items of each kind that are shown.
const SHOWN: usize = 20;
/// Lines of each side that are compared line by line; of longer ones only whole items are.
const COMPARED: usize = 500;

/// How a difference is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// What is missing and what is unexpected, each whole.
    Sets,
    /// Line by line, as `diff` does.
    Lines,
}

/// Something that is compared line by line.
pub(super) trait Lines {
    /// Its lines.
    fn lines(&self) -> Vec<String>;
}

/// What differs between what was expected and what is.
pub(super) fn difference<T: fmt::Display + Lines>(
    expected: &[T],
    got: &[T],
    style: Style,
    same: impl Fn(&T, &T) -> bool,
) -> String {
    let lines = |items: &[T]| items.iter().flat_map(Lines::lines).collect::<Vec<_>>();
    if style == Style::Lines {
        let (expected, got) = (lines(expected), lines(got));
        if expected.len().max(got.len()) <= COMPARED {
            return line_by_line(&expected, &got);
        }
    }
    let missing: Vec<&T> = expected.iter().filter(|item| !got.iter().any(|other| same(item, other))).collect();
    let unexpected: Vec<&T> = got.iter().filter(|item| !expected.iter().any(|other| same(other, item))).collect();
    let mut text = String::new();
    for (word, items) in [("missing", &missing), ("unexpected", &unexpected)] {
        for item in items.iter().take(SHOWN) {
            let _infallible = write!(text, "\n  {word:<10} {item}");
        }
        if items.len() > SHOWN {
            let _infallible = write!(text, "\n  {word:<10} {} more", items.len() - SHOWN);
        }
    }
    if text.is_empty() {
        let _infallible = write!(text, "\n  expected {} of them, got {}", expected.len(), got.len());
    }
    text
}

/// A longest common subsequence, and around it what was expected (`-`) and what is (`+`).
fn line_by_line(expected: &[String], got: &[String]) -> String {
    // common[i][j]: lines that expected[i..] and got[j..] have in common.
    let mut common = vec![vec![0_usize; got.len() + 1]; expected.len() + 1];
    for (i, line) in expected.iter().enumerate().rev() {
        for (j, other) in got.iter().enumerate().rev() {
            common[i][j] =
                if line == other { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut text) = (0, 0, String::new());
    while i < expected.len() || j < got.len() {
        let (sign, line) = if i < expected.len() && j < got.len() && expected[i] == got[j] {
            (i, j) = (i + 1, j + 1);
            (' ', &expected[i - 1])
        } else if i < expected.len() && (j == got.len() || common[i + 1][j] >= common[i][j + 1]) {
            i += 1;
            ('-', &expected[i - 1])
        } else {
            j += 1;
            ('+', &got[j - 1])
        };
        let _infallible = write!(text, "\n  {sign} {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_both_have_stand_once() {
        let lines = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let cases = [
            ("a b c", "a x c", "\n    a\n  - b\n  + x\n    c"),
            ("", "a", "\n  + a"),
            ("a b", "", "\n  - a\n  - b"),
            ("a b c d", "b d", "\n  - a\n    b\n  - c\n    d"),
        ];
        for (expected, got, difference) in cases {
            assert_eq!(line_by_line(&lines(expected), &lines(got)), difference);
        }
    }
}
