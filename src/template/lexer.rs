//! A template's text as words (`text/template/parse/lex.go`).

use super::TemplateError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// The byte of the template where it begins.
    pub(super) at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Outside of `{{ }}`.
    Text,
    /// `{{`
    Open,
    /// `}}`
    Close,
    LeftParen,
    RightParen,
    Pipe,
    Comma,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    Space,
    Dot,
    /// `.name`
    Field,
    /// `$name`
    Variable,
    /// A function's name or a keyword.
    Word,
    Number,
    /// `'a'`
    Char,
    /// `"text"`
    Quoted,
    /// Text in back quotes.
    Raw,
    End,
}

/// All tokens, [`Kind::End`] the last of them.
pub(super) fn tokens(source: &str) -> Result<Vec<Token<'_>>, TemplateError> {
    let mut lexer = Lexer { source, at: 0, tokens: Vec::new(), parens: 0 };
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    tokens: Vec<Token<'a>>,
    parens: usize,
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

impl<'a> Lexer<'a> {
    fn run(&mut self) -> Result<(), TemplateError> {
        // Whether the text that follows loses its leading white space.
        let mut trim = false;
        while let Some(length) = self.rest().find("{{") {
            let open = self.at + length;
            let trims_before = has_trim(&self.source[open + 2..]);
            self.text(open, trim, trims_before);
            let inside = open + 2 + if trims_before { 2 } else { 0 };
            self.at = inside;
            trim = if self.rest().starts_with("/*") { self.comment()? } else { self.action(open)? };
        }
        self.text(self.source.len(), trim, false);
        self.push(Kind::End, self.source.len(), 0);
        Ok(())
    }

    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn push(&mut self, kind: Kind, at: usize, length: usize) {
        self.tokens.push(Token { kind, text: &self.source[at..at + length], at });
        self.at = at + length;
    }

    fn text(&mut self, end: usize, trim_start: bool, trim_end: bool) {
        let mut text = &self.source[self.at..end];
        let mut at = self.at;
        if trim_start {
            text = text.trim_start_matches(SPACE);
            at = end - text.len();
        }
        if trim_end {
            text = text.trim_end_matches(SPACE);
        }
        if !text.is_empty() {
            self.tokens.push(Token { kind: Kind::Text, text, at });
        }
        self.at = end;
    }

    /// Whether what follows is trimmed.
    fn comment(&mut self) -> Result<bool, TemplateError> {
        let start = self.at;
        let Some(length) = self.rest().find("*/") else {
            return Err(error(start, "unclosed comment; expected */"));
        };
        self.at += length + 2;
        self.close().ok_or_else(|| error(start, "comment ends before closing delimiter; expected */}}"))
    }

    /// Goes behind `}}` or ` -}}` if that is here; whether what follows is trimmed.
    fn close(&mut self) -> Option<bool> {
        let spaces = self.rest().len() - self.rest().trim_start_matches(SPACE).len();
        let trimming = spaces > 0 && self.rest()[spaces..].starts_with("-}}");
        let length = if trimming {
            spaces + 3
        } else if self.rest().starts_with("}}") {
            2
        } else {
            return None;
        };
        self.at += length;
        Some(trimming)
    }

    fn action(&mut self, open: usize) -> Result<bool, TemplateError> {
        let inside = self.at;
        self.tokens.push(Token { kind: Kind::Open, text: "{{", at: open });
        self.at = inside;
        self.parens = 0;
        loop {
            let at = self.at;
            if let Some(trim) = self.close() {
                if self.parens > 0 {
                    return Err(error(at, "unclosed left paren"));
                }
                self.tokens.push(Token { kind: Kind::Close, text: "}}", at });
                return Ok(trim);
            }
            let Some(first) = self.rest().chars().next() else {
                return Err(error(open, "unclosed action; expected }}"));
            };
            self.token(first, open)?;
        }
    }

