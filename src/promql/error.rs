//! What is wrong with a query, and where.

use std::fmt;

use super::ast::Span;

/// A place in a text, as people count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in bytes, as Prometheus counts.
    pub column: usize,
}

impl Position {
    /// Where the byte at `offset` of the text stands; an offset after its end is taken as its end.
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = before.split(|byte| *byte == b'\n').count();
        Self { line, column: before.len() - line_start + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What, in Prometheus' words.
    pub message: String,
    /// The bytes of the query that are meant.
    pub span: Span,
    /// Where those bytes begin; `None` when the query is empty.
    pub position: Option<Position>,
    /// The word that was probably meant where one is not known. Not part of the printed error, which is Prometheus'.
    pub hint: Option<&'static str>,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(position) => write!(f, "{position}: parse error: {}", self.message),
            None => write!(f, "unknown position: parse error: {}", self.message),
        }
    }
}

impl std::error::Error for ParseError {}

/// Everything found wrong with a query, in the order of finding; never empty. Prints the first, as Prometheus does:
/// those after it are often its consequences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseErrors {
    first: ParseError,
    more: Vec<ParseError>,
}

impl ParseErrors {
    /// The first and what was found after it.
    pub(super) fn new(first: ParseError, more: Vec<ParseError>) -> Self {
        Self { first, more }
    }

    /// The one to show.
    pub fn first(&self) -> &ParseError {
        &self.first
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &ParseError> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

impl fmt::Display for ParseErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)
    }
}

impl std::error::Error for ParseErrors {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.first)
    }
}
