//! The longer pieces: words, texts, numbers.

use super::{Keyword, LexError, Lexer, Preprocessor, Scanned, Token, is_alpha, is_alphanumeric, keyword};
use crate::promql::quote::quote;

impl Lexer<'_> {
    /// One of the words that may stand in a duration. Its first letter has been read.
    pub(super) fn preprocessor_word(&mut self) -> Option<Token> {
        self.accept_while(is_alpha);
        match self.text().to_ascii_lowercase().as_str() {
            "step" => Some(Token::Preprocessor(Preprocessor::Step)),
            "range" => Some(Token::Preprocessor(Preprocessor::Range)),
            "max_of" => Some(Token::Preprocessor(Preprocessor::MaxOf)),
            "min_of" => Some(Token::Preprocessor(Preprocessor::MinOf)),
            _ => None,
        }
    }

    /// A keyword or a name. Its first letter has been read.
    pub(super) fn word(&mut self) -> Token {
        self.accept_while(|letter| is_alphanumeric(letter) || letter == ':');
        let word = self.text();
        match keyword(&word.to_ascii_lowercase()) {
            // These became words of the language late, and are names unless a value follows.
            Some(Token::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight)) if !self.before_paren() => {
                Token::Identifier
            }
            Some(token) => token,
            None if word.contains(':') => Token::MetricIdentifier,
            None => Token::Identifier,
        }
    }

    fn before_paren(&self) -> bool {
        self.input[self.at..].trim_start_matches([' ', '\t', '\n', '\r']).starts_with('(')
    }

    /// The rest of a text up to its closing quote.
    pub(super) fn string(&mut self, quote: char) -> Scanned {
        loop {
            match self.bump() {
                Some('\\') => self.escape(quote)?,
                Some(char::REPLACEMENT_CHARACTER) => return Err(self.error("invalid UTF-8 rune")),
                None | Some('\n') => return Err(self.error("unterminated quoted string")),
                Some(letter) if letter == quote => return Ok(Token::String),
                Some(_) => {}
            }
        }
    }

    pub(super) fn raw_string(&mut self) -> Scanned {
        loop {
            match self.bump() {
                Some(char::REPLACEMENT_CHARACTER) => return Err(self.error("invalid UTF-8 rune")),
                None => return Err(self.error("unterminated raw string")),
                Some('`') => return Ok(Token::String),
                Some(_) => {}
            }
        }
    }

    /// The rest of an escape; its backslash has been read.
    fn escape(&mut self, quote: char) -> Result<(), LexError> {
        let (digits, base, max, first) = match self.bump() {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\') => return Ok(()),
            Some(letter) if letter == quote => return Ok(()),
            Some(letter @ '0'..='7') => (3, 8, 0xff, Some(letter)),
            Some('x') => (2, 16, 0xff, self.bump()),
            Some('u') => (4, 16, u32::from(char::MAX), self.bump()),
            Some('U') => (8, 16, u32::from(char::MAX), self.bump()),
            Some(other) => return Err(self.error(format!("unknown escape sequence {}", unicode(other)))),
            None => return Err(self.error("escape sequence not terminated")),
        };
        let mut code: u32 = 0;
        let mut letter = first;
        for left in (0..digits).rev() {
            let Some(digit) = letter else { return Err(self.error("escape sequence not terminated")) };
            let Some(value) = digit.to_digit(base) else {
                return Err(self.error(format!("illegal character {} in escape sequence", unicode(digit))));
            };
            code = code.wrapping_mul(base).wrapping_add(value);
            if left > 0 {
                letter = self.bump();
            }
        }
        if code > max || (0xd800..0xe000).contains(&code) {
            return Err(self.error("escape sequence is an invalid Unicode code point"));
        }
        Ok(())
    }

    pub(super) fn number_or_duration(&mut self, first: char) -> Scanned {
        self.at -= first.len_utf8();
        if self.number() {
            return Ok(Token::Number);
        }
        if self.rest_of_duration() {
            return Ok(Token::Duration);
        }
        Err(self.error(format!("bad number or duration syntax: {}", quote(self.text()))))
    }

    /// Reads a number. What is read is not always one: `1_` passes here, and is refused when its value is taken.
    pub(in crate::promql) fn number(&mut self) -> bool {
        let mut digits = "0123456789";
        if !self.in_series && self.accept("0") && self.accept("xX") {
            self.accept("_");
            digits = "0123456789abcdefABCDEF";
        }
        self.accept(".");
        self.accept(digits);
        let (mut dot, mut exponent) = (false, false);
        loop {
            if self.accept(".") {
                if dot || self.accept("_.") || digits.len() > 10 {
                    return false;
                }
                dot = true;
            } else if self.accept("eE") {
                if exponent {
                    return false;
                }
                exponent = true;
                self.accept("+-");
                if self.accept("._eE") || self.peek().is_none() {
                    return false;
                }
            } else if self.accept("_") {
                if self.accept("._eE") || self.peek().is_none() {
                    return false;
                }
            } else if !self.accept_run(digits) {
                break;
            }
        }
        let ends = |next: char| !is_alphanumeric(next) || (self.in_series && next == 'x');
        self.at > self.start && self.peek().is_none_or(ends)
    }

    /// Reads units and further numbers after the first number of a duration. Whether each unit stands in its place is
    /// judged when its value is taken.
    fn rest_of_duration(&mut self) -> bool {
        if !self.accept("smhdwy") {
            return false;
        }
        self.accept("s");
        while self.accept_run("0123456789") {
            // A year comes first or not at all.
            if !self.accept("smhdw") {
                return false;
            }
            self.accept("s");
        }
        // The character at which it goes wrong is read, so that the error shows it.
        !self.peek().is_some_and(is_alphanumeric) || self.bump().is_none()
    }
}

/// A character as Go's `%#U` shows it.
fn unicode(letter: char) -> String {
    format!("U+{:04X} '{letter}'", u32::from(letter))
}
