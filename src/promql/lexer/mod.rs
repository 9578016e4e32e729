//! From characters to words and signs.

mod scan;

use super::ast::{AggregateOp, BinaryOp, Span};
use super::quote::quote_char;

/// What a piece of the query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Eof,
    Identifier,
    /// A name with a colon, which only a metric can have.
    MetricIdentifier,
    String,
    Number,
    Duration,
    LeftBrace,
    RightBrace,
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    /// `=`
    Assign,
    /// `=~`
    Matches,
    /// `!~`
    NotMatches,
    /// `@`
    At,
    Operator(BinaryOp),
    Aggregate(AggregateOp),
    Keyword(Keyword),
    Preprocessor(Preprocessor),
}

/// Words with a meaning between expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Anchored,
    Bool,
    By,
    Fill,
    FillLeft,
    FillRight,
    GroupLeft,
    GroupRight,
    Ignoring,
    Offset,
    On,
    Smoothed,
    Without,
}

/// Words that stand for something of the query itself, and functions where they are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preprocessor {
    Start,
    End,
    Step,
    Range,
    MaxOf,
    MinOf,
}

/// A piece of the query with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) token: Token,
    pub(super) span: Span,
}

/// Something that is no word or sign of the language.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LexError {
    pub(super) message: String,
    pub(super) span: Span,
}

/// Reads a query piece by piece. What a character means depends on the brackets around it.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    input: &'a str,
    /// Where the next character stands.
    at: usize,
    /// Where the piece being read began.
    start: usize,
    open_parens: usize,
    in_braces: bool,
    in_brackets: bool,
    /// Right after `[` and until the first number, only what a duration is made of is read.
    in_duration: bool,
    colon_seen: bool,
    /// Whether a number stood in any brackets so far.
    duration_seen: bool,
    /// Whether the values of a series are read, where an `x` after a number says how often.
    in_series: bool,
}

type Scanned = Result<Token, LexError>;

