//! From text to nodes: the grammar of `promql/parser/generated_parser.y`, read by descent.
//!
//! The first error has the text and the place that Prometheus gives it. Errors of meaning are noted and reading goes on;
//! a piece that fits nowhere ends it.

mod duration;
mod expr;
mod metric;
mod modifier;
mod selector;

use super::ast::{Expr, Span};
use super::check;
use super::error::{ParseError, ParseErrors, Position};
use super::lexer::{Item, Lexer, Token};
use super::number::parse_number;
use super::quote::{quote, unquote};

pub(super) use metric::metric;

/// Bytes of a query that is read at all.
pub const MAX_LENGTH: usize = 1 << 20;

/// How deep parentheses, calls and signs may be nested: reading them takes some kilobytes of stack a level.
pub const MAX_NESTING: usize = 100;

/// How many levels an expression may have, where each operator of a chain counts as one: who walks it recursively is
/// safe on a thread with 2 MiB of stack.
pub const MAX_DEPTH: usize = 256;

/// Parts of the language that Prometheus reads only when asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Experiments {
    /// `promql-experimental-functions`: functions and aggregations so marked.
    pub functions: bool,
    /// `promql-duration-expr`: arithmetic where a duration is written.
    pub durations: bool,
    /// `promql-extended-range-selectors`: `anchored` and `smoothed`.
    pub selectors: bool,
    /// `promql-binop-fill-modifiers`: `fill`, `fill_left` and `fill_right`.
    pub fill: bool,
}

impl Experiments {
    /// What Prometheus reads when not asked for more.
    pub const NONE: Self = Self { functions: false, durations: false, selectors: false, fill: false };
    /// Everything.
    pub const ALL: Self = Self { functions: true, durations: true, selectors: true, fill: true };
}

/// Reads a query as Prometheus does when no experiment is switched on.
///
/// # Errors
/// When it is not a valid query, with the text and position that Prometheus gives; when it is longer than
/// [`MAX_LENGTH`], nested deeper than [`MAX_NESTING`], or of more levels than [`MAX_DEPTH`].
pub fn parse(text: &str) -> Result<Expr, ParseErrors> {
    parse_with(text, Experiments::NONE)
}

/// Reads a query that may use experimental parts of the language.
///
/// # Errors
/// Those of [`parse`].
pub fn parse_with(text: &str, experiments: Experiments) -> Result<Expr, ParseErrors> {
    let mut parser = Parser::new(text, experiments);
    let read = parser.query();
    let mut errors = parser.errors;
    if let Ok(mut expr) = read {
        // Types are judged only when everything could be read.
        if errors.is_empty() {
            check::check(&mut expr, text, &mut errors);
        }
        if errors.is_empty() {
            return Ok(expr);
        }
    }
    Err(self::errors(text, errors))
}

/// What was found wrong, with lines and columns.
pub(super) fn errors(text: &str, found: Vec<Found>) -> ParseErrors {
    let mut errors = found.into_iter().map(|found| ParseError {
        position: (!text.is_empty()).then(|| Position::of(text, found.span.start)),
        message: found.message,
        span: found.span,
        hint: found.hint,
    });
    // Reading does not stop without a reason; were it to, this is better than a panic.
    let unknown =
        || ParseError { message: "unexpected error".to_owned(), span: Span::default(), position: None, hint: None };
    let first = errors.next().unwrap_or_else(unknown);
    ParseErrors::new(first, errors.collect())
}

/// An error before its line and column are counted.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) message: String,
    pub(super) span: Span,
    /// The word that was probably meant.
    pub(super) hint: Option<&'static str>,
}

impl Found {
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { message: message.into(), span, hint: None }
    }
}

/// Reading ended; why is the last of the noted errors.
#[derive(Debug)]
struct Stop;

type Parsed<T> = Result<T, Stop>;

/// What is being read, and what should come next: for the error about a piece that does not fit.
#[derive(Debug, Clone, Copy)]
struct Context {
    inside: &'static str,
    expected: &'static str,
}

/// An expression with the number of levels in it.
#[derive(Debug)]
struct Grown {
    expr: Expr,
    height: usize,
}

struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    /// The next piece, once it has been looked at.
    ahead: Option<Item>,
    /// End of the last piece taken.
    end: usize,
    errors: Vec<Found>,
    context: Option<Context>,
    experiments: Experiments,
    /// Calls of `binary` or `duration` under way.
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, experiments: Experiments) -> Self {
        let lexer = Lexer::new(text);
        Self { text, lexer, ahead: None, end: 0, errors: Vec::new(), context: None, experiments, depth: 0 }
    }

    fn query(&mut self) -> Parsed<Expr> {
        if self.text.len() > MAX_LENGTH {
            self.note(Span::default(), format!("query is longer than {MAX_LENGTH} bytes"));
            return Err(Stop);
        }
        if self.peek()? == Token::Eof {
            self.note(Span::default(), "no expression found in input");
            return Err(Stop);
        }
        let grown = self.expr()?;
        self.expect(Token::Eof)?;
        Ok(grown.expr)
    }

    /// The next piece, which stays where it is.
    fn look(&mut self) -> Parsed<Item> {
        if let Some(item) = self.ahead {
            return Ok(item);
        }
        match self.lexer.next() {
            Ok(item) => {
                self.ahead = Some(item);
                Ok(item)
            }
            Err(error) => {
                self.note(error.span, error.message);
                Err(Stop)
            }
        }
    }

    fn peek(&mut self) -> Parsed<Token> {
        Ok(self.look()?.token)
    }

    fn take(&mut self) -> Parsed<Item> {
        let item = self.look()?;
        self.ahead = None;
        self.end = item.span.end;
        Ok(item)
    }

    /// Takes the next piece if it is this one.
    fn eat(&mut self, token: Token) -> Parsed<bool> {
        let fits = self.peek()? == token;
        if fits {
            self.take()?;
        }
        Ok(fits)
    }

    fn expect(&mut self, token: Token) -> Parsed<Item> {
        if self.peek()? == token { self.take() } else { self.unexpected() }
    }

    /// Ends reading: the next piece does not fit.
    fn unexpected<T>(&mut self) -> Parsed<T> {
        let item = self.look()?;
        let what = describe(item, self.slice(item.span));
        let message = match self.context {
            None => format!("unexpected {what}"),
            Some(Context { inside, expected: "" }) => format!("unexpected {what} in {inside}"),
            Some(Context { inside, expected }) => format!("unexpected {what} in {inside}, expected {expected}"),
        };
        self.note(item.span, message);
        Err(Stop)
    }

    fn note(&mut self, span: Span, message: impl Into<String>) {
        self.errors.push(Found::new(span, message));
    }

    /// What is being read from here on; returns what was before, for `restore`.
    fn expecting(&mut self, inside: &'static str, expected: &'static str) -> Option<Context> {
        self.context.replace(Context { inside, expected })
    }

    fn restore(&mut self, before: Option<Context>) {
        self.context = before;
    }

    /// Counts a level; `depth` goes back by one when it is left.
    fn descend(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth <= MAX_NESTING { Ok(()) } else { self.too_deep(MAX_NESTING) }
    }

    /// Ends reading when an expression has too many levels.
    fn limit(&mut self, height: usize) -> Parsed<()> {
        if height <= MAX_DEPTH { Ok(()) } else { self.too_deep(MAX_DEPTH) }
    }

    fn too_deep(&mut self, limit: usize) -> Parsed<()> {
        let span = Span { start: self.end, end: self.text.len() };
        self.note(span, format!("expression is nested deeper than {limit} levels"));
        Err(Stop)
    }

    fn slice(&self, span: Span) -> &'a str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// The value of a piece that is a number.
    fn number(&mut self, item: Item) -> f64 {
        parse_number(self.slice(item.span)).unwrap_or_else(|error| {
            self.note(item.span, format!("error parsing number: {error}"));
            0.0
        })
    }

    /// The value of a piece that is a text.
    fn unquoted(&mut self, item: Item) -> String {
        let quoted = self.slice(item.span);
        unquote(quoted).unwrap_or_else(|| {
            self.note(item.span, format!("error unquoting string {}: invalid syntax", quote(quoted)));
            String::new()
        })
    }
}

/// A piece as Prometheus names it in an error.
fn describe(item: Item, text: &str) -> String {
    match item.token {
        Token::Eof => "end of input".to_owned(),
        Token::Identifier => format!("identifier {}", quote(text)),
        Token::MetricIdentifier => format!("metric identifier {}", quote(text)),
        Token::String => format!("string {}", shortened(text)),
        Token::Number => format!("number {}", shortened(text)),
        Token::Duration => format!("duration {}", shortened(text)),
        Token::Keyword(_) => format!("<{text}>"),
        Token::Operator(_) | Token::Matches | Token::NotMatches | Token::At => format!("<op:{text}>"),
        Token::Aggregate(_) => format!("<aggr:{text}>"),
        _ => quote(text),
    }
}

fn shortened(text: &str) -> String {
    if text.len() <= 10 {
        return quote(text);
    }
    format!("{}...", quote(&text.chars().take(10).collect::<String>()))
}

#[cfg(test)]
mod tests;
