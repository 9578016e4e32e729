//! What is wrong at a place of a file.

use std::fmt;

use super::Place;
use crate::Error;

/// Something wrong at a place of a file. Prints as `file:line:column: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file's name, for people.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// What, and what was expected.
    pub message: String,
}

impl Fault {
    /// A fault at a place.
    pub fn new(file: impl Into<String>, place: Place, message: impl Into<String>) -> Self {
        Self { file: file.into(), place, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.place.line, self.place.column, self.message)
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::file(fault.file, fault.place.line, fault.place.column, fault.message)
    }
}

/// The line of a text with a caret below the place; empty when the text has no such line. Long lines are cut to
/// what is around the place.
///
/// ```text
///    7 |         expr: 'test +'
///      |                      ^
/// ```
pub fn excerpt(text: &str, place: Place) -> String {
    /// Characters of a line shown at most, and before the place.
    const WIDTH: usize = 120;
    const BEFORE: usize = 80;
    let Some(line) = text.lines().nth(place.line.saturating_sub(1)) else { return String::new() };
    let skip = (place.column.saturating_sub(1)).saturating_sub(BEFORE);
    let shown: String = line.chars().skip(skip).take(WIDTH).collect();
    // A tab before the caret is as wide as the one above it.
    let before = place.column.saturating_sub(1) - skip;
    let padding: String = shown.chars().chain(std::iter::repeat(' ')).take(before).map(blank).collect();
    format!("{:>4} | {shown}\n     | {padding}^", place.line)
}

fn blank(letter: char) -> char {
    if letter == '\t' { '\t' } else { ' ' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_its_column_whatever_is_before_it() {
        let place = |line, column| Place { line, column };
        assert_eq!(excerpt("a: 1\nb: 2\n", place(2, 4)), "   2 | b: 2\n     |    ^");
        assert_eq!(excerpt("\tü: x", place(1, 5)), "   1 | \tü: x\n     | \t   ^");
        assert_eq!(excerpt("a", place(1, 4)), "   1 | a\n     |    ^", "beyond the end of the line");
        assert_eq!(excerpt("a", place(2, 1)), "");
        let long = format!("{}!{}", "x".repeat(500), "y".repeat(500));
        let shown = excerpt(&long, place(1, 501));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0].find('!'), lines[1].find('^'));
        assert!(lines[0].len() < 140);
    }
}