impl<'a> Lexer<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        Self {
            input,
            at: 0,
            start: 0,
            open_parens: 0,
            in_braces: false,
            in_brackets: false,
            in_duration: false,
            colon_seen: false,
            duration_seen: false,
            in_series: false,
        }
    }

    /// Reads what follows the labels of a series, which end at `at`.
    pub(super) fn after(input: &'a str, at: usize) -> Self {
        Self { at, start: at, in_series: true, ..Self::new(input) }
    }

    /// The next piece; spaces and comments are skipped. After the end it is [`Token::Eof`] again and again.
    pub(super) fn next(&mut self) -> Result<Item, LexError> {
        self.skip_space_and_comments();
        self.start = self.at;
        let token = if self.in_braces {
            self.inside_braces()?
        } else if self.in_duration {
            self.inside_duration()?
        } else {
            self.statement()?
        };
        Ok(Item { token, span: Span { start: self.start, end: self.at } })
    }

    fn skip_space_and_comments(&mut self) {
        loop {
            self.accept_run(" \t\n\r");
            // A comment cannot stand between a bracket and the first number after it.
            if self.in_duration || !self.accept("#") {
                return;
            }
            let comment = &self.input[self.at..];
            self.at += comment.find(['\r', '\n']).unwrap_or(comment.len());
        }
    }

    fn statement(&mut self) -> Scanned {
        let Some(letter) = self.bump() else { return self.end() };
        match letter {
            ',' => Ok(Token::Comma),
            '*' | '/' | '%' | '+' | '-' | '^' => Ok(arithmetic(letter)),
            '=' => match self.peek() {
                Some('=') => Ok(self.followed(BinaryOp::Equal)),
                Some('~') => Err(self.error("unexpected character after '=': '~'")),
                _ => Ok(Token::Assign),
            },
            '!' => match self.bump() {
                Some('=') => Ok(Token::Operator(BinaryOp::NotEqual)),
                other => Err(self.error(format!("unexpected character after '!': {}", shown(other)))),
            },
            '<' => Ok(match self.peek() {
                Some('=') => self.followed(BinaryOp::LessEqual),
                Some('/') => self.followed(BinaryOp::TrimUpper),
                _ => Token::Operator(BinaryOp::Less),
            }),
            '>' => Ok(match self.peek() {
                Some('=') => self.followed(BinaryOp::GreaterEqual),
                Some('/') => self.followed(BinaryOp::TrimLower),
                _ => Token::Operator(BinaryOp::Greater),
            }),
            '0'..='9' => self.number_or_duration(letter),
            '.' if self.peek().is_some_and(|next| next.is_ascii_digit()) => self.number_or_duration(letter),
            '"' | '\'' => self.string(letter),
            '`' => self.raw_string(),
            letter if is_alpha(letter) || letter == ':' => {
                if self.in_brackets {
                    self.word_in_brackets(letter)
                } else {
                    Ok(self.word())
                }
            }
            '(' | ')' => self.paren(letter),
            '{' => {
                self.in_braces = true;
                Ok(Token::LeftBrace)
            }
            '[' => self.left_bracket(),
            ']' => self.right_bracket(),
            '@' => Ok(Token::At),
            other => Err(self.error(format!("unexpected character: {}", quote_char(other)))),
        }
    }

    fn end(&mut self) -> Scanned {
        if self.open_parens > 0 {
            Err(self.error("unclosed left parenthesis"))
        } else if self.in_brackets {
            Err(self.error("unclosed left bracket"))
        } else {
            Ok(Token::Eof)
        }
    }

    /// What may stand between `[` and the first number after it.
    fn inside_duration(&mut self) -> Scanned {
        let Some(letter) = self.bump() else {
            return Err(self.error("unexpected end of input in duration expression"));
        };
        match letter {
            ']' => self.right_bracket(),
            ':' => {
                self.start = self.at;
                if !self.duration_seen {
                    return Err(self.error("unexpected colon before duration in duration expression"));
                }
                if self.colon_seen {
                    return Err(self.error("unexpected repeated colon in duration expression"));
                }
                self.start -= 1;
                self.colon_seen = true;
                Ok(Token::Colon)
            }
            '(' | ')' => self.paren(letter),
            '+' | '-' | '*' | '/' | '%' | '^' => Ok(arithmetic(letter)),
            ',' => Ok(Token::Comma),
            's' | 'S' | 'r' | 'R' | 'm' | 'M' => self.preprocessor_word().ok_or_else(|| {
                self.error(format!("unexpected character in duration expression: {}", quote_char(letter)))
            }),
            '0'..='9' | '.' if letter != '.' || self.peek().is_some_and(|next| next.is_ascii_digit()) => {
                self.duration_seen = true;
                self.in_duration = false;
                self.number_or_duration(letter)
            }
            other => Err(self.error(format!("unexpected character in duration expression: {}", quote_char(other)))),
        }
    }

    fn inside_braces(&mut self) -> Scanned {
        let Some(letter) = self.bump() else {
            return Err(self.error("unexpected end of input inside braces"));
        };
        match letter {
            letter if is_alpha(letter) => {
                self.accept_while(is_alphanumeric);
                Ok(Token::Identifier)
            }
            ',' => Ok(Token::Comma),
            '"' | '\'' => self.string(letter),
            '`' => self.raw_string(),
            '=' => Ok(if self.accept("~") { Token::Matches } else { Token::Assign }),
            '!' => match self.bump() {
                Some('~') => Ok(Token::NotMatches),
                Some('=') => Ok(Token::Operator(BinaryOp::NotEqual)),
                other => Err(self.error(format!("unexpected character after '!' inside braces: {}", shown(other)))),
            },
            '{' => Err(self.error("unexpected left brace '{'")),
            '}' => {
                self.in_braces = false;
                Ok(Token::RightBrace)
            }
            other => Err(self.error(format!("unexpected character inside braces: {}", quote_char(other)))),
        }
    }

    fn paren(&mut self, letter: char) -> Scanned {
        if letter == '(' {
            self.open_parens += 1;
            return Ok(Token::LeftParen);
        }
        if self.open_parens == 0 {
            self.start = self.at;
            return Err(self.error("unexpected right parenthesis ')'"));
        }
        self.open_parens -= 1;
        Ok(Token::RightParen)
    }

    fn left_bracket(&mut self) -> Scanned {
        if self.in_brackets {
            return Err(self.error("unexpected left bracket '['"));
        }
        self.in_brackets = true;
        self.in_duration = true;
        self.colon_seen = false;
        Ok(Token::LeftBracket)
    }

    fn right_bracket(&mut self) -> Scanned {
        if !self.in_brackets {
            return Err(self.error("unexpected right bracket ']'"));
        }
        self.in_brackets = false;
        self.in_duration = false;
        Ok(Token::RightBracket)
    }

    /// A colon or a word after the first number in brackets.
    fn word_in_brackets(&mut self, letter: char) -> Scanned {
        if letter == ':' {
            if self.colon_seen {
                return Err(self.error("unexpected colon ':'"));
            }
            self.colon_seen = true;
            return Ok(Token::Colon);
        }
        let known =
            if matches!(letter.to_ascii_lowercase(), 's' | 'r' | 'm') { self.preprocessor_word() } else { None };
        known.ok_or_else(|| self.error(format!("unexpected character: {}, expected ':'", quote_char(letter))))
    }

    /// A piece begins here.
    pub(super) fn begin(&mut self) {
        self.start = self.at;
    }

    pub(super) fn starts_with(&self, text: &str) -> bool {
        self.input[self.at..].starts_with(text)
    }

    /// The piece as far as it has been read.
    pub(super) fn text(&self) -> &'a str {
        &self.input[self.start..self.at]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.input[self.at..].chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    /// An operator of two characters, of which the second has been peeked at.
    fn followed(&mut self, op: BinaryOp) -> Token {
        self.bump();
        Token::Operator(op)
    }

    /// Reads one character if it is one of `any`.
    pub(super) fn accept(&mut self, any: &str) -> bool {
        let accepted = self.peek().filter(|letter| any.contains(*letter));
        self.at += accepted.map_or(0, char::len_utf8);
        accepted.is_some()
    }

    /// Reads as many characters as are one of `any`, and says whether there was one.
    pub(super) fn accept_run(&mut self, any: &str) -> bool {
        self.accept_while(|letter| any.contains(letter))
    }

    pub(super) fn accept_while(&mut self, is_part: impl Fn(char) -> bool) -> bool {
        let rest = &self.input[self.at..];
        let length = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        self.at += length;
        length > 0
    }

    /// An error about everything from the beginning of the piece on.
    pub(super) fn error(&self, message: impl Into<String>) -> LexError {
        LexError { message: message.into(), span: Span { start: self.start, end: self.input.len() } }
    }
}