    fn token(&mut self, first: char, open: usize) -> Result<(), TemplateError> {
        let (at, rest) = (self.at, self.rest());
        let second = rest.chars().nth(1);
        match first {
            ' ' | '\t' | '\r' | '\n' => {
                let length = rest.len() - rest.trim_start_matches(SPACE).len();
                self.push(Kind::Space, at, length);
            }
            '=' => self.push(Kind::Assign, at, 1),
            ':' if second == Some('=') => self.push(Kind::Declare, at, 2),
            ':' => return Err(error(at, "expected :=")),
            '|' => self.push(Kind::Pipe, at, 1),
            ',' => self.push(Kind::Comma, at, 1),
            '(' => {
                self.parens += 1;
                self.push(Kind::LeftParen, at, 1);
            }
            ')' => {
                self.parens = self.parens.checked_sub(1).ok_or_else(|| error(at, "unexpected right paren"))?;
                self.push(Kind::RightParen, at, 1);
            }
            '"' | '\'' => self.quoted(first)?,
            '`' => {
                let length = rest[1..].find('`').ok_or_else(|| error(at, "unterminated raw quoted string"))?;
                self.push(Kind::Raw, at, length + 2);
            }
            '$' => self.name(Kind::Variable, 1)?,
            '.' if second.is_some_and(|digit| digit.is_ascii_digit()) => self.number()?,
            '.' if second.is_some_and(is_name) => self.name(Kind::Field, 1)?,
            '.' => self.push(Kind::Dot, at, 1),
            '+' | '-' | '0'..='9' => self.number()?,
            letter if is_name(letter) => self.name(Kind::Word, 0)?,
            _ if rest.starts_with("}}") => return Err(error(open, "unclosed action; expected }}")),
            other => return Err(error(at, format!("unrecognized character in action: {other:?}"))),
        }
        Ok(())
    }

    fn quoted(&mut self, quote: char) -> Result<(), TemplateError> {
        let (at, rest) = (self.at, self.rest());
        let mut letters = rest.char_indices().skip(1);
        while let Some((index, letter)) = letters.next() {
            if letter == '\\' && letters.next().is_some_and(|(_, escaped)| escaped != '\n') {
                continue;
            }
            if letter == quote {
                self.push(if quote == '"' { Kind::Quoted } else { Kind::Char }, at, index + 1);
                return Ok(());
            }
            if letter == '\n' || letter == '\\' {
                break;
            }
        }
        let what = if quote == '"' { "unterminated quoted string" } else { "unterminated character constant" };
        Err(error(at, what))
    }

    fn name(&mut self, kind: Kind, prefix: usize) -> Result<(), TemplateError> {
        let (at, rest) = (self.at, self.rest());
        let length = rest[prefix..].find(|c| !is_name(c)).map_or(rest.len(), |length| prefix + length);
        let next = rest[length..].chars().next();
        let ends = next.is_none_or(|next| SPACE.contains(&next) || ".,|:()}=".contains(next));
        if !ends {
            let next = next.unwrap_or_default();
            return Err(error(at + length, format!("bad character {next:?} after {:?}", &rest[..length])));
        }
        self.push(kind, at, length);
        Ok(())
    }

    fn number(&mut self) -> Result<(), TemplateError> {
        let (at, rest) = (self.at, self.rest());
        let mut length = usize::from(rest.starts_with(['+', '-']));
        let based = ["0x", "0X", "0o", "0O", "0b", "0B"].iter().any(|prefix| rest[length..].starts_with(prefix));
        let hex = based && matches!(rest.as_bytes().get(length + 1), Some(b'x' | b'X'));
        if based {
            length += 2;
        }
        let exponent = if hex { ['p', 'P'] } else { ['e', 'E'] };
        let mut before = ' ';
        for letter in rest[length..].chars() {
            let digit = if hex { letter.is_ascii_hexdigit() } else { letter.is_ascii_digit() };
            let sign = matches!(letter, '+' | '-') && exponent.contains(&before);
            let power = exponent.contains(&letter) && (hex || !based);
            if !(digit || sign || power || letter == '_' || letter == '.') {
                break;
            }
            before = letter;
            length += letter.len_utf8();
        }
        if rest[length..].starts_with(is_name) || length == 0 {
            let end = rest[length..].find(|c| !is_name(c)).map_or(rest.len(), |more| length + more);
            return Err(error(at, format!("bad number syntax: {:?}", &rest[..end])));
        }
        self.push(Kind::Number, at, length);
        Ok(())
    }
}

fn has_trim(after_open: &str) -> bool {
    after_open.strip_prefix('-').is_some_and(|rest| rest.starts_with(SPACE))
}

fn is_name(letter: char) -> bool {
    letter == '_' || letter.is_alphanumeric()
}

pub(super) fn error(offset: usize, message: impl Into<String>) -> TemplateError {
    TemplateError { offset, message: message.into() }
}