fn arithmetic(sign: char) -> Token {
    Token::Operator(match sign {
        '*' => BinaryOp::Mul,
        '/' => BinaryOp::Div,
        '%' => BinaryOp::Mod,
        '+' => BinaryOp::Add,
        '-' => BinaryOp::Sub,
        _ => BinaryOp::Pow,
    })
}

/// What a word in small letters means, if it is one of the language.
fn keyword(word: &str) -> Option<Token> {
    let token = match word {
        "inf" | "nan" => Token::Number,
        "offset" => Token::Keyword(Keyword::Offset),
        "smoothed" => Token::Keyword(Keyword::Smoothed),
        "anchored" => Token::Keyword(Keyword::Anchored),
        "by" => Token::Keyword(Keyword::By),
        "without" => Token::Keyword(Keyword::Without),
        "on" => Token::Keyword(Keyword::On),
        "ignoring" => Token::Keyword(Keyword::Ignoring),
        "group_left" => Token::Keyword(Keyword::GroupLeft),
        "group_right" => Token::Keyword(Keyword::GroupRight),
        "fill" => Token::Keyword(Keyword::Fill),
        "fill_left" => Token::Keyword(Keyword::FillLeft),
        "fill_right" => Token::Keyword(Keyword::FillRight),
        "bool" => Token::Keyword(Keyword::Bool),
        "start" => Token::Preprocessor(Preprocessor::Start),
        "end" => Token::Preprocessor(Preprocessor::End),
        "step" => Token::Preprocessor(Preprocessor::Step),
        "range" => Token::Preprocessor(Preprocessor::Range),
        "max_of" => Token::Preprocessor(Preprocessor::MaxOf),
        "min_of" => Token::Preprocessor(Preprocessor::MinOf),
        other => {
            return AggregateOp::named(other)
                .map(Token::Aggregate)
                .or_else(|| BinaryOp::named(other).map(Token::Operator));
        }
    };
    Some(token)
}

/// A character as Go's `%q` shows it; the end of the query as the character for what cannot be shown.
fn shown(letter: Option<char>) -> String {
    quote_char(letter.unwrap_or(char::REPLACEMENT_CHARACTER))
}

fn is_alpha(letter: char) -> bool {
    letter == '_' || letter.is_ascii_alphabetic()
}

fn is_alphanumeric(letter: char) -> bool {
    letter == '_' || letter.is_ascii_alphanumeric()
}
